"""From the words that name a source to a speaker: names, surnames, pronouns, roles, seats, organisations.

The words are read in the order of the text, and each one understood becomes a mention for those after it, so that
"she" may follow "the home secretary", and "he" may follow "her shadow".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from stance.articles import Article
from stance.attribution.marks import Mark, Speaker
from stance.attribution.mentions import NAME as NAME
from stance.attribution.mentions import Cast, Named, is_seat
from stance.attribution.vocabulary import NOT_NAMES, PLACES, ROLE_NOUNS, ROLE_WORDS, SETTING, role_words
from stance.people import PARTY_WORDS, Roster, bare_name, gender_of_name, gender_of_title, party_named
from stance.people import TITLES as HONORIFICS

ROLE_HEAD = (
    r"(?:secretary|minister|leader|chancellor|mayor|president|chair|chairman|chairwoman|director|chief|commissioner|"
    r"spokesman|spokeswoman|spokesperson|MP|peer|campaigner|inspector|constable|adviser|official|source|officer)"
)
ROLE = (
    rf"(?:[Tt]he|[Aa]n?|[Hh]er|[Hh]is|[Oo]ne)\s+(?:[\w’'-]+\s+){{0,4}}?{ROLE_HEAD}(?:\s+(?:for|of)\s+[\w\s]{{2,30}}?)?"
)
_SPOKES = re.compile(r"\b(spokes(?:man|woman|person|people)|press (?:office|secretary|officer))\b", re.IGNORECASE)
_HIDDEN = re.compile(
    r"\b(sources?|insiders?|aides?|allies|ally|officials?|friends?|colleagues?|advisers|ministers|critics|supporters|"
    r"opponents|campaigners|charities|experts|residents|locals|protesters|activists|backbenchers|MPs|peers|councillors|"
    r"reports?|people|others|some|many|several|most|neighbours?|witnesses|lawyers|unions|analysts|commentators)$",
    re.IGNORECASE,
)
# "the agency", "the party": what was named before, by a word that its name holds (or any, where there is none).
_TAKEN_UP = {
    "it": "", "the agency": "agency", "the department": "office", "the party": "party", "the union": "union",
    "the charity": "", "the council": "council", "the watchdog": "", "the company": "", "the firm": "", "the group": "",
    "the organisation": "", "the force": "police", "the ministry": "ministry", "the commission": "commission",
    "the committee": "committee", "the association": "association", "the trust": "trust", "the court": "court",
    "the thinktank": "", "the think tank": "", "the body": "", "the regulator": "", "the campaign": "",
    "the statement": "", "a statement": "", "the report": "",
}  # fmt: skip
_GENERIC = {
    "man": "m", "woman": "f", "father": "m", "mother": "f", "grandfather": "m", "grandmother": "f", "widow": "f",
    "widower": "m", "businessman": "m", "businesswoman": "f", "pensioner": "", "teenager": "", "veteran": "",
}  # fmt: skip
_NEXT_TO = {
    "shadow": "shadow", "opposite number": "shadow", "counterpart": "shadow", "predecessor": "predecessor",
    "successor": "successor", "deputy": "deputy",
}  # fmt: skip
# "a statement from the Home Office": who issued it, speaks.
_ISSUED = re.compile(
    r"(?:an?|the|its|their|his|her|new)?\s*(?:[\w-]+\s+)?(?:statements?|letters?|reports?|posts?|tweets?|emails?|figures|data|"
    r"research|stud(?:y|ies)|surveys?|polls?|analysis|press release|briefing|documents?|memo|article|evidence|remarks)"
    r"\s+(?:from|by|issued by|published by|released by|written by|of)\s+", re.IGNORECASE,
)  # fmt: skip
_LEADS_TO = re.compile(
    r"\b(?:for|of|to|at|from|with|by|about|against|on|than|behind|near|around|met|knew|saw|told|behalf of|"
    r"representing|advising|supporting|including|following|backing)\s+(?:the\s+)?$"
)
# "a Finch ally", "former Finch adviser Bo Reed": the name says whose.
_MODIFIED = re.compile(
    r"(?:-era)?\s+(?:ally|aide|advis[eo]r|supporter|backer|loyalist|critic|confidant\w*|lieutenant|insider|source|"
    r"spokes\w+|voter|fan|donor|opponent|rival|appointee|minister)\b"
)
# What stands between two who speak together; the name before may have its apposition.
_BESIDE = re.compile(r"\s*(?:,(?![^,]*\bwho\b)[^,]{1,60},)?\s*(?:,|,?\s*and|&)\s+(?:(?!who)[a-z][\w’' -]{0,40}\s)?")
_INDEFINITE = re.compile(
    r"(?:an?|one|two|three|four|five|some|many|several|another|most|other|every|each|few|no)\s", re.I
)
_OPEN = Speaker()
_ROLE_MENTION = re.compile(
    r"\b(?:[Tt]he|[Hh]er|[Hh]is)\s(?:[\w’'-]+\s){0,4}?(?:(?:secretary|minister|leader|chancellor|mayor|predecessor|"
    r"shadow\b(?!(?:\s[\w-]+){0,3}\s(?:secretary|minister|chancellor|leader))|"
    r"counterpart|opposite number|president|spokesman|spokeswoman|chair|director general|chief executive|judge|MP)\b)"
    r"(?:\sfor\s[A-Z][\w-]+(?:\s(?:and\s)?[A-Z][\w-]+)*)?"
)


def resolve(article: Article, quotes: Sequence[Mark], people: Roster) -> list[Speaker]:
    """The speaker of each quote, in their order.

    A person is named as the roster, else the article, names them in full; an organisation by its long name; a party
    as the roster writes it. Where the words may mean several people the name stays open, and the reason names them.
    """
    quoted = [span for quote in quotes if quote.kind == "direct" for span in quote.content]
    sources = sorted({quote.source[0] for quote in quotes if quote.source})
    cast = Cast(article.text, quoted, sources, people, article.date)
    reader = _Reader(cast)
    known = {}
    spoken = set(sources)
    roles = [m.span() for m in _ROLE_MENTION.finditer(cast.plain)] if _needs_roles(article.text, sources) else []
    for span in sorted({*sources, *roles}):
        words = article.text[span[0] : span[1]]
        if span in spoken:
            known[span] = reader.read(words, span[0])
        else:
            reader.pass_by(words, span[0])
    return [
        known[quote.source[0]] if quote.source else Speaker(reason=f"speaker open: {quote.reason}") for quote in quotes
    ]


@dataclass
class _Reader:
    """Understands one source after the other, in the order of the text."""

    cast: Cast
    last: Speaker = _OPEN  # who spoke last
    last_at: int = -1  # and where that is said

    def read(self, words: str, at: int) -> Speaker:
        who = " ".join(words.split()).strip(' ,.;:–—-“”"‘')
        at += max(0, words.find(who[:1])) if who else 0
        found = self._read(who, at) if who else Speaker(reason="speaker open: no words for the source")
        if found.type == "person" and found.name:
            self.cast.noted(at, found.name)
        if found.type == "organisation" and found.name:
            self.cast.noted_organisation(at, found.name)
        if found.name or found.type == "unnamed":
            self.last, self.last_at = found, at
        return found

    def pass_by(self, words: str, at: int) -> None:
        """A role in the running text, which nobody marked as a source: "her shadow was unimpressed"."""
        found = self._read(words, at)
        if found.type == "person" and found.name and found.confidence >= 0.75:
            self.cast.noted(at, found.name)

    def _read(self, who: str, at: int) -> Speaker:
        low = who.casefold()
        if low in {"he", "she", "him", "her", "himself", "herself"}:
            return self._pronoun("m" if low in {"he", "him", "himself"} else "f", who, at)
        if low in {"who", "which"}:
            return self._relative(at)
        if low in {"they", "them"}:
            plural = self.last.type in {"organisation", "unnamed"}
            return self.last if plural else Speaker(reason="speaker open: the pronoun 'they'")
        if low in {"i", "we", "you", "us", "me"}:
            return Speaker(reason=f"speaker open: the pronoun {who!r}")
        if low in _TAKEN_UP:
            kind = _TAKEN_UP[low]
            name = self.cast.organisation_before(at, kind)
            name = name or (self.cast.organisation_before(at) if kind != "party" else None)
            if name:
                return Speaker(name, "organisation", 0.75)
            return Speaker(None, "unnamed", 0.0, f"speaker open: {who!r} takes up no organisation named before")
        if low in {"police", "the police"}:
            return Speaker(self.cast.organisation_before(at, "police") or "Police", "organisation", 0.7)
        issued = _ISSUED.match(who)
        if issued:
            return self._read(who[issued.end() :], at + issued.end())
        body = re.fullmatch(r"[Tt]he ([\w’' -]*?)\s?(campaign|team|camp|administration|government)", who)
        if body and body.group(1) not in {"", "UK", "British", "Labour", "Conservative", "Tory"}:
            return Speaker(f"{body.group(1)} {body.group(2)}".strip(), "organisation", 0.85)
        if body and body.group(2) == "government":
            return Speaker("Government", "organisation", 0.85)
        beside = re.match(r"(his|her|their|its)\s+(?:[\w-]+\s+){0,2}?(" + "|".join(_NEXT_TO) + r")$", low)
        if beside:
            return self._beside(beside.group(1), _NEXT_TO[beside.group(2)], who, at)
        if self._two_speak(who):
            return Speaker(None, "person", 0.0, f"speaker open: two speak, {who}")
        named = self._named(who)
        if named:
            return named
        if _SPOKES.search(who):
            return self._spokes(who, at)
        if _HIDDEN.search(re.split(r"[,(]|\s(?:at|in|from|close|of|for|on|who|within|inside)\s", who)[0].strip()):
            return _unnamed(who)
        role = self._role(who, at)
        if role:
            return role
        return self._short(who, at)

    # --- names ----------------------------------------------------------------------------------

    def _two_speak(self, who: str) -> bool:
        """Whether two persons are named side by side: "Finch and Reed", "Ada Finch, the mayor, and Bo Reed"."""
        people: list[tuple[int, int, str]] = []
        for match in re.finditer(NAME, who):
            named = Named.of(match.group())
            name = self.cast.full_name(named)
            known = [name] if name else self.cast.candidates(named) if len(named.names) == 1 else []
            if known and not _only_told(who[: match.start()], who[match.end() :]):
                people.append((match.start(), match.end(), known[0]))
        between = [(who[a[1] : b[0]], a[2], b[2]) for a, b in pairwise(people)]
        return any(one != other and _BESIDE.fullmatch(words) for words, one, other in between)

    def _named(self, who: str) -> Speaker | None:
        """A person named in full among the words, and not after "for" or before "'s"."""
        text = who.title() if who.isupper() and " " in who else who
        text = re.split(r",?\s(?:who|whose|which)\s", text)[0]  # "the minister who replaced Finch" is not Finch
        for match in re.finditer(NAME, text):
            named = Named.of(match.group())
            name = self.cast.full_name(named)
            ahead, behind = text[: match.start()], text[match.end() :]
            if name is None or is_seat(ahead, match.group() + behind[:4]) or _only_told(ahead, behind):
                continue
            if ahead and re.match(r"\s+(?:spokes|source|aide)", behind):
                continue
            if self.cast.is_organisation(match.group()) and not named.honorific and name not in self.cast.persons:
                continue
            return Speaker(name, "person", 0.98 if name in self.cast.persons else 0.9)
        return None

    def _short(self, who: str, at: int) -> Speaker:
        """A surname, a first name after "Sir", an organisation; else nobody."""
        if re.fullmatch(r"[A-ZÀ-Þ’'-]{4,}", who):
            who = who.title() if not self.cast.is_organisation(who) else who
        head = re.split(r"\s*[,(]|\s(?:who|which)\s", who)[0]
        phrases = [m for m in re.finditer(NAME, head)]
        for match in phrases:
            named = Named.of(match.group())
            if not named.names or len(named.names) > 1:
                continue
            if _only_told(head[: match.start()], head[match.end() :]):
                continue
            found = self.cast.candidates(named)
            if len(found) == 1:
                return Speaker(found[0], "person", 0.95)
            if found:
                return self._several(who, found, at)
        if self.cast.is_organisation(head) or (phrases and _is_body(head)):
            return Speaker(self.cast.organisation(head), "organisation", 0.9)
        if _INDEFINITE.match(who) or not phrases:
            if who.casefold().startswith("the government") or who.casefold() in {"government", "ministers"}:
                return Speaker("Government", "organisation", 0.85)
            return _unnamed(who)
        named = Named.of(phrases[-1].group())
        if head in PLACES:
            return Speaker(head, "organisation", 0.7)
        if named.names and head == phrases[-1].group():
            return self._stranger(named, who)
        if head[phrases[-1].end() :].strip():
            return _unnamed(who)
        return _unnamed(who) if who[:1].islower() or who.startswith(("The ", "A ", "An ")) else Speaker(
            reason=f"speaker open: {who!r} could not be told")  # fmt: skip

    def _several(self, who: str, found: Sequence[str], at: int) -> Speaker:
        """A surname that several people of the article bear: whoever was named since the last sentence, else nobody."""
        for group in self.cast.before(at, 2):
            near = [name for name in group if name in found]
            if len(near) == 1:
                return Speaker(near[0], "person", 0.6)
        return Speaker(None, "person", 0.0, f"speaker open: {who!r} may be {' or '.join(found[:6])}")

    def _stranger(self, named: Named, who: str) -> Speaker:
        """A name that the article never gives in full: the roster's, where one person bore it on the day."""
        surname = named.names[-1]
        # "Ahmed, 24, from Sudan" is no member, and a first name is no surname.
        bare = len(named.names) == 1 and "," not in who and gender_of_name(f"{surname} X") is None
        found = self.cast.people.find(surname, on=self.cast.date) if bare or named.honorific else []
        gender = gender_of_title(named.honorific)
        # Whose surname the article joins to another first name, it does not mean a member of that surname.
        first = {m[1] for m in re.finditer(rf"([A-Z][\w.’'-]*)[ \t]+{re.escape(surname)}\b", self.cast.plain)}
        first -= set(HONORIFICS) | ROLE_WORDS | (NOT_NAMES - {"April", "June", "August"})
        found = [name for name in found if not first or name.split()[0] in first]
        found = [name for name in found if not gender or (self.cast.people.gender_of(name) or gender) == gender]
        if len(found) > 1:
            return Speaker(None, "person", 0.0, f"speaker open: {who!r} may be {' or '.join(found[:6])}")
        if found:
            return Speaker(found[0], "person", 0.5)
        name = " ".join(named.names)
        return Speaker(f"{named.rank[-1]} {name}" if named.rank else name, "person", 0.6)

    # --- pronouns -------------------------------------------------------------------------------

    def _pronoun(self, gender: str, who: str, at: int) -> Speaker:
        """The person mentioned last whom the pronoun fits; one whose gender is known before one whose is not, unless
        that one spoke last. An empty gender fits everybody."""
        weak: str | None = None
        last = self.cast.last_before(at)
        for distance, group in enumerate(self.cast.before(at)):
            fitting = [name for name in group if not gender or self.cast.persons[name].gender == gender]
            if fitting:
                if weak and (distance > 3 or weak == self.last.name):
                    break
                if weak:  # somebody nearer, whose first name tells nothing
                    may_be = " or ".join([weak, *fitting])
                    return Speaker(None, "person", 0.0, f"speaker open: {who!r} may be {may_be}")
                # Who spoke last goes before others only within the sentence that says so, not as the next one's object.
                here = distance == 0 and last is not None and self.last_at >= self.cast.start_of(last[0])
                spoke = [name for name in fitting if name == self.last.name and (distance or here)]
                return Speaker((spoke or fitting)[0], "person", 0.85 if len(fitting) == 1 else 0.7)
            weak = weak or next((name for name in group if self.cast.persons[name].gender is None), None)
        if weak:
            return Speaker(weak, "person", 0.6)
        return Speaker(None, "person", 0.0, f"speaker open: nobody before fits {who!r}")

    def _relative(self, at: int) -> Speaker:
        """ "Ada Finch, who said …": whoever is named right before, with no more than an apposition between."""
        start = self.cast.sentences[self.cast.sentence_of(at)]
        ahead = self.cast.text[start:at].rstrip(" ,")
        last = self.cast.last_before(at)
        if last and last[0] >= start:
            surname = bare_name(last[1]).split()[-1]
            beside = rf"{re.escape(surname)}\s*(?:\([^)]*\)\s*)?(?:,[^,]{{1,80}},\s*|,?\s*)$"
            if re.search(beside, self.cast.text[last[0] : at]):
                return Speaker(last[1], "person", 0.7)
        return _unnamed(ahead[-60:] or "who")

    # --- roles ----------------------------------------------------------------------------------

    def _beside(self, whose: str, kind: str, who: str, at: int) -> Speaker:
        """ "Her shadow", "his predecessor": by the offices of whoever the pronoun means."""
        gender = {"his": "m", "her": "f"}.get(whose)
        groups = self.cast.before(at)
        roster, day = self.cast.people, self.cast.date
        for group in groups:
            for name in group:
                if gender and (self.cast.persons[name].gender or gender) != gender:
                    continue
                for office in roster.offices_of(name, day) if day else []:
                    if kind in {"shadow", "deputy"}:
                        found = roster.holders(f"{kind} {office}", day)
                    else:
                        neighbour = roster.before_and_after(name, office, day)[kind == "successor"]
                        found = [neighbour] if neighbour else []
                    if len(found) == 1:
                        return Speaker(found[0], "person", 0.85)
        fitting = [p.name for p in self.cast.persons.values() if kind in {w for role in p.roles for w in role}]
        if len(fitting) == 1:
            return Speaker(fitting[0], "person", 0.75)
        return Speaker(None, "unnamed", 0.0, f"speaker open: {who!r} is not named in the article")

    def _role(self, who: str, at: int) -> Speaker | None:
        """An office, a seat, or a role that the article gives somebody."""
        definite = re.match(r"[Tt]he\s", who) is not None
        head = re.split(r"\s*[,(]|\swho\s", who)[0]
        bare = re.sub(r"^[Tt]he\s+", "", head)
        seat = re.fullmatch(r"(?:(?:MP|member(?: of parliament)?) for (?P<a>[\w’' -]+)|(?P<b>[\w’', -]+?) MP)", bare)
        if seat:
            found = self.cast.people.members_for(seat["a"] or seat["b"], self.cast.date)
            if len(found) == 1:
                return Speaker(found[0], "person", 0.92)
        words = role_words(bare)
        kinds = role_words(bare.split(" of ")[0].split(" for ")[0])
        if not (definite or bare[:1].isupper() or bare == head) or not words:
            return None
        if not kinds & ROLE_NOUNS:
            generic = [_GENERIC[word] for word in sorted(words & set(_GENERIC))]
            aged = [""] if re.search(r"\d-year-old\b", bare) else []
            meant = self._pronoun((generic + aged)[0], who, at) if definite and generic + aged else None
            if meant and meant.name and self.cast.people.find(meant.name, surnames=False):
                # "The mother" beside a politician is not the politician, who has a title or a name.
                return Speaker(None, "unnamed", 0.0, f"speaker open: {who!r} is not named in the article")
            return meant
        if _INDEFINITE.match(who):
            return _unnamed(who)
        office = self._office(bare, at)
        if office and office.name:
            return office
        fitting = self.cast.by_role(words, at)
        if fitting:
            sure = len(fitting) == 1
            return Speaker(fitting[0], "person", 0.85 if sure else 0.65)
        if office:
            return office
        if words & SETTING or definite:
            return Speaker(None, "unnamed", 0.0, f"speaker open: {who!r} is not named in the article")
        return None

    def _office(self, bare: str, at: int) -> Speaker | None:
        """Who held the office on the article's day, by the roster."""
        plain = re.sub(r"^(?:former|ex-?)\s*", "", bare)
        held = self.cast.people.holders(bare, self.cast.date) if self.cast.date is not None else []
        if not held and (party := _party_of_leader(bare)):
            held = self.cast.people.holders(f"{party} leader", self.cast.date) if self.cast.date is not None else []
        if len(held) == 1:
            named = held[0] in self.cast.persons
            if not named and self.cast.by_role(role_words(bare), at):
                return None  # "the prime minister" of the country that the article is about
            others = [] if named else self._held_before(bare, held[0])
            if others:  # a story of earlier days, or of the day on which the office changed hands
                may_be = " or ".join([held[0], *others])
                return Speaker(None, "person", 0.0, f"speaker open: {bare!r} may be {may_be}")
            return Speaker(held[0], "person", 0.92 if named else 0.85)
        here = [name for name in held if name in self.cast.persons]
        if len(here) == 1:
            return Speaker(here[0], "person", 0.8)
        if held:
            return Speaker(None, "person", 0.0, f"speaker open: {bare!r} may be {' or '.join(held)}")
        if self.cast.people.holders(plain) and plain == bare and not self.cast.by_role(role_words(bare), at):
            day = self.cast.date or "no date given"
            return Speaker(None, "person", 0.0, f"speaker open: who was {bare!r} on that day is not known ({day})")
        return None

    def _held_before(self, office: str, now: str) -> list[str]:
        """Whom the article names of those who held an office before: the one of yesterday, and those who hold none."""
        roster, day = self.cast.people, pd.Timestamp(self.cast.date)
        yesterday = roster.holders(office, day - pd.Timedelta(days=1))
        return [name for name in roster.holders(office) if name in self.cast.named and name != now
                and (name in yesterday or not roster.offices_of(name, day))]  # fmt: skip

    def _spokes(self, who: str, at: int) -> Speaker:
        """ "A Home Office spokesman", "a spokeswoman for Refugee Action": the body spoken for."""
        inner = re.search(r"\bspokes\w+ (?:for|of|from|at) (?:the )?(.+)$", who)
        words = inner.group(1) if inner else _SPOKES.split(who)[0]
        words = re.sub(r"^(?:[Tt]he|[Aa]n?|[Oo]ne)(?:\s+|$)", "", words.strip(" ,"))
        if f"the {words}" in _TAKEN_UP:
            return self._read(f"the {words}", at)
        if not inner and who.casefold().startswith("the "):
            fitting = self.cast.by_role(role_words(who), at)
            if fitting:
                return Speaker(fitting[0], "person", 0.8)
        office = self.cast.people.holders(re.sub(r"[’']s?$| official$|[’']s official$", "", words.strip()))
        if "prime minister" in words.casefold() or words.casefold().strip("’'s ") in {"pm"}:
            return Speaker("Downing Street", "organisation", 0.8)
        named = [Named.of(m.group()) for m in re.finditer(NAME, words)]
        person = self._named(words) or any(n.honorific or self.cast.candidates(n) for n in named if len(n.names) == 1)
        if office or person or not re.search(r"[A-Z]", words):
            if words.casefold().startswith("government"):
                return Speaker("Government", "organisation", 0.85)
            if not words.strip() or words.casefold() in {"his", "her", "their", "its", "official"}:
                taken = self.cast.organisation_before(at) if words.casefold() in {"", "its"} else None
                if taken:
                    return Speaker(taken, "organisation", 0.7)
            return _unnamed(who)
        if not inner:  # "a Liberal Democrat home affairs spokesman": the party, without the field
            for party in PARTY_WORDS:
                if re.match(rf"{re.escape(party)}(?![\w’'-])(?! [A-Z])", words, re.IGNORECASE) and party_named(party):
                    return Speaker(party_named(party), "organisation", 0.9)
            words = re.sub(r"\s+(?!council|police|hospital|university)[a-z][\w ]*$", "", words)
        return Speaker(self.cast.organisation(words), "organisation", 0.9)


def _only_told(ahead: str, behind: str) -> bool:
    """Whether a name among the words for a source is not the source: "an ally of Finch", "Finch's solicitor"."""
    return bool(_LEADS_TO.search(ahead) or re.match(r"[’'](?:s\b|\s)", behind) or _MODIFIED.match(behind))


def _needs_roles(text: str, sources: Sequence[tuple[int, int]]) -> bool:
    """Only a pronoun may take up a role of the running text."""
    return any(text[start:end].casefold() in {"he", "she"} for start, end in sources)


def _unnamed(who: str) -> Speaker:
    return Speaker(None, "unnamed", 0.0, f"speaker unnamed in the article: {who!r}")


def _party_of_leader(bare: str) -> str | None:
    match = re.fullmatch(r"(.+?)(?:[’']s)? (?:party )?leader|leader of (?:the )?(.+)", bare)
    return party_named(match.group(1) or match.group(2)) if match else None


def _is_body(head: str) -> bool:
    """ "The Refugee Council", "the Borderers’ Union": capitalised after "the", and no role."""
    match = re.match(r"[Tt]he\s+([A-Z].*)$", head)
    return bool(match) and not role_words(match.group(1) if match else "") & ROLE_NOUNS
