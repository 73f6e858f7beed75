import dataclasses
import re

import pytest

import stance
from stance.codebook import Lock, check_lock, load_codebook, parse_codebook
from stance.errors import CodebookError
from tests.conftest import ROOT

GOOD = """\
name: fares
title: Cheaper trains?
frames:
  - name: cheaper
    definition: Fares should fall.
    supports:
      - name: cut
        hypotheses:
          - The speaker wants lower fares.
          - The speaker supports cutting fares.
          - The speaker thinks that fares are too high.
"""


def test_the_default_question():
    book = load_codebook()
    assert [frame.name for frame in book.frames] == ["enforcement", "deterrence"]
    for frame in book.frames:
        assert frame.opposes
        assert frame.excludes
        assert all(len(facet.hypotheses) >= 3 for facet in (*frame.supports, *frame.opposes))
    assert "reason for migrants to come" in str(book)
    assert "<table>" in book._repr_html_()


def test_the_hash_is_of_the_content_and_not_of_the_layout():
    one = parse_codebook(GOOD)
    assert one.sha256 == parse_codebook("# a comment\n" + GOOD.replace("Cheaper trains?", '"Cheaper trains?"')).sha256
    assert one.sha256 != parse_codebook(GOOD.replace("too high", "far too high")).sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t[: t.index("        hypotheses:")] + "        hypotheses: []\n",
            "line 8: hypotheses has 0 items; it needs 3",
        ),
        (lambda t: t[: t.rindex("          - The")], "line 8: hypotheses has 2 items"),
        (lambda t: t.replace("definition", "defintion"), "line 5: unknown field 'defintion'"),
        (lambda t: t.replace("name: cheaper", "name: 'che aper'"), "line 4"),
        (
            lambda t: t.replace("The speaker supports cutting fares.", "the speaker wants  lower fares."),
            "same hypothesis twice",
        ),
        (lambda t: "frames: [", "not YAML"),
        (lambda t: "", "empty"),
        (lambda t: "- a\n- b", "line 1: a codebook is a mapping"),
        (lambda t: t.replace("title: Cheaper trains?\n", ""), "field 'title' is missing"),
    ],
)
def test_a_bad_file_gets_an_error_with_the_line(tmp_path, change, words):
    path = tmp_path / "fares.yaml"
    path.write_text(change(GOOD), encoding="utf-8")
    with pytest.raises(CodebookError, match=words) as error:
        load_codebook(path)
    assert "fares.yaml" in str(error.value)


def test_unknown_names_say_what_there_is():
    with pytest.raises(CodebookError, match="enforcement-deterrence"):
        stance.load_codebook("enforcment")
    with pytest.raises(CodebookError, match="no such file"):
        stance.load_codebook("none.yaml")


def test_yaml_that_is_printed_reads_back_as_the_same_codebook():
    book = load_codebook()
    assert parse_codebook(book.to_yaml()).sha256 == book.sha256


def test_the_codebook_in_the_readme_is_valid():
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    assert [frame.name for frame in parse_codebook(text, "README.md").frames] == ["cheaper"]


def test_a_lock_shows_only_what_its_time_allows():
    made = Lock("b", "0" * 64, None, None, {}, "2026-01-02T12:00:00+00:00")
    made = dataclasses.replace(made, seal=made.sealed())
    assert "older than the code sheet" in made.of_codes("2026-01-02T12:00:01+00:00")
    late = made.of_codes("2026-01-02T11:59:59+00:00")
    assert "younger than the code sheet" in late
    assert "unchanged since" not in late
    assert "does not say when it was drawn" in made.of_codes(None)
    assert check_lock(made, "0" * 64) is made
    with pytest.raises(CodebookError, match="is of another codebook"):
        check_lock(made, "1" * 64)


def test_a_key_that_stands_twice_is_refused():
    frame = """
name: x
title: t
frames:
  - name: tax
    definition: d
    supports: [{name: cut, hypotheses: [a, b, c]}]
    supports: [{name: freeze, hypotheses: [d, e, f]}]
"""
    with pytest.raises(CodebookError, match="line 8: 'supports' stands twice"):
        parse_codebook(frame)
