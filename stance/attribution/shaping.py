"""From the model's marks to quotes fit for a table: edges on quotation marks, paragraphs, kinds, and no scraps.

What is taken out comes back as notes for the ledger.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from stance.attribution.marks import Mark, Span
from stance.attribution.typography import Segment, kind_of

_REACH = 14  # characters: an edge so near to a quotation mark belongs on it
_FEWEST_WORDS = 2  # an indirect quote of fewer words ("it") says nothing
_SMALL = 3  # words: what is so short may be a scrap
_NEGATED = re.compile(r"\b(?:not|no|never|nor|neither|nobody|nothing|cannot|\w+n[’']t)\b", re.IGNORECASE)
_SURE = 0.9  # an indirect quote of so few words counts from this confidence on
_ALNUM = re.compile(r"[^\W_]")  # letters and digits
_WORD = re.compile(r"\w+")
_OUTER = " \t\r\n\u00a0,;:"

Note = tuple[str, Span]
"""Why something was taken out, and where it stands."""


class Quoted:
    """The quoted runs of a text, for look-up by offset."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = sorted(segments, key=lambda s: s.start)
        self._starts = [s.start for s in self.segments]

    def touching(self, start: int, end: int) -> list[Segment]:
        """The segments that share a character, marks included, with [start, end)."""
        first = max(0, bisect.bisect_left(self._starts, start) - 1)
        out = []
        for segment in self.segments[first:]:
            a, b = outer(segment)
            if a >= end:
                break
            if b > start:
                out.append(segment)
        return out

    def share(self, text: str, spans: Sequence[Span]) -> float:
        """The share of the letters and digits of the spans that stand in quotation marks."""
        inside = total = 0
        for start, end in spans:
            total += len(_ALNUM.findall(text, start, end))
            for segment in self.touching(start, end):
                inside += len(_ALNUM.findall(text, max(start, segment.start), min(end, segment.end)))
        return inside / total if total else 0.0


def outer(segment: Segment) -> Span:
    """A segment with its marks."""
    opening, closing = segment.marks
    return (
        segment.start if opening is None else opening,
        segment.end if closing is None else closing + 1,
    )


def snap(text: str, span: Span, quoted: Quoted) -> Span:
    """The span with an edge that lies a word or two from a quotation mark moved onto it.

    >>> from stance.attribution.typography import find_segments
    >>> text = 'She said: "We will go."'
    >>> snap(text, (14, 22), Quoted(find_segments(text)[0]))
    (10, 23)
    """
    start, end = span
    for segment in quoted.touching(start, end):
        a, b = outer(segment)
        if 2 * (min(end, b) - max(start, a)) < b - a:
            continue  # mostly another's
        # Words between an edge and the mark are taken in where they are quoted, and never cut off.
        if segment.marks[0] is not None and (a <= start <= a + _REACH or (start < a and not _words(text[start:a]))):
            start = a
        if segment.marks[1] is not None and (b - _REACH <= end <= b or (b < end and not _words(text[b:end]))):
            end = b
    return start, max(end, start)


def carried_on(marks: Sequence[Mark], quoted: Quoted) -> list[Mark]:
    """The marks with a quote that goes on over paragraphs (each opens with a mark again) in one, cue or no cue."""
    out = list(marks)
    for before, segment in pairwise(quoted.segments):
        if not segment.goes_on:
            continue
        first, second = _holding(out, before), _holding(out, segment)
        if first is None or first is second or (second is not None and second.cue and second.source):
            continue
        more = second.content if second is not None else (outer(segment),)
        if min(more)[0] < max(first.content)[1]:
            continue
        joined = replace(first, content=first.content + more)
        out = [joined if mark is first else mark for mark in out if mark is not second]
    return out


def _holding(marks: Sequence[Mark], segment: Segment) -> Mark | None:
    """The mark that holds most of a segment, if one does."""
    for mark in marks:
        held = sum(max(0, min(end, segment.end) - max(start, segment.start)) for start, end in mark.content)
        if 2 * held > segment.end - segment.start:
            return mark
    return None


def _words(piece: str) -> int:
    return len(_WORD.findall(piece))


def snapped(text: str, mark: Mark, quoted: Quoted) -> Mark:
    """A mark whose contents keep to the quotation marks and do not overlap."""
    out: list[Span] = []
    for start, end in sorted(snap(text, span, quoted) for span in mark.content):
        if out and (start <= out[-1][1] or not text[out[-1][1] : start].strip()):
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return replace(mark, content=tuple(out or mark.content))


def kind(text: str, mark: Mark, quoted: Quoted) -> str:
    """ "direct", "indirect" or "mixed": all of its words, none or some stand in quotation marks.

    A quoted piece of the reporter's own sentence is mixed, too.
    """
    share = quoted.share(text, mark.content)
    if share == 0:
        return "indirect"
    if share < 1:
        return "mixed"
    first = quoted.touching(*mark.content[0])
    return kind_of(text, first[0]) if first else "mixed"


def bare(text: str, span: Span, quoted: Quoted, paragraphs: Sequence[Span]) -> list[Span]:
    """A content span cut at line ends, each part without enclosing quotation marks, blanks and closing commas."""
    starts = [a for a, _ in paragraphs]
    out = []
    first = max(0, bisect.bisect_right(starts, span[0]) - 1)
    for a, b in paragraphs[first:]:
        if a >= span[1]:
            break
        start, end = max(a, span[0]), min(b, span[1])
        for segment in quoted.touching(start, end) if start < end else []:
            opening, closing = segment.marks
            # The marks go where they enclose the part; inside it they stay ("called it “a gimmick”").
            if opening is not None and start == opening and end <= outer(segment)[1]:
                start = segment.start
            if closing is not None and end == closing + 1 and start >= segment.start:
                end = segment.end
        while start < end and text[start] in _OUTER:
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if any(c.isalnum() for c in text[start:end]):
            out.append((start, end))
    return out


def shape(
    text: str, marks: Sequence[Mark], segments: Sequence[Segment], paragraphs: Sequence[Span]
) -> tuple[list[Mark], list[Note]]:
    """Marks fit for the table, in the order of the text, and what was taken out."""
    quoted = Quoted(segments)
    out: list[Mark] = []
    notes: list[Note] = []
    taken: set[tuple[Span, ...]] = set()
    for mark in sorted(carried_on(marks, quoted), key=lambda m: m.content):
        if mark.kind != "speech":
            mark = snapped(text, mark, quoted)
            mark = replace(mark, kind=kind(text, mark, quoted))
        parts = [part for span in mark.content for part in bare(text, span, quoted, paragraphs)]
        sizes = [_words(text[a:b]) for a, b in parts]
        longest = max(sizes, default=0)
        in_marks = any(
            size == longest and quoted.share(text, [part]) > 0.9 for size, part in zip(sizes, parts, strict=True)
        )
        kept = []
        for size, (a, b) in zip(sizes, parts, strict=True):
            # "Regarding these deaths," Finch said, “…”: what stands beside a long quote is the reporter's.
            scrap = longest >= 3 * size and (size < 3 or (size <= _SMALL and in_marks))
            # A negation stays: without it the rest would say the opposite.
            if scrap and not quoted.touching(a, b) and not _NEGATED.search(text[a:b]):
                notes.append(("fragment beside a quote", (a, b)))
            else:
                kept.append((a, b))
        where = mark.content[0][0], mark.content[-1][1]
        size = sum(_words(text[a:b]) for a, b in kept)
        doubtful = mark.confidence < _SURE and size <= _SMALL
        if not kept or (mark.kind == "indirect" and (size < _FEWEST_WORDS or doubtful)):
            notes.append(("fragment of a few words, not in quotation marks", where))
        elif mark.cue is None and not mark.source and mark.kind == "indirect":
            notes.append(("neither source nor reporting words found", where))
        elif tuple(kept) in taken:
            notes.append(("the same words marked twice", where))
        else:
            taken.add(tuple(kept))
            out.append(replace(mark, content=tuple(kept)))
    return out, notes
