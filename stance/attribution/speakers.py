"""From the words that name a source to a person: full names, surnames, roles, pronouns, organisations."""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stance.articles import Article
from stance.attribution.marks import Mark, Span, Speaker
from stance.people import TITLES as PERSON_TITLES
from stance.people import Roster, bare_name, gender_of_title

_TITLE = r"(?:(?:" + "|".join(PERSON_TITLES) + r")\.?\s+)"
_WORD = r"[A-ZÀ-Þ][\w’'-]*[\w]|[A-Z]\."
NAME = rf"{_TITLE}*(?:{_WORD})(?:\s+(?:(?:de|da|van|von|der|of)\s+)?(?:{_WORD}))*"
ROLE_HEAD = (
    r"(?:secretary|minister|leader|chancellor|mayor|president|chair|chairman|chairwoman|director|chief|commissioner|"
    r"spokesman|spokeswoman|spokesperson|MP|peer|campaigner|inspector|constable|adviser|official|source|officer)"
)
ROLE = (
    rf"(?:[Tt]he|[Aa]n?|[Hh]er|[Hh]is|[Oo]ne)\s+(?:[\w’'-]+\s+){{0,4}}?{ROLE_HEAD}(?:\s+(?:for|of)\s+[\w\s]{{2,30}}?)?"
)
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
    def of(cls, text: str, quoted: Sequence[Span], people: Roster, date: Any) -> "Mentions":
        self = cls(text, people, date)
        masked = list(text)
        for start, end in quoted:
            masked[start:end] = "\n" * (end - start)
        plain = "".join(masked)
        for match in re.finditer(NAME, text):
            name = self._full_name(match.group())
            if name:
                self.full.setdefault(name.split()[-1].casefold(), set()).add(name)
                gender = gender_of_title(match.group().split()[0])
                if gender:
                    self.genders[name] = gender
        self.sentences = [0, *(m.end() for m in re.finditer(r"[.!?][”\"’']?\s+|\n+", text))]
        for match in re.finditer(NAME, plain):
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
            rf"[^,.\n]{{3,60}},\s+(?:the|a|an)\s+([\w’'\s-]{{3,60}}?{ROLE_HEAD})\b", plain[start : start + 160]
        )
        before = re.match(rf"((?:[A-Z]\w+\s+){{0,3}}(?i:{ROLE_HEAD}))\s+", plain[start : start + 80])
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
        if re.match(ROLE + "$", who):
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


def resolve(article: Article, quotes: Sequence[Mark], people: Roster) -> list[Speaker]:
    """The speaker of each quote, in their order."""
    quoted = [span for quote in quotes if quote.kind != "indirect" for span in quote.content]
    mentions = Mentions.of(article.text, quoted, people, article.date)
    found = []
    for quote in quotes:
        if not quote.source:
            found.append(Speaker(reason=f"speaker open: {quote.reason}"))
            continue
        start, end = quote.source[0]
        found.append(Speaker(*mentions.resolve(article.text[start:end], start)))
    return found


def _organisation(phrase: str) -> str:
    """ "A Home Office spokesman" -> "Home Office"."""
    return re.sub(r"^(?:[Aa]n?|[Tt]he|[Oo]ne)\s+|[’']s?\b|\s+(?:spokes\w+|source|official|press office)$", "", phrase)
