"""The updater, against a real server on this machine that answers as Parliament's Members API does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

import stance
from stance.cli import app
from stance.errors import InputError, NetworkError
from stance.people.updating import update_roster


def member(number, name, *parties, seat="Eastmarch"):
    return {
        "id": number,
        "nameDisplayAs": name,
        "partyAffiliations": [
            {"house": 1, "name": party, "startDate": f"{start}T00:00:00", "endDate": end and f"{end}T00:00:00"}
            for party, start, end in parties
        ],
        "representations": [{"house": 1, "name": seat, "startDate": "2015-05-07T00:00:00", "endDate": None}],
    }


MEMBERS = [
    member(1, "Ms Ada Finch", ("Labour (Co-op)", "2015-05-07", None)),
    member(2, "Sir Bo Reed", ("Conservative", "2015-05-07", "2026-01-15"), ("Reform UK", "2026-01-15", None)),
    *(member(n, f"Cy Vale{chr(65 + n)}", ("Labour", "2017-06-08", "2021-01-01")) for n in range(3, 26)),
]


class Parliament(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        address = urlsplit(self.path)
        server.asked.append(self.path)
        trouble = server.trouble.pop(0) if server.trouble else None
        if trouble == "cut":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"items": [')
            self.close_connection = True
            return
        if trouble:
            status, headers, body = trouble
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        if address.path == "/api/Members/Search":
            query = parse_qs(address.query)
            skip, take = int(query["skip"][0]), int(query["take"][0])
            items = [{"value": {k: m[k] for k in ("id", "nameDisplayAs")}} for m in MEMBERS[skip : skip + take]]
            answer = {"items": items, "totalResults": len(MEMBERS), "skip": skip, "take": take}
        else:
            number = int(address.path.split("/")[-2])
            answer = {"value": next(m for m in MEMBERS if m["id"] == number)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def parliament():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parliament)
    server.trouble, server.asked = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/api"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_members_parties_and_seats_over_pages(parliament, tmp_path):
    path = update_roster(tmp_path / "new.csv", url=parliament.url, progress=False)
    people = stance.Roster.from_csv(path)
    assert people.periods["person"].nunique() == 25
    assert sum("Search" in asked for asked in parliament.asked) == 2  # 25 members, 20 a page
    assert people.party_of("Ada Finch", "2024-09-06") == "Labour"
    assert people.party_of("Bo Reed", "2026-01-14") == "Conservative"
    assert people.party_of("Bo Reed", "2026-01-15") == "Reform UK"
    assert people.party_of("Cy ValeD", "2021-01-01") is None
    assert people.gender_of("Bo Reed") == "m"
    assert people.members_for("Eastmarch", "2026-02-01") == ["Ada Finch", "Bo Reed"]
    assert stance.roster(path).party_of("Keir Starmer", "2024-09-06") == "Labour"  # laid over the bundled one


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        ([(429, {"retry-after": "7"}, b"")], [7.0]),
        ([(500, {}, b""), (503, {}, b"")], [0.5, 1.0]),
        (["cut"], [0.5]),
        ([(429, {"retry-after": "soon"}, b"")], [0.5]),
    ],
)
def test_trouble_that_passes(parliament, tmp_path, trouble, waits):
    parliament.trouble = list(trouble)
    waited = []
    path = update_roster(tmp_path / "new.csv", url=parliament.url, progress=False, wait=waited.append)
    assert waited == waits
    assert len(path.read_text(encoding="utf-8").splitlines()) == 27


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ([(500, {}, b"")] * 5, "answered 500, 5 times"),
        (["cut"] * 5, "5 times; check the connection"),
        ([(404, {}, b"")], "answered 404"),
        ([(200, {}, b"<html>")], "sent no JSON but '<html>'"),
        ([(429, {"retry-after": "3600"}, b"")], "asks to wait 3600 s"),
        ([(200, {}, b'{"items": 3}')], "no 'items' of type list"),
        ([(200, {}, b'{"items": [], "totalResults": 0}')], "lists no members"),
        ([(200, {}, b'{"items": [], "totalResults": 9}')], "is empty"),
        ([None] * 10 + [(403, {}, b"")], "answered 403"),  # half way through
    ],
)
def test_trouble_that_stays_leaves_the_old_file(parliament, tmp_path, trouble, message):
    path = tmp_path / "old.csv"
    path.write_text("as it was", encoding="utf-8")
    parliament.trouble = list(trouble)
    with pytest.raises(NetworkError, match=message):
        update_roster(path, url=parliament.url, progress=False, wait=lambda _: None)
    assert path.read_text(encoding="utf-8") == "as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["old.csv"]


def test_without_a_network_the_error_says_so(tmp_path):
    with pytest.raises(NetworkError, match="check the connection"):
        update_roster(tmp_path / "new.csv", url="http://127.0.0.1:9", progress=False, wait=lambda _: None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="not a date"):
        update_roster(tmp_path / "new.csv", since="soon")


def test_the_command(tmp_path):
    run = CliRunner().invoke
    out = run(app, ["people", "Robert Jenrick", "--on", "2024-09-06"])
    assert out.output == "Robert Jenrick on 2024-09-06: Conservative; MP for Newark\n"
    out = run(app, ["people", "shadow home secretary", "--on", "2023-05-01"])
    assert out.output.startswith("Yvette Cooper on 2023-05-01: Labour; MP for ")
    out = run(app, ["people", "Newark"])
    assert "2026-01-15 to …           Reform UK; Newark" in out.output
    out = run(app, ["people", "Cooper", "--on", "2022-01-01"])
    assert len(out.output.splitlines()) == 3
    mine = tmp_path / "mine.csv"
    mine.write_text("person,party,from,until,constituency\nAda Finch,Unity,2020-01-01,,Eastmarch\n", encoding="utf-8")
    out = run(app, ["people", "Eastmarch", "--on", "2022-01-01", "--roster", str(mine)])
    assert out.output == "Ada Finch on 2022-01-01: Unity; MP for Eastmarch\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Robert Jenrik"], "near: Robert Jenrick"),
        ([], "name whom to show"),
        (["Robert Jenrick", "--on", "soon"], "not a date"),
        (["Robert Jenrick", "--update", "x.csv"], "not both"),
        (["home secretary", "--on", "2031-01-01"], "does not know who was 'home secretary' on 2031-01-01"),
    ],
)
def test_what_the_command_cannot_do_it_says(words, message):
    out = CliRunner().invoke(app, ["people", *words])
    assert isinstance(out.exception, stance.StanceError)
    assert message in str(out.exception)
