import json
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import stance
from stance.errors import InputError, ReadError, TableError
from stance.plotting import group_style, plot_comparison, plot_plane, plot_quotes
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


def words_of(ax):
    return " ".join(t.get_text() for t in ax.findobj(plt.Text) if t.get_visible())


def test_plots_say_what_they_show(scores):
    ax = plot_quotes(scores)
    assert {"enforcement · Labour", "deterrence · Conservative", "deterrence · not known"} <= {
        t.get_text() for t in ax.get_yticklabels()
    }
    assert "4 quotes of 2 named speakers" in words_of(ax)
    ax = plot_plane(scores)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Labour", "Conservative", "not known"]
    assert "Ada Finch" in words_of(ax)
    ax = stance.compare(scores).plot()
    assert "too few speakers for a test" in words_of(ax)
    mine = plt.subplots()[1]
    assert plot_comparison(stance.compare(scores), ax=mine) is mine
    plt.close("all")


def test_fictional_quotes_are_marked_in_the_picture(scores):
    assert "FICTIONAL" in words_of(plot_quotes(scores.assign(synthetic=True)))
    plt.close("all")


def test_parties_are_told_apart_by_shape_as_well():
    style = group_style(["Labour", "Conservative", "Reform UK", "Unity", "Other", "not known"])
    assert len({marker for _, marker in style.values()}) == 6
    assert len({colour for colour, _ in style.values()}) == 6


def test_plots_refuse_what_they_cannot_draw(scores):
    with pytest.raises(TableError, match="no column 'frame'"):
        plot_quotes(pd.DataFrame({"quote_id": ["a"]}))
    with pytest.raises(InputError, match="two frames"):
        plot_plane(scores[scores["frame"] == "enforcement"])


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
