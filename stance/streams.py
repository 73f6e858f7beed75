"""Tables that do not fit in memory: scored chunk by chunk, Parquet in, a folder of Parquet parts out.

    scores/plan.json              what is being scored with what; a folder goes on only with the same
    scores/part-000000.parquet    the scores of the first chunk of rows, written whole or not at all
    scores/done.json              the totals; there once all parts are

Killed at any moment, the same call goes on after the last whole part, and the folder ends up the same byte for byte as
without the interruption (on the same kind of machine). For that the cache of scores is not used here, and batches have
a fixed size: the folder itself remembers what is done.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from stance.codebook import Codebook, load_codebook
from stance.errors import InputError, ReadError, TableError, WriteError
from stance.head.fitted import head_path, heads_hash, heads_in, read_head
from stance.quotes import (
    COLUMNS,
    NUMBER_COLUMNS,
    as_quotes,
    file_hash,
    make_quote_id,
    read_quotes,
    read_table,
    whole_file,
)
from stance.scoring import SCORE_COLUMNS, load_scorer, score

CHUNK = 512  # quotes a part: what a kill may lose
TOKENS_A_BATCH = 2048
IDS_A_PASS = 500_000  # hashes of quote_id held at once while they are held against each other
_SPANS = {"spans": pa.list_(pa.list_(pa.int64())), "speaker_span": pa.list_(pa.int64()),
          "cue_span": pa.list_(pa.int64()), "window": pa.list_(pa.int64())}  # fmt: skip
_FLOATS = {*NUMBER_COLUMNS, "support", "oppose", "stance", "spread"}


@dataclass(frozen=True)
class ScoreFolder:
    """A finished folder of scores.

    Attributes:
        folder: where the parts are.
        parts, quotes, rows, left_out: their numbers; a row is a quote and frame.
    """

    folder: Path
    parts: int
    quotes: int
    rows: int
    left_out: int

    def read(self) -> pd.DataFrame:
        """All of it as one scores table in memory, with the ledger and the provenance."""
        return read_table(self.folder)

    def __str__(self) -> str:
        return (f"{self.folder}: {self.rows} rows of {self.quotes} quotes in {self.parts} parts; "
                f"{self.left_out} left out")  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


@dataclass(frozen=True)
class Source:
    """Rows to score: a Parquet file that is read as it goes, or a table in memory."""

    origin: str
    rows: int
    schema: pa.Schema
    sha256: str | None
    path: Path | None = None
    table: pd.DataFrame | None = None
    stamp: tuple[int, int] | None = None  # size and time of change of the file
    attrs: dict[str, Any] = field(default_factory=dict)  # the table's ledger and the like, for the first part

    def chunks(self, size: int) -> Iterator[tuple[int, pd.DataFrame]]:
        """(first row's number, rows), ``size`` rows each and the rest in the last."""
        if self.table is not None:
            for start in range(0, self.rows, size):
                yield start, self.table.iloc[start : start + size].reset_index(drop=True)
            return
        assert self.path is not None
        start, held = 0, 0
        waiting: list[pa.RecordBatch] = []
        try:
            with pq.ParquetFile(self.path, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=size):
                    waiting.append(batch)
                    held += batch.num_rows
                    while held >= size:
                        whole = pa.Table.from_batches(waiting)
                        yield start, to_rows(whole.slice(0, size))
                        rest = whole.slice(size)
                        waiting, held, start = rest.to_batches(), rest.num_rows, start + size
                if held:
                    yield start, to_rows(pa.Table.from_batches(waiting))
        except (OSError, pa.ArrowException) as error:
            raise ReadError(f"{self.path}: cannot be read any further ({_reason(error)}); the parts so far are kept, "
                            "and the same call goes on once the file is back") from error  # fmt: skip

    def check_unchanged(self) -> None:
        """Raises: ReadError if the file is gone or is another one than at the start."""
        if self.path is not None and _stamp(self.path) != self.stamp:
            raise ReadError(f"{self.path}: changed or removed while it was read; the parts so far are kept, and the "
                            "same call goes on once the same file is back")  # fmt: skip


@dataclass(frozen=True)
class Task:
    """All that scoring a chunk needs besides its rows; it travels to the workers of a cluster."""

    folder: Path
    book: Codebook
    schema: pa.Schema
    origin: str
    seed: int
    given_ids: bool
    head: Any = "auto"
    attrs: dict[str, Any] = field(default_factory=dict)  # of the whole table; the first part keeps them

    def part(self, index: int) -> Path:
        return self.folder / f"part-{index:06d}.parquet"

    def run(self, rows: pd.DataFrame, start: int, index: int, scorer: Any) -> None:
        """Scores rows and writes their part.

        Args:
            start: the number of the first row in the whole table.
        """
        table = _scored(rows, start, self, scorer, self.attrs if index == 0 else {})
        with writing(self.folder), whole_file(self.part(index)) as temporary:
            pq.write_table(table, temporary)


def score_stream(
    source: str | Path | pd.DataFrame,
    folder: str | Path,
    codebook: str | Path | Codebook | None = None,
    model: Any = None,
    *,
    precision: str | None = None,
    head: Any = "auto",
    chunk: int = CHUNK,
    client: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> ScoreFolder:
    """Scores a table into a folder of Parquet parts, in memory that does not grow with the table.

    Args:
        source: a Parquet file, read as it goes; or a CSV or JSONL file or a table, which are held in memory. Rows
            without a ``quote_id`` get one that holds the row's number.
        folder: where the parts go. A folder that was begun with the same source and settings goes on.
        codebook, model, precision, head, seed: as for :func:`stance.score`.
        chunk: quotes a part.
        client: a ``dask.distributed.Client``; its workers do the work. They must see ``folder`` under the same path.
        progress: a bar with rate and time left.

    Raises:
        InputError: the folder was begun with something else, or is in use.
        ReadError: the source cannot be read, or changed meanwhile.
        TableError: no column ``text``, or a ``quote_id`` that stands twice.
        WriteError: the disk is full, or the folder cannot be written. What is done stays; the same call goes on.

    >>> stance.score_stream("big.parquet", "scores/")    # doctest: +SKIP
    ScoreFolder(folder=PosixPath('scores'), parts=1954, quotes=1000000, rows=2000000, left_out=0)
    """
    if chunk < 1:
        raise InputError(f"chunk={chunk}; it must be at least 1")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the parts")
    book = load_codebook(codebook)
    found = open_source(source)
    scorer = load_scorer(model, precision, cache=False, tokens_a_batch=TOKENS_A_BATCH)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        given = "quote_id" in found.schema.names
        task = Task(folder.resolve(), book, _out_schema(found.schema), found.origin, seed, given, head, found.attrs)
        _begin(folder, _plan(found, book, scorer, chunk, seed, head))
        total = -(-found.rows // chunk)
        missing = [index for index in range(total) if not _whole(task.part(index))]
        if missing and given:
            _check_ids(found, chunk)
        with tqdm(total=found.rows, initial=found.rows - _rows_of(missing, chunk, found.rows), unit=" quotes",
                  desc="scoring", delay=2, disable=not progress) as bar:  # fmt: skip
            if client is None:
                todo = set(missing)
                for start, rows in found.chunks(chunk) if missing else ():
                    if start // chunk in todo:
                        found.check_unchanged()
                        task.run(rows, start, start // chunk, scorer)
                        bar.update(len(rows))
            else:
                from stance.cluster import run_parts  # the room below: dask, only where it is used

                run_parts(client, task, found, chunk, missing, model, precision, bar)
        found.check_unchanged()
        return _finish(folder, [task.part(index) for index in range(total)])


# --- the source ---------------------------------------------------------------------------------


def open_source(source: str | Path | pd.DataFrame) -> Source:
    """Looks at a source without reading its rows, where it is a Parquet file.

    Raises:
        ReadError, TableError: as :func:`stance.read_quotes`.
    """
    if isinstance(source, pd.DataFrame) or Path(source).suffix.lower() != ".parquet":
        table = as_quotes(source) if isinstance(source, pd.DataFrame) else read_quotes(source)
        table["date"] = table["date"].dt.strftime("%Y-%m-%d")
        attrs, table.attrs = {str(name): value for name, value in table.attrs.items()}, {}
        known = [column for column in table.columns if column not in COLUMNS]
        schema = pa.schema([pa.field("quote_id", pa.string())]).remove_metadata()
        for field in pa.Schema.from_pandas(table[known], preserve_index=False):
            schema = schema.append(field)
        if isinstance(source, pd.DataFrame):
            return Source("the table", len(table), schema, _table_hash(table), table=table, attrs=attrs)
        return Source(str(source), len(table), schema, file_hash(Path(source)), table=table, attrs=attrs)
    path = Path(source)
    if not path.is_file():
        raise ReadError(f"{path}: no such file")
    try:
        with pq.ParquetFile(path) as file:
            rows, schema = file.metadata.num_rows, file.schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise ReadError(f"{path}: cannot be read as PARQUET: {_reason(error)}") from error
    if "text" not in schema.names:
        raise TableError(f"{path} has no column 'text' (columns: {', '.join(schema.names)}); rename the column that "
                         "holds the quotes")  # fmt: skip
    clash = [column for column in SCORE_COLUMNS if column in schema.names]
    if clash:
        raise TableError(f"{path} has a column {clash[0]!r}, which scoring writes; rename or drop it")
    if not rows:
        raise TableError(f"{path} has no rows; there is nothing to score")
    return Source(str(path), rows, schema, file_hash(path), path=path, stamp=_stamp(path), attrs=_attrs_of(schema))


def _attrs_of(schema: pa.Schema) -> dict[str, Any]:
    """What pandas, or this package, wrote beside a Parquet file's columns."""
    metadata = schema.metadata or {}
    own = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
    written: dict[str, Any] = own or json.loads(metadata.get(b"pandas", b"{}")).get("attributes") or {}
    return written


def to_rows(table: pa.Table) -> pd.DataFrame:
    """The columns as they stand in the file: no index is made of one, and whole numbers stay whole."""
    rows: pd.DataFrame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return rows


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _table_hash(table: pd.DataFrame) -> str:
    content = table.to_json(orient="split", index=False, double_precision=15)
    return make_quote_id(None, None, str(content))


def _check_ids(source: Source, chunk: int) -> None:
    """Ids must be unique over all chunks. Looked at by their hashes, a share of them a pass, so that memory does not
    grow with the table: two equal ids fall into one share."""
    if source.path is None:
        return  # as_quotes has looked
    passes = -(-source.rows // IDS_A_PASS)
    twice = 0
    with pq.ParquetFile(source.path, pre_buffer=False) as file:
        for turn in range(passes):
            share = [np.empty(0, dtype=np.uint64)]
            for batch in file.iter_batches(batch_size=max(chunk, 10_000), columns=["quote_id"]):
                ids = batch.column(0).to_pandas().dropna().astype(str).to_numpy(dtype=object)
                found = pd.util.hash_array(ids)
                share.append(found[found % passes == turn])
            together = np.sort(np.concatenate(share))
            twice += int((together[1:] == together[:-1]).sum())
    if twice:
        raise TableError(f"{source.origin}: {twice} values of quote_id stand more than once; make them unique, or "
                         "leave the column out to have them made")  # fmt: skip


# --- a chunk ------------------------------------------------------------------------------------


def _scored(rows: pd.DataFrame, start: int, task: Task, scorer: Any, of_all: dict[str, Any]) -> pa.Table:
    """The scores of a chunk, with the ledger and the provenance in the table's metadata."""
    made = {} if task.given_ids and rows["quote_id"].notna().all() else _make_ids(rows, start)
    blank = rows["text"].isna() | (rows["text"].astype("string").fillna("").str.strip() == "")
    if blank.all():
        # as_quotes refuses a table without text; here it is only a stretch of one
        from stance.quotes import left_out

        sources = rows["source"] if "source" in rows else [None] * len(rows)
        notes = [left_out("reading", "no text", source=source, where=value)
                 for source, value in zip(sources, rows["quote_id"], strict=True)]  # fmt: skip
        table, attrs = task.schema.empty_table(), {"left_out": notes}
    else:
        scores = score(as_quotes(rows, origin=task.origin), task.book, scorer, head=task.head, seed=task.seed,
                       progress=False)  # fmt: skip
        scores["date"] = pd.to_datetime(scores["date"]).dt.strftime("%Y-%m-%d")
        attrs = json.loads(json.dumps(scores.attrs, default=str))
        scores.attrs = {}
        table = pa.Table.from_pandas(scores[task.schema.names], schema=task.schema, preserve_index=False)
    for note in attrs.get("left_out", []):
        note["where"] = made.get(note["where"], note["where"])
    attrs = of_all | attrs | {"left_out": [*of_all.get("left_out", []), *attrs.get("left_out", [])]}
    metadata = {**(table.schema.metadata or {}), b"PANDAS_ATTRS": json.dumps(attrs, ensure_ascii=False).encode()}
    return table.replace_schema_metadata(metadata)


def _make_ids(rows: pd.DataFrame, start: int) -> dict[str, str]:
    """Fills missing ids in place; returns what each made one stands for, such as "row 17"."""
    given = rows["quote_id"].tolist() if "quote_id" in rows else [None] * len(rows)
    sources = rows["source"].tolist() if "source" in rows else [None] * len(rows)
    ids, made = [], {}
    for offset, (known, source, text) in enumerate(zip(given, sources, rows["text"], strict=True)):
        if known is None or known != known or known == "":
            known = make_quote_id(source, None, str(text), start + offset)
            made[known] = f"row {start + offset + 1}"
        ids.append(known)
    rows["quote_id"] = ids
    return made


def _out_schema(given: pa.Schema) -> pa.Schema:
    """The same types in every part, whatever a chunk holds."""
    extra = [field for field in given if field.name not in COLUMNS and not field.name.startswith("__index_level")]
    fields = [pa.field(name, _SPANS.get(name, pa.float64() if name in _FLOATS else pa.string())) for name in COLUMNS]
    scores = [pa.field(name, _SPANS.get(name, pa.float64() if name in _FLOATS else pa.string()))
              for name in SCORE_COLUMNS]  # fmt: skip
    return pa.schema([*fields, *(pa.field(field.name, field.type) for field in extra), *scores])


# --- the folder ---------------------------------------------------------------------------------


def _plan(source: Source, book: Codebook, scorer: Any, chunk: int, seed: int, head: Any) -> dict[str, Any]:
    return {
        "source": Path(source.origin).name, "source_sha256": source.sha256, "rows": source.rows, "chunk": chunk,
        "codebook": book.name, "codebook_sha256": book.sha256, "seed": seed,
        "model": getattr(scorer, "name", getattr(scorer, "__qualname__", type(scorer).__name__)),
        "model_fingerprint": getattr(scorer, "fingerprint", None), "precision": getattr(scorer, "precision", None),
        "arithmetic": getattr(scorer, "arithmetic", None),
        "head": head if head is None or isinstance(head, str | bool) else "fitted",
        "head_sha256": _head_hash(head, book),
    }  # fmt: skip


def _head_hash(head: Any, book: Codebook) -> str | None:
    """Of the heads that may be used; whether the bundled one fits the model is seen when the first part is scored."""
    if hasattr(head, "heads_"):
        return heads_hash(head.heads_)
    if head == "auto" and head_path(book.name):
        return heads_hash(heads_in(read_head(book.name)))
    return None


def _begin(folder: Path, plan: dict[str, Any]) -> None:
    """Writes the plan, or holds it against the one that is there; removes what a kill left half-written."""
    path = folder / "plan.json"
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error}); name another folder") from error
        for key, value in plan.items():
            if before.get(key) != value:
                raise InputError(f"{folder} was begun with {key} {before.get(key)!r}, now it is {value!r}; "
                                 "name another folder, or go on with the same")  # fmt: skip
    elif any(folder.glob("part-*.parquet")):
        raise InputError(f"{folder} holds parts but no plan.json; name another folder")
    else:
        with writing(folder), whole_file(path) as temporary:
            temporary.write_text(json.dumps(plan, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for stale in (*folder.glob(".part-*"), *folder.glob(".plan.json.*"), *folder.glob(".done.json.*")):
        stale.unlink(missing_ok=True)


def _finish(folder: Path, parts: list[Path]) -> ScoreFolder:
    rows = quotes = left = 0
    for part in parts:
        metadata = pq.read_metadata(part)
        attrs = json.loads(metadata.metadata[b"PANDAS_ATTRS"])
        rows += metadata.num_rows
        quotes += attrs.get("provenance", {}).get("quotes", 0)
        left += len(attrs.get("left_out", []))
    totals = {"parts": len(parts), "quotes": quotes, "rows": rows, "left_out": left}
    with writing(folder), whole_file(folder / "done.json") as temporary:
        temporary.write_text(json.dumps(totals, indent=1) + "\n", encoding="utf-8")
    return ScoreFolder(folder, **totals)


def _whole(part: Path) -> bool:
    """Whether a part is there and can be read (a crash of the machine may leave an empty file)."""
    try:
        return b"PANDAS_ATTRS" in (pq.read_metadata(part).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def _rows_of(parts: list[int], chunk: int, rows: int) -> int:
    return sum(min(chunk, rows - index * chunk) for index in parts)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process a folder. The lock goes with the process that holds it, however it ends."""
    lock = FileLock(folder / ".lock")
    try:
        with writing(folder):
            lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder}: another process is scoring into it; wait for it or name another") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what the disk says into one clear error."""
    try:
        yield
    except Timeout:
        raise
    except (OSError, pa.ArrowException) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else _reason(error)
        raise WriteError(f"{folder}: cannot be written ({reason}); the parts so far are kept, and the same call goes "
                         "on from there once there is room") from error  # fmt: skip


def _reason(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
