import pandas as pd
import pytest
from typer.testing import CliRunner

import stance
from stance.attribution import apply_review, review_sheet, write_review
from stance.cli import app
from stance.errors import ReadError, TableError
from stance.quotes import as_quotes


@pytest.fixture
def quotes():
    return as_quotes(pd.DataFrame({
        "quote_id": ["a", "b", "c", "d"],
        "text": ["We will act.", "It is late.", "Never again.", "Go home."],
        "speaker": ["Ada Finch", None, None, "Yvette Cooper"],
        "speaker_type": ["person", "person", "unnamed", "person"],
        "party": ["Unity", None, None, "Labour"],
        "date": ["2024-09-06"] * 4,
        "confidence": [0.95, 0.9, 0.9, 0.9],
        "speaker_confidence": [0.9, None, None, 0.5],
        "source": ["s"] * 4,
    }))  # fmt: skip


def corrected(path, **cells):
    """The sheet with cells changed: corrected(path, a={"speaker": "Bo Reed"})."""
    sheet = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    for number, changes in cells.items():
        for column, value in changes.items():
            sheet.loc[sheet["quote_id"] == number, column] = value
    sheet.to_csv(path, index=False)
    return path


def values(table, column):
    return table[column].astype(object).where(table[column].notna(), None).tolist()


def test_the_most_doubtful_come_first(quotes):
    sheet = review_sheet(quotes)
    assert sheet["quote_id"].tolist() == ["b", "d", "a", "c"]
    assert sheet["doubt"].tolist() == [1.0, 0.5, 0.1, 0.1]


def test_an_untouched_sheet_changes_nothing(quotes, tmp_path):
    path = write_review(quotes, tmp_path / "review.csv")
    back = apply_review(quotes, path)
    pd.testing.assert_frame_equal(back.drop(columns="party"), quotes.drop(columns="party"))
    assert values(back, "party") == values(quotes, "party")
    assert len(stance.ledger(back)) == 0


def test_an_untouched_sheet_counts_nothing_twice(quotes, tmp_path):
    from stance.people import add_parties

    quotes["speaker"] = ["Ada Finch", None, None, "Bo Reed"]
    quotes["party"] = None
    table = add_parties(quotes)
    assert len(stance.ledger(table)) == 2
    path = write_review(table, tmp_path / "review.csv")
    assert len(stance.ledger(apply_review(table, path))) == 2
    corrected(path, a={"party": "Unity"})
    notes = stance.ledger(apply_review(table, path))
    assert notes["where"].tolist() == ["a", "d"]
    assert notes["stage"].tolist() == ["review", "party"]


def test_corrections_override_and_the_ledger_says_so(quotes, tmp_path):
    path = write_review(quotes, tmp_path / "review.csv")
    corrected(path, a={"speaker": "Robert Jenrick"}, b={"speaker": "Bo Reed", "party": "Unity"}, c={"keep": "no"},
              d={"keep": "yes"})  # fmt: skip
    back = apply_review(quotes, path)
    assert values(back, "quote_id") == ["a", "b", "d"]
    assert values(back, "speaker") == ["Robert Jenrick", "Bo Reed", "Yvette Cooper"]
    assert values(back, "party") == ["Conservative", "Unity", "Labour"]  # the first by the roster, at the date
    assert back["speaker_confidence"].tolist() == [1.0, 1.0, 1.0]
    notes = stance.ledger(back)
    assert set(notes["stage"]) == {"review"}
    reasons = dict(zip(notes["where"], notes["reason"], strict=True))
    assert "speaker Ada Finch → Robert Jenrick" in reasons["a"]
    assert reasons["c"] == "left out by the reviewer"
    assert values(quotes, "speaker")[0] == "Ada Finch"  # the input is as it was


def test_a_speaker_may_be_taken_away_and_rows_deleted(quotes, tmp_path):
    path = write_review(quotes, tmp_path / "review.csv")
    corrected(path, d={"speaker": ""})
    sheet = pd.read_csv(path, dtype="str", keep_default_na=False)
    sheet[sheet["quote_id"] == "d"].to_csv(path, index=False)
    back = apply_review(quotes, path)
    assert len(back) == 4
    assert values(back, "speaker")[3] is None
    assert values(back, "speaker_type")[3] == "unnamed"
    assert values(back, "party")[3] is None


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"a": {"text": "We will not act."}}, "row 4: the text of 'a' was changed"),
        ({"a": {"quote_id": "zz"}}, "no quote has the id 'zz'"),
        ({"a": {"quote_id": "b", "text": "It is late."}}, "stands in row 2 too"),
        ({"a": {"speaker_type": "robot"}}, "speaker_type is 'robot'; write person, organisation, unnamed"),
        ({"a": {"keep": "maybe"}}, "keep is 'maybe'; write yes, no or nothing"),
    ],
)
def test_a_faulty_sheet_is_refused_with_the_row(quotes, tmp_path, cells, message):
    path = corrected(write_review(quotes, tmp_path / "review.csv"), **cells)
    with pytest.raises(TableError, match=message):
        apply_review(quotes, path)


def test_other_files_are_refused(quotes, tmp_path):
    with pytest.raises(ReadError, match="no such review sheet"):
        apply_review(quotes, tmp_path / "none.csv")
    with pytest.raises(TableError, match=r"is a \.csv file"):
        write_review(quotes, tmp_path / "review.xlsx")
    path = tmp_path / "review.csv"
    path.write_text("quote_id,text\na,b\n", encoding="utf-8")
    with pytest.raises(TableError, match="lacks the column 'speaker'"):
        apply_review(quotes, path)
    path.write_bytes("quote_id,text\na,caf\xe9\n".encode("latin-1"))
    with pytest.raises(ReadError, match="not UTF-8"):
        apply_review(quotes, path)


def test_there_and_back_by_command(tmp_path):
    story = tmp_path / "story-2024-09-06.txt"
    story.write_text("“We will act today,” said Ada Finch.\n“It is late,” said Bo Reed.\n", encoding="utf-8")
    sheet, out = tmp_path / "review.csv", tmp_path / "q.csv"
    run = CliRunner().invoke
    done = run(app, ["quotes", str(story), "--review", str(sheet)])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(sheet, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    first = table.loc[table["text"].str.startswith("We will act"), "quote_id"].item()
    corrected(sheet, **{first: {"speaker": "Yvette Cooper"}})
    done = run(app, ["quotes", str(story), "--corrections", str(sheet), "-o", str(out)])
    assert done.exit_code == 0, done.output
    back = pd.read_csv(out)
    row = back[back["text"].str.startswith("We will act")].iloc[0]
    assert (row["speaker"], row["party"]) == ("Yvette Cooper", "Labour")


def test_only_a_surname_that_the_reviewer_wrote_is_looked_up(tmp_path):
    found = as_quotes(pd.DataFrame({
        "quote_id": ["a", "b"], "text": ["One.", "Two."], "speaker": ["Cleverly", "Bo Reed"],
        "date": ["2024-09-06"] * 2, "spans": [[[3, 7]], [[9, 13]]], "source": "s",
    }))  # fmt: skip
    path = write_review(found, tmp_path / "review.csv")
    corrected(path, b={"speaker": "Cleverly"})
    back = apply_review(found, path)
    assert values(back, "speaker") == ["Cleverly", "James Cleverly"]
    assert values(back, "party") == [None, "Conservative"]


def test_a_party_that_the_reviewer_takes_away_stays_away(tmp_path):
    found = as_quotes(pd.DataFrame({
        "quote_id": ["a", "b"], "text": ["One.", "Two."], "speaker": ["David Davis"] * 2, "party": ["Conservative"] * 2,
        "date": ["2024-09-06"] * 2, "spans": [[[3, 7]], [[9, 13]]], "source": "s",
    }))  # fmt: skip
    path = corrected(write_review(found, tmp_path / "review.csv"), a={"party": "", "keep": "yes"})
    back = apply_review(found, path)
    assert values(back, "party") == [None, "Conservative"]
    assert values(back, "speaker") == ["David Davis"] * 2
    assert [note["stage"] for note in back.attrs["left_out"]] == ["review"]
