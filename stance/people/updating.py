"""Renews the roster from Parliament's Members API: who sat in the Commons, for which party, from which day.

https://members-api.parliament.uk (Open Parliament Licence). Two calls: ``Members/Search`` lists the members, page by
page; ``Members/{id}/Biography`` gives each one's affiliations and seats with dates.
"""

import csv
import email.utils
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tqdm.auto import tqdm

from stance.errors import InputError, NetworkError
from stance.people.names import as_roster_party, bare_name
from stance.people.roster import _as_day
from stance.quotes import whole_file

MEMBERS_API = "https://members-api.parliament.uk/api"
COLUMNS = ("person", "aliases", "title", "party", "from", "until", "from_is", "constituency", "member_id", "source")
_PAGE = 20  # the most that the API gives at a time
_TRIES = 5
_LONGEST_WAIT = 60.0  # seconds
_COMMONS = 1
_AGAIN = {429, 500, 502, 503, 504}


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
    with httpx.Client(timeout=30, follow_redirects=True, headers={"accept": "application/json"}) as client:
        rows = []
        members = list(_members(client, url, first, wait))
        if not members:
            raise NetworkError(f"{url}: lists no members of the Commons since {first}; the roster is left as it was")
        for member in tqdm(members, desc="members", unit=" members", delay=2, disable=not progress):
            rows += _rows(client, url, member, first, wait)
    rows.sort(key=lambda row: (row["person"].split()[-1], row["person"], row["from"]))
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _members(client: httpx.Client, url: str, since: str, wait: Callable[[float], None]) -> Iterator[dict[str, Any]]:
    skip, total = 0, 1
    while skip < total:
        page = _get(client, f"{url}/Members/Search", wait, {
            "House": _COMMONS, "MembershipInDateRange.WasMemberOnOrAfter": since,
            "MembershipInDateRange.WasMemberOfHouse": _COMMONS, "skip": skip, "take": _PAGE,
        })  # fmt: skip
        items = _part(page, "items", list, url)
        total = _part(page, "totalResults", int, url)
        if not items and skip < total:
            raise NetworkError(f"{url}/Members/Search: page at {skip} of {total} is empty; try again later")
        yield from (_part(item, "value", dict, url) for item in items)
        skip += len(items)


def _rows(
    client: httpx.Client, url: str, member: dict[str, Any], since: str, wait: Callable[[float], None]
) -> list[dict[str, str]]:
    """One row for each stretch of days with one party and one seat."""
    number, shown = _part(member, "id", int, url), _part(member, "nameDisplayAs", str, url)
    life = _part(_get(client, f"{url}/Members/{number}/Biography", wait), "value", dict, url)
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


def _get(
    client: httpx.Client, address: str, wait: Callable[[float], None], params: dict[str, Any] | None = None
) -> Any:
    """The JSON of an address; tries again, ever later, where the server is busy or the line breaks."""
    reason = ""
    for number in range(_TRIES):
        pause = 0.5 * 2**number
        try:
            answer = client.get(address, params=params)
            if answer.status_code in _AGAIN:
                reason = f"status {answer.status_code}"
                pause = max(pause, _retry_after(answer.headers.get("retry-after")))
            elif answer.is_success:
                return answer.json()
            else:
                raise NetworkError(f"{address}: status {answer.status_code}; the roster is left as it was")
        except httpx.TransportError as error:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
        except ValueError as error:
            reason = f"no JSON ({error})"
        if number < _TRIES - 1:
            wait(min(pause, _LONGEST_WAIT))
    raise NetworkError(f"{address}: no answer after {_TRIES} tries ({reason}); check the connection, or try again "
                       "later; the roster is left as it was")  # fmt: skip


def _retry_after(value: str | None) -> float:
    """Seconds to wait, from a header that gives seconds or a date."""
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
