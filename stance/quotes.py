"""The quotes table and its ledger: schema, checks, reading and writing CSV, JSONL and Parquet.

One row a quote. Only ``text`` is required of a table that a user brings; the rest is filled with nulls.

=================== ===========================================================================
column              content
=================== ===========================================================================
quote_id            str, unique; a hash of source, offsets and text where none is given
text                str, as the source has it, to the character
speaker             str or null; the canonical name
speaker_type        "person", "organisation", "unnamed" or null
party               str or null; the speaker's party on that date
date                datetime64 (midnight), or NaT
kind                "direct", "indirect", "mixed", "speech" or null
source              str or null; the document's id
spans               list of [start, end), character offsets into the source text, or null
speaker_span        [start, end) or null
cue_span            [start, end) or null
confidence          float in [0, 1] or NaN: that this is a quote
speaker_confidence  float in [0, 1] or NaN: that the speaker is the right one
context             str or null; the paragraph that the quote stands in
=================== ===========================================================================

What was left out on the way travels with the table in ``df.attrs["left_out"]``; :func:`ledger` shows it.
CSV and JSONL cannot hold attributes, so they get a sidecar ``NAME.meta.json``, bound to the file by its hash.
"""

import csv
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stance.errors import ReadError, TableError, WriteError

TEXT_COLUMNS = ("quote_id", "text", "speaker", "speaker_type", "party", "kind", "source", "context")
SPAN_COLUMNS = ("spans", "speaker_span", "cue_span")
LIST_COLUMNS = (*SPAN_COLUMNS, "window")  # JSON in CSV; window is a column of scores
NUMBER_COLUMNS = ("confidence", "speaker_confidence")
COLUMNS = (
    "quote_id", "text", "speaker", "speaker_type", "party", "date", "kind", "source",
    "spans", "speaker_span", "cue_span", "confidence", "speaker_confidence", "context",
)  # fmt: skip
LEDGER_COLUMNS = ("stage", "reason", "source", "where", "text", "of")
SUFFIXES = (".csv", ".jsonl", ".parquet")


# --- the ledger ---------------------------------------------------------------------------------


def left_out(
    stage: str, reason: str, *, source: Any = None, where: Any = None, text: str | None = None, of: int | None = None
) -> dict[str, Any]:
    """One row of the ledger: what was left out, at which stage, and why; ``of`` how many stood there before."""
    clean = None if source is None or source is pd.NA or source != source else str(source)
    return {"stage": stage, "reason": reason, "source": clean, "where": None if where is None else str(where),
            "text": text, "of": of}  # fmt: skip


def add_left_out(table: pd.DataFrame, rows: Iterable[dict[str, Any]]) -> None:
    """Appends rows to the ledger that the table carries (in place)."""
    table.attrs["left_out"] = [*table.attrs.get("left_out", []), *rows]


def ledger(table: pd.DataFrame, *, counts: bool = False) -> pd.DataFrame:
    """What was left out before this table, one row an item: stage, reason, source, where, text, of.

    Args:
        counts: instead one row a stage and reason: n, of (how many stood there before, where that is known), share.

    >>> ledger(comparison.scores, counts=True)    # doctest: +SKIP
            stage    reason  n   of  share
    0  comparison  no party  4   24   0.17
    """
    rows = pd.DataFrame(table.attrs.get("left_out", []), columns=list(LEDGER_COLUMNS))
    if not counts:
        return rows
    rows["of"] = pd.to_numeric(rows["of"])
    out = rows.groupby(["stage", "reason"], sort=False, dropna=False).agg(n=("stage", "size"), of=("of", "max"))
    out = out.reset_index().astype({"of": "Int64"})
    out["share"] = (out["n"] / out["of"]).astype("Float64")
    return out


# --- the schema ---------------------------------------------------------------------------------


def make_quote_id(source: Any, spans: Any, text: str, *more: Any) -> str:
    """16 hexadecimal digits, stable across runs and machines: a hash of source, offsets and text."""
    content = json.dumps([source, spans, text, *more], ensure_ascii=False, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_scores(table: pd.DataFrame) -> bool:
    """Whether a table is one of scores: one row a quote and frame."""
    return {"quote_id", "frame", "support"} <= set(table.columns)


def as_quotes(table: pd.DataFrame, *, origin: str = "the table") -> pd.DataFrame:
    """Checks a table and completes it to a quotes table.

    Rows whose text is missing or blank are left out and counted in the ledger. Extra columns are kept,
    behind the standard ones. The input is not changed.

    Args:
        table: at least a column ``text``.
        origin: what to call the table in messages, such as its file name.

    Raises:
        TableError: no column ``text``, a table of scores, a duplicate ``quote_id``, a date that is not ISO, a span
            that is not a pair of offsets, a number out of [0, 1], or no row with text.
    """
    if "text" not in table.columns:
        found = ", ".join(map(str, table.columns)) or "none"
        raise TableError(f"{origin} has no column 'text' (columns: {found}); rename the column that holds the quotes")
    if table.columns.has_duplicates:
        twice = sorted({str(c) for c in table.columns[table.columns.duplicated()]})
        raise TableError(f"{origin} has the column {twice[0]!r} twice; rename one")
    if is_scores(table) and table["quote_id"].duplicated().any():
        raise TableError(f"{origin} is a table of scores, one row a quote and frame; give the quotes that it was made "
                         "from")  # fmt: skip
    out = table.reset_index(drop=True).copy()
    out.attrs = dict(table.attrs)
    blank = out["text"].isna() | (out["text"].astype("string").fillna("").str.strip() == "")
    if blank.any():
        ids = out["quote_id"] if "quote_id" in out else pd.Series(out.index + 1, index=out.index).map("row {}".format)
        sources = out["source"] if "source" in out else pd.Series(None, index=out.index, dtype=object)
        add_left_out(out, [left_out("reading", "no text", source=sources[i], where=ids[i]) for i in out.index[blank]])
        attrs = out.attrs
        out = out.loc[~blank].reset_index(drop=True)
        out.attrs = attrs
    if out.empty:
        raise TableError(f"{origin} has no row with text ({len(table)} rows read); there is nothing to work on")
    for column in COLUMNS:
        if column not in out:
            out[column] = None
    out["date"] = _dates(out["date"], origin)
    for column in SPAN_COLUMNS:
        out[column] = pd.Series([_span(value, column, origin) for value in out[column]], index=out.index, dtype=object)
    for column in NUMBER_COLUMNS:
        out[column] = _unit_numbers(out[column], column, origin)
    for column in TEXT_COLUMNS[1:]:
        out[column] = _texts(out[column])
    out["quote_id"] = _ids(out, origin)
    extra = [c for c in out.columns if c not in COLUMNS]
    return out[[*COLUMNS, *extra]]


def _texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    text = values.astype(object).where(values.notna(), None)
    return text.map(lambda v: None if v is None or (isinstance(v, str) and v == "") else str(v)).astype("str")


def _day_of(value: Any) -> str:
    """The day that a date, or a date and time, begins with."""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value).strip()
    found = re.match(r"\d{4}-\d{2}-\d{2}(?=$|[T ])", text)
    return found.group() if found else f"not a day: {text}"


def _dates(values: "pd.Series[Any]", origin: str) -> "pd.Series[Any]":
    values = values.where(values.notna() & (values.astype("string") != ""), None)
    # Of a time with an offset the day that is written counts; "2024-07" is no day.
    written = values.map(_day_of, na_action="ignore")
    try:
        dates = pd.to_datetime(written, format="ISO8601", utc=True, errors="coerce")
    except (ValueError, OverflowError) as error:
        raise TableError(f"{origin}: the column 'date' cannot be read: {error}; write dates as YYYY-MM-DD") from error
    bad = values.notna() & dates.isna()
    if bad.any():
        first = values[bad].iloc[0]
        raise TableError(
            f"{origin}: {first!r} in the column 'date' is not an ISO date "
            f"({int(bad.sum())} of {len(values)} rows); write dates as YYYY-MM-DD"
        )
    return dates.dt.tz_localize(None).dt.normalize().astype("datetime64[us]")


def _span(value: Any, column: str, origin: str) -> Any:
    """A span column's cell as nested lists of int, or None. ``spans`` is a list of pairs, the others one pair."""
    if value is None or (not hasattr(value, "__len__") and pd.isna(value)) or (isinstance(value, str) and not value):
        return None
    try:
        found = json.loads(value) if isinstance(value, str) else value
        pairs = list(found) if column == "spans" else [found]
        clean = [[int(start), int(end)] for start, end in pairs]
        if any(start < 0 or end <= start for start, end in clean):
            raise ValueError
    except (ValueError, TypeError):
        shape = "[[start, end], …]" if column == "spans" else "[start, end]"
        raise TableError(f"{origin}: {value!r} in the column {column!r} is not {shape} with 0 <= start < end") from None
    return clean if column == "spans" else clean[0]


def _unit_numbers(values: "pd.Series[Any]", column: str, origin: str) -> "pd.Series[Any]":
    numbers = pd.to_numeric(values.where(values.notna(), None), errors="coerce").astype("float64")
    bad = (values.notna() & (values.astype("string") != "") & numbers.isna()) | (numbers < 0) | (numbers > 1)
    if bad.any():
        raise TableError(f"{origin}: {values[bad].iloc[0]!r} in the column {column!r} is not a number from 0 to 1")
    return numbers


def _ids(out: pd.DataFrame, origin: str) -> "pd.Series[Any]":
    given = _texts(out["quote_id"])
    missing = given.isna()
    if missing.any():
        seen: dict[str, int] = {}
        made = []
        for i in out.index[missing]:
            more = [out.at[i, "speaker"], out.at[i, "date"]] if out.at[i, "spans"] is None else []
            key = make_quote_id(
                _null(out.at[i, "source"]), out.at[i, "spans"], str(out.at[i, "text"]), *map(_null, more)
            )
            seen[key] = seen.get(key, 0) + 1
            # The same row twice in a table without ids: two quotes, told apart by their order.
            made.append(key if seen[key] == 1 else make_quote_id(key, seen[key], ""))
        given = given.astype(object)
        given[missing] = made
        given = given.astype("str")
    if given.duplicated().any():
        twice = given[given.duplicated()].iloc[0]
        rows = [int(i) + 1 for i in given.index[given == twice]]
        raise TableError(
            f"{origin}: quote_id {twice!r} stands in rows {', '.join(map(str, rows[:5]))}; "
            "make the ids unique, or leave the column out to have them made"
        )
    return given


def _null(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value


# --- files --------------------------------------------------------------------------------------


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, moved onto it if the block succeeds: written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_suffix(path: Path, suffixes: Sequence[str] = SUFFIXES) -> str:
    """The path's suffix, if a table can be written in that format."""
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise TableError(f"{path}: cannot tell the table's format from {suffix or 'no suffix'!r}; "
                         f"use one of {', '.join(suffixes)}")  # fmt: skip
    return suffix


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".meta.json")


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Writes a quotes or scores table as CSV, JSONL or Parquet, by the suffix; returns the path.

    Span columns become JSON in CSV. The table's attributes (ledger, provenance) go into the Parquet file, or
    into ``NAME.meta.json`` beside the others.

    Raises:
        TableError: another suffix.
        WriteError: the disk is full, or the place cannot be written.
    """
    path = Path(path)
    suffix = check_suffix(path)
    flat = table.copy()
    flat.attrs = {}
    if "date" in flat:
        flat["date"] = pd.to_datetime(flat["date"]).dt.strftime("%Y-%m-%d")
    if suffix == ".csv":
        for column in [c for c in LIST_COLUMNS if c in flat]:
            values = [_plain(value) for value in flat[column]]
            # Text is what an earlier file held: as it stands, or it would be quoted once more with each saving.
            flat[column] = pd.Series([json.dumps(v) if isinstance(v, list) else v for v in values], index=flat.index,
                                     dtype=object)  # fmt: skip
    try:
        with whole_file(path) as temporary:
            if suffix == ".csv":
                # Quoted throughout: a lone carriage return inside a quote would else end its row.
                flat.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
            elif suffix == ".jsonl":
                flat.to_json(temporary, orient="records", lines=True, force_ascii=False, double_precision=15)
            else:
                flat.attrs = json.loads(json.dumps(table.attrs, default=str))
                flat.to_parquet(temporary, index=False)
        if suffix != ".parquet":
            meta = {"file": path.name, "sha256": file_hash(path), "attrs": table.attrs}
            with whole_file(_sidecar(path)) as temporary:
                temporary.write_text(json.dumps(meta, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror or error}); make room, or name another place"
                         ) from error  # fmt: skip
    return path


def _plain(value: Any) -> Any:
    """A list cell as JSON has it: lists for arrays, None for what is missing, text parsed where it is JSON."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value] if value.dtype == object else value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value  # a user's own column of that name; as_quotes() says what is wrong with it
    return None if value is None or pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def _with_lists(table: pd.DataFrame) -> pd.DataFrame:
    """List columns as lists, whatever the format made of them (text, arrays)."""
    for column in table.columns:
        held = next((value for value in table[column] if not _missing(value)), None)
        if column in LIST_COLUMNS or isinstance(held, np.ndarray):
            table[column] = pd.Series([_plain(value) for value in table[column]], index=table.index, dtype=object)
    return table


def _missing(value: Any) -> bool:
    return value is None or (not hasattr(value, "__len__") and bool(pd.isna(value)))


def read_table(path: str | Path) -> pd.DataFrame:
    """Reads a table written by :func:`write_table`, or a user's own CSV, JSONL or Parquet, as it stands but for spans,
    which are lists again.

    A folder is one that ``stance score big.parquet -o FOLDER`` wrote.

    Raises:
        ReadError: missing, empty or unreadable file, or text that is not UTF-8.
        TableError: a suffix that names no table format.
    """
    path = Path(path)
    if path.is_dir():
        return _read_parts(path)
    suffix = check_suffix(path)
    if not path.is_file():
        raise ReadError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: the file is empty")
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        # Only an empty cell is missing: "NA" and "None" are words that somebody may have said.
        ".csv": lambda: read_csv(path, dtype={c: "str" for c in TEXT_COLUMNS}, na_values=[""]),
        ".jsonl": lambda: pd.DataFrame([json.loads(line) for line in _lines(path)]),
        ".parquet": lambda: pd.read_parquet(path),
    }
    try:
        table = readers[suffix]()
    except TableError:
        raise
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (ValueError, OSError, RuntimeError) as error:  # pandas' and pyarrow's errors are among these
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ReadError(f"{path}: cannot be read as {suffix[1:].upper()}: {reason}") from error
    if suffix != ".parquet":
        table.attrs.update(_read_sidecar(path))
    return _with_lists(table)


def read_csv(path: str | Path, **settings: Any) -> pd.DataFrame:
    """A CSV file in UTF-8 in which only what ``na_values`` names is missing.

    Raises:
        TableError: its rows have more fields than its header; pandas would move every value one column to the left.
    """
    table: pd.DataFrame = pd.read_csv(path, encoding="utf-8-sig", keep_default_na=False, **settings)
    if not isinstance(table.index, pd.RangeIndex):
        names = ", ".join(map(str, table.columns))
        raise TableError(f"{path}: its first row has more fields than its header ({names}); put a text "
                         "that holds a comma in quotation marks, or delete the surplus comma")  # fmt: skip
    return table


def _read_parts(folder: Path) -> pd.DataFrame:
    """The parts that :func:`stance.score_stream` wrote, as one table with one ledger."""
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        raise ReadError(
            f"{folder}: a folder without parts (part-000000.parquet, …); give a table or a folder of scores"
        )
    if not (folder / "done.json").is_file():
        raise ReadError(f"{folder}: not finished; give the command that began it once more")
    tables = [pd.read_parquet(part) for part in parts]
    notes = [table.attrs for table in tables]
    for table in tables:
        table.attrs = {}
    whole = pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    records = [note["provenance"] for note in notes if "provenance" in note]
    whole.attrs["left_out"] = [row for note in notes for row in note.get("left_out", [])]
    if records:
        sums = {key: sum(record[key] for record in records) for key in ("quotes", "windows", "pairs")}
        whole.attrs["provenance"] = {**records[0], **sums}
    return _with_lists(whole)


def _lines(path: Path) -> list[str]:
    # JSON Lines end at \n only; str.splitlines would also break at U+2028 and the like inside a quote.
    return [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]


def _read_sidecar(path: Path) -> dict[str, Any]:
    """The attributes stored beside a file, if they were stored for this very content."""
    sidecar = _sidecar(path)
    if not sidecar.is_file():
        return {}
    try:
        meta = json.loads(sidecar.read_text(encoding="utf-8"))
        belongs = meta["sha256"] == file_hash(path)
        attrs = dict(meta["attrs"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{sidecar}: not a sidecar written by stance ({error}); delete it to go on without") from error
    if belongs:
        return attrs
    note = left_out("reading", f"{sidecar.name} was made for another version of the file",
                    source=path.name)  # fmt: skip
    return {"left_out": [note]}


def read_quotes(path: str | Path) -> pd.DataFrame:
    """Reads a quotes table: CSV, JSONL or Parquet with at least a column ``text``.

    >>> stance.read_quotes("quotes.csv").columns[:3].tolist()    # doctest: +SKIP
    ['quote_id', 'text', 'speaker']

    Raises:
        ReadError, TableError: as :func:`read_table` and :func:`as_quotes`.
    """
    return as_quotes(read_table(path), origin=str(path))
