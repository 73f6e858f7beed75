"""The whole way on the bundled model: article -> quotes -> scores -> comparison -> report, and the same again."""

import json

import pandas as pd
import pytest

import stance
from stance.cli import app
from tests.accessibility import faults
from tests.test_cli import SAMPLE, run


def contrast(scores):
    """Mean support by party and frame."""
    return scores.pivot_table(index="party", columns="frame", values="support")


def test_report_of_the_sample_by_command_and_again(tmp_path):
    groups = ["--a", "Labour", "--b", "Conservative"]
    out = run(app, ["report", SAMPLE, "-o", str(tmp_path / "one"), "--seed", "1", *groups])
    assert out.exit_code == 0, out.output
    again = stance.verify(tmp_path / "one", tolerance=1e-5)
    assert again.same, again
    assert again.start == "articles"
    means = contrast(stance.read_table(tmp_path / "one" / "scores.csv"))
    assert means.loc["Labour", "enforcement"] > means.loc["Conservative", "enforcement"]
    assert means.loc["Conservative", "deterrence"] > means.loc["Labour", "deterrence"]
    html = (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
    assert "No test is possible: Labour has 1 and Conservative 1 named speaker" in html
    assert faults(html) == []
    made = json.loads((tmp_path / "one" / "provenance.json").read_text(encoding="utf-8"))
    assert made["model"]["sha256"] == stance.load_model().sha256
    assert made["model"]["precision"] == "exact"
    assert made["codebook"]["sha256"] == stance.load_codebook().sha256


def test_the_first_article(shared):
    article = stance.read_article(shared / "articles" / "cooper-2024-09-06.txt")
    scores = stance.score(stance.extract_quotes(article))
    means = contrast(scores)
    assert means.loc["Labour", "enforcement"] > means.loc["Conservative", "enforcement"]
    assert means.loc["Conservative", "deterrence"] > means.loc["Labour", "deterrence"]
    comparison = stance.compare(scores, "Labour", "Conservative")
    assert not comparison.inferred
    assert comparison.summary["n_speakers_a"].tolist() == comparison.summary["n_speakers_b"].tolist() == [1, 1]


def test_scores_do_not_depend_on_batches():
    quotes = stance.extract_quotes(stance.sample_article())
    model = stance.load_model(precision="exact", cache=False)
    scores = stance.score(quotes, model=model)
    turned = stance.score(quotes.iloc[::-1].reset_index(drop=True), model=model.with_batches(1))
    two = turned.set_index(["quote_id", "frame"])["support"]
    index = pd.MultiIndex.from_frame(scores[["quote_id", "frame"]])
    assert two.loc[index].to_numpy() == pytest.approx(scores["support"].to_numpy(), abs=1e-5)
