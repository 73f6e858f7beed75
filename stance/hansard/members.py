"""Who a member is, and the party on the day: from people.json, the roster, or what the record prints."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from stance.errors import ReadError
from stance.hansard.records import Contribution
from stance.people import Roster, bare_name, roster

# The ids of parties in people.json and the codes that Hansard prints, in the words of the roster.
PARTIES = {
    "labour": "Labour", "lab": "Labour", "labour/co-operative": "Labour", "labourco-operative": "Labour",
    "lab/co-op": "Labour", "conservative": "Conservative", "con": "Conservative",
    "liberal-democrat": "Liberal Democrat", "liberal democrat": "Liberal Democrat", "ld": "Liberal Democrat",
    "scottish-national-party": "SNP", "scottish national party": "SNP", "snp": "SNP", "reform": "Reform UK",
    "reform-uk": "Reform UK", "reform uk": "Reform UK", "green": "Green Party", "green-party": "Green Party",
    "green party": "Green Party", "plaid-cymru": "Plaid Cymru", "plaid cymru": "Plaid Cymru", "pc": "Plaid Cymru",
    "dup": "DUP", "democratic unionist party": "DUP", "sinn-féin": "Sinn Féin", "sinn féin": "Sinn Féin",
    "sdlp": "SDLP", "social-democratic-and-labour-party": "SDLP", "uup": "UUP", "ulster unionist party": "UUP",
    "alliance": "Alliance", "tuv": "TUV", "alba": "Alba", "independent": "Independent", "ind": "Independent",
    "your-party": "Your Party", "your party": "Your Party", "restore britain": "Restore Britain",
    "speaker": "Speaker", "deputy-speaker": "Deputy Speaker", "crossbench": "Crossbench", "cb": "Crossbench",
    "non-affiliated": "Non-affiliated", "non-afl": "Non-affiliated", "bishop": "Bishops", "bishops": "Bishops",
}  # fmt: skip
_PEER = re.compile(r"^(?:The )?(?:Lord|Lady|Baroness|Baron|Viscount|Viscountess|Earl|Countess|Duke|Marquess|"
                   r"Archbishop|(?:Lord )?Bishop)\b", re.IGNORECASE)  # fmt: skip
Period = tuple[str, str, str]  # first day, day after the last, party; ISO, so that they compare as text


def party_name(written: str | None) -> str | None:
    """A party's id or printed code in the roster's words; one that is not known stays as it is.

    >>> party_name("LD")
    'Liberal Democrat'
    """
    return PARTIES.get(written.strip().casefold(), written.strip()) if written else None


@dataclass(frozen=True)
class People:
    """The persons of a people.json file (Popolo, as the ParlParse project publishes it).

    Attributes:
        names: person id -> name.
        periods: person id -> periods in a party: first day, day after the last, party.
        members: the number of Parliament's own members' register -> person id.
    """

    names: dict[str, str] = field(repr=False)
    periods: dict[str, list[Period]] = field(repr=False)
    members: dict[str, str] = field(repr=False)

    def __repr__(self) -> str:
        return f"People({len(self.names):,} persons, {sum(map(len, self.periods.values())):,} memberships)"

    def party_at(self, person_id: str, date: str) -> str | None:
        """The party on an ISO date; None where no membership covers it."""
        return _party_at(self.periods.get(person_id, ()), date)


def read_people(path: str | Path) -> People:
    """Reads people.json: persons with ``other_names``, memberships with ``start_date``, ``end_date`` (its last day)
    and ``on_behalf_of_id``.

    Raises:
        ReadError: no such file, no JSON, or JSON of another shape.

    >>> stance.read_people("people.json")    # doctest: +SKIP
    People(14,806 persons, 38,711 memberships)
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:
        raise ReadError(f"{path}: cannot be read as JSON: {error}; download people.json again") from error
    if not isinstance(data, dict) or not {"persons", "memberships"} <= set(data):
        raise ReadError(f"{path}: not a Popolo file; it needs the lists 'persons' and 'memberships', as in the "
                        "people.json of the ParlParse project")  # fmt: skip
    parties = {o["id"]: o.get("name", o["id"]) for o in data.get("organizations", []) if "id" in o}
    names, members = {}, {}
    for person in data["persons"]:
        if "id" not in person:
            continue  # a redirect of one person's id to another's has no names
        names[person["id"]] = _name(person)
        for identifier in person.get("identifiers", []):
            if identifier.get("scheme") == "datadotparl_id":
                members[str(identifier.get("identifier"))] = person["id"]
    periods: dict[str, list[Period]] = defaultdict(list)
    for row in data["memberships"]:
        party = row.get("on_behalf_of_id")
        if party and "person_id" in row:
            last = str(row.get("end_date") or "9999-12-30")
            after = last if last >= "9999" else str((pd.Timestamp(last) + pd.Timedelta(days=1)).date())
            known = PARTIES.get(party.casefold()) or party_name(parties.get(party, party))
            periods[row["person_id"]].append((str(row.get("start_date") or "0000"), after, str(known)))
    return People(names, {person: sorted(rows) for person, rows in periods.items()}, members)


def _name(person: dict[str, Any]) -> str:
    main = [n for n in person.get("other_names", []) if n.get("note") == "Main"] or person.get("other_names", [])
    if not main:
        return str(person.get("name", person["id"]))
    newest = max(main, key=lambda n: str(n.get("end_date", "9999")))
    if newest.get("name"):
        return str(newest["name"])
    if "lordname" in newest or "lordofname" in newest:
        of = f" of {newest['lordofname']}" if newest.get("lordofname") else ""
        return " ".join(f"{newest.get('honorific_prefix', '')} {newest.get('lordname', '')}{of}".split())
    return f"{newest.get('given_name', '')} {newest.get('family_name', '')}".strip()


def _party_at(periods: Iterable[Period], date: str) -> str | None:
    found = {party for start, after, party in periods if start <= date < after}
    if len(found) > 1:  # the Speaker sits for a seat and presides
        found = {p for p in found if p in {"Speaker", "Deputy Speaker"}} or found
    return found.pop() if len(found) == 1 else None


class Members:
    """Looks up a contribution's speaker: canonical name, party on the day, where the party is from, why it is open.

    people.json counts first, then the roster (members of the Commons), then the party that the record prints.
    """

    def __init__(self, people: People | None = None, known: Roster | None = None) -> None:
        self.people = people
        self.roster = known if known is not None else roster()
        periods = self.roster.periods
        self._periods: dict[str, list[Period]] = defaultdict(list)
        self._ids: dict[str, str] = {}
        numbers = periods["member_id"].astype("str") if "member_id" in periods else [""] * len(periods)
        rows = zip(periods["person"], periods["party"], periods["from"], periods["until"], numbers, strict=True)
        for person, party, start, until, number in rows:
            begin = "0000" if pd.isna(start) else str(start.date())
            self._periods[person].append((begin, "9999-12-31" if pd.isna(until) else str(until.date()), party))
            number = number.removesuffix(".0")
            if number and number != "nan":
                self._ids[number] = person
        self._found: dict[tuple[str | None, ...], tuple[str | None, str | None, str | None, str | None]] = {}
        self._same_name: dict[str, list[str]] = {}

    def look_up(self, item: Contribution) -> tuple[str | None, str | None, str | None, str | None]:
        """Name, party, party_from, and the reason where the party is open."""
        key = (item.person_id, item.name, item.date, item.label, item.house)
        if key not in self._found:
            if len(self._found) > 50_000:
                self._found.clear()  # a year of debates must not grow it for ever
            self._found[key] = self._look_up(item)
        return self._found[key]

    def _look_up(self, item: Contribution) -> tuple[str | None, str | None, str | None, str | None]:
        name, reasons = item.name, []
        if self.people and item.person_id:
            person = self.people.members.get(item.person_id, item.person_id)
            if person in self.people.names:
                name = self.people.names[person]
                party = self.people.party_at(person, item.date)
                if party:
                    return name, party, "people", None
                reasons.append(f"people.json has no membership of {name} on {item.date}")
            else:
                reasons.append(f"{item.person_id} is not in people.json")
        canonical, party, reason = self._in_roster(item, name)
        if party:
            return canonical, party, "roster", None
        name = canonical or name
        if item.label:
            return name, party_name(item.label), "record", None
        return name, None, None, "party open: " + "; ".join([*reasons, reason])

    def _in_roster(self, item: Contribution, name: str | None) -> tuple[str | None, str | None, str]:
        person = self._ids.get(item.person_id or "")
        if person is None:
            bare = bare_name(name or "")
            if item.house == "Lords" or _PEER.match(name or "") or " " not in bare:
                return None, None, f"{name!r} is not in the roster of the Commons"
            same = self._same_name.setdefault(bare, self.roster.find(bare))
            sitting = [p for p in same if any(a <= item.date < b for a, b, _ in self._periods.get(p, ()))] or same
            if len(sitting) != 1:
                return None, None, self.roster.why_open(bare, item.date)
            person = sitting[0]
        # The roster leaves the party empty on days for which its sources do not tell it.
        party = _party_at(self._periods.get(person, ()), item.date) or None
        return person, party, "" if party else self.roster.why_open(person, item.date)
