"""Every command of the README's section on real data, run as it stands there, against a server on this machine."""

import json
import re
import shlex

import pandas as pd
import pytest
from typer.testing import CliRunner

import stance
from stance.cli import app
from stance.web import cache_folder
from tests.conftest import ROOT
from tests.made_records import NAMES, PERSON, Parliament, api_items, heading, people_json, serve, speech, write_day
from tests.test_press import PAGE, RSS, STORY, story

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Get real data")[1].split("\n## ")[0]
COMMANDS = [line.strip() for line in SECTION.splitlines() if line.startswith("    stance ")]
run = CliRunner().invoke


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the section names, and a server in place of Parliament's and the papers'."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCE_WEB_CACHE", str(tmp_path / "cache"))
    with serve(Parliament(api_items(12))) as server:
        monkeypatch.setenv("STANCE_HANSARD_URL", server.address)
        people_json(tmp_path / "people.json")
        (tmp_path / "debates").mkdir()
        for day, folder in (("2024-07-22", tmp_path), ("2024-07-23", tmp_path), ("2024-07-24", tmp_path / "debates")):
            said = [speech(day, 2, NAMES[0], "The boats must stop.", PERSON.format(0)),
                    speech(day, 3, NAMES[1], "The harbour is full.", PERSON.format(1))]  # fmt: skip
            write_day(folder, day, [heading(day, 1, "Small boats"), *said])
        (tmp_path / "stories").mkdir()
        (tmp_path / "stories" / "one.txt").write_text(STORY, encoding="utf-8")
        server.pages["/1"] = ("text/html", PAGE.format("One", STORY).encode())
        server.pages["/short"] = ("text/html", PAGE.format("Two", story(2)).encode())
        (tmp_path / "addresses.txt").write_text(f"{server.address}/1\n")
        (tmp_path / "feed.xml").write_text(RSS.format(server.address, STORY))
        rows = [{"text": STORY, "date": "2024-09-06"}, {"text": STORY, "date": "2024-09-07", "source": "b"}]
        (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, rows)))
        yield tmp_path


def test_every_command_of_the_section_runs_as_it_stands_there(desk):
    assert len(COMMANDS) == 7
    for command in COMMANDS:
        out = run(app, shlex.split(command)[1:])
        assert out.exit_code == 0, f"{command}\n{out.output}\n{out.exception}"
        if "-o " in command:
            assert (desk / command.split("-o ")[1]).is_file()
    hansard = stance.read_quotes("hansard.parquet")
    assert len(hansard) == 12
    assert set(hansard["party"]) == {"Labour", "Conservative", "Liberal Democrat", "SNP"}
    assert stance.read_quotes("debates.parquet")["party"].tolist() == ["Labour", "Conservative"] * 2
    assert len(stance.read_quotes("boats.parquet")) == 2
    press = stance.read_quotes("press.parquet")
    assert press["source"].nunique() == 1  # four papers, one story
    assert (stance.ledger(press)["reason"].str.startswith("the same story as")).sum() == 2
    assert stance.read_quotes("articles.csv")["source"].nunique() == 2


def test_the_python_of_the_section(desk, toy_scorer):
    """As it stands there, but with the toy scorer in place of the model."""
    code = re.search(r"```python\n(.*?)```", SECTION, re.DOTALL).group(1)
    for command in COMMANDS:
        if command.endswith(("hansard.parquet", "press.parquet")):
            assert run(app, shlex.split(command)[1:]).exit_code == 0
    line = "stance.press_against_record(stance.score(both))"
    assert line in code
    code = code.replace(line, "result = stance.press_against_record(stance.score(both, model=model, progress=False))")
    scope = {"model": toy_scorer}
    exec(code, scope)
    assert set(scope["result"].people["speaker"]) == {NAMES[0]}


def test_help_says_what_a_journalist_needs():
    out = run(app, ["fetch", "--help"])
    assert "no account, no key" in " ".join(out.output.split())
    out = run(app, ["fetch", "hansard", "--help"])
    for words in (
        "run the same command again",
        "name it as your source",
        "--search",
        "--house",
        "--member",
        "Example:",
    ):
        assert words in " ".join(out.output.split())


def test_fetch_that_finds_nothing_or_nobody(desk):
    words = ["fetch", "hansard", "--search", "zebra", "--from", "2024-07-05", "--to", "2025-06-30", "-o", "x.csv"]
    out = run(app, words)
    assert "no contribution found for 'zebra'" in str(out.exception)
    assert not (desk / "x.csv").exists()
    assert "use one of .csv, .jsonl, .parquet" in str(run(app, [*words[:-1], "x.xlsx"]).exception)


def test_the_ledger_of_a_streamed_file_is_shown(desk):
    out = run(app, ["quotes", "debates", "-o", "d.parquet"])
    assert f"1 × party: party open: {NAMES[0]!r} is not in the roster" in out.output
    assert "d.parquet: 2 rows" in out.output
    assert pd.read_parquet("d.parquet")["text"].tolist() == ["The boats must stop.", "The harbour is full."]


def test_where_answers_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("STANCE_WEB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("STANCE_WEB_CACHE")
    assert cache_folder().parts[-2:] == ("stance", "web")
