"""Who is named in an article: persons with their gender and roles, organisations with their short forms, and where."""

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from stance.attribution.marks import Span
from stance.attribution.vocabulary import (
    BODIES,
    NOT_NAMES,
    ORGANISATION,
    RANKS,
    ROLE_NOUNS,
    ROLE_WORDS,
    SETTING,
    SHORT_FORMS,
    STANDING,
    role_words,
)
from stance.people import TITLES as HONORIFICS
from stance.people import Roster, bare_name, gender_of_name, gender_of_title, party_named

_HONORIFIC = r"(?:(?:" + "|".join(HONORIFICS) + r")\.?\s+)"
_WORD = r"[A-ZÀ-Þ](?:[\w-]|[’'](?!s\b)(?=\w))*|[A-Z]\."
NAME = (
    rf"(?<![\w’'])(?:{_HONORIFIC}){{0,3}}(?:{_WORD})(?:[ \t]+(?:(?:de|da|van|von|der|of|ap)[ \t]+)?(?:{_WORD})){{0,6}}"
)
_NAME = re.compile(NAME)
# What follows a name and tells what the person does to others, not what the person is.
_DOES = re.compile(
    r"(?:who|whose|which)\s(?!(?:is|was|has been|chairs|leads|runs|heads|represents|became|serves)\b)|\w+ing\b"
)
_REACH = 160  # characters after a name in which its apposition is read


def _ranks(word: str) -> bool:
    return word not in HONORIFICS and (word in ROLE_WORDS or bool(role_words(word) & ROLE_NOUNS))


def _folded(word: str) -> str:
    return word.casefold().replace("’", "'")


def is_seat(ahead: str, phrase: str) -> bool:
    """Whether a capitalised phrase is a seat: "the Norbury Vale MP", "the MP for Norbury Vale"."""
    the = re.search(r"\b[Tt]he\s+$", ahead[-5:]) or phrase.startswith("The ")
    return bool(the and re.search(r"\bMP\b", phrase)) or bool(
        re.search(r"\b(?:MP|member|seat|constituency) (?:for|of)\s+$", ahead[-24:])
    )


@dataclass
class Person:
    """A person in the article: canonical name, what is known, and where it is mentioned."""

    name: str
    gender: str | None = None
    roles: set[frozenset[str]] = field(default_factory=set)
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Named:
    """A capitalised phrase read as a person's name: rank ("Chief Inspector"), honorific ("Ms"), names."""

    rank: tuple[str, ...]
    honorific: str
    names: tuple[str, ...]
    start: int  # of the names in the phrase

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, phrase: str) -> "Named":
        tokens = [(m.start(), m.group().strip(".,")) for m in re.finditer(r"\S+", phrase)]
        while tokens and tokens[0][1] in NOT_NAMES - {"Mr", "Mrs", "Ms", "Miss"}:
            tokens.pop(0)
        rank: list[str] = []
        while tokens and tokens[-1][1] in {"MP", "MSP", "KC", "QC", "OBE", "CBE", "MBE", "MS", "MLA"}:
            tokens.pop()
        last = max((i for i, (_, word) in enumerate(tokens[:-1]) if _ranks(word)), default=-1)
        while last >= 0 or (len(tokens) > 2 and re.fullmatch(r"[A-Z]{2,6}", tokens[0][1])):
            rank.append(tokens.pop(0)[1])  # "House Speaker Ada Finch", "NCA Director Ada Finch"
            last -= 1
        while tokens and tokens[0][1] in ROLE_WORDS:
            rank.append(tokens.pop(0)[1])
        if len(rank) > 1 and rank[-1] == "Justice" and rank[-2] in HONORIFICS:
            rank[-2:] = [f"{rank[-2]} Justice"]  # "Mr Justice Merrow", a judge
        start = tokens[0][0] if tokens else 0
        honorific = ""
        while tokens and tokens[0][1] in HONORIFICS:
            honorific = tokens.pop(0)[1]
        cut = next((i for i, (_, word) in enumerate(tokens) if i and word == "of"), len(tokens))
        tokens = tokens[:cut]  # "Lord Quayle of Merrow", "Bob Hart of Kent Police"
        if len(tokens) == 2 and tokens[0][1] in {"De", "Da", "Van", "Von"}:
            tokens.pop(0)
        return cls(tuple(rank), honorific, tuple(word for _, word in tokens), start)


class Cast:
    """The persons and organisations of an article, outside its direct quotes.

    Args:
        text: the article.
        quoted: the spans of direct speech, which name people whom the speaker talks about.
        sources: the words marked as sources; a name among them is a person's or an organisation's for certain.
        people: the roster.
        date: of the article, for offices and parties.
    """

    def __init__(self, text: str, quoted: Sequence[Span], sources: Sequence[Span], people: Roster, date: Any) -> None:
        self.text, self.people, self.date = text, people, date
        self._source_starts = {start for start, _ in sources}
        masked = list(text)
        for start, end in quoted:
            masked[start:end] = "\x00" * (end - start)
        self.plain = "".join(masked)
        self.persons: dict[str, Person] = {}
        self.short = dict(SHORT_FORMS)
        self.by_surname: dict[str, set[str]] = {}
        self.by_first: dict[str, set[str]] = {}
        self._full: dict[Named, str | None] = {}
        self._mentions: list[tuple[int, str]] = []  # offset, person
        self._organisations: list[tuple[int, str]] = []
        self.sentences = [
            0,
            *(m.end() for m in re.finditer(r"[.!?][”\"’']?\s+|\n+|\x00+[”\"’']\s+(?=[A-Z])", self.plain)),
        ]
        for match in re.finditer(
            r"(?<!\w)((?:[A-Z][\w’'-]+\s+(?:(?:of|for|and|the)\s+)?){1,6})\(([A-Z][A-Za-z]{1,6})\)", text
        ):
            self.short.setdefault(match.group(2), re.sub(r"^The\s+", "", match.group(1).strip()))
        phrases = [(m.start(), m.group()) for m in _NAME.finditer(self.plain)]
        inside = [text[start:end] for start, end in sources]
        short = [named for _, phrase in phrases if len((named := Named.of(phrase)).names) == 1]
        referred = {named.names[0] for named in short if named.honorific} | {words.strip() for words in inside}
        spoken = {m.group() for words in inside for m in _NAME.finditer(words)}
        doubtful = [found for at, phrase in phrases if (found := self._read_full(at, phrase))]
        for at, phrase, name in doubtful:
            self._read_doubtful(at, phrase, name, referred, spoken)
        for at, phrase in phrases:
            self._read_short(at, phrase)
        for at, phrase in phrases:
            if self.is_organisation(phrase):
                self._organisations.append((at, self.organisation(phrase)))
        for words in inside:  # a transcript's "ADA FINCH:"
            if words.isupper() and " " in words.strip():
                self.person(words.strip().title())
        self._mentions.sort()
        self.named = frozenset(self.persons)  # in the text itself; roles that are understood add others

    # --- reading --------------------------------------------------------------------------------

    def _read_full(self, at: int, phrase: str) -> tuple[int, str, str] | None:
        """Enters a person named in full, if it is one for certain; gives back what may be one."""
        named = Named.of(phrase)
        name = self.full_name(named)
        end = at + len(phrase)
        if name is None or is_seat(self.plain[max(0, at - 30) : at], phrase + self.plain[end : end + 4]):
            return None
        if (
            self.people.find(name) or named.honorific or gender_of_name(name)
            or (named.rank and set(named.rank) <= ROLE_WORDS)
        ):  # fmt: skip
            self._enter(at, phrase, name)
            return None
        return at, phrase, name

    def _read_doubtful(self, at: int, phrase: str, name: str, referred: set[str], spoken: set[str]) -> None:
        """Enters a person whose surname is used alone, or of whom an age or a role is told; a phrase that ends in the
        surname of somebody sure ("Beyond Finch") is no new person."""
        named = Named.of(phrase)
        told = named.names[-1] in referred or phrase in spoken or self._has_age(at + len(phrase))
        told = told or any(role & ROLE_NOUNS for role in self._apposed(at, at + named.start, at + len(phrase)))
        if told and (name in self.persons or _folded(named.names[-1]) not in self.by_surname):
            self._enter(at, phrase, name)

    def _enter(self, at: int, phrase: str, name: str) -> None:
        named = Named.of(phrase)
        person = self.person(name)
        person.gender = gender_of_title(named.honorific) or person.gender
        if named.rank:
            person.roles.add(role_words(" ".join(named.rank)))
        if named.honorific in STANDING:
            person.roles.add(STANDING[named.honorific])
        self._mention(at + named.start, name)
        person.roles.update(self._apposed(at, at + named.start, at + len(phrase)))

    def _has_age(self, at: int) -> bool:
        return re.match(r",\s\d\d,", self.plain[at : at + 6]) is not None

    def _read_short(self, at: int, phrase: str) -> None:
        named = Named.of(phrase)
        if len(named.names) != 1:
            return
        name = self.short_name(named, known_only=True)
        if name:
            self._mention(at + named.start, name)
            self.persons[name].roles.update(self._apposed(at, at + named.start, at + len(phrase)))
        elif (
            named.rank
            and (set(named.rank) <= RANKS or "Justice" in named.rank[-1])
            and not self.is_organisation(phrase)
        ):
            name = f"{named.rank[-1]} {named.names[0]}"  # "Judge Merrow", named no other way
            self.person(name).roles.add(role_words(" ".join(named.rank)))
            if "Justice" in named.rank[-1]:
                self.person(name).roles.add(frozenset({"judge"}))
            self.by_surname.setdefault(_folded(named.names[0]), set()).add(name)
            self._mention(at, name)

    def _apposed(self, phrase_at: int, start: int, end: int) -> Iterable[frozenset[str]]:
        """The roles told beside a name: "Ada Finch, the leader of …", "council leader Ada Finch", "who chairs …"."""
        after = re.match(r"[ ]?,\s+([^,.;:\n“‘\"()\x00]{3,110})", self.plain[end : end + _REACH])
        if after and end + after.start(1) in self._source_starts:
            after = None  # "Responding to Ada Finch, the council leader said": another person
        if after and _DOES.match(after.group(1)):
            after = None  # "who met the chief constable", "visiting the mayor": somebody else's role
        if after and not self.full_name(Named.of(after.group(1))):
            yield role_words(re.split(r"\s(?:and|but|that|which|whose)\s", after.group(1))[0])
            for part in re.split(r"\sand\s", after.group(1))[1:]:
                yield role_words(part)
        before = re.search(r"((?:[\w’'-]+\s+){1,8}),?\s*$", self.plain[max(0, phrase_at - 90) : phrase_at])
        if before:
            words = re.split(
                r"\b(?:[Tt]he|[Aa]n?|[Ii]ts|[Tt]heir|[Hh]is|[Hh]er|and|by|said|says|with|of)\s+", before.group(1)
            )
            head = re.split(r"\s(?:for|at|in)\s", words[-1].strip())[0].split()
            # The role stands right before the name: not "council leader Reed met" Finch.
            if head and role_words(head[-1]) & ROLE_NOUNS:
                yield role_words(words[-1])

    def person(self, name: str) -> Person:
        """The person of that canonical name, entered where it is new."""
        if name not in self.persons:
            person = Person(name, self.people.gender_of(name) or gender_of_title(name))
            party = self.people.party_of(name, self.date)
            for office in self.people.offices_of(name, self.date) if self.date else []:
                person.roles.add(role_words(office))
            if party:
                person.roles.add(role_words(f"{party} MP"))
            self.persons[name] = person
            words = bare_name(name).split()
            self.by_surname.setdefault(_folded(words[-1]), set()).add(name)
            if len(words) > 1:
                self.by_first.setdefault(_folded(words[0]), set()).add(name)
        return self.persons[name]

    def _mention(self, at: int, name: str) -> None:
        self._mentions.append((at, name))
        self.person(name).places.append(at)

    def start_of(self, at: int) -> int:
        """Where the sentence begins in which ``at`` lies."""
        return self.sentences[self.sentence_of(at)]

    def last_before(self, at: int) -> tuple[int, str] | None:
        """Where, and who, was mentioned last before ``at``."""
        last = bisect.bisect_left(self._mentions, (at, ""))
        return self._mentions[last - 1] if last else None

    def noted(self, at: int, name: str) -> None:
        """Enters a mention that was understood only now (a pronoun, a role), for those that follow."""
        self.person(name).places.append(at)
        bisect.insort(self._mentions, (at, name))

    def noted_organisation(self, at: int, name: str) -> None:
        bisect.insort(self._organisations, (at, name))

    # --- what words mean ------------------------------------------------------------------------

    def full_name(self, named: Named) -> str | None:
        """The canonical name of a person named in full; None where the phrase names none."""
        if named not in self._full:
            self._full[named] = self._full_name(named)
        return self._full[named]

    def _full_name(self, named: Named) -> str | None:
        if named.honorific in {"Lord", "Lady", "Baroness", "Baron", "Viscount", "Earl"} and named.names:
            gender = gender_of_title(named.honorific)
            here = [
                name
                for name in self.by_surname.get(_folded(named.names[-1]), ())
                if (self.persons[name].gender or gender) == gender
                and not self.people.sits(name, self.date)
                and (self.people.offices_of(name, self.date) or self._told_peer(name))
            ]
            if len(here) == 1:
                return here[0]
            known = self.people.find(f"{named.honorific} {named.names[0]}")
            words = " ".join(named.names[: 2 if len(named.names) > 1 and named.names[1] not in NOT_NAMES else 1])
            return known[0] if len(known) == 1 else f"{named.honorific} {words}"
        for size in (4, 3, 2):
            if len(named.names) >= size:
                known = self.people.find(" ".join(named.names[:size]))
                if len(known) == 1:
                    return known[0]
        names = named.names
        if len(names) > 2 and gender_of_name(" ".join(names)) is None and gender_of_name(" ".join(names[1:])):
            names = names[1:]  # "Rival Ada Finch"
        if not 2 <= len(names) <= 4 or any(w in ROLE_WORDS or w in NOT_NAMES or w == "of" for w in names):
            return None
        if names[0] in {"North", "South", "East", "West", "New", "Great", "United", "Saudi", "Hong", "Los", "San"}:
            return None
        if any(not w[:1].isupper() and w not in {"de", "da", "van", "von", "der", "ap"} for w in names):
            return None
        if ORGANISATION.search(" ".join(names)) or any(w.isupper() and len(w) > 1 for w in names):
            return None
        return " ".join(names)

    def _told_peer(self, name: str) -> bool:
        """Whether the article calls a person a peer, or knows no other life of theirs than one in the Lords."""
        roles = {word for role in self.persons[name].roles for word in role}
        return bool(roles & {"peer", "lord", "lady", "baroness"}) or not self.people.find(name, surnames=False)

    def short_name(self, named: Named, *, known_only: bool = False) -> str | None:
        """Whom a surname, or "Sir Imran", means within this article; None where nobody or several."""
        candidates = self.candidates(named)
        if len(candidates) == 1:
            return candidates[0]
        return None

    def candidates(self, named: Named) -> list[str]:
        """Persons of the article whom one name, with its honorific, may mean."""
        if not named.names:
            return []
        word = _folded(named.names[-1])
        found = set(self.by_surname.get(word, ()))
        if len(named.names) == 1 and (named.honorific in {"Sir", "Dame"} or not found):
            # Politicians go by a first name alone after Sir or Dame only; "David, 27, from Eritrea" is another David.
            first = self.by_first.get(word, set())
            found |= {name for name in first if named.honorific or not self.people.find(name, surnames=False)}
        gender = gender_of_title(named.honorific)
        if gender:
            found = {name for name in found if (self.persons[name].gender or gender) == gender}
            marked = {name for name in found if self.persons[name].gender == gender}
            found = marked or found
        return sorted(found)

    def is_organisation(self, phrase: str) -> bool:
        bare = re.sub(r"^[Tt]he\s+", "", phrase.strip())
        if party_named(bare) and bare[:1].isupper() and phrase.strip() != "Green":  # which is a surname, too
            return True
        if bare in self.short or phrase.strip() in self.short or re.fullmatch(r"[A-Z]{2,6}", bare):
            return True
        if " " not in bare and re.search(r"\w\d|[a-z]{2}[A-Z]", bare) and not re.match(r"Ma?c[A-Z]|Fitz", bare):
            return True  # Care4Calais, JustGiving
        return bool(ORGANISATION.search(bare)) and not self._is_role(bare)

    def _is_role(self, phrase: str) -> bool:
        """Whether the phrase's head is a role: "Director General of X", but not "General Assembly"."""
        head = re.split(r"\s(?:of|for|at|in)\s", phrase)[0].split()
        words = role_words(head[-1]) if head else frozenset()
        return bool(words & ROLE_NOUNS) and not re.search(r"Office|Department|Agency|Council\b|Union|Party$", phrase)

    def organisation(self, phrase: str) -> str:
        """The canonical name of an organisation: without article and clause, short forms written out, parties as the
        roster has them."""
        head = re.split(r"\s*[,(]|\s(?:which|that|who|in a|in its|on)\s", phrase.strip())[0]
        bare = re.sub(r"^(?:[Tt]he|[Aa]n?|[Oo]ne)\s+", "", head).strip(" .,;:")
        bare = re.sub(r"(?:[’']s|(?<=s)[’'])$", "", bare)
        bare = re.sub(r"^(?:[a-z][\w-]*\s+)+(?=[A-Z])", "", bare)  # "the charity Refugee Action"
        bare = re.sub(r"(?<=\w)\s+(?:union|charity|thinktank|think tank|group|newspaper|news agency|party)$", "", bare)
        if bare[:1].isupper() and party_named(bare):
            return str(party_named(bare))
        return self.short.get(bare) or self.short.get(f"the {bare}") or bare[:1].upper() + bare[1:]

    def by_role(self, words: frozenset[str], at: int) -> list[str]:
        """Persons of the article whom a role fits, the one mentioned last before ``at`` first."""
        fitting: list[tuple[bool, int, str]] = []
        if words & BODIES and words - BODIES and not any(words <= r for p in self.persons.values() for r in p.roles):
            words -= BODIES  # "the charity's chief executive": which charity, the reader knows
        for person in self.persons.values():
            for role in person.roles:
                if words <= role and (role - words) & SETTING == set():
                    before = bisect.bisect_left(person.places, at)
                    fitting.append((role == words, person.places[before - 1] if before else -1, person.name))
        fitting.sort(key=lambda item: (item[1] >= 0, item[1], item[0]), reverse=True)
        return list(dict.fromkeys(name for _, _, name in fitting))

    # --- what was mentioned last ----------------------------------------------------------------

    def sentence_of(self, at: int) -> int:
        return bisect.bisect_right(self.sentences, at) - 1

    def before(self, at: int, reach: int = 8) -> list[list[str]]:
        """Persons mentioned before ``at``, by sentence, the nearest first; within one, in the order of the text."""
        here = self.sentence_of(at)
        groups: list[list[str]] = []
        last = bisect.bisect_left(self._mentions, (at, ""))
        while last > 0:
            number = self.sentence_of(self._mentions[last - 1][0])
            if here - number > reach and groups:
                break
            first = bisect.bisect_left(self._mentions, (self.sentences[number], ""))
            groups.append(list(dict.fromkeys(name for _, name in self._mentions[first:last])))
            last = first
            if len(groups) >= reach:
                break
        return groups

    def organisation_before(self, at: int, word: str = "") -> str | None:
        """The organisation named last before ``at``: with that word in its name, or a party for the word "party"."""
        last = bisect.bisect_left(self._organisations, (at, ""))
        for _, name in reversed(self._organisations[max(0, last - 30) : last]):
            if word in name.casefold() or (word == "party" and party_named(name)):
                return name
        return None
