"""Comparison beyond two groups, and its correction with human codes."""

import json

import numpy as np
import pandas as pd
import pytest

import stance
from stance import groups
from stance.comparison import compare
from stance.errors import InputError, TableError
from tests.study import coded, made_up_study

SCORES, TRUTH = made_up_study(speakers=12)
X = SCORES[SCORES["frame"] == "x"].reset_index(drop=True)


def sample_and_codes(scores=SCORES, truth=TRUTH, n=90, seed=1):
    sample = stance.sample_for_coding(scores, n, seed=seed, strata="party")
    return truth.merge(sample[["quote_id", "probability"]], on="quote_id").assign(coder="Ada Finch")


# --- groups, periods, clusters, weights -----------------------------------------------------------


def test_weights_by_quote_or_by_speaker_are_what_they_say():
    speaker = compare(X, "A", "B").summary.iloc[0]
    quote = compare(X, "A", "B", weight="quote")
    part = X[X["party"] == "A"]
    assert speaker["mean_a"] == pytest.approx(part.groupby("speaker")["support"].mean().mean())
    assert quote.summary.loc[0, "mean_a"] == pytest.approx(part["support"].mean())
    assert quote.title == "Comparison of support by party (means of quotes)"
    assert quote.summary.loc[0, "low"] < quote.summary.loc[0, "difference"] < quote.summary.loc[0, "high"]


def test_three_groups_give_every_pair_corrected_together():
    third = X[X["party"] == "B"].assign(
        party="C", quote_id=lambda t: "C" + t["quote_id"], speaker=lambda t: t["speaker"] + "c"
    )
    found = compare(pd.concat([X, third]), "A", "B", "C")
    assert found.summary[["group_a", "group_b"]].to_numpy().tolist() == [["A", "B"], ["A", "C"], ["B", "C"]]
    assert found.summary.loc[2, "difference"] == 0
    assert found.summary.loc[2, "p_value"] > 0.9
    assert "p-values are corrected for 3 rows (frames, pairs of groups and periods) (Holm)." in found.notes


def test_over_time_gives_one_row_a_period():
    undated = X.assign(date=X["date"].where(X["quote_id"] != "A0-0"))
    found = compare(undated, "A", "B", over="month")
    assert found.summary["period"].is_monotonic_increasing
    assert found.summary["period"].dt.day.eq(1).all()
    assert found.summary["n_quotes_a"].sum() == (X["party"] == "A").sum() - 1
    assert "1 quotes have no date and stand in no month." in found.notes
    assert "no date" in set(stance.ledger(found.scores)["reason"])
    assert json.loads(found.to_json())["summary"][0]["period"] == str(found.summary["period"][0].date())
    with pytest.raises(InputError, match="over='decade'"):
        compare(X, "A", "B", over="decade")
    with pytest.raises(TableError, match="no quote has a date"):
        compare(X.assign(date=None), "A", "B", over="month")


def test_two_clusters_widen_the_interval_where_sources_differ():
    rng = np.random.default_rng(2)
    shift = dict(zip(X["source"].unique(), rng.normal(0, 0.3, X["source"].nunique()), strict=True))
    noisy = X.assign(support=X["support"] * 0.1 + X["source"].map(shift) * (X["party"] == "A"))
    one = compare(noisy, "A", "B").summary.iloc[0]
    two = compare(noisy, "A", "B", cluster=("speaker", "source"))
    row = two.summary.iloc[0]
    assert "pigeonhole" in row["method"]
    assert row["high"] - row["low"] > 1.5 * (one["high"] - one["low"])
    assert row["difference"] == one["difference"]
    with pytest.raises(TableError, match="no column 'newspaper'"):
        compare(X, "A", "B", cluster="newspaper")


def test_organisations_count_only_when_asked():
    types = X.assign(speaker_type=np.where(X["speaker"] == "A 0", "organisation", "person"))
    found = compare(types, "A", "B")
    n = int((X["speaker"] == "A 0").sum())
    assert found.summary.loc[0, "n_speakers_a"] == 11
    assert stance.ledger(found.scores, counts=True).loc[0, ["reason", "n", "of"]].tolist() == [
        "not a named person", n, len(X),
    ]  # fmt: skip
    assert any(f"{n} are of organisations" in note for note in found.notes)
    assert compare(types, "A", "B", organisations=True).summary.loc[0, "n_speakers_a"] == 12


def test_missing_and_constant_scores():
    gaps = X.assign(support=X["support"].where(X["quote_id"] != "A0-0"))
    found = compare(gaps, "A", "B")
    assert "1 scores are missing (support is NaN) and do not count." in found.notes
    flat = compare(X.assign(support=0.4), "A", "B").summary.iloc[0]
    assert (flat["difference"], flat["p_value"], flat["effect"]) == (0, 1, 0)
    assert np.isnan([flat["low"], flat["high"]]).all()  # what does not vary cannot show how far it may be off
    with pytest.raises(TableError, match="nothing to compare"):
        compare(X.assign(support=np.nan), "A", "B")


def test_few_speakers_get_welchs_interval():
    from scipy.stats import ttest_ind

    few = X[X["speaker"].isin([f"{p} {i}" for p in "AB" for i in range(5)])]
    with pytest.warns(UserWarning, match="Only 5 speakers"):
        row = compare(few, "A", "B").summary.iloc[0]
    means = few.groupby(["party", "speaker"])["support"].mean()
    interval = ttest_ind(means["A"], means["B"], equal_var=False).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert "Welch" in row["method"]


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random(9) ** 3
    np.testing.assert_allclose(groups.holm(p), multipletests(p, method="holm")[1])


def test_the_bootstrap_agrees_with_the_variance_of_clustered_means():
    units = np.repeat(np.arange(40), 5)
    values = np.random.default_rng(0).normal(size=40)[units]  # all of a speaker's quotes alike
    draws = groups.resampled_means(values, units, resamples=4000, rng=np.random.default_rng(1))
    means = groups.unit_means(values, units)
    assert draws.std() == pytest.approx(means.std() / np.sqrt(40), rel=0.05)
    assert groups.left_out_variance(values, units) == pytest.approx(means.var(ddof=1) / 40)


# --- correction -----------------------------------------------------------------------------------


def test_the_correction_moves_towards_the_truth():
    full = TRUTH[TRUTH["frame"] == "x"].merge(X[["quote_id", "party", "speaker"]])
    by_speaker = full.groupby(["party", "speaker"])["code"].mean()
    truth = by_speaker["A"].mean() - by_speaker["B"].mean()
    row = compare(X, "A", "B", gold=coded(TRUTH, X["quote_id"]).query("frame == 'x'")).summary.iloc[0]
    assert row["corrected"] == pytest.approx(truth)  # every quote coded: the codes decide
    found = compare(X, "A", "B", gold=sample_and_codes().query("frame == 'x'"))
    row = found.summary.iloc[0]
    assert abs(row["corrected"] - truth) < abs(row["difference"] - truth)
    assert row["corrected_low"] < truth < row["corrected_high"]
    assert found.corrected
    assert any("prediction-powered" in note for note in found.notes)
    assert not any("unvalidated" in note for note in found.notes)


def test_the_point_estimate_is_ppi_pythons():
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    codes = sample_and_codes().query("frame == 'x'")
    row = compare(X, "A", "B", weight="quote", gold=codes).summary.iloc[0]
    both = X.merge(codes[["quote_id", "code", "probability"]], on="quote_id", how="left")
    sides, coded_sides = [], []
    for party in "AB":
        part = both[both["party"] == party]
        known = part["code"].notna().to_numpy()
        units = pd.factorize(part["speaker"])[0]
        coded_sides.append(groups.Coded(part["support"].to_numpy(), part["code"].to_numpy("float64"), units,
                                        part["probability"].fillna(1).to_numpy()))  # fmt: skip
        sides.append((part, known))
    lam = groups.power((coded_sides[0], coded_sides[1]), by_quote=True)
    assert 0 <= lam <= 1
    direct = [
        ppi_mean_pointestimate(part["code"][known].to_numpy(), part["support"][known].to_numpy(),
                               part["support"].to_numpy(), lam=lam)[0]
        for part, known in sides
    ]  # fmt: skip
    assert row["corrected"] == pytest.approx(direct[0] - direct[1])
    # With every quote a speaker of its own the variance is close to ppi-python's, which takes quotes as independent.
    side = coded_sides[0]
    alone = groups.Coded(side.predicted, side.gold, np.arange(len(side.units)), side.probability)
    known = ~np.isnan(side.gold)
    low, high = ppi_mean_ci(side.gold[known], side.predicted[known], side.predicted, alpha=0.05, lam=0.0)
    assert groups.corrected_variance(alone, 0.0, True) ** 0.5 == pytest.approx((high[0] - low[0]) / 2 / 1.96, rel=0.03)


def test_sampling_weights_count_in_the_correction():
    # Half of B's quotes have a tenth of the others' chance: unweighted codes would lean to the others.
    b = X[X["party"] == "B"].reset_index(drop=True)
    truth = TRUTH.query("frame == 'x'").set_index("quote_id")["code"].reindex(b["quote_id"]).to_numpy("float64")
    rng = np.random.default_rng(0)
    probability = np.where(truth == 1, 0.9, 0.3)
    found = []
    for _ in range(300):
        gold = np.where(rng.random(len(b)) < probability, truth, np.nan)
        side = groups.Coded(b["support"].to_numpy(), gold, pd.factorize(b["speaker"])[0], probability)
        found.append(side.estimate(0.0, True))
    assert np.mean(found) == pytest.approx(truth.mean(), abs=0.02)


def test_too_few_coded_speakers_are_not_corrected():
    codes = coded(TRUTH, ["A0-0", "B0-0"]).query("frame == 'x'")
    found = compare(X, "A", "B", gold=codes)
    assert np.isnan(found.summary.loc[0, "corrected"])
    assert "at least 3 speakers" in found.notes[-1]
    with pytest.raises(TableError, match="not in the scores"):
        compare(X, "A", "B", gold=codes.head(1).assign(quote_id="unknown"))
    with pytest.raises(InputError, match="code a first sample"):
        stance.plan_codes(X, codes, "A", "B", width=0.2)


def test_a_plan_for_codes():
    codes = sample_and_codes(n=60).query("frame == 'x'")
    now = compare(X, "A", "B", gold=codes).summary.iloc[0]
    width = now["corrected_high"] - now["corrected_low"]
    plan = stance.plan_codes(X, codes, "A", "B", width=width * 0.9).iloc[0]
    assert plan["width_now"] == pytest.approx(width)
    assert plan["codes_now"] == 60
    assert plan["more"] == plan["codes_needed"] - 60 > 0
    assert plan["narrowest"] < width * 0.9
    assert stance.plan_codes(X, codes, "A", "B", width=2).loc[0, "more"] == 0
    never = stance.plan_codes(X, codes, "A", "B", width=1e-3).iloc[0]
    assert not never["reachable"]
    assert pd.isna(never["more"])
    with pytest.raises(InputError, match="above 0"):
        stance.plan_codes(X, codes, "A", "B", width=0)


def test_the_benchmarks_functions_are_those_of_compare():
    codes = sample_and_codes().query("frame == 'x'")
    row = compare(X, "A", "B", gold=codes, seed=3, resamples=300).summary.iloc[0]
    both = X.merge(codes[["quote_id", "code", "probability"]], on="quote_id", how="left")
    parts = [both[both["party"] == party].sort_values(["speaker", "quote_id"]) for party in "AB"]
    sides = [groups.Coded(p["support"].to_numpy(), p["code"].to_numpy("float64"), pd.factorize(p["speaker"])[0],
                          p["probability"].fillna(1).to_numpy()) for p in parts]  # fmt: skip
    assert row[["corrected", "corrected_low", "corrected_high"]].tolist() == pytest.approx(
        groups.corrected_difference(*sides)[:3]
    )
    rng = np.random.default_rng(3)
    draws = [groups.resampled_means(s.predicted, s.units, resamples=300, rng=rng) for s in sides]
    assert (row["low"], row["high"]) == pytest.approx(groups.percentile_interval(draws[0] - draws[1]))
    means = [groups.unit_means(s.predicted, s.units) for s in sides]
    assert row["p_value"] == pytest.approx(groups.permutation_p(*means, seed=3, resamples=300))
