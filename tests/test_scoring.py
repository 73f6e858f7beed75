import numpy as np
import pandas as pd
import pytest

import stance
from stance.codebook import parse_codebook
from stance.errors import InputError, ModelError, TableError
from stance.scoring import score

BOOK = parse_codebook("""
name: toy
title: Toy
frames:
  - name: gangs
    definition: d
    supports:
      - {name: one, hypotheses: [a1, a2, a3]}
      - {name: two, hypotheses: [b1, b2, b3]}
    opposes:
      - {name: three, hypotheses: [c1, c2, c3]}
  - name: plain
    definition: d
    supports:
      - {name: four, hypotheses: [d1, d2, d3]}
""")
P = {"a1": 0.1, "a2": 0.2, "a3": 0.3, "b1": 0.9, "b2": 0.6, "b3": 0.6, "c1": 0.5, "c2": 0.5, "c3": 0.2,
     "d1": 0, "d2": 0, "d3": 1}  # fmt: skip


def table_scorer(pairs):
    return np.array([[P[h], 1 - P[h], 0] for _, h in pairs])


def test_support_is_the_largest_mean_over_wordings():
    scores = score(["a quote"], BOOK, table_scorer)
    first, second = scores.to_dict("records")
    assert first["support"] == pytest.approx(0.7)
    assert first["oppose"] == pytest.approx(0.4)
    assert first["stance"] == pytest.approx(0.3)
    assert first["spread"] == pytest.approx(np.std([0.9, 0.6, 0.6]))
    assert first["facet"] == "two"
    assert first["window"] == [0, 7]
    assert np.isnan(second["oppose"])
    assert second["stance"] == second["support"] == pytest.approx(1 / 3)


def test_a_long_quote_is_scored_in_windows_and_names_the_one():
    class Windowed:
        name, sha256, max_tokens, temperature = "w", "0", 9, 1.0

        def windows(self, text, hypotheses):
            return [(0, 3), (4, 7)]

        def __call__(self, pairs):
            return np.array([[0.8 if p == "two" else 0.1, 0, 0] for p, _ in pairs])

    scores = score(["one two"], BOOK, Windowed())
    assert scores["window"].tolist() == [[4, 7]] * 2
    assert scores["support"].tolist() == pytest.approx([0.8, 0.8])


def test_scores_do_not_depend_on_the_order_of_rows(toy_scorer):
    quotes = pd.DataFrame(
        {"text": ["arrest the smugglers", "nothing", "swift returns"], "quote_id": list("abc"), "mine": 1}
    )
    one = score(quotes, model=toy_scorer)
    two = score(quotes.iloc[::-1], model=toy_scorer).sort_values(["quote_id"], kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(one, two)
    assert one["mine"].eq(1).all()


def test_provenance_names_model_codebook_and_versions(toy_scorer):
    made = score(["x"], BOOK, toy_scorer, seed=7).attrs["provenance"]
    assert made["codebook"]["sha256"] == BOOK.sha256
    assert made["model"]["name"] == "toy"
    assert made["seed"] == 7
    assert "numpy" in made["versions"]


def test_bad_models_and_tables():
    with pytest.raises(ModelError, match="shape"):
        score(["x"], BOOK, lambda pairs: np.zeros((1, 2)))
    with pytest.raises(ModelError, match=r"outside \[0, 1\]"):
        score(["x"], BOOK, lambda pairs: np.full((len(pairs), 3), np.nan))
    with pytest.raises(TableError, match="column 'support'"):
        score(pd.DataFrame({"text": ["x"], "support": [1.0]}), BOOK, table_scorer)
    with pytest.raises(TableError, match="no column 'text'"):
        score(pd.DataFrame({"words": ["x"]}), BOOK, table_scorer)


def test_nan_and_empty_quotes_are_counted(toy_scorer):
    scores = score(pd.DataFrame({"text": ["x", None, ""]}), BOOK, toy_scorer)
    assert scores["quote_id"].nunique() == 1
    assert len(stance.ledger(scores)) == 2


def test_scores_survive_the_file(tmp_path, toy_scorer):
    scores = score(["x", 'a "quoted" one, with commas'], BOOK, toy_scorer)
    for suffix in (".csv", ".jsonl", ".parquet"):
        again = stance.read_table(stance.write_table(scores, tmp_path / f"s{suffix}"))
        np.testing.assert_allclose(again["support"].astype(float), scores["support"], rtol=1e-12)
        assert again.attrs["provenance"]["codebook"]["sha256"] == BOOK.sha256


def test_entailments_are_scored_and_taken_apart_without_running_the_model_again():
    calls = []

    class Counted:
        name, sha256, max_tokens, temperature = "w", "0", 9, 1.0

        def windows(self, text, hypotheses):
            return [(0, len(text) // 2), (len(text) // 2, len(text))] if " " in text else [(0, len(text))]

        def __call__(self, pairs):
            calls.append(len(pairs))
            return np.array([[(len(p) * len(h) % 7) / 7, 0, 0] for p, h in pairs])

    quotes = pd.DataFrame({"text": ["one two", "three", "four five six"], "quote_id": list("abc")})
    found = stance.entail(quotes, BOOK, Counted())
    whole = score(quotes, BOOK, Counted(), head=False)
    pd.testing.assert_frame_equal(score(found, BOOK, head=False), whole)
    part = score(found.take([2, 0]), BOOK, head=False)
    assert part["quote_id"].tolist() == ["c", "c", "a", "a"]
    assert part["support"].tolist() == whole["support"].tolist()[4:] + whole["support"].tolist()[:2]
    assert len(calls) == 2
    with pytest.raises(InputError, match="entail again"):
        score(found, head=False)
