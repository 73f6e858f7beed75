"""Made-up records of a made-up parliament: fictional members, debates as XML, and a server that speaks like the API.

No real person is named. Names are those of birds and short forenames; a test holds that the roster knows none of them.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd

FORENAMES = "Ada Bo Cy Dot Eli Fay Gus Hal Ivy Jo Kit Lou Mo Ned Oz Pip Quin Rae Sol Tess".split()
SURNAMES = "Finch Reed Wren Heron Teal Plover Dunlin Siskin Avocet Curlew Linnet Pipit Knot Ruff Smew".split()
PARTIES = ("labour", "conservative", "liberal-democrat", "scottish-national-party")
NAMES = [f"{first} {last}" for last in SURNAMES for first in FORENAMES]  # 300
PERSON = "uk.org.publicwhip/person/9{:04d}"
SENTENCES = (
    "We must break the gangs that run this trade.", "People will not come if they know that they cannot stay.",
    "My hon. Friend makes the case for her constituents well.", "The harbour at Testham has waited nine years.",
    "I ask the Minister to look at the figures again.", "That is why we set out a plan in the autumn.",
    "My right hon. Friend the Member for Reedbury spoke of the small boats.", "The cost has doubled since then.",
    "Nobody in this House wants to see another death at sea.", "The courts are full and the police are stretched.",
    "He wrote to me: “I have waited a year for an answer and none has come.”", "I shall return to that point.",
)  # fmt: skip


def people_json(path: Path, changes: dict[int, tuple[str, str]] | None = None, names: list[str] | None = None) -> Path:
    """A people.json of the fictional members; ``changes``: number -> (day, new party's id)."""
    persons, memberships = [], []
    for number, name in enumerate(names or NAMES):
        first, last = name.split()
        persons.append({"id": PERSON.format(number), "identifiers": [{"scheme": "datadotparl_id",
                        "identifier": str(9000 + number)}],
                        "other_names": [{"note": "Main", "given_name": first, "family_name": last}]})  # fmt: skip
        party, start = PARTIES[number % len(PARTIES)], "2024-07-04"
        if changes and number in changes:
            day, new = changes[number]
            eve = str((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
            memberships.append({"person_id": PERSON.format(number), "on_behalf_of_id": party, "start_date": start,
                                "end_date": eve})  # fmt: skip
            party, start = new, day
        memberships.append({"person_id": PERSON.format(number), "on_behalf_of_id": party, "start_date": start})
    organizations = [{"id": "labour", "name": "Labour"}, {"id": "alba", "name": "Alba"}]
    path.write_text(json.dumps({"persons": persons, "memberships": memberships, "organizations": organizations}),
                    encoding="utf-8")  # fmt: skip
    return path


# --- XML ----------------------------------------------------------------------------------------


def speech(day: str, number: int, name: str | None, body: str, person: str | None = None, **more: str) -> str:
    attributes = {"id": f"uk.org.publicwhip/debate/{day}a.1149.{number}", "colnum": "1149", "time": "", "url": ""}
    attributes |= {"speakername": name} if name else {"nospeaker": "true"}
    attributes |= {"person_id": person} if person else {}
    attributes |= {key.replace("_", "-") if key == "oral_qnum" else key: value for key, value in more.items()}
    inner = body if body.lstrip().startswith("<") else f'<p pid="a1149.{number}/1">{body}</p>'
    return "<speech {}>\n{}\n</speech>".format(" ".join(f'{k}="{v}"' for k, v in attributes.items()), inner)


def heading(day: str, number: int, text: str, kind: str = "major") -> str:
    return (f'<{kind}-heading id="uk.org.publicwhip/debate/{day}a.1149.{number}" nospeaker="true" colnum="1149" '
            f'time="" url="">\n{text}\n</{kind}-heading>')  # fmt: skip


def write_day(folder: Path, day: str, parts: list[str], version: str = "a", latest: str = "yes") -> Path:
    path = folder / f"debates{day}{version}.xml"
    body = "\n".join(parts)
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<publicwhip scraperversion="{version}" '
                    f'latest="{latest}">\n{body}\n</publicwhip>\n', encoding="utf-8")  # fmt: skip
    return path


def write_year(folder: Path, days: int, *, turns: int = 700, seed: int = 0) -> int:
    """``days`` files of debates of some ``turns`` turns each; returns how many of the turns are members' words.

    A day of real debates has 1 to 3 MB; 700 turns of about 300 words come to 1.3.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    words = 0
    for day in pd.bdate_range("2024-09-02", periods=days).strftime("%Y-%m-%d"):
        parts = []
        for number in range(turns):
            if number % 40 == 0:
                parts.append(heading(day, number, f"Debate {number // 40}"))
            elif number % 40 == 1:
                parts.append(speech(day, number, "Speaker", "Order. We come to the next business.", title="chair"))
            elif number % 40 == 39:
                parts.append(speech(day, number, None, '<p class="italic">Question put and agreed to.</p>'))
            else:
                who = int(rng.integers(len(NAMES)))
                paragraphs = "".join(
                    f'<p pid="a{number}/{k}">{" ".join(rng.choice(SENTENCES, size=8))}</p>'
                    for k in range(int(rng.integers(1, 8)))
                )
                parts.append(speech(day, number, NAMES[who], paragraphs, PERSON.format(who)))
                words += 1
        write_day(folder, day, parts)
    return words


# --- the API ------------------------------------------------------------------------------------


def api_items(count: int, *, start: str = "2024-07-05") -> list[dict[str, Any]]:
    """Items as the Hansard API answers them, fictional members in turn, in the order of their dates."""
    codes = ("Lab", "Con", "LD", "SNP")
    days = pd.bdate_range(start, periods=max(1, count // 10 + 1)).strftime("%Y-%m-%d")
    return [
        {"MemberName": NAMES[i % 40], "MemberId": 9000 + i % 40, "ItemId": i, "House": "Commons", "Section": "Debate",
         "AttributedTo": f"{NAMES[i % 40]} (Testham) ({codes[i % 4]})", "ContributionExtId": f"C{i:05d}",
         "ContributionText": "an excerpt", "SittingDate": f"{days[i // 10]}T00:00:00",
         "ContributionTextFull": f"<p>Number {i}. {SENTENCES[i % 12]}</p><p>{SENTENCES[(i + 5) % 12]}</p>",
         "DebateSection": "Small Boats", "DebateSectionExtId": f"D{i // 10:04d}", "OrderInDebateSection": i % 10}
        for i in range(count)
    ]  # fmt: skip


@dataclass
class Parliament:
    """A server on this machine. ``before`` is called with each request's number and the server, and may change
    ``items`` or return what to do instead of answering: a status, ("retry", status, header), "cut", "html" or a wait
    in seconds. ``pages`` are other files that it serves, by path."""

    items: list[dict[str, Any]]
    most: int = 20  # items a page
    before: Callable[[int, "Parliament"], Any] | None = None
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    queries: list[dict[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    address: str = ""


def matches(item: dict[str, Any], query: dict[str, str]) -> bool:
    day = item["SittingDate"][:10]
    term = query.get("searchTerm", "").strip('"').casefold()
    words = f"{item['ContributionTextFull'] or ''} {item['DebateSection']}".casefold()
    return (query.get("startDate", "") <= day <= query.get("endDate", "9") and term in words
            and query.get("house", item["House"]) == item["House"]
            and query.get("memberId", str(item["MemberId"])) == str(item["MemberId"]))  # fmt: skip


@contextlib.contextmanager
def serve(parliament: Parliament) -> Iterator[Parliament]:
    """Runs the server on a free port of this machine; ``parliament.address`` is where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parliament.times.append(time.monotonic())
            parliament.agents.add(self.headers.get("User-Agent", ""))
            url = urlparse(self.path)
            query = {k.removeprefix("queryParameters."): v[0] for k, v in parse_qs(url.query).items()}
            number = len(parliament.queries)
            parliament.queries.append({**query, "path": url.path})
            what = parliament.before(number, parliament) if parliament.before else None
            if what == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "5000")
                self.end_headers()
                self.wfile.write(b'{"TotalResultCount": 1')
                self.close_connection = True
                return
            if isinstance(what, float):
                time.sleep(what)
            if isinstance(what, int):
                return self._send(what, "text/plain", b"no")
            if isinstance(what, tuple):
                return self._send(what[1], "text/plain", b"later", {"Retry-After": what[2]})
            if what == "html":
                return self._send(200, "text/html", b"<!DOCTYPE html><html><h1>Down for maintenance</h1></html>")
            if url.path in parliament.pages:
                kind, content = parliament.pages[url.path]
                return self._send(200, kind, content)
            if not url.path.endswith("/search/contributions/Spoken.json"):
                return self._send(404, "text/plain", b"not here")
            fitting = [item for item in parliament.items if matches(item, query)]
            skip, take = int(query.get("skip", 0)), min(int(query.get("take", 20)), parliament.most)
            answer = {"TotalResultCount": len(fitting), "Results": fitting[skip : skip + take]}
            return self._send(200, "application/json", json.dumps(answer).encode())

        def _send(self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    parliament.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield parliament
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
