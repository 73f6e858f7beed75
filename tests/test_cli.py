import json
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from stance.cli import app
from stance.codebook import load_codebook, lock, parse_codebook
from stance.errors import TableError
from stance.quotes import read_quotes
from tests.conftest import ROOT

SAMPLE = str(ROOT / "stance" / "data" / "sample" / "article.html")
COMMANDS = [["quotes"], ["people"], ["score"], ["compare"], ["report"], ["verify"], ["codebook", "show"],
            ["codebook", "check"], ["cache", "info"], ["cache", "clear"], ["codebook", "lock"],
            ["sample"], ["validate"], ["multiverse"], ["fetch", "hansard"]]  # fmt: skip
run = CliRunner().invoke


def stance_command(*words):
    """The installed command in a process of its own: output, errors and exit code as a user sees them."""
    code = "import sys; from stance.cli import main; sys.argv[0] = 'stance'; main()"
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_an_example_and_a_place_in_the_readme(command):
    out = run(app, [*command, "--help"])
    assert out.exit_code == 0
    assert f"Example: stance {' '.join(command)}" in out.output
    assert f"stance {' '.join(command)}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_list_of_commands_is_whole():
    names = {c.name or c.callback.__name__ for c in app.registered_commands} | {g.name for g in app.registered_groups}
    assert names == {command[0] for command in COMMANDS}


def test_quotes_of_the_sample(tmp_path):
    out = run(app, ["quotes", SAMPLE, "-o", str(tmp_path / "q.csv")])
    assert out.exit_code == 0, out.output
    table = pd.read_csv(tmp_path / "q.csv")
    direct = table.loc[table["kind"] == "direct", "speaker"]
    assert direct.tolist() == ["Yvette Cooper"] * 2 + ["Robert Jenrick"]


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (None, ["quotes", "FILE"], "no such file"),
        (b"", ["quotes", "FILE"], "empty"),
        (b"\x00\x01\x02", ["quotes", "FILE"], "binary"),
        (b"A story.", ["quotes", "FILE", "-o", "out.xlsx"], ".parquet"),
        (b"A story.", ["quotes", "FILE", "--date", "soon"], "'soon' is not an ISO date"),
        (b"Nobody is quoted.", ["report", "FILE", "-o", "OUT"], "no quotes found"),
    ],
)
def test_an_error_is_one_line_without_a_traceback(tmp_path, content, words, message):
    path = tmp_path / "in.txt"
    if content is not None:
        path.write_bytes(content)
    out = stance_command(*[str(path) if w == "FILE" else str(tmp_path / "out") if w == "OUT" else w for w in words])
    assert out.returncode == 1
    assert message in out.stderr
    assert "Traceback" not in out.stderr
    assert len(out.stderr.strip().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == (["in.txt"] if content is not None else [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "nowhere"], "nowhere: no report is there"),
        (["report", "nofile.html", "-o", "r"], "nofile.html: no such file"),
        (["report", SAMPLE, "-o", "r", "--lock", "none.json"], "none.json: no such file"),
        (["report", SAMPLE, "-o", "r", "--gold", SAMPLE], "ends in .csv or .xlsx"),
        (["quotes", SAMPLE, "--corrections", "codes.xlsx"], "codes.xlsx: give a file that ends in .csv"),
        (["score", "none.csv"], "none.csv: no such file"),
        (["validate", SAMPLE, "none.xlsx"], "none.xlsx: no such file"),
    ],
)
def test_a_wrong_path_is_refused_before_anything_is_loaded(words, message):
    code = ("import sys; from stance.cli import app\ntry: app(sys.argv[1:])\nexcept Exception as e: print(e)\n"
            "print([m for m in ('pandas', 'torch') if m in sys.modules])")  # fmt: skip
    out = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert message in out.stdout
    assert out.stdout.splitlines()[-1] == "[]"


def few_speakers(path):
    """Scores of three speakers a side on two frames, in two months."""
    rows = [
        {"quote_id": f"{name}{day}", "text": f"{name} {day}", "speaker": name, "party": party, "date": day,
         "frame": frame, "support": 0.1 * number, "oppose": 0.0, "stance": 0.1 * number, "spread": 0.0, "facet": "f"}
        for number, (name, party) in enumerate([("Ada Finch", "A"), ("Bo Reed", "A"), ("Cy Moss", "A"),
                                                ("Di Lark", "B"), ("Ed Wren", "B"), ("Flo Ash", "B")])
        for day in ("2025-01-06", "2025-02-10") for frame in ("enforcement", "deterrence")
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_comparison_of_few_speakers_says_so_once_and_without_the_code(tmp_path):
    scores = few_speakers(tmp_path / "s.csv")
    out = stance_command("compare", scores, "A", "B", "--over", "month")
    assert out.returncode == 0, out.stderr
    assert out.stderr == ""
    assert out.stdout.count("Only 3 speakers on one side") == 1
    assert "2025-01 " in out.stdout
    assert "2025-01-01" not in out.stdout
    assert "Cliff's delta" in out.stdout


def test_scores_where_quotes_are_wanted(tmp_path):
    out = run(app, ["score", str(few_speakers(tmp_path / "s.csv"))])
    assert "have a column" in str(out.exception) or "table of scores" in str(out.exception)
    with pytest.raises(TableError, match="is a table of scores, one row a quote and frame"):
        read_quotes(tmp_path / "s.csv")


def test_the_report_takes_scores_and_refuses_the_lock_of_another_codebook(tmp_path, monkeypatch):
    scores, given = few_speakers(tmp_path / "s.csv"), {}

    def written(table, folder, *groups, **settings):
        given.update(settings, rows=len(table))
        folder.mkdir()
        table.to_csv(folder / "scores.csv", index=False)
        return folder / "index.html"

    monkeypatch.setattr("stance.reporting.report", written)
    out = run(app, ["report", str(scores), "-o", str(tmp_path / "r")])
    assert out.exit_code == 0, out.output
    assert given["rows"] == 24
    out = run(app, ["report", str(scores), "-o", str(tmp_path / "r"), "--codebook", "enforcement-deterrence"])
    assert "holds scores" in str(out.exception)
    book = load_codebook().model_copy(update={"version": "none yet"})
    lock(book, lambda pairs: pairs, path=tmp_path / "lock.json")
    out = run(app, ["report", SAMPLE, "-o", str(tmp_path / "r"), "--lock", str(tmp_path / "lock.json")])
    assert out.exit_code == 1
    assert "is of another codebook" in str(out.exception)


def test_codebook_check(tmp_path):
    out = stance_command("codebook", "show")
    assert "FRAME deterrence" in out.stdout
    out = run(app, ["codebook", "show", "--yaml"])
    assert parse_codebook(out.output).sha256 == load_codebook().sha256
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\ntitle: t\nframes:\n  - name: a\n    definition: d\n    supports:\n      - name: f\n"
                   "        hypotheses: []\n", encoding="utf-8")  # fmt: skip
    out = stance_command("codebook", "check", bad)
    assert out.returncode == 1
    assert "bad.yaml, line 8" in out.stderr


def test_score_and_compare_by_command(tmp_path):
    pd.DataFrame({"text": ["Jail the smugglers.", "Send them back."], "party": ["Labour", "Conservative"],
                  "speaker": ["Ada Finch", "Bo Reed"]}).to_csv(tmp_path / "q.csv", index=False)  # fmt: skip
    out = run(app, ["score", str(tmp_path / "q.csv"), "-o", str(tmp_path / "s.parquet")])
    assert out.exit_code == 0, out.output
    out = run(app, ["compare", str(tmp_path / "s.parquet"), "Labour", "Conservative", "--json"])
    assert [row["frame"] for row in json.loads(out.output)["summary"]] == ["enforcement", "deterrence"]


def test_a_sample_is_coded_validated_and_corrects_a_comparison(tmp_path):
    from tests.study import coded, made_up_study

    scores, truth = made_up_study()
    truth["frame"] = truth["frame"].map({"x": "enforcement", "z": "deterrence"})
    scores["frame"] = scores["frame"].map({"x": "enforcement", "z": "deterrence"})
    table, sheet = tmp_path / "s.parquet", tmp_path / "codes.csv"
    scores.to_parquet(table)
    out = run(app, ["sample", str(table), "-o", str(sheet), "-n", "90", "--strata", "party", "--coder", "Ada"])
    assert out.exit_code == 0, out.output
    again = run(app, ["sample", str(table), "-o", str(sheet)])
    assert again.exit_code == 1
    assert "may hold somebody's work" in str(again.exception)
    rows = pd.read_csv(sheet)
    key = coded(truth, rows["quote_id"].unique()).set_index(["quote_id", "frame"])["code"]
    rows["Ada"] = [key[(q, f)] for q, f in zip(rows["quote_id"], rows["frame"], strict=True)]
    rows.loc[0, "Ada"] = None
    rows.to_csv(sheet, index=False)
    out = run(app, ["validate", str(table), str(sheet)])
    assert out.exit_code == 0, out.output
    assert "Validation of support against human codes" in out.output
    assert "1 of 180 × coding: left empty by Ada" in out.output
    out = run(app, ["compare", str(table), "A", "B", "--gold", str(sheet), "--json"])
    assert out.exit_code == 0, out.output
    assert all(row["corrected"] is not None for row in json.loads(out.output)["summary"])


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "q.csv").write_text("text\nJail the smugglers.\n", encoding="utf-8")
    out = run(app, ["score", str(tmp_path / "q.csv"), "-o", str(tmp_path / "q.csv" / "s.csv")])
    assert out.exit_code == 1
    assert "is no folder that can be written" in str(out.exception)


def test_scores_are_saved_before_they_are_shown(tmp_path, monkeypatch):
    (tmp_path / "q.csv").write_text("text\nJail the smugglers.\n", encoding="utf-8")

    def closed(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("stance.cli.scores.show_table", closed)
    run(app, ["score", str(tmp_path / "q.csv"), "-o", str(tmp_path / "s.csv")])
    assert len(pd.read_csv(tmp_path / "s.csv")) == 2
