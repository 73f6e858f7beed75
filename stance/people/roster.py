"""The roster: a name -> a person; a person and a date -> a party; an office or a seat and a date -> a person.

The bundled roster (``stance/data/roster``) lists the members of the House of Commons from December 2019 to June
2026, and who held the offices that matter to migration policy. A list of your own is a CSV file with the columns
``person, party, from, until`` and, if you like, ``aliases`` (split by ``|``), ``title``, ``constituency``, ``office``
and ``source``; a row with an ``office`` says who held it.
"""

import importlib.resources
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from stance.errors import InputError, ReadError, TableError
from stance.people.names import bare_name, gender_of_name, gender_of_title
from stance.people.periods import overlaid
from stance.quotes import read_csv

REQUIRED = ("person", "party", "from", "until")
OPTIONAL = ("aliases", "title", "constituency", "source", "checked", "office", "until_is", "from_is", "member_id")
NEAR = 75  # of 100, rapidfuzz's WRatio: "Jenrik" for Jenrick is 78; names that share nothing reach some 60
LAST_DAY = pd.Timestamp("2026-06-27")  # of the bundled roster: what came later it does not know


_PEER = re.compile(r"(?:Lord|Lady|Baroness|Baron|Viscountess|Viscount|Earl|Countess)\s", re.IGNORECASE)


def _key(words: str) -> str:
    return " ".join(words.casefold().replace("’", "'").replace("-", " ").split())


def _as_day(on: Any) -> pd.Timestamp | None:
    if on is None or pd.isna(on):
        return None
    try:
        if isinstance(on, str):  # pandas would read 05/07/2024 as 7 May, and 2024-07 as its first day
            return pd.to_datetime(on.strip()[:10], format="%Y-%m-%d")
        return pd.Timestamp(on).tz_localize(None).normalize()
    except (ValueError, TypeError) as error:
        raise InputError(f"{on!r} is not a date; write it as YYYY-MM-DD") from error


def _at(rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return rows[(rows["from"].isna() | (rows["from"] <= day)) & (rows["until"].isna() | (day < rows["until"]))]


@dataclass(frozen=True)
class _Period:
    """A row of a table as plain values: looked up for every name of an article."""

    party: str
    start: Any  # Timestamp or NaT
    end: Any
    title: str
    names: tuple[str, ...]  # of the office, its aliases behind it

    def holds(self, day: pd.Timestamp) -> bool:
        return bool((pd.isna(self.start) or self.start <= day) and (pd.isna(self.end) or day < self.end))


def _each(table: pd.DataFrame) -> Iterator[tuple[str, _Period]]:
    columns = ("person", "party", "from", "until", "title", "office", "aliases")
    for person, party, start, end, title, office, aliases in zip(*(table[c] for c in columns), strict=True):
        names = (office, *filter(None, aliases.split("|"))) if office else ()
        yield str(person), _Period(str(party), start, end, str(title), names)


def _by_person(table: pd.DataFrame) -> dict[str, list[_Period]]:
    found: dict[str, list[_Period]] = {}
    for person, period in _each(table):
        found.setdefault(person, []).append(period)
    return found


def _those(rows: Sequence[tuple[str, _Period]], day: pd.Timestamp | None) -> list[str]:
    return list(dict.fromkeys(person for person, period in rows if day is None or period.holds(day)))


@dataclass(frozen=True)
class Roster:
    """Persons, their parties and their offices by date.

    Attributes:
        periods: one row a person and period: person, aliases, title, party, from, until (datetime64; an open
            period has NaT), constituency, source. A period holds its first day and not its last. An empty party
            means that the person sat, and that the party on these days is not known.
        offices: one row a holder and period: office, aliases, person, party, from, until, source.
    """

    periods: pd.DataFrame
    offices: pd.DataFrame = field(default_factory=lambda: _typed(pd.DataFrame(columns=[*REQUIRED, *OPTIONAL])))

    @classmethod
    def from_csv(cls, *paths: str | Path) -> "Roster":
        """Reads roster files, and nothing else: the bundled roster is not part of it.

        Raises:
            ReadError: no such file, or not a UTF-8 CSV.
            TableError: a column is missing, a date is not ISO, a period ends before it begins, or a name is empty.
        """
        tables = [_read(Path(path)) for path in paths]
        if not tables:
            raise InputError("Roster.from_csv() needs at least one file")
        whole = pd.concat(tables, ignore_index=True)
        office = whole["office"] != ""
        return cls(_typed(whole[~office]), _typed(whole[office]))

    def corrected(self, *paths: str | Path) -> "Roster":
        """This roster with the entries of CSV files laid over it: a new person is added, and of a known one the days
        that the file speaks of are replaced, the others kept. The same for the holders of an office."""
        own = Roster.from_csv(*paths)
        own_periods = _plain(own.periods)
        for row in own_periods:
            known = self._by_name.get(bare_name(row["person"]).casefold(), ())
            if len(known) == 1:
                row["person"] = known[0]
        return Roster(
            _merged(self.periods, own_periods, lambda row: row["person"]),
            _merged(self.offices, _plain(own.offices), lambda row: _key(row["office"])),
        )

    def __repr__(self) -> str:
        return (f"Roster({self.periods['person'].nunique():,} people, {len(self.periods):,} periods, "
                f"{len(self.offices):,} holders of {self.offices['office'].nunique()} offices)")  # fmt: skip

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, set[str]] = {}
        for person, aliases in zip(self.periods["person"], self.periods["aliases"], strict=True):
            for name in (person, *filter(None, aliases.split("|"))):
                names.setdefault(bare_name(name).casefold(), set()).add(person)
        for person in self.offices["person"]:
            key = bare_name(person).casefold()
            if key not in names:
                names[key] = {person}
        return {name: tuple(sorted(people)) for name, people in names.items()}

    @cached_property
    def _by_surname(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, set[str]] = {}
        for name, people in self._by_name.items():
            names.setdefault(name.split()[-1], set()).update(people)
        return {name: tuple(sorted(people)) for name, people in names.items()}

    @cached_property
    def _rows_of(self) -> dict[str, list[_Period]]:
        return _by_person(self.periods)

    @cached_property
    def _offices_of(self) -> dict[str, list[_Period]]:
        return _by_person(self.offices)

    @cached_property
    def _by_office(self) -> dict[str, list[tuple[str, _Period]]]:
        names: dict[str, list[tuple[str, _Period]]] = {}
        for person, period in _each(self.offices):
            for name in {_key(name) for name in period.names}:
                names.setdefault(name, []).append((person, period))
        return names

    @cached_property
    def _by_seat(self) -> dict[str, list[tuple[str, _Period]]]:
        seats: dict[str, list[tuple[str, _Period]]] = {}
        for (person, period), seat in zip(_each(self.periods), self.periods["constituency"], strict=True):
            if seat:
                seats.setdefault(_key(seat), []).append((person, period))
        return seats

    @cached_property
    def full_names(self) -> tuple[str, ...]:
        """Every full name and alias, as written."""
        names = {*self.periods["person"], *self.offices["person"]}
        for aliases in self.periods["aliases"]:
            names |= set(filter(None, aliases.split("|")))
        return tuple(sorted(names))

    def find(self, name: str, on: Any = None, *, surnames: bool = True) -> list[str]:
        """The persons that a name may mean: by full name or alias, else by surname.

        A peer's title before one name ("Lord Quayle") matches only an alias that is written with it.

        Args:
            name: with or without title, as "Yvette Cooper", "Sir Keir Starmer" or "Jenrick".
            on: a date; then only persons who sat, or held an office, on it.
            surnames: False for full names and aliases alone.

        >>> roster().find("Cooper", on="2022-01-01")
        ['Daisy Cooper', 'Rosie Cooper', 'Yvette Cooper']
        """
        key = bare_name(name).casefold()
        alone = key and " " not in key
        if alone and _PEER.match(name.strip()) and " ".join(name.split()) not in self.full_names:
            return []  # "Lord Quayle" is not the member called Quayle
        found = self._by_name.get(key, ()) or (self._by_surname.get(key, ()) if alone and surnames else ())
        day = _as_day(on)
        if day is None:
            return list(found)
        return [person for person in found if self._active(person, day)]

    def _active(self, person: str, day: pd.Timestamp) -> bool:
        periods = [*self._rows_of.get(person, ()), *self._offices_of.get(person, ())]
        return any(period.holds(day) for period in periods)

    def party_of(self, person: str, on: Any = None) -> str | None:
        """The party of a person on a date; None where the roster does not say.

        Without a date, the party only if it never changed. A name that means several persons has none.

        >>> roster().party_of("Robert Jenrick", "2024-09-06")
        'Conservative'
        """
        people = self.find(person)
        if len(people) != 1:
            return None
        seats, offices = self._rows_of.get(people[0], []), self._offices_of.get(people[0], [])
        day = _as_day(on)
        if day is None:
            parties = {period.party for period in (*seats, *offices)}
            return parties.pop() if len(parties) == 1 and "" not in parties else None
        for periods in (seats, offices):  # the seat first, then the office
            there = [period.party for period in periods if period.holds(day)]
            if there:
                return there[0] or None
        return None

    def why_open(self, person: str, on: Any = None) -> str:
        """Why :meth:`party_of` says nothing: for the ledger and the command line."""
        found = self.find(person, on)
        day = _as_day(on)
        if len(found) > 1:
            return f"{person!r} may be {' or '.join(found[:6])}" + (" or others" if len(found) > 6 else "")
        if not self.find(person):
            return f"{person!r} is not in the roster"
        if day is None:
            return f"{person} changed party, or may have, and no date is given"
        if not found:
            return f"the roster has no party for {person} on {day.date()}"
        return f"{person} sat on {day.date()}, but the party on that day is not known for certain"

    def holders(self, office: str, on: Any = None) -> list[str]:
        """Who held an office on a date, by its name or an alias; without a date, everybody who did.

        >>> roster().holders("the shadow home secretary", on="2023-05-01")
        ['Yvette Cooper']
        """
        name = _key(office).removeprefix("the ")
        return _those(self._by_office.get(name, []), _as_day(on))

    def sits(self, person: str, on: Any) -> bool:
        """Whether a person sat in the House of Commons on a date."""
        day = _as_day(on)
        return day is not None and any(period.holds(day) for period in self._rows_of.get(person, ()))

    def before_and_after(self, person: str, office: str, on: Any) -> tuple[str | None, str | None]:
        """Who held an office before, and after, the term of it that a person served on a date."""
        day = _as_day(on)
        terms = sorted(self._by_office.get(_key(office), []), key=lambda term: str(term[1].start))
        now = [i for i, (holder, period) in enumerate(terms) if holder == person and day and period.holds(day)]
        if not now:
            return None, None
        people = [None, *(holder for holder, _ in terms), None]
        return people[now[0]], people[now[0] + 2]

    def offices_of(self, person: str, on: Any = None) -> list[str]:
        """The offices that a person held on a date (or ever), with their aliases, most used name first."""
        day = _as_day(on)
        held = [period for period in self._offices_of.get(person, []) if day is None or period.holds(day)]
        return list(dict.fromkeys(name for period in held for name in period.names))

    def members_for(self, constituency: str, on: Any = None) -> list[str]:
        """Who sat for a constituency on a date; without a date, everybody who did.

        >>> roster().members_for("Newark", on="2024-09-06")
        ['Robert Jenrick']
        """
        return _those(self._by_seat.get(_key(constituency), []), _as_day(on))

    def about(self, name: str, on: Any = None) -> str:
        """What the roster knows of a person, an office or a seat, as lines to read.

        >>> print(roster().about("Jenrick", "2024-09-06"))
        Robert Jenrick on 2024-09-06: Conservative; MP for Newark

        Raises:
            InputError: nobody and nothing of that name; the message gives names that are near, if any are.
        """
        day = _as_day(on)
        people = self.find(name, day) or self.holders(name, day) or self.members_for(name, day) or self.find(name)
        if not people:
            known = [*self.full_names, *self.offices["office"].unique()]
            near = process.extract(bare_name(name), known, scorer=fuzz.WRatio, processor=default_process, limit=3,
                                   score_cutoff=NEAR)  # fmt: skip
            if self.holders(name) or self.members_for(name):
                raise InputError(f"the roster does not know who was {name!r} on {day.date() if day else 'that day'}")
            help_ = (f"near: {', '.join(hit[0] for hit in near)}" if near else "no name in it is near; entries of your "
                     "own go into a CSV file, --roster or roster(FILE)")  # fmt: skip
            raise InputError(f"{name!r} is no person, office or seat of the roster; {help_}")
        return "\n".join(self._line(person, day) if day is not None else self._history(person) for person in people)

    def _line(self, person: str, day: pd.Timestamp) -> str:
        rows = _at(self.periods[self.periods["person"] == person], day)
        held = _at(self.offices[self.offices["person"] == person], day)
        parts = [self.party_of(person, day) or f"party open ({self.why_open(person, day)})"]
        parts += [f"MP for {seat}" for seat in rows["constituency"] if seat]
        parts += list(held["office"])
        return f"{person} on {day.date()}: {'; '.join(parts)}"

    def _history(self, person: str) -> str:
        seats = self.periods[self.periods["person"] == person]
        held = self.offices[self.offices["person"] == person]
        lines = [person]
        for table, what in ((seats, "constituency"), (held, "office")):
            for row in _plain(table.sort_values("from")):
                party = row["party"] or "party not known for certain"
                place = f"; {row[what]}" if row[what] else ""
                days = f"{row['from'] or '…':>10} to {row['until'] or '…':<10}"
                lines.append(f"  {days}  {party}{place}  [{row['source'] or 'no source given'}]")
        return "\n".join(lines)

    def gender_of(self, person: str) -> str | None:
        """ "f" or "m" where the person's title or first name tells, else None."""
        titles = " ".join(period.title for period in self._rows_of.get(person, ()))
        return gender_of_title(titles) or gender_of_name(person)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ReadError(f"{path}: no such roster file")
    try:
        table = read_csv(path, dtype="str")
    except (ValueError, OSError) as error:
        raise ReadError(f"{path}: cannot be read as a UTF-8 CSV roster: {error}") from error
    missing = [column for column in REQUIRED if column not in table]
    if missing:
        raise TableError(f"{path}: the roster lacks the column {missing[0]!r}; it needs {', '.join(REQUIRED)}")
    for column in OPTIONAL:
        if column not in table:
            table[column] = ""
    table["person"] = table["person"].str.strip()
    blank = table.index[table["person"] == ""]
    if len(blank):
        raise TableError(f"{path}: row {blank[0] + 2} names no person")
    days = {}
    for column in ("from", "until"):
        try:
            days[column] = pd.to_datetime(table[column].replace("", None), format="%Y-%m-%d")
        except ValueError as error:
            raise TableError(f"{path}: column {column!r}: {error}; write dates as YYYY-MM-DD") from error
    wrong = table.index[days["from"] >= days["until"]]
    if len(wrong):
        row = table.loc[wrong[0]]
        raise TableError(f"{path}: row {wrong[0] + 2} ({row['person']}): until ({row['until']}) is not after "
                         f"from ({row['from']})")  # fmt: skip
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Text columns as they are, days as datetime64."""
    out = table.reset_index(drop=True).copy()
    for column in ("from", "until"):
        out[column] = pd.to_datetime(out[column].replace("", None), format="%Y-%m-%d")
    return out


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with ISO strings for days, as the files have them."""
    out = table.copy()
    for column in ("from", "until"):
        out[column] = out[column].dt.strftime("%Y-%m-%d").fillna("")
    return [{str(key): value for key, value in row.items()} for row in out.to_dict("records")]


def _merged(base: pd.DataFrame, own: Sequence[dict[str, Any]], key: Callable[[dict[str, Any]], str]) -> pd.DataFrame:
    corrections: dict[str, list[dict[str, Any]]] = {}
    for row in own:
        corrections.setdefault(key(row), []).append(row)
    if not corrections:
        return base
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in _plain(base):
        groups.setdefault(key(row), []).append(row)
    for name, rows in corrections.items():
        old = groups.get(name, [])
        for row in rows:  # what the correction leaves out stays as it was
            for column in ("aliases", "title", "constituency", "member_id"):
                if not row.get(column) and old:
                    row[column] = old[-1].get(column, "")
        groups[name] = overlaid(old, rows)
    flat: Iterable[dict[str, Any]] = (row for rows in groups.values() for row in rows)
    return _typed(pd.DataFrame(list(flat), columns=list(dict.fromkeys([*base.columns, *REQUIRED, *OPTIONAL])))
                  .fillna(""))  # fmt: skip


@lru_cache(maxsize=1)
def _bundled() -> Roster:
    folder = importlib.resources.files("stance") / "data/roster"
    with importlib.resources.as_file(folder) as path:
        return Roster.from_csv(path / "roster.csv", path / "roles.csv")


def roster(*own: str | Path) -> Roster:
    """The bundled roster: members of the House of Commons and holders of offices, December 2019 to June 2026.

    Args:
        own: CSV files of your own, whose entries are added to it or correct it.

    >>> roster().holders("home secretary", on="2024-09-06")
    ['Yvette Cooper']
    """
    return _bundled().corrected(*own) if own else _bundled()
