import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

import stance
from stance.errors import CodebookError, InputError, ReadError, TableError
from stance.validation.accuracy import coded_scores
from stance.validation.sampling import allocate
from tests.study import TOY_BOOK, coded, made_up_study

SCORES, TRUTH = made_up_study()


def fill(path, answers, coders=("Ada", "Bo")):
    """Writes codes into an Excel sheet as a coder would."""
    book = load_workbook(path)
    sheet = book["codes"]
    for row in range(2, sheet.max_row + 1):
        for at, _ in enumerate(coders):
            sheet.cell(row, 4 + at, answers(sheet.cell(row, 1).value, sheet.cell(row, 2).value, at))
    book.save(path)


# --- sampling -------------------------------------------------------------------------------------


def test_the_sample_knows_its_probabilities_and_hides_the_scores():
    sample = stance.sample_for_coding(SCORES, 40, seed=3, strata="party")
    assert sample["party"].value_counts().tolist() == [20, 20]
    sizes = SCORES.drop_duplicates("quote_id")["party"].value_counts()
    assert np.allclose(sample["probability"], 20 / sample["party"].map(sizes))
    assert not {"support", "frame", "stance", "label"} & set(sample.columns)
    pd.testing.assert_frame_equal(sample, stance.sample_for_coding(SCORES, 40, seed=3, strata="party"))
    assert set(sample["quote_id"]) != set(stance.sample_for_coding(SCORES, 40, seed=4, strata="party")["quote_id"])


def test_every_quote_is_drawn_as_often_as_its_probability_says():
    drawn = pd.concat([stance.sample_for_coding(SCORES, 30, seed=s) for s in range(300)])
    share = drawn["quote_id"].value_counts().reindex(SCORES["quote_id"].unique(), fill_value=0) / 300
    expected = 30 / SCORES["quote_id"].nunique()
    assert share.mean() == pytest.approx(expected)
    assert (share - expected).abs().max() < 5 * np.sqrt(expected * (1 - expected) / 300)


def test_small_strata_are_taken_whole():
    assert allocate([10, 100, 100], 50) == [10, 20, 20]
    assert allocate([1, 1, 5], 7) == [1, 1, 5]
    with pytest.raises(InputError, match="give n=181 or fewer"):
        stance.sample_for_coding(SCORES, 10_000)
    with pytest.raises(TableError, match="no column 'region'"):
        stance.sample_for_coding(SCORES, 10, strata="region")
    with pytest.raises(InputError, match="n=3 is fewer than the 10 strata of party, source"):
        stance.sample_for_coding(SCORES, 3, strata=["party", "source"])


def test_the_sample_does_not_depend_on_the_order_of_the_rows():
    mixed = SCORES.sample(frac=1, random_state=1)
    one, other = (stance.sample_for_coding(table, 20, seed=2, strata="party") for table in (SCORES, mixed))
    assert one["quote_id"].tolist() == other["quote_id"].tolist()


# --- sheets and the lock --------------------------------------------------------------------------


def test_a_sheet_goes_out_and_comes_back(tmp_path):
    sample = stance.sample_for_coding(SCORES, 20, strata="party")
    path = stance.write_codesheet(sample, tmp_path / "codes.xlsx", TOY_BOOK, coders=["Ada", "Bo"])
    book = load_workbook(path)
    assert [c.value for c in book["codes"][1]] == ["quote_id", "frame", "text", "Ada", "Bo"]
    assert book["codes"]["C2"].data_type == "s"  # the texts begin with "="
    assert "The speaker speaks for x." in [c.value for row in book["definitions"].iter_rows() for c in row]
    shown = {str(c.value) for sheet in book for row in sheet.iter_rows() for c in row}
    assert not {"A", "B", "A 0", "support"} & shown
    fill(path, lambda quote, frame, coder: None if coder and frame == "z" else coder)
    codes = stance.read_codes(path, TOY_BOOK)
    assert codes["coder"].value_counts().tolist() == [40, 40]
    assert codes.loc[codes["coder"] == "Ada", "code"].eq(0).all()
    assert codes.set_index("quote_id")["probability"].to_dict() == sample.set_index("quote_id")["probability"].to_dict()
    left = stance.ledger(codes, counts=True)
    assert left.loc[0, ["reason", "n", "of"]].tolist() == ["left empty by Bo", 20, 40]


def test_csv_sheets_one_a_coder(tmp_path):
    sample = stance.sample_for_coding(SCORES, 5)
    paths = [stance.write_codesheet(sample, tmp_path / f"{c}.csv", TOY_BOOK, coders=[c]) for c in ("Ada", "Bo")]
    for path, word in zip(paths, ("supports", "-1"), strict=True):
        sheet = pd.read_csv(path)
        sheet[sheet.columns[-1]] = word
        sheet.to_csv(path, index=False, sep=";")  # as where the comma is the decimal mark
    codes = stance.read_codes(paths)
    assert codes.groupby("coder")["code"].unique().map(list).to_dict() == {"Ada": [1.0], "Bo": [-1.0]}
    assert codes["probability"].eq(5 / SCORES["quote_id"].nunique()).all()
    assert "The speaker speaks for z." in (tmp_path / "Ada.definitions.txt").read_text(encoding="utf-8")


def test_copies_of_one_sheet_that_two_coders_filled(tmp_path):
    sample = stance.sample_for_coding(SCORES, 5)
    paths = [stance.write_codesheet(sample, tmp_path / f"{name}.csv", TOY_BOOK) for name in ("a", "b")]
    for at, path in enumerate(paths):
        sheet = pd.read_csv(path)
        sheet[sheet.columns[-2 + at]] = at  # each coder a column, the other one empty
        sheet.to_csv(path, index=False)
    codes = stance.read_codes(paths)
    assert codes.groupby("coder")["code"].unique().map(list).tolist() == [[0.0], [1.0]]
    assert len(codes) == 2 * 2 * 5


def test_sheets_of_two_versions_of_the_codebook_are_not_read_together(tmp_path):
    sample = stance.sample_for_coding(SCORES, 5)
    changed = TOY_BOOK.model_copy(update={"version": "2"})
    paths = [
        stance.write_codesheet(sample, tmp_path / f"{book.version}.csv", book, coders=[f"coder of {book.version}"])
        for book in (TOY_BOOK, changed)
    ]
    with pytest.raises(CodebookError, match="2 different versions of the codebook"):
        stance.read_codes(paths)


def test_bad_sheets(tmp_path):
    sample = stance.sample_for_coding(SCORES, 5)
    path = stance.write_codesheet(sample, tmp_path / "codes.csv", TOY_BOOK, coders=["Ada"])
    sheet = pd.read_csv(path)
    sheet["Ada"] = [1, 0, 7, *[1] * 7]
    sheet.to_csv(path, index=False)
    with pytest.raises(TableError, match=r"codes.csv, row 4, column 'Ada': '7' is not a code"):
        stance.read_codes(path)
    with pytest.raises(InputError, match="a name of its own"):
        stance.write_codesheet(sample, path, TOY_BOOK, coders=["Ada", "Ada"])
    with pytest.raises(TableError, match="probability"):
        stance.write_codesheet(SCORES.drop_duplicates("quote_id"), path, TOY_BOOK)
    with pytest.raises(ReadError, match="no such file"):
        stance.read_codes(tmp_path / "no.xlsx")
    (tmp_path / "damaged.xlsx").write_bytes(b"PK not a sheet")
    with pytest.raises(ReadError, match="cannot be read as Excel"):
        stance.read_codes(tmp_path / "damaged.xlsx")


def test_a_codebook_that_changed_after_the_lock_is_refused(tmp_path, toy_scorer):
    sample = stance.sample_for_coding(SCORES, 5)
    path = stance.write_codesheet(sample, tmp_path / "codes.csv", TOY_BOOK, coders=["Ada"])
    locked = stance.lock(TOY_BOOK, toy_scorer, {"x": 0.4}, tmp_path / "lock.json")
    assert locked.model == "toy"
    assert "thresholds x 0.4" in str(locked)
    assert stance.read_codes(path, TOY_BOOK, tmp_path / "lock.json").attrs["lock"]["seal"] == locked.seal
    changed = TOY_BOOK.model_copy(update={"version": "2"})
    with pytest.raises(CodebookError, match="another version of the codebook"):
        stance.read_codes(path, changed)
    again = stance.write_codesheet(sample, tmp_path / "again.csv", changed, coders=["Ada"])
    with pytest.raises(CodebookError, match="the codebook changed after the lock"):
        stance.read_codes(again, changed, locked)
    with pytest.raises(CodebookError, match="the codebook changed after the lock"):
        stance.read_codes(again, lock=locked)
    with pytest.raises(CodebookError, match="is there already"):
        stance.lock(TOY_BOOK, toy_scorer, path=tmp_path / "lock.json")
    edited = json.loads((tmp_path / "lock.json").read_text()) | {"thresholds": {"x": 0.1}}
    (tmp_path / "lock.json").write_text(json.dumps(edited))
    with pytest.raises(CodebookError, match="edited"):
        stance.read_codes(path, lock=tmp_path / "lock.json")
    with pytest.raises(CodebookError, match="frames are x, z"):
        stance.lock(TOY_BOOK, toy_scorer, {"w": 0.4}, tmp_path / "other.json")


def test_a_lock_made_after_the_draw_is_not_taken_for_an_older_one(tmp_path, toy_scorer):
    locked = stance.lock(TOY_BOOK, toy_scorer, path=tmp_path / "lock.json")
    path = stance.write_codesheet(stance.sample_for_coding(SCORES, 20), tmp_path / "codes.xlsx", TOY_BOOK)
    fill(path, lambda quote, frame, coder: 1, coders=("coder 1", "coder 2"))
    late = dataclasses.replace(locked, time="2999-01-01T00:00:00+00:00")
    late = dataclasses.replace(late, seal=late.sealed())
    for lock, words in ((locked, "older than the code sheet"), (late, "younger than the code sheet")):
        codes = stance.read_codes(path, TOY_BOOK, lock)
        assert codes.attrs["drawn"] >= locked.time
        notes = "\n".join(stance.compare(SCORES, "A", "B", gold=codes).notes)
        assert words in notes
        assert ("unchanged since" in notes) == (lock is locked)


def test_a_sample_larger_than_the_table_names_the_option():
    with pytest.raises(InputError, match=r"n=999.*-n \d+"):
        stance.sample_for_coding(SCORES, 999)


# --- reliability ----------------------------------------------------------------------------------

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, five
# categories, missing data; published there: nominal .743, ordinal .815, interval .849, ratio .797.
PUBLISHED = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_of_krippendorffs_published_example(level, alpha):
    import krippendorff

    data = [[np.nan if c == "." else float(c) for c in line.split()] for line in PUBLISHED.strip().splitlines()]
    found = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
    assert found == pytest.approx(alpha, abs=0.0006)


def test_alpha_of_the_binary_published_example():
    # Krippendorff (2011), section A: two observers, ten units, binary: alpha = 0.095.
    meg, owen = "0 1 0 0 0 0 0 0 1 0".split(), "1 1 1 0 0 1 0 0 0 0".split()
    codes = pd.DataFrame(
        [(f"q{i}", "x", name, int(c)) for name, row in (("Meg", meg), ("Owen", owen)) for i, c in enumerate(row)],
        columns=["quote_id", "frame", "coder", "code"],
    )
    row = stance.reliability(codes, resamples=200).iloc[0]
    assert row["alpha"] == pytest.approx(0.095, abs=0.0005)
    assert row["low"] < row["alpha"] < row["high"]
    assert row["agreement"] == 0.6
    assert row["n_units"] == 10


COLLEAGUES = ("Ada", "Bo")


def test_reliability_with_gaps_constant_codes_and_one_coder():
    rows = [(f"q{i}", frame, c, 1 if frame == "z" else i % 2) for i in range(10) for frame in "xz" for c in COLLEAGUES]
    codes = pd.DataFrame(rows, columns=["quote_id", "frame", "coder", "code"])
    codes.loc[(codes["coder"] == "Bo") & codes["quote_id"].isin([f"q{i}" for i in range(5)]), "code"] = np.nan
    found = stance.reliability(codes).set_index("frame")
    assert found.loc["x", "n_units"] == 5
    assert found.loc["x", "alpha"] == 1
    assert np.isnan(found.loc["z", "alpha"])
    with pytest.raises(InputError, match="1 coder"):
        stance.reliability(codes[codes["coder"] == "Ada"])


# --- accuracy -------------------------------------------------------------------------------------


def test_metrics_equal_scikit_learns():
    codes = coded(TRUTH, SCORES["quote_id"].unique())
    metrics = stance.validate(SCORES, codes, resamples=200).metrics
    both = coded_scores(SCORES, codes)
    for row in metrics.to_dict("records"):
        part = both[both["frame"] == row["frame"]]
        part = part if row["group"] == "all" else part[part["group"] == row["group"]]
        gold, said = part["gold"], part["score"] >= 0.5
        assert row["precision"] == pytest.approx(precision_score(gold, said))
        assert row["recall"] == pytest.approx(recall_score(gold, said))
        assert row["f1"] == pytest.approx(f1_score(gold, said))
        assert row["auc"] == pytest.approx(roc_auc_score(gold, part["score"]))
        assert row["mean_error"] == pytest.approx((part["score"] - gold).mean())
        assert row["true_positive"] + row["false_positive"] == said.sum()
        assert all(row[f"{m}_low"] <= row[m] <= row[f"{m}_high"] for m in ("precision", "recall", "auc", "mean_error"))


def test_sampling_weights_undo_an_uneven_sample():
    sample = stance.sample_for_coding(SCORES, 120, strata="party", seed=1)
    codes = coded(TRUTH, sample["quote_id"]).drop(columns="probability").merge(sample[["quote_id", "probability"]])
    row = stance.validate(SCORES, codes, resamples=100).metrics.iloc[0]
    both = coded_scores(SCORES, codes).query("frame == 'x'")
    weighted = roc_auc_score(both["gold"], both["score"], sample_weight=1 / both["probability"])
    assert row["auc"] == pytest.approx(weighted)


def test_errors_that_differ_by_party_are_said():
    codes = coded(TRUTH, SCORES["quote_id"].unique())
    found = stance.validate(SCORES, codes, resamples=500)
    gap = found.differences.query("metric == 'mean_error' and frame == 'x'").iloc[0]
    assert gap["differs"]
    assert gap["difference"] > 0  # the classifier of the study sees the frame too often in A's quotes
    assert any("The errors differ by party on x" in note for note in found.notes)
    assert "give compare() the codes as gold" in found._repr_html_().replace("\n", " ")
    assert found.calibration["n"].sum() == 2 * len(codes)  # all, and by party
    assert r"\toprule" in found.to_latex()


def test_of_a_few_speakers_nothing_is_inferred():
    few = SCORES[SCORES["speaker"].str[-1].isin(list("012")) & (SCORES["speaker"].str.len() == 3)]
    found = stance.validate(few, coded(TRUTH, few["quote_id"].unique()), resamples=200)
    assert set(found.metrics.query("group != 'all'")["n_speakers"]) == {3}
    assert found.metrics[["auc_low", "mean_error_high"]].isna().all(axis=None)
    assert found.metrics["mean_error"].notna().all()
    assert not found.differences["differs"].any()
    assert any("Too few speakers to tell whether the errors differ by party on x (A 3, B 3)" in n for n in found.notes)
    assert not any("shows on" in note or "The errors differ" in note for note in found.notes)
    assert "nan" not in repr(found)


def test_a_figure_that_no_sample_moves_has_no_interval():
    perfect = SCORES.merge(TRUTH, on=["quote_id", "frame"]).assign(support=lambda t: t["code"].astype(float))
    row = stance.validate(perfect, coded(TRUTH, SCORES["quote_id"].unique()), resamples=100).metrics.iloc[0]
    assert row["precision"] == 1
    assert np.isnan(row["precision_low"])


def test_coders_who_disagree_count_by_halves_unless_agreed():
    quotes = SCORES["quote_id"].unique()[:40]
    one, two = coded(TRUTH, quotes), coded(TRUTH, quotes, coder="Bo Reed").assign(code=lambda t: 1 - t["code"])
    half = stance.validate(SCORES, pd.concat([one, two]), resamples=100)
    assert half.labelled["gold"].eq(0.5).all()
    assert any("coders disagree" in note for note in half.notes)
    settled = stance.validate(SCORES, pd.concat([one, two, one.assign(coder="agreed")]), resamples=100)
    np.testing.assert_allclose(settled.metrics["auc"], stance.validate(SCORES, one, resamples=100).metrics["auc"])


def test_bad_codes():
    codes = coded(TRUTH, SCORES["quote_id"].unique()[:20])
    with pytest.raises(TableError, match=r"1 of 21 coded quotes are not in the scores \(the first: 'unknown'\)"):
        stance.validate(SCORES, pd.concat([codes, codes.head(1).assign(quote_id="unknown")]))
    with pytest.raises(TableError, match="coded frames are not in the scores"):
        stance.validate(SCORES, codes.replace({"frame": {"z": "w"}}))
    with pytest.raises(TableError, match="must be above 0"):
        stance.validate(SCORES, codes.assign(probability=0.0))
    with pytest.raises(TableError, match="5 is not a code"):
        stance.validate(SCORES, codes.assign(code=5))
    with pytest.raises(TableError, match="twice"):
        stance.validate(SCORES, pd.concat([codes, codes]))
    with pytest.raises(TableError, match="no code is filled in"):
        stance.validate(SCORES, codes.assign(code=np.nan))
    with pytest.raises(InputError, match=r"scores are in \[0, 1\]"):
        stance.validate(SCORES, codes, thresholds=2)
    with pytest.raises(InputError, match="yes or no"):
        stance.validate(SCORES, codes, measure="stance")


def test_a_frame_nobody_uses_and_constant_scores():
    codes = coded(TRUTH, SCORES["quote_id"].unique()).assign(code=lambda t: t["code"].where(t["frame"] == "x", 0))
    found = stance.validate(SCORES.assign(support=0.3), codes, resamples=100)
    metrics = found.metrics.query("group == 'all'").set_index("frame")
    assert metrics.loc["x", "auc"] == 0.5
    assert np.isnan(metrics.loc["z", "auc"])
    assert any("No coder found z in any quote" in note for note in found.notes)


def test_thresholds_are_chosen_on_one_half_and_reported_on_the_other():
    codes = coded(TRUTH, SCORES["quote_id"].unique())
    found = stance.choose_threshold(SCORES, codes, seed=2, resamples=100)
    row = found.table.iloc[0]
    assert row["n_chosen"] + row["n_reported"] == SCORES["quote_id"].nunique()
    assert 0.2 < found.values["x"] < 0.8
    assert row["f1_low"] <= row["f1"] <= row["f1_high"]
    labelled = found.label(SCORES)
    assert (labelled["label"] == "support").equals(labelled["support"] >= labelled["frame"].map(found.values))
    with pytest.raises(InputError, match="speakers with codes"):
        stance.choose_threshold(SCORES, coded(TRUTH, ["A0-0", "B0-0"]))


# --- the teaching corpus --------------------------------------------------------------------------


def test_the_teaching_corpus_is_whole_and_marked_as_fictional():
    corpus = stance.teaching_corpus()
    assert len(corpus) == 600
    assert corpus["speaker"].nunique() == 40
    assert corpus["synthetic"].all()
    assert corpus.groupby("speaker")["party"].nunique().eq(1).all()
    assert corpus["date"].max() - corpus["date"].min() > pd.Timedelta(days=640)
    for frame in ("enforcement", "deterrence"):  # both parties use both frames and reject both
        assert (corpus.groupby("party")[frame].agg(set) == {-1, 0, 1}).all()
    people = stance.roster().periods["person"]
    assert not set(corpus["speaker"]) & set(people)


def test_what_is_coded_and_not_scored_is_counted():
    codes = coded(TRUTH, SCORES["quote_id"].unique()[:24])
    gaps = SCORES.assign(support=SCORES["support"].where(~SCORES["quote_id"].isin(codes["quote_id"].unique()[:6])))
    found = stance.validate(gaps, codes, resamples=100)
    reasons = [note["reason"] for note in found.metrics.attrs["left_out"]]
    assert reasons.count("coded, but no support for x") == 6
    with pytest.raises(InputError, match="names 'X', which is no frame"):
        stance.validate(SCORES, codes, thresholds={"X": 0.9})


def test_a_threshold_needs_speakers_in_both_halves_of_every_frame():
    speakers = SCORES.groupby("speaker")["quote_id"].first()
    codes = coded(TRUTH, speakers.head(8))
    lone = codes[(codes["frame"] == "x") | (codes["quote_id"] == speakers.iloc[0])]
    with pytest.raises(InputError, match="1 speakers with codes of z"):
        stance.choose_threshold(SCORES, lone)
    mixed = SCORES.sample(frac=1, random_state=2).sort_values("frame", kind="stable")
    one = stance.choose_threshold(SCORES, codes, seed=1, resamples=100)
    other = stance.choose_threshold(mixed, codes[::-1], seed=1, resamples=100)
    assert one.values == other.values
    pd.testing.assert_frame_equal(one.table, other.table)
