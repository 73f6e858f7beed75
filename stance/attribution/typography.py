"""Quotation marks: which runs of an article stand in them.

British and American typography: double and single marks, apostrophes, nested marks, an opening mark repeated at each
paragraph, marks that lost their partner. Offsets are into the article's text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stance.attribution.marks import Span

_APOSTROPHE_WORDS = re.compile(r"[’'‘](?:em|til|tis|twas|cause|bout|n|\d0s)\b", re.IGNORECASE)
_PAIRS = {"“": "”", "«": "»", "„": "“”", "‘": "’", '"': '"', "'": "'", "‟": "”"}
_MARK = re.compile("[" + "".join(_PAIRS) + "]")
_SINGLE = {"‘", "'"}
_LONGEST_QUOTE = 20_000  # characters in one paragraph; a mark whose partner is farther away has none


_INVISIBLE = re.compile("[\u200b\u200c\u200d\u200e\u200f\u2060\ufeff]")


def visible(text: str) -> str:
    """The text with a blank for each zero-width character; offsets stay the same."""
    return _INVISIBLE.sub(" ", text)


@dataclass
class Segment:
    """A run of quoted words inside one paragraph, marks excluded."""

    start: int
    end: int
    paragraph: int
    mark: str
    closed: bool = True
    marks: tuple[int | None, int | None] = (None, None)  # where the opening and the closing mark stand
    goes_on: bool = False  # more of the quote that the paragraph before left open


def paragraphs_of(text: str) -> list[Span]:
    """Half-open ranges of the lines that hold something, blanks at their ends left out."""
    spans = []
    for match in re.finditer(r"[^\r\n\u2028\u2029]+", text):
        piece = match.group()
        if piece.strip():
            left = match.start() + len(piece) - len(piece.lstrip())
            spans.append((left, match.start() + len(piece.rstrip())))
    return spans


def _may_open(text: str, at: int, start: int, end: int) -> bool:
    before = text[at - 1] if at > start else " "
    after = text[at + 1] if at + 1 < end else " "
    return (before.isspace() or before in "([{–—-:,“‘\"'/…") and not after.isspace()


def _closing(text: str, opened: int, start: int, end: int, mark: str, since: int = 0) -> int | None:
    """Where the quote that opens at ``opened`` closes inside the paragraph [start, end); None if it does not.

    ``since`` is an offset before which no mark can close it, as an earlier search found.
    """
    closers = _PAIRS[mark]
    weak = None
    for at in range(max(opened + 1, since), min(end, opened + _LONGEST_QUOTE)):
        char = text[at]
        if char not in closers:
            if char == mark and mark in "“«„" and _may_open(text, at, start, end):
                return None  # opened again before it closed
            continue
        if mark not in _SINGLE:
            if mark == '"' and _may_open(text, at, start, end) and text[at - 1].isspace():
                return None
            return at
        after = text[at + 1] if at + 1 < end else ""
        if after.isalnum() or text[at - 1].isspace() or _APOSTROPHE_WORDS.match(text, at):
            continue  # an apostrophe
        if not (text[at - 1] in "sz" and after.isspace()):
            return at
        weak = at if weak is None else weak  # “the gangs’ boats”: perhaps a plural's apostrophe
    return weak


def find_segments(text: str) -> tuple[list[Segment], list[dict[str, Any]]]:
    """The quoted runs of a text, paragraph by paragraph, and a ledger of marks without partner."""
    found: list[Segment] = []
    notes: list[dict[str, Any]] = []
    text = visible(text)
    paragraphs = paragraphs_of(text)
    carried: str | None = None  # the mark of a quote that goes on over the paragraph's end
    for number, (start, end) in enumerate(paragraphs):
        at = start
        barren: dict[str, int] = {}  # up to where a single mark has been found to close nowhere
        if carried is not None:
            first = text[start]
            inner = start + 1 if first == carried else start
            close = _closing(text, inner - 1, start, end, carried)
            if first == carried or close is not None:
                stop = close if close is not None else end
                found.append(Segment(inner, stop, number, carried, close is not None,
                                     (start if first == carried else None, close), True))  # fmt: skip
                at = stop + 1
                carried = carried if close is None and _goes_on(text, paragraphs, number, carried) else None
            else:
                carried = None
        while mark := _MARK.search(text, at, end):
            at, char = mark.start(), mark.group()
            if _may_open(text, at, start, end) and not (
                char in _SINGLE and (_APOSTROPHE_WORDS.match(text, at) or not text[at + 1 : at + 2].strip())
            ):
                close = _closing(text, at, start, end, char, barren.get(char, 0))
                if close is not None:
                    found.append(Segment(at + 1, close, number, char, marks=(at, close)))
                    at = close + 1
                    continue
                if char in _SINGLE:
                    barren[char] = min(end, at + _LONGEST_QUOTE)
                elif _goes_on(text, paragraphs, number, char):
                    found.append(Segment(at + 1, end, number, char, False, (at, None)))
                    carried = char
                    break
                # A later opening mark of the same kind means that this one lost its partner: the quote may end
                # anywhere before it, so it is counted and not guessed. Else it can only end with the paragraph.
                again = next(
                    (
                        k
                        for k in range(at + 1, min(end, at + _LONGEST_QUOTE))
                        if text[k] == char and _may_open(text, k, start, end)
                    ),
                    None,
                )
                if again is None and char not in _SINGLE and end - at < _LONGEST_QUOTE:
                    found.append(Segment(at + 1, end, number, char, False, (at, None)))
                    break
                if char not in _SINGLE:
                    notes.append({"reason": "quotation mark without a partner", "where": [at, at + 1],
                                  "text": text[at : min(end, at + 80)]})  # fmt: skip
            at += 1
    clean = [s for s in found if text[s.start : s.end].strip()]
    for segment in clean:
        piece = text[segment.start : segment.end]
        segment.start += len(piece) - len(piece.lstrip())
        segment.end -= len(piece) - len(piece.rstrip())
    return clean, notes


def _goes_on(text: str, paragraphs: Sequence[Span], number: int, mark: str) -> bool:
    """Whether an unclosed quote goes on in the next paragraph: that one opens with the mark again."""
    return number + 1 < len(paragraphs) and text[paragraphs[number + 1][0]] == mark


def kind_of(text: str, first: Segment) -> str:
    """ "direct" for whole sentences, "mixed" for a fragment inside the reporter's sentence."""
    piece, lead = text[first.start : first.end], text[max(0, first.start - 3) : first.start]
    begins = piece[0].isupper() or piece[0].isdigit()
    return "direct" if begins and (piece[-1] in ".,!?…—–" or re.search("[:,]", lead)) else "mixed"
