import numpy as np
import pandas as pd
import pytest

import stance
from stance.errors import InputError, TableError
from stance.people import Roster
from stance.robustness.cues import mask, swap
from stance.words import weighted_log_odds
from tests.study import TOY_BOOK


def quotes(speakers=9, per=3):
    rng = np.random.default_rng(4)
    rows = [
        {"quote_id": f"{party}{s}-{q}", "speaker": f"{name} {'ABCDEFGHIJ'[s]}", "party": party,
         "text": f"{party} {rng.integers(100)} words of {party}"}
        for party, name in (("Labour", "Ada"), ("Conservative", "Bo")) for s in range(speakers) for q in range(per)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def scorer(pairs):
    """x is seen in Labour's quotes, but by the wording x3 in the other party's; z by chance of the text's length."""
    out = []
    for premise, hypothesis in pairs:
        labour = "Labour" in premise
        number = sum(map(ord, premise)) % 7 / 70
        p = {"x1": 0.8 if labour else 0.3, "x2": 0.7 if labour else 0.2, "x3": 0.2 if labour else 0.6}.get(
            hypothesis, 0.4
        )
        out.append([p + number, 1 - p - number, 0])
    return np.array(out)


def test_multiverse_lists_every_specification():
    found = stance.multiverse(quotes(), TOY_BOOK, "Labour", "Conservative", model=scorer)
    x = found.table[found.table["frame"] == "x"]
    assert x["kind"].value_counts().to_dict() == {
        "default": 1, "single wording": 3, "leave-one-out": 3, "mean": 1, "max": 1, "threshold": 3,
    }  # fmt: skip
    single = x[x["kind"] == "single wording"].set_index("specification")
    assert single.loc["x1", "difference"] == pytest.approx(0.5, abs=0.05)
    assert not single.loc["x3", "same_sign"]
    assert (x["low"] <= x["difference"]).all()
    assert (x["difference"] <= x["high"]).all()
    row = found.shares.set_index("frame").loc["x"]
    assert row["same_sign"] == x[x["kind"] != "default"]["same_sign"].mean()
    assert row["lowest"] == x["difference"].min()
    assert r"\toprule" in found.to_latex()
    assert "under 24 specifications" in found._repr_html_()


def test_the_default_specification_is_what_score_and_compare_give():
    entailed = stance.entail(quotes(), TOY_BOOK, scorer)
    found = stance.multiverse(entailed, TOY_BOOK, "Labour", "Conservative", resamples=300, seed=2)
    comparison = stance.compare(
        stance.score(entailed, TOY_BOOK, head=False), "Labour", "Conservative", resamples=300, seed=2
    )
    default = found.table[found.table["kind"] == "default"]
    for column in ("difference", "low", "high"):
        np.testing.assert_allclose(default[column], comparison.summary[column])


def test_a_fitted_head_is_one_specification_and_signs_count_against_the_scores_as_they_are():
    entailed = stance.entail(quotes(), TOY_BOOK, scorer)
    scores = stance.score(entailed, TOY_BOOK)
    # What a head may do to x: turn the difference round.
    scores.loc[scores["frame"] == "x", "support"] = 1 - scores.loc[scores["frame"] == "x", "support"]
    found = stance.multiverse(entailed, TOY_BOOK, "Labour", "Conservative", scores=scores, resamples=300)
    comparison = stance.compare(scores, "Labour", "Conservative", resamples=300).summary.set_index("frame")
    table = found.table.set_index(["frame", "kind"]).sort_index()
    for column in ("difference", "low", "high"):
        assert table.loc[("x", "default"), column].item() == pytest.approx(comparison.loc["x", column])
    assert table.loc[("x", "zero-shot"), "difference"].item() == pytest.approx(-comparison.loc["x", "difference"])
    assert ("z", "zero-shot") not in table.index
    others = table.loc["x"].drop("default")
    assert found.shares.set_index("frame").loc["x", "same_sign"] == (others["difference"] < 0).mean() < 0.5
    said = " ".join(t.get_text() for t in found.plot("x").get_legend().get_texts())
    assert "as scored (1) zero-shot (1)" in said
    assert found.plot("x").get_ylabel() == "difference on x, Labour − Conservative"
    assert any("On x the scores come from a fitted head" in note for note in found.notes)
    with pytest.raises(InputError, match="give the scores of these very quotes"):
        stance.multiverse(entailed, TOY_BOOK, scores=scores.assign(quote_id="other " + scores["quote_id"]))


def test_windows_and_other_models_add_specifications():
    class Halves:
        name, sha256, max_tokens, temperature = "halves", "0", 9, 1.0

        def windows(self, text, hypotheses):
            return [(0, len(text) // 2), (len(text) // 2, len(text))]

        def __call__(self, pairs):
            return scorer(pairs)

    found = stance.multiverse(quotes(), TOY_BOOK, "Labour", "Conservative", model=Halves(), models=[scorer])
    kinds = found.table.loc[found.table["frame"] == "x", "kind"].value_counts()
    assert kinds[["window", "model"]].tolist() == [2, 1]


def test_with_two_speakers_no_interval():
    with pytest.raises(InputError, match="measure='stance'"):
        stance.multiverse(quotes(), TOY_BOOK, model=scorer, measure="stance")
    found = stance.multiverse(quotes(speakers=2), TOY_BOOK, model=scorer)
    assert found.table["low"].isna().all()
    assert any("no intervals" in note for note in found.notes)


# --- party cues -----------------------------------------------------------------------------------

NAMES = {"Ada Finch": "Bo Reed", "Bo Reed": "Ada Finch"}
PAIR = ("Labour", "Conservative")


@pytest.mark.parametrize(
    ("text", "masked", "swapped"),
    [
        ("The Tories and Mr Reed agree.", "the party and the politician agree.", "The Labour and Mr Finch agree."),
        ("Ada Finch left the Labour Party.", "the politician left the party.", "Bo Reed left the Conservative Party."),
        ("Hard labour, a conservative guess.", None, None),
        ("Ms Doe and Lib Dems", "Ms Doe and the party", None),
    ],
)
def test_cues_are_masked_and_swapped(text, masked, swapped):
    assert mask(text, NAMES) == (masked or text)
    assert swap(text, NAMES, PAIR) == (swapped or text)
    assert swap(swap(text, NAMES, PAIR), NAMES, PAIR).count("Finch") == text.count("Finch")


def test_a_model_that_reads_the_party_is_found_out():
    empty = Roster(pd.DataFrame({"person": pd.Series(dtype="str"), "party": pd.Series(dtype="str")}))
    table = quotes()
    found = stance.audit_party_cues(table, TOY_BOOK, "Labour", "Conservative", model=scorer, people=empty)
    swapped = found.query("frame == 'x' and change == 'swapped'").set_index("group")
    assert swapped.loc["Labour", "shift"] < -0.15
    assert swapped.loc["Conservative", "shift"] > 0.15
    assert swapped.loc["Labour - Conservative", "high"] < 0
    assert swapped.loc["Labour", ["n", "n_quotes"]].tolist() == [27, 27]
    with pytest.raises(InputError, match="none of 54 quotes names a party"):
        stance.audit_party_cues(table.assign(text="nothing"), TOY_BOOK, model=scorer, people=empty)


def test_parties_that_are_only_masked_and_what_cannot_be_audited():
    empty = Roster(pd.DataFrame({"person": pd.Series(dtype="str"), "party": pd.Series(dtype="str")}))
    table = quotes().assign(text=[f"The SNP said {i}" for i in range(54)])
    found = stance.audit_party_cues(table, TOY_BOOK, "Labour", "Conservative", model=scorer, people=empty)
    assert set(found["change"]) == {"masked"}
    with pytest.raises(TableError, match="no column 'gender'"):
        stance.audit_party_cues(table, TOY_BOOK, model=scorer, by="gender")
    few = table.assign(speaker=table["speaker"].where(table["speaker"].isin(["Ada A", "Ada B", "Bo A", "Bo B"])))
    shown = stance.audit_party_cues(few, TOY_BOOK, "Labour", "Conservative", model=scorer, people=empty)
    assert shown["low"].isna().all()  # two named speakers and the unnamed together are not three


# --- words ----------------------------------------------------------------------------------------


def test_log_odds_on_a_worked_example():
    # By hand after Monroe, Colaresi & Quinn (2008), eqs 15, 16, 22. Counts a = (8, 2), b = (2, 8), prior (1, 1):
    # ln((8+1)/(10+2-8-1)) - ln((2+1)/(10+2-2-1)) = ln 3 - ln(1/3) = 2.19722; variance 1/9 + 1/3; z = 3.29584.
    delta, z = weighted_log_odds(np.array([8, 2]), np.array([2, 8]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(delta, [2.1972246, -2.1972246])
    np.testing.assert_allclose(z, [3.2958369, -3.2958369])


def test_words_of_the_groups():
    table = quotes()
    found = stance.words(table, "Labour", "Conservative")
    assert found.loc[0, ["word", "group"]].tolist() == ["labour", "Labour"]
    assert found.iloc[-1]["word"] == "conservative"
    row = found.set_index("word").loc["words"]
    assert (row["count_a"], row["count_b"], row["n_speakers"]) == (27, 27, 18)
    assert abs(row["z"]) < 0.1
    # a long table holds each quote once a frame; it counts once
    pd.testing.assert_frame_equal(found, stance.words(pd.concat([table, table]), "Labour", "Conservative"))
    with pytest.raises(TableError, match="no column 'text'"):
        stance.words(table.drop(columns="text"))
    with pytest.raises(InputError, match="prior_size"):
        stance.words(table, prior_size=0)
