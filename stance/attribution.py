"""Finds quotes in an article and their speakers.

This first version reads what stands in quotation marks (direct speech and quoted fragments), with the rules of
news style: a reporting clause before, after or inside the quote names its speaker. Offsets are into ``Article.text``.
"""

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from rapidfuzz import fuzz
from tqdm.auto import tqdm

from stance.articles import Article
from stance.errors import InputError
from stance.people import TITLES as PERSON_TITLES
from stance.people import Roster, add_parties, bare_name, gender_of_title, roster
from stance.quotes import COLUMNS, as_quotes, left_out, make_quote_id

Span = tuple[int, int]

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
_TITLE = r"(?:(?:" + "|".join(PERSON_TITLES) + r")\.?\s+)"
_WORD = r"[A-ZÀ-Þ][\w’'-]*[\w]|[A-Z]\."
_NAME = rf"{_TITLE}*(?:{_WORD})(?:\s+(?:(?:de|da|van|von|der|of)\s+)?(?:{_WORD}))*"
_ROLE_HEAD = (
    r"(?:secretary|minister|leader|chancellor|mayor|president|chair|chairman|chairwoman|director|chief|commissioner|"
    r"spokesman|spokeswoman|spokesperson|MP|peer|campaigner|inspector|constable|adviser|official|source|officer)"
)
_ROLE = (
    rf"(?:[Tt]he|[Aa]n?|[Hh]er|[Hh]is|[Oo]ne)\s+(?:[\w’'-]+\s+){{0,4}}?{_ROLE_HEAD}(?:\s+(?:for|of)\s+[\w\s]{{2,30}}?)?"
)
_WHO = rf"(?P<who>\b(?:[Hh]e|[Ss]he|[Tt]hey)\b|(?:[Tt]he\s+)?{_NAME}|{_ROLE})"
_ASIDE = r"(?P<aside>\s*,\s[^“”\"]{2,160}?,|\s*\([^()]{1,60}\))?"
_ADVERB = r"(?:\s+(?:\w+ly|also|then|later|has|had|have|is|was|who|went on to|again|this|week))*"
_BEFORE = re.compile(rf"{_WHO}{_ASIDE}{_ADVERB}\s+{_CUE}(?P<rest>[^.!?]{{0,160}})$")
_AFTER_VERB = re.compile(rf"^[\s,;:–—-]*{_CUE}\s+{_WHO}")
_AFTER_NAME = re.compile(rf"^[\s,;:–—-]*{_WHO}{_ASIDE}{_ADVERB}\s+{_CUE}")
_ACCORDING = re.compile(rf"(?P<cue>[Aa]ccording to)\s+{_WHO}")

_ORGANISATION = re.compile(
    r"\b(?:Office|Party|Agency|Council|Department|Commission|Police|Association|Union|Government|Ministry|Treasury|"
    r"Service|Committee|Institute|Foundation|Trust|Federation|Border Force|Downing Street|Number 10|No 10|"
    r"Labour|Conservatives|Tories|Liberal Democrats|Lib Dems|Greens|Reform UK|SNP|NCA|UN|EU|BBC|Court|Company|Ltd)\b"
)
_NOT_NAMES = {
    "The", "A", "An", "In", "On", "At", "But", "And", "For", "From", "It", "This", "That", "These", "Those", "When",
    "While", "After", "Before", "Since", "Although", "However", "Regarding", "Asked", "Speaking", "Today", "Yesterday",
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March",
    "April", "May", "June", "July", "August", "September", "October", "November", "December", "Last", "Next", "As",
    "There", "Their", "His", "Her", "We", "They", "He", "She", "I", "You", "If", "Responding", "Meanwhile", "Later",
    "Earlier", "Writing", "Then", "Now", "So", "Yet", "Also", "Both", "One", "Two", "No", "Not", "Dismantling",
}  # fmt: skip
_ROLE_WORDS = {
    "Home", "Prime", "Shadow", "Secretary", "Minister", "Chancellor", "Foreign", "Health", "Education", "Former",
    "President", "Leader", "Deputy", "Border", "Immigration", "Labour", "Conservative", "Tory", "Reform", "Liberal",
    "Democrat", "Green", "Party", "Leadership", "Candidate", "Chief", "Inspector", "Constable", "Mayor", "MP",
    "Commissioner", "Director", "General", "Superintendent", "Spokesman", "Spokeswoman", "Backbencher", "Councillor",
    "Cllr", "Justice", "Defence", "Security", "Policing", "Tories", "SNP", "Plaid", "UK", "Chair",
}  # fmt: skip
_APOSTROPHE_WORDS = re.compile(r"[’'‘](?:em|til|tis|twas|cause|bout|n|\d0s)\b", re.IGNORECASE)
_PAIRS = {"“": "”", "«": "»", "„": "“”", "‘": "’", '"': '"', "'": "'", "‟": "”"}
_SINGLE = {"‘", "'"}
_LONGEST_QUOTE = 20_000  # characters in one paragraph; a mark whose partner is farther away has none
_CONTEXT = 1000  # characters of the paragraph kept on each side of a quote
_CLAUSE_REACH = 600  # characters before and after a quote in which its reporting clause is looked for


# --- quotation marks ------------------------------------------------------------------------------


@dataclass
class Segment:
    """A run of quoted words inside one paragraph, marks excluded."""

    start: int
    end: int
    paragraph: int
    mark: str
    closed: bool = True


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
                found.append(Segment(inner, stop, number, carried, close is not None))
                at = stop + 1
                carried = carried if close is None and _goes_on(text, paragraphs, number, carried) else None
            else:
                carried = None
        while at < end:
            char = text[at]
            if (
                char in _PAIRS
                and _may_open(text, at, start, end)
                and not (char in _SINGLE and (_APOSTROPHE_WORDS.match(text, at) or not text[at + 1 : at + 2].strip()))
            ):
                close = _closing(text, at, start, end, char, barren.get(char, 0))
                if close is not None:
                    found.append(Segment(at + 1, close, number, char))
                    at = close + 1
                    continue
                if char in _SINGLE:
                    barren[char] = min(end, at + _LONGEST_QUOTE)
                elif _goes_on(text, paragraphs, number, char):
                    found.append(Segment(at + 1, end, number, char, closed=False))
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
                    found.append(Segment(at + 1, end, number, char, closed=False))
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


# --- people named in the article ------------------------------------------------------------------


@dataclass
class Mentions:
    """The persons whom an article names in full, and where it mentions them outside quotes."""

    text: str
    people: Roster
    date: Any
    genders: dict[str, str] = field(default_factory=dict)
    places: list[tuple[int, str]] = field(default_factory=list)  # start, canonical name
    roles: dict[str, str] = field(default_factory=dict)
    full: dict[str, set[str]] = field(default_factory=dict)  # surname -> full names
    sentences: list[int] = field(default_factory=list)  # where each sentence starts

    @classmethod
    def of(cls, text: str, quoted: Sequence[Segment], people: Roster, date: Any) -> "Mentions":
        self = cls(text, people, date)
        masked = list(text)
        for segment in quoted:
            masked[segment.start : segment.end] = "\n" * (segment.end - segment.start)
        plain = "".join(masked)
        for match in re.finditer(_NAME, text):
            name = self._full_name(match.group())
            if name:
                self.full.setdefault(name.split()[-1].casefold(), set()).add(name)
                gender = gender_of_title(match.group().split()[0])
                if gender:
                    self.genders[name] = gender
        self.sentences = [0, *(m.end() for m in re.finditer(r"[.!?][”\"’']?\s+|\n+", text))]
        for match in re.finditer(_NAME, plain):
            for start, name in self._named(match):
                self.places.append((start, name))
                self._note_role(plain, start, name)
        return self

    def _full_name(self, phrase: str) -> str | None:
        """The person's full name in a capitalised phrase such as "Prime Minister Sir Keir Starmer"."""
        words = bare_name(phrase).split()
        while words and (words[0] in _NOT_NAMES or words[0] in _ROLE_WORDS or words[0].rstrip(".") in PERSON_TITLES):
            words = words[1:]
        words = words[:4]
        for size in (4, 3, 2):
            known = self.people.find(" ".join(words[:size])) if len(words) >= size else []
            if len(known) == 1:
                return known[0]
        if not 2 <= len(words) <= 3 or any(w in _ROLE_WORDS or w in _NOT_NAMES for w in words):
            return None
        if _ORGANISATION.search(phrase) or "of" in words or any(w.isupper() for w in words):
            return None
        return " ".join(words)

    def _named(self, match: "re.Match[str]") -> list[tuple[int, str]]:
        phrase = match.group()
        name = self._full_name(phrase)
        if name:
            return [(match.start(), name)]
        last = bare_name(phrase).split()
        if last and last[-1] not in _ROLE_WORDS and not _ORGANISATION.search(phrase):
            names = self.full.get(last[-1].casefold(), set())
            if len(names) == 1:
                return [(match.start(), next(iter(names)))]
        return []

    def _note_role(self, plain: str, start: int, name: str) -> None:
        """Remembers "Name, the home secretary," and "Home Secretary Name" as that person's role."""
        after = re.match(
            rf"[^,.\n]{{3,60}},\s+(?:the|a|an)\s+([\w’'\s-]{{3,60}}?{_ROLE_HEAD})\b", plain[start : start + 160]
        )
        before = re.match(rf"((?:[A-Z]\w+\s+){{0,3}}(?i:{_ROLE_HEAD}))\s+", plain[start : start + 80])
        for match in (after, before):
            if match:
                self.roles.setdefault(" ".join(match.group(1).casefold().split()), name)

    def resolve(self, who: str, at: int) -> tuple[str | None, str | None, float, str]:
        """A name, role or pronoun at an offset -> canonical name, speaker type, confidence, reason if open."""
        if who.casefold() in {"he", "she"}:
            return self._pronoun("m" if who.casefold() == "he" else "f", at)
        if who.casefold() == "they":
            return None, None, 0.0, "speaker open: the pronoun 'they'"
        phrase = re.sub(r"^[Tt]he\s+", "", who)
        words = bare_name(phrase).split()
        role = " ".join(phrase.casefold().split())
        if role in self.roles:
            return self.roles[role], "person", 0.85, ""
        name = self._full_name(phrase)
        if name:
            return name, "person", 0.95, ""
        if _ORGANISATION.search(phrase):
            return _organisation(phrase), "organisation", 0.9, ""
        if re.match(_ROLE + "$", who):
            return None, "unnamed", 0.0, f"speaker open: {who!r} is not named in the article"
        surname = words[-1] if words else ""
        if not surname or surname in _NOT_NAMES or surname in _ROLE_WORDS:
            return None, None, 0.0, f"speaker open: {who!r} could not be told"
        named = sorted(self.full.get(surname.casefold(), set()))
        if len(named) == 1:
            return named[0], "person", 0.9, ""
        candidates = named or self.people.find(surname, on=self.date)
        if len(candidates) > 1:
            return None, "person", 0.0, f"speaker open: {surname!r} may be {' or '.join(candidates[:6])}"
        if candidates:
            return candidates[0], "person", 0.5, ""
        return " ".join(words), "person", 0.6, ""

    def _pronoun(self, gender: str, at: int) -> tuple[str | None, str | None, float, str]:
        """The first person named in the nearest earlier sentence that names one whom the pronoun fits."""
        line = self.text.rfind("\n", 0, at)
        start = max(self.text.rfind("\n", 0, max(line, 0)), at - 3000)  # this paragraph and the one before
        last = bisect.bisect_left(self.places, (at, ""))
        while last > 0 and self.places[last - 1][0] >= start:
            sentence = self.sentences[bisect.bisect_right(self.sentences, self.places[last - 1][0]) - 1]
            first = bisect.bisect_left(self.places, (sentence, ""))
            named = dict.fromkeys(name for _, name in self.places[first:last])
            fitting = [name for name in named if (self._gender(name) or gender) == gender]
            if fitting:
                sure = len(fitting) == 1 or self._gender(fitting[0]) == gender
                return fitting[0], "person", 0.8 if sure else 0.6, ""
            last = first
        return None, "person", 0.0, f"speaker open: nobody before fits {'he' if gender == 'm' else 'she'!r}"

    def _gender(self, name: str) -> str | None:
        return self.genders.get(name) or self.people.gender_of(name)


def _organisation(phrase: str) -> str:
    """ "A Home Office spokesman" -> "Home Office"."""
    return re.sub(r"^(?:[Aa]n?|[Tt]he|[Oo]ne)\s+|[’']s?\b|\s+(?:spokes\w+|source|official|press office)$", "", phrase)


# --- linking --------------------------------------------------------------------------------------


@dataclass
class _Found:
    """A quote on its way to a row of the table."""

    segments: list[Segment]
    speaker: str | None = None
    speaker_type: str | None = None
    speaker_span: Span | None = None
    cue_span: Span | None = None
    speaker_confidence: float = float("nan")
    reason: str = "speaker open: no reporting clause found"


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


def _link(text: str, segments: Sequence[Segment], mentions: Mentions) -> list[_Found]:
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
                previous.cue_span[1] if previous.cue_span and previous.cue_span[0] >= before.end else None,
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
            found.speaker_span = who
            found.cue_span = (offset + match.start("cue"), offset + match.end("cue"))
            found.speaker, found.speaker_type, found.speaker_confidence, found.reason = mentions.resolve(
                text[who[0] : who[1]], who[0]
            )
        elif previous and near and previous.speaker and _follows_on(text, previous.segments[-1], segment, start):
            found.speaker, found.speaker_type = previous.speaker, previous.speaker_type
            found.speaker_span = previous.speaker_span
            same = previous.segments[-1].paragraph == segment.paragraph
            found.speaker_confidence = min(previous.speaker_confidence, 0.85 if same else 0.6)
            found.reason = ""
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


def _kind(text: str, quote: _Found) -> str:
    """ "direct" for whole sentences, "mixed" for a fragment inside the reporter's sentence."""
    first = quote.segments[0]
    piece, lead = text[first.start : first.end], text[max(0, first.start - 3) : first.start]
    begins = piece[0].isupper() or piece[0].isdigit()
    return "direct" if begins and (piece[-1] in ".,!?…—–" or re.search("[:,]", lead)) else "mixed"


# --- the public function --------------------------------------------------------------------------


def extract_quotes(
    articles: Article | Iterable[Article], *, people: Roster | None = None, progress: bool = True
) -> pd.DataFrame:
    """The quotes of one or several articles: who said what, from which party, and where it stands.

    Args:
        articles: what :func:`read_article` returns.
        people: another roster than the bundled one.
        progress: a bar, once it has taken two seconds.

    Returns:
        A quotes table (see :mod:`stance.quotes`), one row a quote, in the order of the text; empty, with the
        columns, where nothing is quoted. A speaker or party that stays open is null, and the ledger says why.

    >>> stance.extract_quotes(stance.read_article("article.html"))[["speaker", "party"]]    # doctest: +SKIP
              speaker         party
    0   Yvette Cooper        Labour
    """
    several = [articles] if isinstance(articles, Article) else list(articles)
    people = people or roster()
    rows: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for article in several:
        seen[article.source] = seen.get(article.source, 0) + 1
    twice = [source for source, count in seen.items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]!r} is the source of {seen[twice[0]]} articles; give each its own (source=)")
    for article in tqdm(several, desc="articles", unit=" articles", delay=2, disable=not progress):
        found, left = _quotes_of(article, people)
        rows += found
        notes += left
    if not rows:
        table = pd.DataFrame({column: pd.Series(dtype="object") for column in COLUMNS})
        table["date"] = table["date"].astype("datetime64[us]")
    else:
        table = add_parties(as_quotes(pd.DataFrame(rows, columns=list(COLUMNS))), people)
    table.attrs["left_out"] = [*notes, *table.attrs.get("left_out", [])]
    table.attrs["articles"] = [
        {"source": a.source, "sha256": a.sha256, "date": str(a.date) if a.date else None, "date_from": a.date_from,
         "title": a.title, "url": a.url} for a in several
    ]  # fmt: skip
    return table


def _quotes_of(article: Article, people: Roster) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    text = article.text
    segments, broken = find_segments(text)
    notes = [left_out("attribution", note["reason"], source=article.source, where=note["where"], text=note["text"])
             for note in broken]  # fmt: skip
    mentions = Mentions.of(text, segments, people, article.date)
    found = _link(text, segments, mentions)
    paragraphs = paragraphs_of(text)
    rows = []
    for quote in found:
        spans = [[s.start, s.end] for s in quote.segments]
        words = " ".join(text[start:end] for start, end in spans)
        start, end = paragraphs[quote.segments[0].paragraph]
        echo = _echo(text, (start, end), quote, found)
        where = f"{spans[0][0]}–{spans[-1][1]}"
        if echo:
            notes.append(left_out("attribution", f"heading that repeats a quote of {echo}", source=article.source,
                                  where=where, text=words))  # fmt: skip
            continue
        if quote.speaker is None and quote.cue_span is None and len(words.split()) <= 3:
            notes.append(left_out("attribution", "a word or two in quotation marks, without a reporting clause",
                                  source=article.source, where=where, text=words))  # fmt: skip
            continue
        if quote.speaker is None:
            notes.append(left_out("speaker", quote.reason, source=article.source, where=where, text=words))
        last = paragraphs[quote.segments[-1].paragraph][1]
        rows.append({
            "quote_id": make_quote_id(article.source, spans, words), "text": words, "speaker": quote.speaker,
            "speaker_type": quote.speaker_type, "party": None, "date": article.date, "kind": _kind(text, quote),
            "source": article.source, "spans": spans,
            "speaker_span": list(quote.speaker_span) if quote.speaker_span else None,
            "cue_span": list(quote.cue_span) if quote.cue_span else None,
            "confidence": 0.95 if quote.segments[-1].closed else 0.6,
            "speaker_confidence": quote.speaker_confidence if quote.speaker else None,
            "context": text[max(start, spans[0][0] - _CONTEXT) : min(last, spans[-1][1] + _CONTEXT)],
        })  # fmt: skip
    return rows, notes


def _echo(text: str, paragraph: Span, quote: _Found, found: Sequence[_Found]) -> str | None:
    """The speaker whose words a quoted heading repeats, if it is one."""
    if paragraph[1] - paragraph[0] > 200:
        return None
    line = text[paragraph[0] : paragraph[1]]
    segment = quote.segments[0]
    if len(line.split()) > 14 or segment.start - paragraph[0] > 1 or paragraph[1] - segment.end > 1:
        return None
    words = text[segment.start : segment.end].casefold()
    for other in found:
        if other is not quote and other.speaker:
            said = " ".join(text[s.start : s.end] for s in other.segments).casefold()
            if fuzz.partial_ratio(words, said) >= 85:
                return other.speaker
    return None
