"""Renews the roster from Parliament's Members API: who sat in the Commons, for which party, from which day.

https://members-api.parliament.uk (Open Parliament Licence). Two calls: ``Members/Search`` lists the members, page by
page; ``Members/{id}/Biography`` gives each one's affiliations and seats with dates.
"""

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from stance.errors import InputError, NetworkError
from stance.people.names import as_roster_party, bare_name
from stance.people.roster import _as_day
from stance.quotes import whole_file
from stance.web import PoliteClient

MEMBERS_API = "https://members-api.parliament.uk/api"
COLUMNS = ("person", "aliases", "title", "party", "from", "until", "from_is", "constituency", "member_id", "source")
_PAGE = 20  # the most that the API gives at a time
_COMMONS = 1
_RATE = 10.0  # calls a second at most


def update_roster(
    path: str | Path, *, since: Any = "2019-12-12", url: str = MEMBERS_API, progress: bool = True,
    wait: Callable[[float], None] = time.sleep,
) -> Path:  # fmt: skip
    """Writes a roster CSV of everybody who sat in the Commons on or after a day; returns its path.

    The file is written whole or not at all. Use it with ``stance.roster(path)`` or ``--roster``. It takes some 1,100
    calls, one after the other.

    Args:
        path: of the CSV to write.
        since: the first day of interest.
        url: of the API.
        progress: a bar, once it has taken two seconds.
        wait: how to pause between tries (seconds), for tests.

    Raises:
        NetworkError: no answer after five tries, or an answer that is not what the API promises.
        InputError: ``since`` is no date.
    """
    path = Path(path)
    day = _as_day(since)
    if day is None:
        raise InputError("since= needs a date; write it as YYYY-MM-DD")
    first = day.strftime("%Y-%m-%d")
    with PoliteClient(rate=_RATE, retries=4, backoff=0.5, timeout=30, cache=False, sleep=wait) as client:
        rows = []
        members = list(_members(client, url, first))
        if not members:
            raise NetworkError(f"{url}: lists no members of the Commons since {first}; the roster is left as it was")
        for member in tqdm(members, desc="members", unit=" members", delay=2, disable=not progress):
            rows += _rows(client, url, member, first)
    rows.sort(key=lambda row: (row["person"].split()[-1], row["person"], row["from"]))
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _members(client: PoliteClient, url: str, since: str) -> Iterator[dict[str, Any]]:
    skip, total = 0, 1
    while skip < total:
        page = client.get_json(f"{url}/Members/Search", {
            "House": str(_COMMONS), "MembershipInDateRange.WasMemberOnOrAfter": since,
            "MembershipInDateRange.WasMemberOfHouse": str(_COMMONS), "skip": str(skip), "take": str(_PAGE),
        })  # fmt: skip
        items = _part(page, "items", list, url)
        total = _part(page, "totalResults", int, url)
        if not items and skip < total:
            raise NetworkError(f"{url}/Members/Search: page at {skip} of {total} is empty; try again later")
        yield from (_part(item, "value", dict, url) for item in items)
        skip += len(items)


def _rows(client: PoliteClient, url: str, member: dict[str, Any], since: str) -> list[dict[str, str]]:
    """One row for each stretch of days with one party and one seat."""
    number, shown = _part(member, "id", int, url), _part(member, "nameDisplayAs", str, url)
    life = _part(client.get_json(f"{url}/Members/{number}/Biography"), "value", dict, url)
    person = bare_name(shown)
    rows = []
    for party in _part(life, "partyAffiliations", list, url):
        for seat in _part(life, "representations", list, url):
            if party.get("house") != _COMMONS or seat.get("house") != _COMMONS:
                continue
            start = max(_day(party, "startDate"), _day(seat, "startDate"))
            end = min(_day(party, "endDate") or "9999", _day(seat, "endDate") or "9999")
            if start < end and end > since:
                rows.append({
                    "person": person, "aliases": "", "title": shown.removesuffix(person).strip(),
                    "party": as_roster_party(str(party["name"])), "from": start, "until": "" if end == "9999" else end,
                    "from_is": "announced", "constituency": str(seat["name"]), "member_id": str(number),
                    "source": f"Parliament's Members API, member {number}",
                })  # fmt: skip
    return rows


def _day(row: dict[str, Any], key: str) -> str:
    return str(row.get(key) or "")[:10]


def _part(table: Any, key: str, kind: type, url: str) -> Any:
    found = table.get(key) if isinstance(table, dict) else None
    if not isinstance(found, kind):
        raise NetworkError(f"{url}: the answer has no {key!r} of type {kind.__name__}; the API may have changed")
    return found
