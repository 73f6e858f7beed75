"""Transcripts: "SPEAKER: words", read as speech.

A text is a transcript where most of its words stand in such turns and somebody speaks more than once; else it is a
list ("Ada Finch: The former mayor has promised …"). Paragraphs without a label go on with the turn before them.
"""

import re
from collections.abc import Sequence

from stance.attribution.marks import Mark, Span

# "ADA FINCH: …", "Ada Finch MP (Northby): …", "Q: …", "[10:04] Mr Reed: …"
_WORD = r"(?:[A-ZÀ-Þ][\w’'.-]*|de|da|van|von|of|the|for|and|&)"
_TURN = re.compile(
    r"(?P<stamp>(?:[\[(]?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?[\])]?\s*[-–—]?\s*)?)"
    rf"(?P<who>(?:{_WORD}[ \t]+){{0,6}}{_WORD})(?P<aside>[ \t]*\([^()\n]{{1,80}}\)|,[ \t][^:\n,]{{1,60}})?"
    r"[ \t]*:[ \t]+(?P<said>\S.*)",
    re.DOTALL,
)
_OPENS = re.compile(r"(?:(?:Mr|Mrs|Ms|Sir|Dame|Dr)\s+)?(?:[A-Z][\w’'-]+\s+)?([A-Z][\w’'-]+)")
_TELLS = re.compile(r"\b(?:told|said|says|added|replied|insisted|claimed) (?:reporters|that|the|MPs)\b")
_FEWEST_TURNS = 3
_LEAST_SHARE = 0.5  # of the words


def find_turns(text: str, paragraphs: Sequence[Span]) -> list[Mark]:
    """The turns of a transcript, in order; empty where the text is none."""
    turns: list[tuple[Span, list[Span]]] = []
    labelled = total = 0
    for start, end in paragraphs:
        size = end - start
        total += size
        match = _TURN.fullmatch(text, start, end)
        if match and not _is_sentence(match["who"]):
            turns.append((match.span("who"), [match.span("said")]))
            labelled += size
        elif turns and not _is_note(text[start:end]) and not _is_told(text[start:end], turns, text):
            turns[-1][1].append((start, end))
    speakers = [text[a:b] for (a, b), _ in turns]
    if len(turns) < _FEWEST_TURNS or labelled < _LEAST_SHARE * total or len(set(speakers)) == len(turns):
        return []
    return [
        Mark(content=tuple(said), source=(who,), kind="speech", confidence=0.95, link_confidence=0.95)
        for who, said in turns
    ]


def _is_sentence(label: str) -> bool:
    """Whether what stands before the colon is rather a clause ("The Minister of State said")."""
    words = label.split()
    return sum(word[0].islower() for word in words) > 2


def _is_told(line: str, turns: Sequence[tuple[Span, list[Span]]], text: str) -> bool:
    """Whether a reporter speaks between the turns of a live blog: of a speaker by name, or of what somebody told."""
    names = {text[a:b].split()[-1].casefold() for (a, b), _ in turns}
    first = _OPENS.match(line)
    if first and first.group(1).casefold() in names:
        return True
    return bool(_TELLS.search(line)) and not re.search(r"\b(?:I|we|my|our)\b", line)


def _is_note(line: str) -> bool:
    """A stage direction, such as "[Interruption.]" or "(Applause)"."""
    return bool(re.fullmatch(r"[\[(].*[\])]\.?", line, re.DOTALL))
