"""The widgets without a browser: what a filter selects, and what is on disk when. The browser's part is in
test_browser.py."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest

import stance
from stance.errors import InputError, MissingExtraError, ReadError, TableError
from tests.conftest import ROOT
from tests.test_plotting import study

NASTY = '<script>alert("x")</script> & “arrest”'


@pytest.fixture
def scores():
    table = study(6, 5)
    table.loc[table.quote_id == "q1-1", "text"] = NASTY
    table.loc[table.quote_id == "q0-0", ["speaker", "party"]] = [None, None]
    table.attrs["provenance"] = {"model": {"name": "toy"}}
    return table


def selected(view):
    return set(view.selection["quote_id"])


def test_the_explorer_selects_what_the_filters_say(scores):
    view = stance.explore(scores)
    one = scores.drop_duplicates("quote_id")
    assert len(view.selection) == len(scores)
    view.filter(groups=["Conservative"])
    assert selected(view) == set(one.quote_id[one.party == "Conservative"])
    view.filter(speaker="bo finch")
    assert selected(view) == set(one.quote_id[one.speaker == "Bo Finch"])
    view.filter(groups=[], speaker="", words="ARREST")
    assert selected(view) == {"q1-1"}
    view.filter(words="", since="2023-06-01", until="2023-07-01")
    assert selected(view) == set(one.quote_id[one.date.between("2023-06-01", "2023-07-01")])
    assert 0 < len(view.selection) < len(scores)
    assert view.selection.attrs == scores.attrs
    assert list(view.selection.columns) == list(scores.columns)


def test_confidence_leaves_out_quotes_without_a_speaker(scores):
    view = stance.explore(scores).filter(confidence=0.65)
    one = scores.drop_duplicates("quote_id")
    assert selected(view) == set(one.quote_id[(one.speaker_confidence >= 0.65 - 1e-9) & one.speaker.notna()])


def test_a_rectangle_in_the_plot_selects_by_both_frames(scores):
    view = stance.explore(scores)
    view.plot.box = [0.5, 1.0, 0.0, 0.4]  # as the browser sets it
    wide = scores.pivot(index="quote_id", columns="frame", values="support")
    assert selected(view) == set(wide.index[(wide.enforcement >= 0.5) & (wide.deterrence <= 0.4)])
    view.plot.box = []
    assert len(view.selection) == len(scores)


def test_the_list_is_sorted_escaped_and_turned(scores):
    view = stance.explore(scores, frame="deterrence")
    shown = [float(v) for v in re.findall(r"<b>([\d.]+)</b>", view._list.value)]
    best = scores[scores.frame == "deterrence"]["support"].nlargest(10).round(2).tolist()
    assert shown == pytest.approx(best, abs=0.006)
    view.order.value = "lowest first"
    assert float(re.findall(r"<b>([\d.]+)</b>", view._list.value)[0]) <= min(shown)
    view.filter(words="arrest")
    assert "<script" not in view._list.value
    assert "&lt;script&gt;" in view._list.value
    assert ">arrest</mark>" in view._list.value
    assert "1 of 30 quotes" in view._head.value
    assert "FICTIONAL" in view._head.value
    view.filter(words="")
    first = view._list.value
    view._foot.children[1].click()
    assert view._list.value != first
    assert "quotes 11 to 20" in view._head.value


def test_the_explorer_refuses(scores):
    with pytest.raises(InputError, match="groups='Greens' is not in the table; it has"):
        stance.explore(scores).filter(groups=["Greens"])
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        stance.explore(scores).filter(since="soon")
    with pytest.raises(InputError, match="frame='x'"):
        stance.explore(scores, frame="x")
    with pytest.raises(TableError, match="no column 'party'"):
        stance.explore(scores.drop(columns="party"))


# --- coding -------------------------------------------------------------------------------------

SAMPLE = pd.DataFrame({
    "quote_id": ["a", "b"], "text": ["Arrest them.", NASTY], "speaker": ["Ada Finch", "Bo Reed"],
    "party": ["Labour", "Conservative"], "context": [None, f"Bo Reed said: {NASTY}"], "support": [0.123456, 0.9],
})  # fmt: skip


def coding(tmp_path, coder="ada", **more):
    return stance.code(SAMPLE.drop(columns="support"), coder=coder, folder=tmp_path, **more)


def test_each_answer_is_on_disk_before_the_next_quote_shows(tmp_path, monkeypatch):
    widget = coding(tmp_path)
    seen = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (real(fd), seen.append(widget.current)))
    widget.press("1")
    assert seen == [("a", "enforcement")]  # still asked at the moment of writing
    assert widget.current == ("a", "deterrence")
    widget.press("3")
    assert widget.current == ("b", "enforcement")
    lines = (tmp_path / "ada.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["a", "enforcement", "ada", "support"], ["a", "deterrence", "ada", "neither"],
    ]  # fmt: skip


def test_a_kernel_that_dies_loses_nothing(tmp_path):
    script = f"""
import os, pandas as pd, stance
sample = pd.DataFrame({{"quote_id": ["a", "b"], "text": ["one", "two"]}})
widget = stance.code(sample, coder="ada", folder={str(tmp_path)!r})
widget.press("1"); widget.press("2"); widget.press("3")
os.kill(os.getpid(), 9)
"""
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
    assert out.returncode == -9, out.stderr
    again = coding(tmp_path)
    assert again.codes["label"].tolist() == ["support", "oppose", "neither"]
    assert again.current == ("b", "deterrence")


def test_undo_and_skip(tmp_path):
    widget = coding(tmp_path)
    widget.press("1")
    widget.press("u")
    assert widget.current == ("a", "enforcement")
    assert widget.codes.empty
    widget.press("s")
    assert widget.current == ("a", "deterrence")
    for key in ("2", "2", "2"):
        widget.press(key)
    assert widget.current == ("a", "enforcement")  # the skipped one, at the end
    widget.press("q")  # no key of the widget
    widget.press("1")
    assert widget.current is None
    assert "All coded" in widget._quote.value
    assert len(widget.codes) == 4
    widget.press("1")
    widget.press("u")
    assert coding(tmp_path).current == ("a", "enforcement")  # undo is on the disk too


def test_the_answers_are_a_codes_table_that_compare_takes(tmp_path):
    scores = study(8, 3)
    sample = scores.drop_duplicates("quote_id").head(12).assign(probability=0.5)
    widget = stance.code(sample.drop(columns=["frame", "support", "oppose", "stance"]), coder="ada", folder=tmp_path)
    while widget.current is not None:
        widget.press(str(1 + len(widget.codes) % 3))
    assert set(widget.codes["code"]) == {1, 0, -1}
    assert (widget.codes["probability"] == 0.5).all()
    comparison = stance.compare(scores, "Labour", "Conservative", gold=widget.codes, resamples=100)
    assert "corrected" in comparison.summary


def test_a_second_coder_has_a_file_beside_the_first(tmp_path):
    coding(tmp_path).press("1")
    other = coding(tmp_path, "bo")
    assert other.codes.empty
    other.press("2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ada.csv", "bo.csv"]
    assert coding(tmp_path).codes["label"].tolist() == ["support"]


def test_scores_speakers_and_parties_are_hidden(tmp_path):
    widget = stance.code(SAMPLE, coder="ada", folder=tmp_path)

    def page():
        return " ".join(child.value for child in widget.children if isinstance(getattr(child, "value", None), str))

    assert "0.12" not in page()
    assert "Ada Finch" not in page()
    assert "Labour" not in page()
    widget.press("1")
    widget.press("1")
    assert "Bo Reed" not in page()
    assert "&lt;script&gt;" in page()
    assert "<script" not in page()
    assert "The answer to irregular migration" in page()
    shown = stance.code(SAMPLE, coder="ada", folder=tmp_path, show_speaker=True)
    assert "Bo Reed" in shown._quote.value


def test_a_line_cut_off_by_a_crash_is_counted_and_the_next_one_is_whole(tmp_path):
    widget = coding(tmp_path)
    widget.press("1")
    path = tmp_path / "ada.csv"
    path.write_text(path.read_text(encoding="utf-8") + "a,deterrence,ada,sup", encoding="utf-8")
    again = coding(tmp_path)
    assert again.codes["label"].tolist() == ["support"]
    assert "1 line of the file was cut off" in again._said.value
    again.press("2")
    assert coding(tmp_path).codes["label"].tolist() == ["support", "oppose"]


def test_a_disk_that_is_full_is_said_and_the_question_stays(tmp_path, monkeypatch):
    widget = coding(tmp_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    widget.press("1")
    assert "No space left on device" in widget._said.value
    assert widget.current == ("a", "enforcement")


def test_another_table_or_codebook_is_refused(tmp_path):
    (tmp_path / "ada.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ReadError, match="not a coding file"):
        coding(tmp_path)
    coding(tmp_path, "bo").press("1")
    book = stance.load_codebook()
    other = book.model_copy(update={"version": "99"})
    with pytest.raises(ReadError, match="coded with another codebook"):
        coding(tmp_path, "bo", codebook=other)
    with pytest.raises(InputError, match=r"coder='../x'"):
        coding(tmp_path, "../x")
    with pytest.raises(InputError, match="distinct"):
        coding(tmp_path, "cy", labels=["yes", "yes"])


def test_without_the_extra_the_message_names_the_command(scores, monkeypatch):
    for name in [m for m in sys.modules if m.startswith("stance.widgets.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[notebook\]'"):
        stance.explore(scores)


def test_after_a_full_disk_the_next_answer_is_a_line_of_its_own(tmp_path):
    widget = coding(tmp_path)
    widget.press("1")
    path = tmp_path / "ada.csv"
    with open(path, "a", encoding="utf-8") as stream:
        stream.write("a,deterr")  # all that the disk took
    widget.press("2")
    again = coding(tmp_path)
    assert again.codes["label"].tolist() == ["support", "oppose"]
    assert again.journal.torn == 1


def test_a_line_cut_off_inside_the_hash_does_not_lock_the_file(tmp_path):
    coding(tmp_path).press("1")
    path = tmp_path / "ada.csv"
    path.write_text(path.read_text(encoding="utf-8")[:-4], encoding="utf-8")
    assert [coding(tmp_path).codes.empty for _ in range(3)] == [True] * 3


def test_undo_leaves_the_answers_to_an_earlier_sample(tmp_path):
    first = coding(tmp_path)
    first.press("1")
    later = stance.code(SAMPLE[["quote_id", "text"]].assign(quote_id=["c", "d"]), coder="ada", folder=tmp_path)
    assert later.codes.empty
    later.press("u")
    later.press("2")
    assert later.codes["quote_id"].tolist() == ["c"]
    assert coding(tmp_path).codes["label"].tolist() == ["support"]
