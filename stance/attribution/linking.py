"""From label scores and linking vectors to marks: which words, and what belongs together.

Every quote hangs on its cue: contents that point to one cue are one quote, and the cue points to the source.
"""

import re
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


_INSIDE = [label for label, name in enumerate(LABELS) if name.startswith("I-")]
_BEGINNING = [label - 1 for label in _INSIDE]


def best_labels(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """The most likely sequence of labels that is well formed.

    The best label of each token, where that gives a well-formed sequence; else Viterbi's search, between the nearest
    tokens on either side that are outside for certain: their best label is "outside", by more than it would cost to
    have the next token begin a span where it is inside one. (A sequence with another label there would gain by both
    changes, and stay well formed.)

    >>> best_labels(np.log(np.array([[.4, .1, .5, 0, 0, 0, 0]], dtype="float32") + 1e-9)).tolist()
    [0]
    """
    out: NDArray[np.int64] = scores.argmax(axis=1)
    before = np.concatenate([[0], out[:-1]])
    bad = np.flatnonzero(np.isin(out, _INSIDE) & (before != out) & (before != out - 1))
    lead = scores[:, 0] - scores[:, 1:].max(axis=1)
    cost = np.append((scores[1:, _INSIDE] - scores[1:, _BEGINNING]).max(axis=1), 0.0)
    certain = np.concatenate([[-1], np.flatnonzero((out == 0) & (lead > cost)), [len(out)]])
    done = 0
    for place in bad.tolist():
        if place < done:
            continue
        right = int(np.searchsorted(certain, place, "right"))
        start, done = int(certain[right - 1]) + 1, int(certain[right])
        out[start:done] = _viterbi(scores[start:done])
    return out


def _viterbi(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """In lists: for seven labels numpy's calls take longer than what they compute."""
    rows = scores.tolist()
    best = [score - 1e4 * (label in _INSIDE) for label, score in enumerate(rows[0])]
    back = []
    for row in rows[1:]:
        came = [best.index(max(best))] * len(LABELS)  # from where each label is best reached
        for inside in _INSIDE:  # only from its own beginning or inside
            came[inside] = inside - 1 if best[inside - 1] >= best[inside] else inside
        best = [best[label] + score for label, score in zip(came, row, strict=True)]
        back.append(came)
    path = [best.index(max(best))]
    for came in reversed(back):
        path.append(came[path[-1]])
    return np.array(path[::-1], dtype=np.int64)


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


def quotes_of(text: str, scores: Scores, settings: dict[str, Any]) -> list[Quote]:
    """Quotes in tokens, in the order of the text.

    Args:
        settings: ``eager``, taken from the score of "outside" (above 0: more spans are found, and more wrong ones);
            ``complete``, the same again in the sentence of a cue that has found no content, since every cue has one.
    """
    labels = scores.labels.copy()
    labels[:, 0] -= settings.get("eager", 0.0)
    best = best_labels(labels)
    found = ranges_of(best)
    probability = np.exp(scores.labels)
    inside = {role: probability[:, LABELS.index(f"B-{role}")] + probability[:, LABELS.index(f"I-{role}")]
              for role in _ROLES}  # fmt: skip
    contents, cues, sources = (found[role] for role in _ROLES)
    heads = np.array([start for start, _ in cues], dtype=np.int64)
    to_cue = link_probabilities(scores, 0, [np.arange(a, b) for a, b in contents], heads)
    groups: dict[int, list[int]] = {}
    for i, row in enumerate(to_cue):
        groups.setdefault(int(row.argmax()) - 1, []).append(i)
    if settings.get("complete"):
        bare = [cue for i, cue in enumerate(cues) if i not in groups and inside["cue"][slice(*cue)].mean() >= _SURE]
        more = _missing(text, scores, labels, best, bare, settings)
        links = link_probabilities(scores, 0, [np.arange(a, b) for a, b in more], heads)
        for span, row in zip(more, links, strict=True):
            cue = int(row.argmax()) - 1
            if cue >= 0:
                groups.setdefault(cue, []).append(len(contents))
                contents, to_cue = [*contents, span], np.concatenate([to_cue, row[None]])
    starts = np.array([start for start, _ in sources], dtype=np.int64)
    groups |= {cue: [] for cue in range(len(cues)) if cue not in groups}
    to_source = link_probabilities(scores, 1, [heads[i : i + 1] for i in range(len(cues))], starts)
    out = []
    for cue, members in groups.items():
        parts = sorted(contents[i] for i in members)
        if cue < 0:
            out += [Quote([(a, b)], None, None, float(inside["content"][a:b].mean()), 0.0) for a, b in parts]
            continue
        source = int(to_source[cue].argmax()) - 1
        link, sure = float(to_source[cue, source + 1]), 0.0
        if parts:
            sure = float(np.mean(np.concatenate([inside["content"][a:b] for a, b in parts])))
            link *= float(np.mean([to_cue[i, cue + 1] for i in members]))
        if source >= 0 and (not parts or sure < _SURE):
            clause = _clause(text, scores.tokens.spans, cues[cue], sources[source])
            parts, sure = ([clause], _SURE) if clause else (parts, sure)
        if not parts:
            continue
        out.append(Quote(parts, cues[cue], sources[source] if source >= 0 else None, sure, link))
    return sorted(out, key=lambda quote: quote.contents[0])


_SURE = 0.6  # a cue less likely than this may have no content
_ACCORDING = re.compile(r"\b(?:according to|as per|in the words of)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)]*\s+|[\r\n]+")


def _missing(
    text: str, scores: Scores, labels: NDArray[np.float32], best: NDArray[np.int64], cues: list[Range],
    settings: dict[str, Any],
) -> list[Range]:  # fmt: skip
    """Contents for cues without one: what in the cue's sentence is likeliest, of the tokens that are still outside."""
    out: list[Range] = []
    spans = scores.tokens.spans
    for first, last in cues:
        start, end = _sentence(text, int(spans[first, 0]), int(spans[last - 1, 1]))
        a, b = int(np.searchsorted(spans[:, 0], start)), int(np.searchsorted(spans[:, 0], end))
        local = labels[a:b].copy()
        local[:, 0] -= settings["complete"]
        taken = best[a:b] != 0
        # Outside stays possible everywhere; the other roles and the words already taken do not come into question.
        local[:, 3:] = -1e4
        local[taken, 1:] = -1e4
        out += [(a + i, a + j) for i, j in ranges_of(best_labels(local))["content"]]
    return sorted(set(out))


def _sentence(text: str, start: int, end: int) -> Span:
    """The sentence around [start, end), without its closing mark."""
    low, high = max(0, start - _LONG), min(len(text), end + _LONG)
    first = max((m.end() for m in _SENTENCE_END.finditer(text, low, start)), default=low)
    after = _SENTENCE_END.search(text, end, high)
    return first, after.start() if after else high


def _clause(text: str, spans: NDArray[np.int64], cue: Range, source: Range) -> Range | None:
    """What stands under "according to …": the rest of the sentence, else what goes before; None for other cues."""
    start, end = int(spans[cue[0], 0]), int(spans[cue[1] - 1, 1])
    phrase = _ACCORDING.search(text, max(0, start - 8), end + 1)
    after = int(spans[source[1] - 1, 1])
    if not phrase or source[0] < cue[1] or after - end > 100:
        return None
    first, last = _sentence(text, phrase.start(), after)
    rest = (int(np.searchsorted(spans[:, 0], after)), int(np.searchsorted(spans[:, 0], last)))
    lead = (int(np.searchsorted(spans[:, 0], first)), int(np.searchsorted(spans[:, 1], phrase.start(), "right")))
    for a, b in (rest, lead):
        while a < b and not text[spans[a, 0]].isalnum() and text[spans[a, 0]] not in "“‘\"'":
            a += 1
        while a < b and text[spans[b - 1, 0]] in ",;:.":
            b -= 1
        if len(text[spans[a, 0] : spans[b - 1, 1]].split()) >= 4 if a < b else False:
            return a, b
    return None


_LONG = 600  # characters; the longest stretch searched for a cue's content on each side


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
        for quote in quotes_of(text, scores, settings)
    ]
