"""The roster: a name -> a person; a person and a date -> a party.

The bundled roster (``stance/data/roster``) lists the members of the House of Commons from December 2019 to June
2026. A roster of your own is a CSV file with the columns ``person, party, from, until`` and, if you like,
``aliases`` (split by ``|``), ``title`` and ``source``.
"""

import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from stance.errors import ReadError, TableError
from stance.quotes import left_out

REQUIRED = ("person", "party", "from", "until")
TITLES = (
    "Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Sir", "Dame", "Lord", "Lady", "Baroness", "Baron", "Viscount", "Earl",
    "Professor", "Prof", "Rev", "Reverend", "Rt Hon", "Right Hon", "Right Honourable",
)  # fmt: skip
_TITLE = re.compile(r"^(?:(?:the|" + "|".join(TITLES) + r")\.?\s+)+", re.IGNORECASE)
_SUFFIX = re.compile(r"[\s,]+(?:MP|MSP|MS|MLA|KC|QC|CBE|OBE|MBE)\b\.?", re.IGNORECASE)
# How the press names the parties as speakers ("Labour said", "a Tory spokesman").
_PARTY_NAMES = {
    "labour": "Labour", "labour party": "Labour", "conservative": "Conservative", "conservatives": "Conservative",
    "conservative party": "Conservative", "tory": "Conservative", "tories": "Conservative",
    "tory party": "Conservative", "liberal democrats": "Liberal Democrat", "lib dems": "Liberal Democrat",
    "lib dem": "Liberal Democrat", "liberal democrat": "Liberal Democrat", "reform uk": "Reform UK",
    "greens": "Green Party", "green party": "Green Party", "snp": "SNP", "plaid cymru": "Plaid Cymru",
}  # fmt: skip
_FEMALE = {"mrs", "ms", "miss", "dame", "lady", "baroness"}
_MALE = {"mr", "sir", "lord", "baron", "viscount", "earl"}


def bare_name(name: str) -> str:
    """A name without titles, letters after it, and a possessive.

    >>> bare_name("Rt Hon Sir Keir Starmer MP")
    'Keir Starmer'
    """
    name = re.sub(r"['’]s?$", "", " ".join(str(name).split()).strip(" ,.;:"))
    return _SUFFIX.sub("", _TITLE.sub("", name)).strip(" ,")


def gender_of_title(title: str) -> str | None:
    """ "f", "m" or None: what a title such as "Dame" tells."""
    words = {word.strip(".").lower() for word in str(title).split()}
    return "f" if words & _FEMALE else "m" if words & _MALE else None


@dataclass(frozen=True)
class Roster:
    """Persons and their parties by date.

    Attributes:
        periods: one row a person and period: person, aliases, title, party, from, until (datetime64; an open
            period has NaT), source. A period holds its first day and not its last.
    """

    periods: pd.DataFrame

    @classmethod
    def from_csv(cls, path: str | Path) -> "Roster":
        """Reads a roster file.

        Raises:
            ReadError: no such file, or not a UTF-8 CSV.
            TableError: a column is missing, or a date is not ISO.
        """
        path = Path(path)
        if not path.is_file():
            raise ReadError(f"{path}: no such roster file")
        try:
            table = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise ReadError(f"{path}: cannot be read as a UTF-8 CSV roster: {error}") from error
        missing = [column for column in REQUIRED if column not in table]
        if missing:
            raise TableError(f"{path}: the roster lacks the column {missing[0]!r}; it needs {', '.join(REQUIRED)}")
        for column in ("aliases", "title", "source"):
            if column not in table:
                table[column] = ""
        for column in ("from", "until"):
            try:
                table[column] = pd.to_datetime(table[column].replace("", None), format="%Y-%m-%d")
            except ValueError as error:
                raise TableError(f"{path}: column {column!r}: {error}; write dates as YYYY-MM-DD") from error
        return cls(table)

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, set[str]] = {}
        for person, aliases in zip(self.periods["person"], self.periods["aliases"], strict=True):
            for name in (person, *filter(None, aliases.split("|"))):
                names.setdefault(bare_name(name).casefold(), set()).add(person)
        return {name: tuple(sorted(people)) for name, people in names.items()}

    @cached_property
    def _by_surname(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, set[str]] = {}
        for name, people in self._by_name.items():
            names.setdefault(name.split()[-1], set()).update(people)
        return {name: tuple(sorted(people)) for name, people in names.items()}

    @cached_property
    def full_names(self) -> tuple[str, ...]:
        """Every full name and alias, as written."""
        names = set(self.periods["person"])
        for aliases in self.periods["aliases"]:
            names |= set(filter(None, aliases.split("|")))
        return tuple(sorted(names))

    def find(self, name: str, on: Any = None) -> list[str]:
        """The persons that a name may mean: by full name or alias, else by surname.

        Args:
            name: with or without title, as "Yvette Cooper", "Sir Keir Starmer" or "Jenrick".
            on: a date; then only persons who sat on it.

        >>> roster().find("Cooper", on="2022-01-01")
        ['Daisy Cooper', 'Rosie Cooper', 'Yvette Cooper']
        """
        key = bare_name(name).casefold()
        found = self._by_name.get(key, ()) or (self._by_surname.get(key, ()) if key and " " not in key else ())
        if on is None or pd.isna(on):
            return list(found)
        return [person for person in found if self.party_of(person, on) is not None]

    def party_of(self, person: str, on: Any = None) -> str | None:
        """The party of a person on a date; None where the roster does not say.

        Without a date, the party only if it never changed. A name that means several persons has none.

        >>> roster().party_of("Robert Jenrick", "2024-09-06")
        'Conservative'
        """
        people = self.find(person)
        if len(people) != 1:
            return None
        rows = self.periods[self.periods["person"] == people[0]]
        if on is None or pd.isna(on):
            parties = rows["party"].unique()
            return str(parties[0]) if len(parties) == 1 else None
        date = pd.Timestamp(on).tz_localize(None).normalize()
        rows = rows[(rows["from"].isna() | (rows["from"] <= date)) & (rows["until"].isna() | (date < rows["until"]))]
        return str(rows["party"].iloc[0]) if len(rows) else None

    def gender_of(self, person: str) -> str | None:
        """ "f" or "m" where the person's title tells, else None."""
        titles = self.periods.loc[self.periods["person"] == person, "title"]
        return gender_of_title(" ".join(titles))


@lru_cache(maxsize=1)
def roster() -> Roster:
    """The bundled roster: members of the House of Commons, December 2019 to June 2026."""
    with importlib.resources.as_file(importlib.resources.files("stance") / "data/roster/roster.csv") as path:
        return Roster.from_csv(path)


def party_of(person: str, date: Any = None, *, people: Roster | None = None) -> str | None:
    """The party of a person on a date, by the bundled roster or another one.

    >>> party_of("Yvette Cooper", "2024-09-06")
    'Labour'

    Returns:
        The party, or None: unknown person, no seat on that date, an ambiguous name, or no date given for a
        person who changed party.
    """
    return (people or roster()).party_of(person, date)


def add_parties(quotes: pd.DataFrame, people: Roster | None = None) -> pd.DataFrame:
    """Fills empty ``party`` cells from the roster, by speaker and date; notes in the ledger why some stay open.

    A speaker given by surname or alias becomes the canonical name where just one person fits. Parties that the
    table already has are kept. The input is not changed.
    """
    people = people or roster()
    out = quotes.copy()
    out.attrs = dict(quotes.attrs)
    speakers: list[Any] = out["speaker"].astype(object).where(out["speaker"].notna(), None).tolist()
    parties: list[Any] = out["party"].astype(object).where(out["party"].notna(), None).tolist()
    kinds = out["speaker_type"].tolist()
    notes = []
    for i, (speaker, date) in enumerate(zip(speakers, out["date"], strict=True)):
        if parties[i] is not None:
            continue
        if speaker is None:
            continue  # whoever left it open has said why
        if kinds[i] == "organisation":
            parties[i] = _PARTY_NAMES.get(speaker.casefold())
            continue
        found = people.find(speaker, on=date)
        if len(found) == 1:
            speakers[i], parties[i] = found[0], people.party_of(found[0], date)
        if parties[i] is None:
            notes.append(left_out("party", _why_open(people, speaker, date, found), source=out["source"].iloc[i],
                                  where=out["quote_id"].iloc[i], text=out["text"].iloc[i]))  # fmt: skip
    out["speaker"] = pd.Series(speakers, index=out.index).astype("str")
    out["party"] = pd.Series(parties, index=out.index).astype("str")
    out.attrs["left_out"] = [*out.attrs.get("left_out", []), *notes]
    return out


def _why_open(people: Roster, speaker: str, date: Any, found: Sequence[str]) -> str:
    if len(found) > 1:
        return f"party open: {speaker!r} may be {' or '.join(found)}"
    if not people.find(speaker):
        return f"party open: {speaker!r} is not in the roster"
    if pd.isna(date):
        return f"party open: {speaker} changed party and the quote has no date"
    return f"party open: the roster has no party for {speaker} on {pd.Timestamp(date).date()}"
