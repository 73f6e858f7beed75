import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import stance
from stance.errors import ReadError, TableError, WriteError
from stance.quotes import COLUMNS, as_quotes, read_quotes, read_table, write_table

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1, max_size=60)
ROW = st.fixed_dictionaries(
    {
        "text": TEXT.filter(lambda s: s.strip()),
        "speaker": st.none() | TEXT,
        "party": st.none() | st.sampled_from(["Labour", "Conservative", "NA", "None"]),
        "date": st.none() | st.dates(min_value=pd.Timestamp("1950-01-01").date()),
        "spans": st.none()
        | st.lists(st.tuples(st.integers(0, 99), st.integers(100, 999)).map(list), min_size=1, max_size=3),
        "speaker_span": st.none() | st.tuples(st.integers(0, 9), st.integers(10, 99)).map(list),
        "confidence": st.none() | st.floats(0, 1),
    }
)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@given(rows=st.lists(ROW, min_size=1, max_size=6))
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_written_reads_back_the_same(tmp_path, suffix, rows):
    table = as_quotes(pd.DataFrame(rows))
    table.attrs["left_out"] = [{"stage": "a", "reason": "b", "source": None, "where": None, "text": "“c”"}]
    again = read_quotes(write_table(table, tmp_path / f"t{suffix}"))
    pd.testing.assert_frame_equal(again, table, check_exact=False, rtol=1e-12)
    assert again.attrs["left_out"] == table.attrs["left_out"]


def test_only_text_is_needed_and_ids_are_stable():
    one = as_quotes(pd.DataFrame({"text": ["a", "b", "a"], "mine": [1, 2, 3]}))
    two = as_quotes(pd.DataFrame({"text": ["b", "a", "a"]}))
    assert list(one.columns) == [*COLUMNS, "mine"]
    assert one["quote_id"].is_unique
    assert set(one["quote_id"]) == set(two["quote_id"])


def test_missing_and_blank_texts_are_counted():
    table = as_quotes(pd.DataFrame({"text": ["a", None, float("nan"), "  "], "quote_id": ["p", "q", "r", "s"]}))
    assert table["text"].tolist() == ["a"]
    assert stance.ledger(table)["where"].tolist() == ["q", "r", "s"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"words": ["a"]}, "no column 'text'"),
        ({"text": [None, " "]}, "no row with text"),
        ({"text": ["a", "b"], "quote_id": ["x", "x"]}, "'x' stands in rows 1, 2"),
        ({"text": ["a"], "date": ["6 Sept 2024"]}, "'6 Sept 2024'"),
        ({"text": ["a"], "spans": ["[[5, 2]]"]}, r"\[\[start, end\]"),
        ({"text": ["a"], "confidence": [1.5]}, "1.5"),
        ({"text": ["a"], "confidence": ["high"]}, "'high'"),
    ],
)
def test_bad_tables_get_one_clear_error(table, words):
    with pytest.raises(TableError, match=words):
        as_quotes(pd.DataFrame(table))


def test_bad_files_get_one_clear_error(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ReadError, match="empty"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "latin.csv").write_bytes("text\ncafé £\n".encode("latin-1"))
    with pytest.raises(ReadError, match="UTF-8"):
        read_table(tmp_path / "latin.csv")
    (tmp_path / "broken.jsonl").write_text('{"text": ', encoding="utf-8")
    with pytest.raises(ReadError, match="JSONL"):
        read_table(tmp_path / "broken.jsonl")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ReadError, match="PARQUET"):
        read_table(tmp_path / "broken.parquet")
    with pytest.raises(TableError, match=r"use one of \.csv"):
        write_table(pd.DataFrame({"text": ["a"]}), tmp_path / "t.xlsx")


def test_a_sidecar_of_another_file_is_not_believed(tmp_path):
    path = write_table(as_quotes(pd.DataFrame({"text": ["a"]})), tmp_path / "t.csv")
    path.write_text("text\nchanged\n", encoding="utf-8")
    assert "another version" in stance.ledger(read_quotes(path))["reason"].iloc[0]


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "t.csv"
    target.write_text("old", encoding="utf-8")
    monkeypatch.setattr(pd.DataFrame, "to_csv", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(WriteError, match=r"t\.csv: cannot be written \(disk full\)"):
        write_table(as_quotes(pd.DataFrame({"text": ["a"]})), target)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert target.read_text(encoding="utf-8") == "old"


def test_the_sidecar_is_json(tmp_path):
    path = write_table(as_quotes(pd.DataFrame({"text": ["a", " "]})), tmp_path / "t.csv")
    meta = json.loads((tmp_path / "t.csv.meta.json").read_text(encoding="utf-8"))
    assert meta["file"] == path.name
    assert meta["attrs"]["left_out"][0]["reason"] == "no text"


def test_a_date_needs_a_day_and_keeps_the_one_that_is_written():
    def read(date):
        return stance.as_quotes(pd.DataFrame({"text": ["x"], "date": [date]}))["date"].iloc[0]

    assert read("2024-07-05T00:30:00+01:00") == pd.Timestamp("2024-07-05")
    assert read(pd.Timestamp("2024-07-05 00:30", tz="Europe/London")) == pd.Timestamp("2024-07-05")
    for wrong in ("2024-07", "2024", "05/07/2024"):
        with pytest.raises(stance.TableError, match=f"{wrong}.* is not an ISO date"):
            read(wrong)
    with pytest.raises(stance.InputError, match="05/07/2024"):
        stance.party_of("Yvette Cooper", "05/07/2024")


@pytest.mark.parametrize("row", ["So it is.,Ada Finch,Labour,", "We act, and now,Ada Finch,Labour"])
def test_a_row_with_more_fields_than_the_header_moves_no_column(tmp_path, row):
    (tmp_path / "q.csv").write_text(f"text,speaker,party\n{row}\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"more fields than its header \(text, speaker, party\)"):
        read_quotes(tmp_path / "q.csv")
    (tmp_path / "q.csv").write_text(f"text,speaker,party\na,b,c\n{row}\n", encoding="utf-8")
    with pytest.raises(ReadError, match="CSV"):
        read_quotes(tmp_path / "q.csv")
