import hashlib
import json
import multiprocessing
import os
import resource
import signal
import threading
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tqdm.auto import tqdm

import stance
from stance.codebook import parse_codebook
from stance.errors import InputError, ReadError, TableError, WriteError
from stance.streams import score_stream

BOOK = parse_codebook("""
name: toy
title: Toy
frames:
  - name: gangs
    definition: d
    supports:
      - {name: one, hypotheses: [arresting smugglers, smugglers arrested, jailing smugglers]}
    opposes:
      - {name: two, hypotheses: [sending people away, people returned, deporting people]}
""")


def scorer(pairs):
    """Probabilities out of a hash of the pair: no model, and no two pairs alike."""
    numbers = [int.from_bytes(hashlib.sha256("|".join(pair).encode()).digest()[:4], "big") / 2**33 for pair in pairs]
    return np.array([[n, 0.5, 0.5 - n] for n in numbers])


def slow_scorer(pairs):
    time.sleep(0.004)
    return scorer(pairs)


slow_scorer.__qualname__ = "scorer"  # the plan names the scorer; it gives the same numbers


def some_quotes(count=100):
    return pd.DataFrame({
        "quote_id": [f"q{i}" for i in range(count)], "text": [f"Sentence {i} of Ada Finch." for i in range(count)],
        "speaker": ["Ada Finch", None] * (count // 2), "date": "2024-09-06", "mine": np.arange(count),
        "spans": [[[i, i + 5]] if i % 2 else None for i in range(count)],
    })  # fmt: skip


@pytest.fixture
def quotes_file(tmp_path):
    table = pa.Table.from_pandas(some_quotes(), preserve_index=False)
    pq.write_table(table, tmp_path / "big.parquet", row_group_size=33)
    return tmp_path / "big.parquet"


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.name != ".lock"}


def test_a_stream_equals_scoring_at_once(quotes_file, tmp_path):
    done = score_stream(quotes_file, tmp_path / "scores", BOOK, scorer, chunk=7, progress=False)
    assert (done.parts, done.quotes, done.rows, done.left_out) == (15, 100, 100, 0)
    stance.write_table(stance.score(stance.read_quotes(quotes_file), BOOK, scorer), tmp_path / "once.parquet")
    once, again = stance.read_table(tmp_path / "once.parquet"), done.read()
    pd.testing.assert_frame_equal(again[once.columns], once, check_dtype=False)
    assert again.attrs["provenance"]["pairs"] == 600
    assert again.attrs["provenance"]["codebook"] == once.attrs["provenance"]["codebook"]


def test_rows_without_text_or_id_are_counted(tmp_path):
    texts = ["one", None, "two", " ", "", "two", "three"]
    pq.write_table(pa.table({"text": texts}), tmp_path / "q.parquet")
    done = score_stream(tmp_path / "q.parquet", tmp_path / "scores", BOOK, scorer, chunk=2, progress=False)
    assert (done.quotes, done.left_out) == (4, 3)
    table = done.read()
    assert table["text"].tolist() == ["one", "two", "two", "three"]
    assert table["quote_id"].is_unique
    assert stance.ledger(table)["where"].tolist() == ["row 2", "row 4", "row 5"]


def test_the_ledger_of_the_whole_table_stands_once(tmp_path):
    rows = some_quotes(20)
    rows.loc[[3, 17], "text"] = " "
    rows.to_csv(tmp_path / "q.csv", index=False)
    table = stance.as_quotes(rows.drop(columns="spans"))
    table.attrs["articles"] = [{"source": "s"}]
    table.assign(date="2024-09-06").to_parquet(tmp_path / "q.parquet")  # pandas keeps the ledger beside the columns
    for source in (tmp_path / "q.csv", table, tmp_path / "q.parquet"):
        folder = tmp_path / f"scores-{type(source).__name__}-{getattr(source, 'suffix', '')}"
        done = score_stream(source, folder, BOOK, scorer, chunk=4)
        assert (done.parts, done.quotes, done.left_out) == (5, 18, 2)
        assert len(done.read().attrs["left_out"]) == 2


def test_an_index_with_a_name_is_a_column_and_long_numbers_stay_whole(tmp_path):
    rows = some_quotes(6).drop(columns="mine").set_index("quote_id")
    rows["post"] = pd.array([2**60 + 1, None, 2**60 + 3, 4, 5, 6], dtype="Int64")
    rows.to_parquet(tmp_path / "q.parquet")
    found = score_stream(tmp_path / "q.parquet", tmp_path / "scores", BOOK, scorer, chunk=4).read()
    assert found["quote_id"].tolist() == [f"q{i}" for i in range(6)]
    posts = pa.concat_tables(pq.read_table(part) for part in sorted((tmp_path / "scores").glob("part-*")))["post"]
    assert posts.to_pylist()[:3] == [2**60 + 1, None, 2**60 + 3]


def test_a_finished_folder_is_not_done_again_and_another_plan_is_refused(quotes_file, tmp_path):
    folder = tmp_path / "scores"
    score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    before = content(folder)

    def refuse(pairs):
        raise AssertionError("computed again")

    refuse.__qualname__ = "scorer"
    score_stream(quotes_file, folder, BOOK, refuse, chunk=30, progress=False)
    assert content(folder) == before
    with pytest.raises(InputError, match="was begun with chunk 30, now it is 20"):
        score_stream(quotes_file, folder, BOOK, scorer, chunk=20, progress=False)
    other = some_quotes(50)
    other.to_parquet(quotes_file)
    with pytest.raises(InputError, match="source_sha256"):
        score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    (folder / "done.json").unlink()
    with pytest.raises(ReadError, match="not finished"):
        stance.read_table(folder)


def scored_alone(args, options):
    # tqdm's lock is shared with the parent after a fork; a child killed while it holds it would hang the parent.
    tqdm.set_lock(threading.RLock())
    score_stream(*args, **options)


def in_a_process(*args, **options):
    process = multiprocessing.get_context("fork").Process(target=scored_alone, args=(args, options))
    process.start()
    return process


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(quotes_file, tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    score_stream(quotes_file, whole, BOOK, scorer, chunk=4, progress=False)
    rng = np.random.default_rng(0)
    killed = 0
    for _ in range(20):
        process = in_a_process(quotes_file, folder, BOOK, slow_scorer, chunk=4, progress=False)
        time.sleep(rng.uniform(0.01, 0.08))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed >= 5
    score_stream(quotes_file, folder, BOOK, scorer, chunk=4, progress=False)
    assert content(folder) == content(whole)


def test_a_part_that_a_crash_cut_short_is_made_again(quotes_file, tmp_path):
    folder = tmp_path / "scores"
    score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    before = content(folder)
    part = folder / "part-000001.parquet"
    part.write_bytes(part.read_bytes()[:100])
    (folder / "part-000002.parquet").write_bytes(b"")
    (folder / ".part-000003.parquet.x.parquet").write_bytes(b"half")
    score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    assert content(folder) == before


def test_a_full_disk_is_one_clear_error_and_the_rest_can_follow(quotes_file, tmp_path):
    """A limit on the size of files stands in for the disk: the system refuses the write in the same place."""
    folder = tmp_path / "scores"
    score_stream(quotes_file, tmp_path / "whole", BOOK, scorer, chunk=30, progress=False)
    size = (tmp_path / "whole" / "part-000000.parquet").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, hard))
    try:
        with pytest.raises(WriteError, match="the parts so far are kept"):
            score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path.name for path in folder.glob("*part*")) == []
    score_stream(quotes_file, folder, BOOK, scorer, chunk=30, progress=False)
    assert content(folder) == content(tmp_path / "whole")


def test_an_input_that_goes_away_ends_with_a_clear_error(quotes_file, tmp_path):
    folder, calls = tmp_path / "scores", []

    def take_away(pairs):
        calls.append(1)
        if len(calls) == 2:
            quotes_file.rename(tmp_path / "elsewhere.parquet")
        return scorer(pairs)

    take_away.__qualname__ = "scorer"
    with pytest.raises(ReadError, match="removed while it was read"):
        score_stream(quotes_file, folder, BOOK, take_away, chunk=10, progress=False)
    assert len(list(folder.glob("part-*"))) == 2
    (tmp_path / "elsewhere.parquet").rename(quotes_file)
    assert score_stream(quotes_file, folder, BOOK, scorer, chunk=10, progress=False).quotes == 100


def test_two_processes_do_not_share_a_folder(quotes_file, tmp_path):
    folder = tmp_path / "scores"
    process = in_a_process(quotes_file, folder, BOOK, slow_scorer, chunk=1, progress=False)
    try:
        deadline = time.monotonic() + 60
        while not list(folder.glob("part-*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(InputError, match="another process"):
            score_stream(quotes_file, folder, BOOK, scorer, chunk=1, progress=False)
    finally:
        process.kill()
        process.join()


def test_bad_sources(tmp_path):
    folder = tmp_path / "scores"
    path = tmp_path / "q.parquet"
    with pytest.raises(ReadError, match="no such file"):
        score_stream(path, folder, BOOK, scorer)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(ReadError, match="cannot be read as PARQUET"):
        score_stream(path, folder, BOOK, scorer)
    for columns, words in (
        ({"words": ["x"]}, "no column 'text'"),
        ({"text": ["x"], "support": [1.0]}, "column 'support'"),
        ({"text": pa.array([], pa.string())}, "no rows"),
        ({"text": ["x", "y", "z"], "quote_id": ["a", "b", "a"]}, "stand more than once"),
    ):
        pq.write_table(pa.table(columns), path)
        with pytest.raises(TableError, match=words):
            score_stream(path, tmp_path / f"scores-{len(words)}", BOOK, scorer, chunk=1, progress=False)


def test_ids_are_held_against_each_other_in_several_passes(tmp_path, monkeypatch):
    monkeypatch.setattr("stance.streams.IDS_A_PASS", 4)
    path = tmp_path / "q.parquet"
    ids = [f"q{i}" for i in range(30)]
    pq.write_table(pa.table({"text": ["x"] * 30, "quote_id": ids}), path)
    assert score_stream(path, tmp_path / "fine", BOOK, scorer, chunk=7, progress=False).quotes == 30
    pq.write_table(pa.table({"text": ["x"] * 30, "quote_id": [*ids[:27], "q3", "q3", "q20"]}), path)
    with pytest.raises(TableError, match="3 values of quote_id stand more than once"):
        score_stream(path, tmp_path / "twice", BOOK, scorer, chunk=7, progress=False)


def test_other_formats_go_by_way_of_memory(tmp_path):
    table = some_quotes(20).drop(columns="spans")
    table.to_csv(tmp_path / "q.csv", index=False)
    done = score_stream(tmp_path / "q.csv", tmp_path / "scores", BOOK, scorer, chunk=8, progress=False)
    assert done.read()["mine"].tolist() == list(range(20))
    assert json.loads((tmp_path / "scores" / "plan.json").read_text())["source"] == "q.csv"
