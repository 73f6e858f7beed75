import json
import re

import pandas as pd
import pytest

import stance
from stance.errors import ReadError
from stance.reporting import report

NASTY = '<script>alert("x")</script> & “arrest the smugglers”, it\'s 100% {{ 7*7 }}'


@pytest.fixture
def scores(toy_scorer):
    quotes = pd.DataFrame({
        "text": [NASTY, "arrest the smugglers", "no right to settle", "nothing at all"],
        "speaker": ["Ada Finch", "Ada Finch", "Bo Reed", None],
        "party": ["Labour", "Labour", "Conservative", None],
        "context": [f"She said: {NASTY} and left", None, None, None], "date": ["2024-09-06"] * 4, "source": "t",
        "spans": [[[10, 60]], None, None, None],
    })  # fmt: skip
    return stance.score(quotes, model=toy_scorer)


def test_the_report_is_whole_and_stands_alone(scores, tmp_path):
    page = report(scores, tmp_path / "r", "Labour", "Conservative", seed=3)
    files = {p.relative_to(tmp_path / "r").as_posix() for p in (tmp_path / "r").rglob("*") if p.is_file()}
    assert {"index.html", "quotes.csv", "scores.csv", "provenance.json", "figures/quotes.png", "figures/quotes.svg",
            "figures/comparison.png", "figures/plane.svg"} <= files  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["r"]
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; “arrest" in html
    assert "No test is possible" in html
    assert "unvalidated" in html
    assert "Speaker not known" in html
    made = json.loads((tmp_path / "r" / "provenance.json").read_text(encoding="utf-8"))
    assert made["comparison"]["seed"] == 3
    assert made["model"]["name"] == "toy"
    again = stance.read_table(tmp_path / "r" / "scores.csv")
    assert again["text"].tolist() == scores["text"].tolist()


def test_the_same_scores_give_the_same_tables_and_figures(scores, tmp_path):
    for name in ("a", "b"):
        report(scores, tmp_path / name)
    for file in ("quotes.csv", "scores.csv", "figures/quotes.svg", "figures/comparison.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_a_report_of_one_party_describes(scores, tmp_path):
    page = report(scores[scores["party"] != "Conservative"], tmp_path / "r")
    assert "fewer than two groups" in page.read_text(encoding="utf-8")


def test_a_failed_report_leaves_nothing(scores, tmp_path, monkeypatch):
    monkeypatch.setattr("stance.reporting._page", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report(scores, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ReadError, match="is a file"):
        report(scores, tmp_path / "file")
