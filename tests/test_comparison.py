import json

import numpy as np
import pandas as pd
import pytest

import stance
from stance.comparison import cliffs_delta, compare, holm
from stance.errors import InputError, TableError


def table(n=6, gap=0.4, seed=0, per=4):
    rng = np.random.default_rng(seed)
    rows = [
        {"quote_id": f"{party}{s}{q}{frame}"[:-1], "text": "t", "speaker": f"{party} {s}", "party": party,
         "frame": frame,
         "support": float(np.clip(0.3 + (gap if (party == "A") == (frame == "x") else 0) + rng.normal(0, 0.05), 0, 1)),
         "oppose": 0.0, "stance": 0.0}
        for party in "AB" for s in range(n) for q in range(per) for frame in "xy"
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_clear_difference_is_found_and_reproducible():
    with pytest.warns(UserWarning, match="Only 6 speakers"):
        one = compare(table(), "A", "B", seed=1)
    with pytest.warns(UserWarning, match="Only 6 speakers"):
        two = compare(table(), "A", "B", seed=1)
    pd.testing.assert_frame_equal(one.summary, two.summary)
    row = one.summary.iloc[0]
    assert row["low"] < row["difference"] < row["high"]
    assert row["low"] > 0.3
    assert row["p_value"] == pytest.approx(2 * 2 / 924)  # 924 splits of 12 speakers, two frames (Holm)
    assert row["effect"] == 1
    assert one.summary["difference"][1] < 0


def test_with_two_speakers_it_describes_and_says_so():
    result = compare(table(n=1), "A", "B")
    assert result.summary[["low", "high", "p_value"]].isna().all(axis=None)
    assert not result.inferred
    assert "No test is possible: A has 1 and B 1 named speaker" in "\n".join(result.notes)
    assert result.summary["difference"].notna().all()
    assert json.loads(result.to_json())["summary"][0]["p_value"] is None
    assert "No test is possible" in result._repr_html_()
    assert r"\toprule" in result.to_latex()


@pytest.mark.filterwarnings("error:obj.round")
@pytest.mark.parametrize(
    ("over", "names"),
    [("month", ["2025-01", "2025-02"]), ("quarter", ["2025Q1"]), ("year", ["2025"]), ("week", ["week of 2025-01-06"])],
)
def test_periods_are_printed_by_name(over, names):
    days = ["2025-01-06", "2025-02-10"] if over == "month" else ["2025-01-06"]
    scores = pd.concat([table(n=1).assign(date=day) for day in days], ignore_index=True)
    scores["quote_id"] += scores["date"]
    scores.loc[(scores["date"] == "2025-02-10") & (scores["party"] == "B"), "speaker"] = None
    result = compare(scores, "A", "B", over=over)
    assert list(dict.fromkeys(result._shown()["period"])) == names
    assert all(name in repr(result) and name in result._repr_html_() for name in names)
    if over == "month":
        assert any(n.startswith("2025-01: No test is possible: A has 1 and B 1") for n in result.notes)
        assert any(n.startswith("2025-02: No test is possible: A has 1 and B 0") for n in result.notes)
    else:
        assert any(n.startswith("No test is possible") for n in result.notes)


def test_speakers_and_not_quotes_are_the_units():
    scores = table(n=4)
    flood = pd.concat([scores[scores["speaker"] == "A 0"].assign(support=0.0)] * 20, ignore_index=True)
    flood["quote_id"] = [f"f{i}" for i in range(len(flood))]
    with pytest.warns(UserWarning, match="Only 4"):
        before, after = compare(scores, "A", "B"), compare(pd.concat([scores, flood]), "A", "B")
    # 160 further quotes move one speaker of four and no more
    assert abs(before.summary["mean_a"][0] - after.summary["mean_a"][0]) <= 0.25


def test_quotes_without_a_speaker_are_one_speaker_however_many():
    known = table(n=4)
    unnamed = pd.concat([table(n=1, per=30, seed=9).assign(speaker=None)], ignore_index=True)
    unnamed["quote_id"] = "u" + unnamed["quote_id"]
    with pytest.warns(UserWarning, match="Only 4 speakers"):
        few = compare(known, "A", "B").summary.iloc[0]
    with pytest.warns(UserWarning, match="Only 4 speakers"):
        many = compare(pd.concat([known, unnamed], ignore_index=True), "A", "B").summary.iloc[0]
    assert (many["n_speakers_a"], many["n_quotes_a"]) == (4, few["n_quotes_a"] + 30)
    assert many["high"] - many["low"] > 0.5 * (few["high"] - few["low"])  # 30 speakers more would halve it, and more
    assert many["p_value"] >= 2 / 252  # 252 splits of ten units


def test_numbers_that_do_not_vary_give_no_interval():
    known = table(n=3).assign(support=lambda rows: (rows["party"] == "A").astype(float))
    with pytest.warns(UserWarning, match="Only 3 speakers"):
        row = compare(known, "A", "B").summary.iloc[0]
    assert row["difference"] == 1
    assert np.isnan([row["low"], row["high"]]).all()


def test_what_is_not_compared_is_counted():
    scores = table(n=3)
    scores.loc[scores["speaker"] == "A 0", "party"] = None
    scores.loc[scores["speaker"] == "B 0", "party"] = "C"
    result = compare(scores, "A", "B")
    assert "16 of 24 quotes are compared; 4 have no party, 4 belong to other groups." in result.notes
    assert len(stance.ledger(result.scores)) == 8


@pytest.mark.filterwarnings("ignore:Only")
@pytest.mark.parametrize(("measure", "most"), [("support", 1.0), ("stance", 2.0)])
def test_an_interval_ends_at_the_largest_possible_difference(measure, most):
    few = table(n=3, per=1).query("frame == 'x'")
    few["support"] = [1.0, 0.9, 0.1, 0.0, 0.05, 0.9]
    few["stance"] = 2 * few["support"] - 1
    row = compare(few, "A", "B", measure=measure).summary.iloc[0]
    assert row["high"] == most
    assert -most < row["low"] < row["difference"] < most
    assert f"cut at ±{most:g}, the largest possible difference" in row["method"]
    assert "cut at" not in compare(table(), "A", "B").summary.loc[0, "method"]


@pytest.mark.filterwarnings("ignore:Only")
def test_labour_stands_before_conservative_where_no_group_is_named():
    names = {"A": "Conservative", "B": "Labour"}
    mine = table().replace({"party": names})
    assert compare(mine.iloc[:-2]).summary.loc[0, ["group_a", "group_b"]].tolist() == ["Labour", "Conservative"]
    assert compare(mine, "Conservative").summary.loc[0, "group_a"] == "Conservative"
    assert compare(table().iloc[:-2]).summary.loc[0, "group_a"] == "A"


def test_errors_name_the_groups():
    with pytest.raises(InputError, match="no quote has party 'D'; the groups are: A, B"):
        compare(table(), "A", "D")
    with pytest.raises(InputError, match="fewer than two groups"):
        compare(table().query("party == 'A'"))
    with pytest.raises(InputError, match="both groups"):
        compare(table(), "A", "A")
    with pytest.raises(TableError, match="no column 'frame'"):
        compare(pd.DataFrame({"party": ["A"]}), "A", "B")
    with pytest.raises(InputError, match="measure"):
        compare(table(), "A", "B", measure="love")


def test_holm_on_a_worked_example():
    # Holm (1979) by hand: 0.01*4, 0.02*3, 0.03*2, 0.04*1 -> made monotone
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.02, np.nan])), [0.04, 0.06, 0.06, 0.06, np.nan])


def test_cliffs_delta_is_the_rescaled_mann_whitney_u():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 6, 15).astype(float), rng.integers(0, 5, 11).astype(float)
    assert cliffs_delta(a, b) == pytest.approx(2 * mannwhitneyu(a, b).statistic / (len(a) * len(b)) - 1)


@pytest.mark.filterwarnings("ignore:Only")
def test_the_order_of_the_rows_changes_nothing():
    known = table()
    mixed = known.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(
        compare(known, "A", "B").summary, compare(mixed, "A", "B").summary.sort_values("frame", ignore_index=True)
    )


@pytest.mark.filterwarnings("ignore:Only")
@pytest.mark.parametrize("names", [{"A": 1, "B": 0}, {"A": True, "B": False}])
def test_groups_that_are_no_text(names):
    known = table().assign(side=lambda rows: rows["party"].map(names))
    found = compare(known, names["A"], names["B"], by="side").summary
    assert found.loc[0, ["group_a", "group_b"]].tolist() == [str(names["A"]), str(names["B"])]
    assert found["difference"].tolist() == compare(known, "A", "B").summary["difference"].tolist()
    assert len(compare(known, by="side").summary) == 2


@pytest.mark.filterwarnings("ignore:Only")
def test_categories_are_groups_only_where_they_have_quotes():
    known = table()
    known["speaker"] = known["speaker"].where(known["quote_id"] != known["quote_id"].iloc[0]).astype("category")
    known["party"] = pd.Categorical(known["party"], ["A", "B", "C"])
    assert compare(known).summary.loc[0, ["group_a", "group_b"]].tolist() == ["A", "B"]
    with pytest.raises(InputError, match="fewer than two groups"):
        compare(known[known["party"] == "A"])


@pytest.mark.filterwarnings("ignore:Only")
def test_speakers_of_both_groups_are_told():
    known = table()
    known["speaker"] = known["speaker"].str[-1] + known["frame"].str[:0]
    with pytest.warns(UserWarning, match="6 of 6 speakers have quotes in more than one group"):
        found = compare(known, "A", "B")
    assert any("as a rule too wide" in note for note in found.notes)
    assert not any("more than one group" in note for note in compare(table(), "A", "B").notes)


def test_a_quote_that_stands_twice_is_refused():
    known = table()
    with pytest.raises(TableError, match="have a row already"):
        compare(pd.concat([known, known.head(2)]), "A", "B")


def test_few_speakers_are_told_also_beside_a_group_that_is_only_described():
    known = pd.concat([table(), table(n=1).query("party == 'B'").assign(
        party="C", speaker="C 0", quote_id=lambda rows: "C" + rows["quote_id"])])  # fmt: skip
    with pytest.warns(UserWarning, match="Only 6 speakers on one side"):
        compare(known, "A", "B", "C")
