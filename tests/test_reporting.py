import json
import re
import shutil

import pandas as pd
import pytest

import stance
from stance.cli import app
from stance.errors import CodebookError, InputError, ReadError, TableError
from stance.quotes import as_quotes
from stance.reporting.page import quotes_of
from stance.reporting.run import KERNEL, _own_kernel
from stance.reporting.summary import _locked, in_words
from tests.accessibility import faults
from tests.conftest import ROOT
from tests.test_cli import run

NASTY = '<script>alert("x")</script> & “arrest the smugglers”, it\'s 100% {{ 7*7 }}'
SAMPLE_REPORT = ROOT / "docs" / "sample-report"


@pytest.fixture(scope="module")
def scores():
    from tests.conftest import toy

    quotes = pd.DataFrame({
        "text": [NASTY, "arrest the smugglers", "no right to settle", "nothing at all"],
        "speaker": ["Ada Finch", "Ada Finch", "Bo Reed", None],
        "party": ["Labour", "Labour", "Conservative", None],
        "context": [f"She said: {NASTY} and left", None, None, None], "date": ["2024-09-06"] * 4, "source": "t",
        "spans": [[[10, 60]], None, None, None],
    })  # fmt: skip
    return stance.score(quotes, model=toy)


@pytest.fixture(scope="module")
def made(scores, tmp_path_factory):
    """A report of toy scores: its folder."""
    folder = tmp_path_factory.mktemp("reports") / "r"
    stance.report(scores, folder, "Labour", "Conservative", seed=3, title="A <title> & more")
    return folder


def page_of(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_report_is_whole_and_stands_alone(made, scores):
    files = {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()}
    whole = {"index.html", "quotes.csv", "scores.csv", "provenance.json", "results.json", "analysis.ipynb"}
    assert whole | {f"figures/{f}" for f in ("quotes.png", "quotes.svg", "comparison.png", "plane.svg")} <= files
    assert [p.name for p in made.parent.iterdir()] == ["r"]
    html = page_of(made)
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
    assert len(html) < 3_000_000
    record = json.loads((made / "provenance.json").read_text(encoding="utf-8"))
    assert record["comparison"]["seed"] == 3
    assert record["model"]["name"] == "toy"
    assert record["again"]["start"] == "scores"
    again = stance.read_table(made / "scores.csv")
    assert again["text"].tolist() == scores["text"].tolist()
    assert again["support"].tolist() == pytest.approx(scores["support"].tolist(), abs=1e-12)


def test_what_somebody_said_is_text_on_the_page(made):
    html = page_of(made)
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; “arrest" in html
    assert "{{ 7*7 }}" in html
    assert html.count("<script>") == 1  # the page's own
    assert "A &lt;title&gt; &amp; more" in html


def test_the_page_says_no_more_than_the_statistics(made):
    html = page_of(made)
    assert "unvalidated" in html
    assert "allow no conclusion beyond these quotes" in html
    assert "No test is possible" in html
    assert not re.search(r"\b(found that|shows that|proves|significant)\b", html)


def test_the_page_passes_the_accessibility_check(made):
    assert faults(page_of(made)) == []


def test_sentences_follow_interval_test_codes_and_specifications():
    row = {"frame": "f", "group_a": "A", "group_b": "B", "mean_a": 0.6, "mean_b": 0.3, "difference": 0.3, "low": 0.1,
           "high": 0.5, "p_value": 0.004, "n_speakers_a": 9, "n_speakers_b": 9}  # fmt: skip

    def said(**change):
        return in_words({"comparison": [row | change]})[0]

    assert "The scores of a are higher" not in said()
    assert "scores of A are higher than B’s." in said()
    assert "unvalidated" in said()
    assert "leave open which of the two is higher" in said(low=-0.1)
    assert "leave open which of the two is higher" in said(p_value=0.2)
    assert "scores of A are lower" in said(low=-0.5, high=-0.1)
    corrected = said(corrected=0.2, corrected_low=-0.05, corrected_high=0.45)
    assert "Corrected for the model’s error" in corrected
    assert "leave open" in corrected
    assert "unvalidated" not in corrected
    assert "take this frame more than B’s" in said(corrected=0.2, corrected_low=0.05, corrected_high=0.45)
    assert "allow no conclusion" in said(low=None, high=None, p_value=None)
    # Signs count against the difference that is printed, whatever the specifications' own default is.
    others = [{"frame": "f", "kind": kind, "difference": gap} for kind, gap in
              [("default", -0.004), ("mean", 0.1), ("max", 0.2), ("threshold", -0.1), ("model", 0.0)]]  # fmt: skip
    for gap, same in ((0.3, 2), (-0.15, 1)):
        text = in_words({"comparison": [row | {"difference": gap}], "multiverse": others})[0]
        assert f"Of 4 other specifications {same} give a difference of the same sign as {gap:+.2f}." in text


def test_a_report_of_one_party_describes(scores, tmp_path):
    one = scores[scores["party"] != "Conservative"]
    stance.report(one, tmp_path / "r")
    html = page_of(tmp_path / "r")
    assert "fewer than two groups" in html
    assert faults(html) == []
    assert stance.verify(tmp_path / "r").same


@pytest.mark.parametrize("name", ["scores.csv", "scores.jsonl", "scores.parquet", "folder"])
def test_a_table_survives_its_file(scores, tmp_path, monkeypatch, name):
    if name == "folder":
        (tmp_path / name).mkdir()
        parts = [scores.iloc[:4], scores.iloc[4:]]
        for at, part in enumerate(parts):
            stance.quotes.write_table(part, tmp_path / name / f"part-{at:06}.parquet")
        (tmp_path / name / "done.json").write_text("{}", encoding="utf-8")
    else:
        stance.quotes.write_table(scores, tmp_path / name)
    again = stance.read_table(tmp_path / name)
    assert again.loc[0, "spans"] == [[10, 60]]
    assert again.loc[2, "spans"] is None
    assert again.loc[0, "window"] == scores.loc[0, "window"]
    # What the report keeps of it, as far as the notebook, which another test runs once.
    kept = {}

    def run(work, parameters):
        kept["scores"], kept["quotes"] = stance.read_table(work / "scores.csv"), stance.read_quotes(work / "quotes.csv")
        raise InputError("far enough")

    monkeypatch.setattr("stance.reporting.write.run_notebook", run)
    with pytest.raises(InputError, match="far enough"):
        stance.report(again, tmp_path / "r")
    pd.testing.assert_frame_equal(kept["quotes"][["text", "speaker", "date", "spans"]],
                                  as_quotes(quotes_of(scores))[["text", "speaker", "date", "spans"]])  # fmt: skip
    assert kept["scores"]["support"].tolist() == pytest.approx(scores["support"].tolist(), abs=1e-12)
    assert kept["scores"].attrs["provenance"]["codebook"]["sha256"] == stance.load_codebook().sha256


def test_a_report_of_a_csv_with_codes_holds_agreement_and_accuracy(tmp_path):
    from tests.conftest import toy

    texts = ["arrest the smugglers who organise the crossings", "no right to settle", "nothing at all", "seize boats"]
    quotes = pd.DataFrame([
        {"text": f"{texts[(s + q) % 4]} {s} {q}", "speaker": f"{name} {s}", "party": party}
        for party, name in (("Heron Party", "Ada"), ("Kettle Union", "Bo")) for s in range(3) for q in range(3)
    ])  # fmt: skip
    quotes["speaker_type"] = "person"
    quotes.loc[len(quotes)] = ["we said that", "Heron Party", "Heron Party", "organisation"]
    scores = stance.score(quotes, model=toy)
    codes = scores[["quote_id", "frame"]].assign(coder="Ada Finch", probability=1.0)
    codes["code"] = [1.0, 0.0] * (len(codes) // 2)
    second = codes.assign(coder="Bo Reed", code=codes["code"].where(codes.index % 5 != 0, 0.0))
    stance.quotes.write_table(scores, tmp_path / "scores.csv")
    again = stance.read_table(tmp_path / "scores.csv")
    stance.report(again, tmp_path / "r", gold=pd.concat([codes, second], ignore_index=True))
    html = page_of(tmp_path / "r")
    for words in ("What human codes say of the scores", "Krippendorff’s alpha: enforcement", "too few speakers to tell",
                  "Too few speakers to tell whether the errors differ by party on enforcement (Heron Party 3, Kettle "
                  "Union 3)", "alt=\"Scores of the first frame against human codes",
                  "95% t interval over speakers (Welch)"):  # fmt: skip
        assert words in html, words
    assert "resampl" not in html.split('id="done"')[1]
    results = json.loads((tmp_path / "r" / "results.json").read_text(encoding="utf-8"))
    assert {row["group"] for row in results["accuracy"]} == {"all", "Heron Party", "Kettle Union"}
    assert "19 quotes, 18 with a named speaker, 1 of organisations, 19 with a party" in html
    assert {row["party"]: row["speakers"] for row in results["groups"]} == {"Heron Party": 3, "Kettle Union": 3}
    assert faults(html) == []
    assert stance.verify(tmp_path / "r").same


def test_verify_finds_every_number_the_same_and_says_which_are_not(made, tmp_path):
    found = stance.verify(made)
    assert found.same, found
    assert found.compared > 30
    changed = tmp_path / "changed"
    shutil.copytree(made, changed)
    text = (changed / "results.json").read_text(encoding="utf-8")
    results = json.loads(text)
    results["comparison"][0]["mean_a"] += 0.01
    (changed / "results.json").write_text(json.dumps(results), encoding="utf-8")
    found = stance.verify(changed)
    rows = found.differences.set_index("column")
    assert rows.loc["mean_a", "by"] == pytest.approx(-0.01)
    assert rows.loc["mean_a", "row"].startswith("enforcement")
    assert rows.loc["SHA-256", "row"] == "results.json"
    assert len(found.differences) == 2
    out = run(app, ["verify", str(changed)])
    assert out.exit_code == 1
    assert "2 differences" in out.output


def test_verify_refuses_what_is_no_report(tmp_path):
    with pytest.raises(ReadError, match=r"provenance.json is missing"):
        stance.verify(tmp_path)
    (tmp_path / "provenance.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ReadError, match="damaged"):
        stance.verify(tmp_path)


def test_the_committed_sample_report_gives_the_same_numbers_again():
    found = stance.verify(SAMPLE_REPORT)
    assert found.same, found
    assert found.start == "articles"
    assert sum(p.stat().st_size for p in SAMPLE_REPORT.rglob("*") if p.is_file()) < 1_000_000


def test_the_lock_of_another_codebook_stops_the_report(scores, tmp_path, toy_scorer):
    book = stance.load_codebook().model_copy(update={"version": "none yet"})
    stance.lock(book, toy_scorer, path=tmp_path / "lock.json")
    with pytest.raises(CodebookError, match="is of another codebook"):
        stance.report(scores, tmp_path / "r", lock=tmp_path / "lock.json")
    assert [p.name for p in tmp_path.iterdir()] == ["lock.json"]


@pytest.mark.parametrize(
    ("time", "start", "gold", "state", "words"),
    [
        ("2026-01-01", "quotes", None, "done", "before this report scored"),
        ("2026-01-01", "scores", None, "not done", "not recorded"),
        ("2026-01-01", "scores", {"drawn": "2026-01-02T00:00:00+00:00"}, "done", "older than the code sheet"),
        ("2026-01-03", "quotes", {"drawn": "2026-01-02T00:00:00+00:00"}, "not done", "younger than the code sheet"),
        ("2026-01-01", "quotes", {"drawn": None}, "not done", "does not say when"),
    ],
)
def test_a_codebook_counts_as_fixed_only_under_an_older_lock(time, start, gold, state, words):
    lock = {"codebook": "b", "codebook_sha256": "ab", "model": "toy", "model_sha256": None, "thresholds": {},
            "time": f"{time}T00:00:00+00:00", "seal": ""}  # fmt: skip
    made = {"lock": lock, "codebook": {"sha256": "ab"}, "comparison": {"gold": gold}, "again": {"start": start}}
    text, found = _locked(made)
    assert found == state
    assert words in text
    other = _locked(made | {"lock": lock | {"model_sha256": "cd"}, "model": {"sha256": "ef"}})
    assert other[1] == "not done"
    assert "another one" in other[0]


INTERRUPTED = """\
def interrupted(*_):
    raise KeyboardInterrupt
get_ipython().kernel.shell_handlers["comm_info_request"] = interrupted
"""


def test_a_kernel_that_is_interrupted_at_its_work_prints_nothing(tmp_path):
    """jupyter interrupts a kernel before it shuts it down; one that still answered a message printed an error then."""
    from jupyter_client.manager import KernelManager

    with _own_kernel(), open(tmp_path / "log", "w") as log:
        manager = KernelManager(kernel_name=KERNEL)
        manager.start_kernel(stdout=log, stderr=log)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            client.execute(INTERRUPTED)
            client.comm_info()
            client.wait_for_ready(timeout=60)
        finally:
            client.stop_channels()
            manager.shutdown_kernel()
    assert (tmp_path / "log").read_text() == ""


def test_bad_input_is_refused_before_the_work_and_leaves_nothing(scores, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="the groups are: Labour, Conservative"):
        stance.report(scores, tmp_path / "r", "Greens")
    with pytest.raises(TableError, match="no column 'stance'"):
        stance.report(scores.drop(columns="stance"), tmp_path / "r")
    with pytest.raises(TableError, match="name the column of the groups"):
        stance.report(scores, tmp_path / "r", by="region")
    with pytest.raises(InputError, match="not a name or folder"):
        stance.report(scores[["text", "party"]], tmp_path / "r", model=lambda pairs: pairs)
    (tmp_path / "file").touch()
    with pytest.raises(ReadError, match="is a file"):
        stance.report(scores, tmp_path / "file")
    monkeypatch.setattr("stance.reporting.write.render", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stance.report(scores, tmp_path / "r")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_score_stands_under_its_own_frame_whatever_the_order_of_the_rows(scores):
    from stance.reporting.page import _cards

    ranked = scores.sort_values("support", ascending=False)
    mixed, lost = ranked.iloc[:-1].reset_index(drop=True), ranked[["quote_id", "frame"]].iloc[-1].tolist()
    for card in _cards(mixed, quotes_of(mixed), "party"):
        assert [row["frame"] for row in card["scores"]] == list(dict.fromkeys(mixed["frame"]))
        for row in card["scores"]:
            here = mixed[(mixed["quote_id"] == card["quote_id"]) & (mixed["frame"] == row["frame"])]["support"].tolist()
            assert here == ([] if [card["quote_id"], row["frame"]] == lost else [row["support"]])


def test_a_report_of_scores_with_their_article_begins_at_the_scores(scores, tmp_path):
    story = tmp_path / "story.txt"
    story.write_text("A story.", encoding="utf-8")
    from stance.quotes import file_hash

    table = scores.copy()
    table.attrs = {**scores.attrs, "articles": [{"sha256": file_hash(story), "source": "t", "date": "2024-09-06"}]}
    folder = tmp_path / "r"
    (tmp_path / "entries.csv").write_text("person,party\nAda Finch,Labour\n", encoding="utf-8")
    numbers = table.assign(year=table["party"].map({"Labour": 2023, "Conservative": 2024}))
    numbers.attrs = table.attrs
    stance.report(numbers, folder, "2023", "2024", by="year", inputs=[story], roster=tmp_path / "entries.csv")
    made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert made["again"]["start"] == "scores"
    assert stance.verify(folder).same
    assert "2023" in page_of(folder)
    stance.report(scores, folder, "Labour", "Conservative")
    assert not (folder / "inputs" / "roster.csv").exists()  # an earlier report's file


def test_a_models_folder_is_recorded_from_the_root_on(scores, tiny_model, tmp_path, monkeypatch):
    """A report is run again from anywhere."""
    folder = tiny_model()
    monkeypatch.chdir(folder.parent)
    quotes = scores[["quote_id", "text", "speaker", "party"]].drop_duplicates("quote_id")
    stance.report(quotes, tmp_path / "r", "Labour", "Conservative", model=folder.name)
    record = json.loads((tmp_path / "r" / "provenance.json").read_text(encoding="utf-8"))
    assert record["again"]["parameters"]["model"] == str(folder.resolve())
