"""Which words and which sentence moved a score: occlusion, and a check that it found the right ones.

Each sentence and each word is left out in turn and the quote is scored again; what a piece gave is the score with it
minus the score without it (occlusion: Li, Monroe & Jurafsky 2016, "Understanding neural networks through representation
erasure"). Words can act together, so the result is checked: leaving out the words it names must move the score further
than leaving out as many others (comprehensiveness: DeYoung et al. 2020, ERASER).
"""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stance.codebook import Codebook, load_codebook
from stance.entailment import sentence_spans
from stance.errors import InputError
from stance.scoring import entail, exact_scorer, score

# Words that carry no claim by themselves; leaving them out breaks the grammar more than the meaning.
FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by for from had has have he her his i if in is it its of on or our she so that the "
    "their them then there they this to was we were which who will with would you your".split()
)
NAMED = 3  # words that the check leaves out together
DRAWS = 12  # other sets of as many words, for comparison
_WORD = re.compile(r"[^\W_]+(?:[’'\-][^\W_]+)*")
_COLUMNS = ("unit", "text", "start", "end", "effect")


@dataclass(frozen=True)
class Explanation:
    """What moved the score of one quote on one frame.

    Attributes:
        quote, frame, measure: what was explained.
        score: of the whole quote, in [0, 1] ([-1, 1] for stance).
        table: one row a sentence and word: unit, text, start, end (half-open offsets into the quote) and effect: the
            score with the piece minus the score without it.
        named: the words of largest effect in the score's direction, up to three.
        drop: how far the score falls when they are left out together; below 0: it rises.
        other_drops: the same for other sets of as many words, drawn at random; empty where the quote has too few.
        head: the name of the fitted head that gave the score; None: zero-shot.
    """

    quote: str
    frame: str
    measure: str
    score: float
    table: pd.DataFrame
    named: tuple[str, ...]
    drop: float
    other_drops: tuple[float, ...]
    head: str | None = None

    @property
    def title(self) -> str:
        made = "zero-shot" if self.head is None else f"fitted head “{self.head}”"
        return f"Explanation of {self.measure} for {self.frame}: {self.score:.3f} ({made})"

    @property
    def complete(self) -> bool | None:
        """Whether leaving out the named words moves the score further than any of the other sets; None: no check."""
        if not self.other_drops or not self.named:
            return None
        side = _side(self.score)
        return side * self.drop >= max(side * drop for drop in self.other_drops)

    def note(self) -> str:
        """The check in a sentence."""
        if not self.named:
            return "No word moves the score in its direction by itself: nothing is named."
        words = ", ".join(f"“{word}”" for word in self.named)
        text = f"Without {words} the score {_moves(self.drop)}"
        if self.complete is None:
            return text + "; the quote has too few other words to check against."
        side, draws = _side(self.score), len(self.other_drops)
        most = max(self.other_drops, key=lambda drop: side * drop)
        others = f"{len(self.named)} other word{'s' * (len(self.named) != 1)}"
        if round(side * most, 2) < 0:
            text += f"; without {others} it {_moves(most)} or more in {draws} draws"
        else:
            text += f"; without {others}, by {abs(most):.2f} at most in {draws} draws"
        if not self.complete:
            text += ". Words act together here: do not read the highlights as the reason"
        return text + "."

    def __repr__(self) -> str:
        shown = self.table.sort_values("effect", key=lambda s: -s.abs(), kind="stable").head(10).round(3)
        return f"{self.title}\n{shown.to_string(index=False, max_colwidth=60)}\n* {self.note()}"

    def _repr_html_(self) -> str:
        """The quote with its words shaded by effect: orange raises the score, blue lowers it; underlined if named."""
        words = self.table[self.table["unit"] == "word"]
        largest = float(words["effect"].abs().max()) if len(words) else 0.0
        named = set(self.named)
        out, at = [], 0
        for word in words.sort_values("start").itertuples():
            start, end, effect = int(str(word.start)), int(str(word.end)), float(str(word.effect))
            out.append(escape(self.quote[at:start]))
            share = min(1.0, abs(effect) / largest) if largest > 0 else 0.0
            rgb = "230,126,0" if effect > 0 else "0,99,186"
            line = ";text-decoration:underline" if effect * _side(self.score) > 0 and str(word.text) in named else ""
            out.append(f'<span title="{effect:+.3f}" style="background:rgba({rgb},{0.55 * share:.2f}){line}">'
                       f"{escape(self.quote[start:end])}</span>")  # fmt: skip
            at = end
        out.append(escape(self.quote[at:]))
        sentences = self.table[self.table["unit"] == "sentence"].round(3).drop(columns=["unit", "start", "end"])
        more = sentences.to_html(index=False, border=0) if len(sentences) > 1 else ""
        return (f"<p><b>{escape(self.title)}</b></p>"
                f'<p style="font-size:1.1em;line-height:1.7">{"".join(out)}</p>{more}<p><small>{escape(self.note())} '
                "Orange raises the score, blue lowers it.</small></p>")  # fmt: skip


def explain(
    quote: str, frame: str, codebook: "str | Path | Codebook | None" = None, model: Any = None, *,
    measure: str = "support", head: Any = "auto", seed: int = 0,
) -> Explanation:  # fmt: skip
    """Which words and which sentence moved a quote's score on a frame: the very score that :func:`stance.score` gives.

    Args:
        quote: the text.
        frame: a frame of the codebook.
        codebook, model, head: as in :func:`stance.score`; the output says whether a fitted head gave the score.
        measure: "support", "oppose" or "stance".
        seed: of the draws that the check compares with.

    Raises:
        InputError: a blank quote, an unknown frame or measure, or a measure that the frame does not have.

    >>> stance.explain("We will arrest the smugglers.", "enforcement")    # doctest: +SKIP
    Explanation of support for enforcement: 0.912 (zero-shot)
    ...
    * Without “arrest”, “smugglers” the score falls by 0.71; without 2 other words, by 0.11 at most in 3 draws.
    """
    book = load_codebook(codebook)
    known = {f.name: f for f in book.frames}
    if frame not in known:
        raise InputError(f"frame={frame!r} is not in the codebook {book.name!r}; it has {', '.join(known)}")
    if measure not in ("support", "oppose", "stance"):
        raise InputError(f"measure={measure!r} is not one of support, oppose, stance")
    if measure == "oppose" and not known[frame].opposes:
        raise InputError(f"the frame {frame!r} has no opposing facets; explain its support")
    if not quote.strip():
        raise InputError("the quote is blank; there is nothing to explain")
    model = exact_scorer(model)
    found = entail([quote], book, model, progress=False)
    used = score(found, book, head=head).attrs["provenance"]["head"]
    fitted = used.get("name") if used["used"] and frame in used["frames"] else None
    # The frame's own hypotheses are enough, but a head reads all of them, and so do the windows of a long quote.
    if fitted is None and len(found.places) == 1:
        book, head = Codebook(name=book.name, version=book.version, title=book.title, frames=(known[frame],)), False

    def measured(texts: list[str]) -> list[float]:
        """The score of each text; nothing left of a text scores 0."""
        full = [text for text in dict.fromkeys(texts) if text.strip()]
        ids = pd.DataFrame({"text": full, "quote_id": [str(i) for i in range(len(full))]})
        if not full:
            return [0.0] * len(texts)
        found = score(ids, book, model, head=head, progress=False)
        found = found[found["frame"] == frame]
        values = dict(zip(found["text"], found[measure].astype("float64"), strict=True))
        return [float(values.get(text, 0.0)) for text in texts]

    sentences = sentence_spans(quote)
    words = [match.span() for match in _WORD.finditer(quote)]
    pieces = [("sentence", *span) for span in sentences] + [("word", *span) for span in words]
    whole, *without = measured([quote, *(without_spans(quote, [(a, b)]) for _, a, b in pieces)])
    effects = [(unit, quote[a:b], a, b, whole - less) for (unit, a, b), less in zip(pieces, without, strict=True)]
    table = pd.DataFrame(effects, columns=list(_COLUMNS))
    candidates = table[(table["unit"] == "word") & ~table["text"].str.casefold().isin(FUNCTION_WORDS)]
    toward = candidates.assign(effect=candidates["effect"] * _side(whole))
    best = toward[toward["effect"] > 0].nlargest(NAMED, "effect")
    others = [i for i in candidates.index if i not in set(best.index)]
    sets = _other_sets(others, len(best), seed)
    left_out = [[words[i - len(sentences)] for i in rows] for rows in [list(best.index), *sets]]
    drop, *other = (whole - less for less in measured([without_spans(quote, span) for span in left_out]))
    return Explanation(quote, frame, measure, whole, table, tuple(best["text"]), drop, tuple(other), fitted)


def _side(score: float) -> int:
    """-1 for a stance below 0, whose words lower it; else 1."""
    return -1 if score < 0 else 1


def _moves(drop: float) -> str:
    """A fall in words; a negative one is a rise.

    >>> _moves(-0.05)
    'rises by 0.05'
    """
    return f"rises by {-drop:.2f}" if round(drop, 2) < 0 else f"falls by {abs(drop):.2f}"


def _other_sets(others: list[int], size: int, seed: int) -> list[list[int]]:
    """Distinct sets of as many other words, drawn at random; none where there are too few words."""
    if size == 0 or len(others) < size:
        return []
    rng = np.random.default_rng(seed)
    drawn = {tuple(sorted(rng.choice(others, size, replace=False).tolist())) for _ in range(DRAWS)}
    return [list(one) for one in sorted(drawn)]


def without_spans(text: str, spans: list[tuple[int, int]]) -> str:
    """The text without these ranges, blanks made single where a word went.

    >>> without_spans("We will arrest them.", [(8, 14)])
    'We will them.'
    """
    for start, end in sorted(spans, reverse=True):
        if text[:start].endswith(" ") and text[end : end + 1] in (" ", ""):
            start -= 1
        text = text[:start] + text[end:]
    return text.strip()
