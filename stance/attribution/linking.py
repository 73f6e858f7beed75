"""From label scores and linking vectors to marks: which words, and what belongs together.

Every quote hangs on its cue: contents that point to one cue are one quote, and the cue points to the source.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.attribution.marking import LABELS, LINK, Tokens, distance_bucket
from stance.attribution.marks import Mark, Span

Range = tuple[int, int]  # half-open, in tokens
_ROLES = ("content", "cue", "source")


@dataclass
class Window:
    """Tokens start to end and their linking vectors, (4, tokens, LINK)."""

    start: int
    end: int
    vectors: NDArray[np.float32]


@dataclass
class Scores:
    """What the network says about a text.

    Attributes:
        tokens: n tokens.
        labels: (n, 7) log-probabilities.
        windows: in order, overlapping.
        links: "distance" (buckets, 2) and "nothing" (2, LINK), the pointers' own weights.
    """

    tokens: Tokens
    labels: NDArray[np.float32]
    windows: list[Window]
    links: dict[str, NDArray[np.float32]]


# --- labels -> spans ------------------------------------------------------------------------------


def _allowed() -> NDArray[np.float32]:
    """(7, 7) 0 where a label may follow another, a large negative number where not: I- only after its own."""
    out = np.zeros((len(LABELS), len(LABELS)), dtype=np.float32)
    for j, label in enumerate(LABELS):
        if label.startswith("I-"):
            out[[i for i, before in enumerate(LABELS) if before[2:] != label[2:]], j] = -1e4
    return out


_MAY_FOLLOW = _allowed()
_CERTAIN = np.log(0.999)


def best_labels(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """The most likely sequence of labels that is well formed.

    The best label of each token, where that gives a well-formed sequence; else Viterbi's search, between the nearest
    tokens on either side that are outside for certain.

    >>> best_labels(np.log(np.array([[.4, .1, .5, 0, 0, 0, 0]], dtype="float32") + 1e-9)).tolist()
    [0]
    """
    out: NDArray[np.int64] = scores.argmax(axis=1)
    before = np.concatenate([[0], out[:-1]])
    bad = np.flatnonzero(_MAY_FOLLOW[before, out] < 0)
    certain = np.concatenate([[-1], np.flatnonzero((out == 0) & (scores[:, 0] > _CERTAIN)), [len(out)]])
    done = 0
    for place in bad.tolist():
        if place < done:
            continue
        right = int(np.searchsorted(certain, place, "right"))
        start, done = int(certain[right - 1]) + 1, int(certain[right])
        out[start:done] = _viterbi(scores[start:done])
    return out


def _viterbi(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    count = len(scores)
    back = np.zeros((count, len(LABELS)), dtype=np.int64)
    best = scores[0] + np.array([-1e4 if label.startswith("I-") else 0 for label in LABELS], dtype=np.float32)
    columns = np.arange(len(LABELS))
    for i in range(1, count):
        reach = best[:, None] + _MAY_FOLLOW
        back[i] = reach.argmax(axis=0)
        best = reach[back[i], columns] + scores[i]
    out = np.zeros(count, dtype=np.int64)
    out[-1] = best.argmax()
    for i in range(count - 1, 0, -1):
        out[i - 1] = back[i, out[i]]
    return out


def ranges_of(labels: NDArray[np.int64]) -> dict[str, list[Range]]:
    """Token ranges of each role."""
    out: dict[str, list[Range]] = {role: [] for role in _ROLES}
    for i, label in enumerate(labels.tolist()):
        name = LABELS[label]
        if name.startswith("B-"):
            out[name[2:]].append((i, i + 1))
        elif name.startswith("I-"):
            start, _ = out[name[2:]][-1]
            out[name[2:]][-1] = (start, i + 1)
    return out


# --- links ----------------------------------------------------------------------------------------


def link_probabilities(
    scores: Scores, which: int, asking: list[NDArray[np.int64]], heads: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How likely each asking span belongs to each head.

    Args:
        which: 0 for content -> cue, 1 for cue -> source.
        asking: the tokens of each span that ask.
        heads: (h,) first tokens of what may answer.

    Returns:
        (spans, 1 + heads) probabilities; the first column is "nothing". Windows that hold both are averaged.
    """
    total = np.zeros((len(asking), 1 + len(heads)))
    weight = np.zeros((len(asking), 1 + len(heads)))
    if not asking:
        return total
    owner = np.concatenate([np.full(len(tokens), i) for i, tokens in enumerate(asking)])
    tokens = np.concatenate(asking)
    scale = LINK**-0.5
    for window in scores.windows:
        rows = np.flatnonzero((tokens >= window.start) & (tokens < window.end))
        columns = np.flatnonzero((heads >= window.start) & (heads < window.end))
        if not len(rows):
            continue
        asks = window.vectors[2 * which, tokens[rows] - window.start]
        answers = window.vectors[2 * which + 1, heads[columns] - window.start]
        near = scores.links["distance"][distance_bucket(heads[columns][None, :] - tokens[rows][:, None]), which]
        nothing = asks @ scores.links["nothing"][which] * scale
        found = np.concatenate([nothing[:, None], asks @ answers.T * scale + near], axis=1).astype(np.float64)
        found = np.exp(found - found.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
        # A token near the window's edge may have its cue beyond it.
        sure = np.minimum(tokens[rows] - window.start, window.end - 1 - tokens[rows]) + 1.0
        sure = np.where((window.start == 0) & (window.end == len(scores.tokens.ids)), 1.0, sure)
        places = np.concatenate([[0], columns + 1])
        np.add.at(total, (owner[rows][:, None], places[None, :]), found * sure[:, None])
        np.add.at(weight, (owner[rows][:, None], places[None, :]), np.broadcast_to(sure[:, None], found.shape))
    mean = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    shares: NDArray[np.float64] = mean / np.maximum(mean.sum(axis=1, keepdims=True), 1e-12)
    return shares


# --- all together ---------------------------------------------------------------------------------


@dataclass
class Quote:
    """A quote in tokens, on its way to a mark."""

    contents: list[Range]
    cue: Range | None
    source: Range | None
    confidence: float
    link_confidence: float


def quotes_of(scores: Scores, settings: dict[str, Any]) -> list[Quote]:
    labels = scores.labels.copy()
    labels[:, 0] -= settings.get("eager", 0.0)  # above 0: more spans are found, and more wrong ones
    found = ranges_of(best_labels(labels))
    probability = np.exp(scores.labels)
    inside = {role: probability[:, LABELS.index(f"B-{role}")] + probability[:, LABELS.index(f"I-{role}")]
              for role in _ROLES}  # fmt: skip
    contents, cues, sources = (found[role] for role in _ROLES)
    to_cue = link_probabilities(scores, 0, [np.arange(a, b) for a, b in contents], np.array([a for a, _ in cues], int))
    to_source = link_probabilities(scores, 1, [np.array([a]) for a, _ in cues], np.array([a for a, _ in sources], int))
    groups: dict[int, list[int]] = {}
    loose: list[int] = []
    for i, row in enumerate(to_cue):
        best = int(row.argmax()) - 1
        if best < 0 and len(row) > 1 and row[1:].max() > settings.get("loose", 1.0):
            best = int(row[1:].argmax())
        if best < 0:
            loose.append(i)
        else:
            groups.setdefault(best, []).append(i)
    out = []
    for cue, members in groups.items():
        row = to_source[cue]
        best = int(row.argmax()) - 1
        if best < 0 and len(row) > 1 and row[1:].max() > settings.get("sourceless", 1.0):
            best = int(row[1:].argmax())
        parts = [contents[i] for i in members]
        sure = float(np.mean(np.concatenate([inside["content"][a:b] for a, b in parts])))
        link = float(np.mean([to_cue[i, cue + 1] for i in members])) * float(row[best + 1])
        out.append(Quote(parts, cues[cue], sources[best] if best >= 0 else None, sure, link))
    for i in loose:
        a, b = contents[i]
        out.append(Quote([(a, b)], None, None, float(inside["content"][a:b].mean()), 0.0))
    return sorted(out, key=lambda quote: quote.contents[0])


def marks_of(text: str, scores: Scores, settings: dict[str, Any]) -> list[Mark]:
    """The marks of a text, in its order."""
    spans = scores.tokens.spans

    def characters(found: Range) -> Span:
        """Whole words: a token may be a piece of one."""
        start, end = int(spans[found[0], 0]), int(spans[found[1] - 1, 1])
        while start and text[start].isalnum() and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
            end += 1
        return start, end

    return [
        Mark(
            content=tuple(characters(part) for part in quote.contents),
            cue=characters(quote.cue) if quote.cue else None,
            source=(characters(quote.source),) if quote.source else (),
            confidence=quote.confidence,
            link_confidence=quote.link_confidence,
        )
        for quote in quotes_of(scores, settings)
    ]
