import pytest

import stance
from stance.codebook import load_codebook, parse_codebook
from stance.errors import CodebookError

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
