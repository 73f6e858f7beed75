"""Names as the press writes them: titles, letters after a name, first names, parties and their nicknames."""

import importlib.resources
import re
from functools import lru_cache

TITLES = (
    "Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Sir", "Dame", "Lord", "Lady", "Baroness", "Baron", "Viscount", "Earl",
    "Professor", "Prof", "Rev", "Reverend", "Rt Hon", "Right Hon", "Right Honourable",
)  # fmt: skip
_TITLE = re.compile(r"^(?:(?:the|" + "|".join(TITLES) + r")\.?\s+)+", re.IGNORECASE)
_SUFFIX = re.compile(r"[\s,]+(?:MP|MSP|MS|MLA|KC|QC|CBE|OBE|MBE)\b\.?", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])$")
_FEMALE = {"mrs", "ms", "miss", "dame", "lady", "baroness"}
_MALE = {"mr", "sir", "lord", "baron", "viscount", "earl"}
# How the press names the parties as speakers ("Labour said", "a Tory spokesman", "the Lib Dem leader").
_PARTY_NAMES = {
    "Labour": "labour, labour party, scottish labour, welsh labour",
    "Conservative": "conservative, conservatives, conservative party, tory, tories, tory party, scottish conservatives",
    "Liberal Democrat": "liberal democrat, liberal democrats, lib dem, lib dems, liberal democrat party",
    "Reform UK": "reform uk, reform",
    "Green Party": "green party, greens, green, the green party of england and wales",
    "SNP": "snp, scottish national party, scottish nationalists",
    "Plaid Cymru": "plaid cymru, plaid",
    "DUP": "dup, democratic unionist party, democratic unionists",
    "Sinn Féin": "sinn féin, sinn fein",
    "SDLP": "sdlp, social democratic and labour party",
    "Alliance": "alliance party",
    "UUP": "uup, ulster unionist party, ulster unionists",
    "TUV": "tuv, traditional unionist voice",
    "Alba": "alba party",
    "Your Party": "your party",
    "Restore Britain": "restore britain",
}
# The names on official lists, as the roster writes them.
_OFFICIAL = {
    "Labour and Co-operative": "Labour", "Labour (Co-op)": "Labour", "Labour/Co-operative": "Labour",
    "Scottish National Party": "SNP", "Sinn Fein": "Sinn Féin", "Social Democratic and Labour Party": "SDLP",
    "Social Democratic & Labour Party": "SDLP", "Democratic Unionist Party": "DUP",
    "Traditional Unionist Voice": "TUV", "Green": "Green Party", "Ulster Unionist Party": "UUP",
    "Alba Party": "Alba",
}  # fmt: skip
_PARTIES = {name: party for party, names in _PARTY_NAMES.items() for name in names.split(", ")}
PARTY_WORDS = tuple(sorted(_PARTIES, key=len, reverse=True))


def bare_name(name: str) -> str:
    """A name without titles, letters after it, and a possessive.

    >>> bare_name("Rt Hon Sir Keir Starmer MP")
    'Keir Starmer'
    """
    name = _POSSESSIVE.sub("", " ".join(str(name).split()).strip(" ,.;:"))
    return _SUFFIX.sub("", _TITLE.sub("", name)).strip(" ,")


def gender_of_title(title: str) -> str | None:
    """ "f", "m" or None: what a title such as "Dame" tells."""
    words = {word.strip(".").lower() for word in str(title).split()}
    return "f" if words & _FEMALE else "m" if words & _MALE else None


def gender_of_name(name: str) -> str | None:
    """ "f", "m" or None: what the first name tells, by a list of common ones; None for names of both.

    >>> gender_of_name("Yvette Cooper"), gender_of_name("Alex Finch")
    ('f', None)
    """
    bare = bare_name(name).casefold()
    first, _, rest = bare.partition(" ")
    return _first_names().get(bare) or (_first_names().get(first) if rest else None)


def as_roster_party(name: str) -> str:
    """A party's name on an official list, as the roster writes it: "Labour (Co-op)" -> "Labour"."""
    return _OFFICIAL.get(name, name)


def party_named(words: str) -> str | None:
    """The party that a name or nickname means, as the roster writes it.

    >>> party_named("the Tories"), party_named("Lib Dems")
    ('Conservative', 'Liberal Democrat')
    """
    key = " ".join(re.sub(r"^the\s+", "", words.casefold().strip(" ,.’'")).split())
    return _PARTIES.get(key)


@lru_cache(maxsize=1)
def _first_names() -> dict[str, str]:
    text = (importlib.resources.files("stance") / "data/roster/first-names.txt").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        kind, _, names = line.partition(":")
        if kind in {"f", "m"}:
            found.update({name.casefold(): kind for name in names.split()})
        elif kind in {"F", "M"}:  # full names
            found.update({name.strip().casefold(): kind.lower() for name in names.split(";")})
    return found
