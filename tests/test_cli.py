import json
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from stance.cli import app
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


def test_codebook_check(tmp_path):
    out = stance_command("codebook", "show")
    assert "FRAME deterrence" in out.stdout
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
