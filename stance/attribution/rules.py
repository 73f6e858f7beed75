"""Finds quotes by the rules of news style: what stands in quotation marks, with its reporting clause."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stance.attribution.marks import Mark, Span
from stance.attribution.speakers import NAME, ROLE
from stance.attribution.typography import Segment, find_segments, kind_of, paragraphs_of

# Regular past forms stand for the whole verb: said/says/saying, added/adds/adding …
_REGULAR = (
    "accept accuse acknowledge add address admit agree allege announce answer appeal argue ask assert attack blame "
    "boast brand call caution challenge claim comment complain concede conclude condemn confirm continue criticise "
    "criticize declare decry defend demand denounce deny describe dismiss emphasise emphasize exclaim expand explain "
    "express hail highlight insist joke label lament mention mock note observe outline pledge point portray post "
    "praise predict proclaim promise propose question quip recall reiterate reject remark repeat reply report "
    "request respond reveal state stress suggest tweet urge vow warn welcome wonder"
).split()
_IRREGULAR = (
    "said says say saying told tells tell telling wrote writes writing spoke speaks speaking put puts thought thinks "
    "hit swore swears went goes"
).split()


def _forms(verb: str) -> set[str]:
    stem = verb.removesuffix("e")
    past = {stem + "ed", stem + "ing", verb + "s"}
    if verb.endswith("y"):
        past = {verb[:-1] + "ied", verb[:-1] + "ies", verb + "ing"}
    if verb in {"quip", "admit"}:
        past = {verb + verb[-1] + "ed", verb + verb[-1] + "ing", verb + "s"}
    return past | ({verb + "es"} if verb.endswith(("s", "ss", "sh", "ch")) else set())


_CUES = sorted({form for verb in _REGULAR for form in _forms(verb)} | set(_IRREGULAR), key=len, reverse=True)
_CUE = r"(?P<cue>\b(?:" + "|".join(_CUES) + r")\b|\baccording to\b)"
_WHO = rf"(?P<who>\b(?:[Hh]e|[Ss]he|[Tt]hey)\b|(?:[Tt]he\s+)?{NAME}|{ROLE})"
_ASIDE = r"(?P<aside>\s*,\s[^“”\"]{2,160}?,|\s*\([^()]{1,60}\))?"
_ADVERB = r"(?:\s+(?:\w+ly|also|then|later|has|had|have|is|was|who|went on to|again|this|week))*"
_BEFORE = re.compile(rf"{_WHO}{_ASIDE}{_ADVERB}\s+{_CUE}(?P<rest>[^.!?]{{0,160}})$")
_AFTER_VERB = re.compile(rf"^[\s,;:–—-]*{_CUE}\s+{_WHO}")
_AFTER_NAME = re.compile(rf"^[\s,;:–—-]*{_WHO}{_ASIDE}{_ADVERB}\s+{_CUE}")
_ACCORDING = re.compile(rf"(?P<cue>[Aa]ccording to)\s+{_WHO}")
_CLAUSE_REACH = 600  # characters before and after a quote in which its reporting clause is looked for


@dataclass
class _Found:
    """A quote on its way to a mark."""

    segments: list[Segment]
    source: Span | None = None
    cue: Span | None = None
    confidence: float = 1.0


def _clause(text: str, left: Span, right: Span, segment: Segment) -> tuple["re.Match[str]", int] | None:
    """The reporting clause of a segment and its offset: introduced before, or following after."""
    before, after = text[left[0] : left[1]], text[right[0] : right[1]]
    cut = max((m.end() for m in re.finditer(r"[.!?]['’”\"]?\s+(?=[A-Z])", before)), default=0)
    intro = re.sub(r"[“‘«„\"'\s]+$", "", before[cut:])
    match = _search_last(_BEFORE, intro) or _search_last(_ACCORDING, intro)
    inside = text[segment.start : segment.end]
    if match and (intro.endswith((":", ",")) or len(match["rest"] if "rest" in match.groupdict() else "") < 60):
        return match, left[0] + cut
    if not inside.endswith(".") or not after.lstrip(" ”’\"'").startswith(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")):
        offset = len(after) - len(after.lstrip("”’»\"' \t"))
        tail = after[offset:]
        follow = _AFTER_VERB.match(tail) or _AFTER_NAME.match(tail)
        if follow and not re.search(r"[.!?]\s", tail[: follow.start("who")]):
            return follow, right[0] + offset
    return (match, left[0] + cut) if match else None


def _search_last(pattern: "re.Pattern[str]", text: str) -> "re.Match[str] | None":
    found = list(pattern.finditer(text))
    return found[-1] if found else None


def _joined(text: str, first: Segment, second: Segment, clause_end: int | None) -> bool:
    """Whether two segments of a paragraph are one quote split by its reporting clause."""
    between = text[first.end + 1 : second.start - 1].strip()
    if not between or clause_end is None or len(between) > 200:
        return False
    return bool(re.search(r"[,–—-]$", between)) and not re.search(r"[.!?]\s", between)


def mark_by_rules(texts: Sequence[str]) -> list[list[Mark]]:
    """The marks of each text."""
    return [find_marks(text, find_segments(text)[0]) for text in texts]


def find_marks(text: str, segments: Sequence[Segment]) -> list[Mark]:
    """The quotes among the quoted runs of a text, in its order."""
    return [
        Mark(
            content=tuple((s.start, s.end) for s in found.segments),
            cue=found.cue,
            source=(found.source,) if found.source else (),
            kind=kind_of(text, found.segments[0]),
            confidence=0.95 if found.segments[-1].closed else 0.6,
            link_confidence=found.confidence if found.source else 0.0,
        )
        for found in _link(text, segments)
    ]


def _link(text: str, segments: Sequence[Segment]) -> list[_Found]:
    paragraphs = paragraphs_of(text)
    out: list[_Found] = []
    previous: _Found | None = None
    for i, segment in enumerate(segments):
        start, end = paragraphs[segment.paragraph]
        before = segments[i - 1] if i and segments[i - 1].paragraph == segment.paragraph else None
        after = segments[i + 1] if i + 1 < len(segments) and segments[i + 1].paragraph == segment.paragraph else None
        near = previous is not None and segment.paragraph - previous.segments[-1].paragraph <= 1
        if (
            previous
            and near
            and not previous.segments[-1].closed
            and previous.segments[-1].mark == segment.mark
            and (segment.paragraph == previous.segments[-1].paragraph + 1 and segment.start - start <= 1)
        ):
            previous.segments.append(segment)  # the quote goes on over the paragraph
            continue
        if (
            previous
            and before
            and before is previous.segments[-1]
            and _joined(
                text,
                before,
                segment,
                previous.cue[1] if previous.cue and previous.cue[0] >= before.end else None,
            )
        ):
            previous.segments.append(segment)
            continue
        found = _Found([segment])
        floor = before.end + 1 if before else start
        left = (max(floor, segment.start - _CLAUSE_REACH), max(segment.start, floor))
        right = (min(segment.end + 1, end), min(after.start - 1 if after else end, segment.end + _CLAUSE_REACH))
        clause = _clause(text, left, right, segment)
        if clause is None and before is None and segment.start - start <= 1 and segment.paragraph:
            # “Mr Roe said:” stands alone in the paragraph before.
            lead = paragraphs[segment.paragraph - 1]
            if text[lead[0] : lead[1]].endswith(":"):
                clause = _clause(text, (max(lead[0], lead[1] - _CLAUSE_REACH), lead[1]), (lead[1], lead[1]), segment)
        if clause:
            match, offset = clause
            who = (offset + match.start("who"), offset + match.end("who"))
            found.source = who
            found.cue = (offset + match.start("cue"), offset + match.end("cue"))
        elif previous and near and previous.source and _follows_on(text, previous.segments[-1], segment, start):
            found.source = previous.source
            same = previous.segments[-1].paragraph == segment.paragraph
            found.confidence = min(previous.confidence, 0.85 if same else 0.6)
        out.append(found)
        previous = found
    return out


def _follows_on(text: str, last: Segment, segment: Segment, paragraph: int) -> bool:
    """Whether a quote without a clause of its own is more of the one before: next in the paragraph, or opening
    the next one, with nobody else named between."""
    between = text[last.end : segment.start]
    if segment.paragraph == last.paragraph:
        # A fragment in the reporter's next sentence may be anybody's words, or nobody's.
        return len(between) < 200 and (text[segment.start].isupper() or not re.search(r"[.!?]\W*\s", between))
    return segment.start - paragraph <= 1 and not re.search(_CUE, between.rsplit("\n", 1)[-1])
