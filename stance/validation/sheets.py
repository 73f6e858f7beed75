"""Code sheets: what coders fill in, as Excel or CSV, and how it is read back.

One row a quote and frame, one column a coder; the codebook's definitions stand on the second sheet (for CSV in
``NAME.definitions.txt``), the sampling probabilities, the time of the draw and the codebook's hash on the third (for
CSV in ``NAME.sampling.json``). Neither the scores nor the speaker and the party are shown.
"""

import csv
import json
import warnings
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from stance.codebook import Codebook, Lock, load_codebook, read_lock
from stance.comparison.gold import CODES_COLUMNS, check_codes
from stance.errors import CodebookError, InputError, ReadError, TableError
from stance.quotes import check_suffix, left_out, read_csv, whole_file

SHEET_SUFFIXES = (".csv", ".xlsx")
FIXED = ("quote_id", "frame", "text")
IGNORED = ("note", "notes", "comment", "comments")
LONGEST_CELL = 32_000  # characters; Excel's own limit is 32,767
HOW = ("Code each row by the definition of its frame: 1 the quote supports the frame, 0 neither, -1 rejects it. "
       "Leave a cell empty where you cannot tell. Code alone, and do not change the order of the columns.")  # fmt: skip
WORDS = {"1": 1, "support": 1, "supports": 1, "yes": 1, "0": 0, "neither": 0, "no": 0,
         "-1": -1, "oppose": -1, "opposes": -1, "rejects": -1, "reject": -1}  # fmt: skip


def write_codesheet(
    sample: pd.DataFrame,
    path: str | Path,
    codebook: str | Path | Codebook | None = None,
    coders: Sequence[str] = ("coder 1", "coder 2"),
) -> Path:
    """Writes the sheet that coders fill in; by the suffix ``.xlsx`` or ``.csv``.

    Args:
        sample: what :func:`stance.sample_for_coding` returns.
        codebook: the one that the scores were made with.
        coders: the names of the columns to fill.

    Returns:
        The path.

    Raises:
        TableError: no column ``quote_id``, ``text`` or ``probability``, or another suffix.
        InputError: no coder, a name twice, or one that is a column's name.

    >>> stance.write_codesheet(sample, "codes.xlsx", coders=["Ada", "Bo"])    # doctest: +SKIP
    PosixPath('codes.xlsx')
    """
    path, book = Path(path), load_codebook(codebook)
    suffix = check_suffix(path, SHEET_SUFFIXES)
    for column in ("quote_id", "text", "probability"):
        if column not in sample:
            raise TableError(f"the sample has no column {column!r}; give the table that sample_for_coding() returns")
    names = [str(c).strip() for c in coders]
    wrong = [c for c in names if not c or c.casefold() in (*FIXED, *IGNORED) or names.count(c) > 1]
    if not names or wrong:
        raise InputError(f"coders={list(coders)!r}: give each coder a name of its own")
    frames = [frame.name for frame in book.frames]
    rows = [[quote, frame, text] for quote, text in zip(sample["quote_id"], sample["text"], strict=True)
            for frame in frames]  # fmt: skip
    about = {
        "codebook": book.name, "codebook_sha256": book.sha256, "coders": names,
        "drawn": datetime.now(UTC).isoformat(timespec="seconds"), **sample.attrs.get("sampling", {}),
        "probability": {str(q): float(p) for q, p in zip(sample["quote_id"], sample["probability"], strict=True)},
    }  # fmt: skip
    with whole_file(path) as temporary:
        if suffix == ".csv":
            with open(temporary, "w", encoding="utf-8-sig", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerows([[*FIXED, *names], *([*row, *[""] * len(names)] for row in rows)])
        else:
            _write_excel(temporary, rows, names, book, about)
    if suffix == ".csv":
        with whole_file(_beside(path, ".definitions.txt")) as temporary:
            temporary.write_text(f"{HOW}\n\n{_definitions_text(book)}\n", encoding="utf-8")
        with whole_file(_beside(path, ".sampling.json")) as temporary:
            temporary.write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.stem + ending)


def _definitions(book: Codebook) -> list[list[str]]:
    """What coders need of the codebook: not the hypotheses, which are the instrument's."""
    rows = [["frame", "definition", "not", "examples"]]
    return rows + [
        [frame.name, frame.definition, "\n".join(frame.excludes), "\n".join(frame.examples)] for frame in book.frames
    ]


def _definitions_text(book: Codebook) -> str:
    lines = [book.title, book.description.strip()]
    for name, definition, excludes, examples in _definitions(book)[1:]:
        lines += ["", name.upper(), definition]
        lines += [f"not: {x}" for x in excludes.splitlines()] + [f"example: {x}" for x in examples.splitlines()]
    return "\n".join(lines)


def _write_excel(
    path: Path, rows: list[list[Any]], coders: list[str], book: Codebook, about: dict[str, Any]
) -> None:  # fmt: skip
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    workbook = Workbook()
    sheet, cut = workbook.active, 0
    sheet.title = "codes"
    sheet.append([*FIXED, *coders])
    for number, (quote, frame, text) in enumerate(rows, start=2):
        shown = ILLEGAL_CHARACTERS_RE.sub(" ", str(text))
        if len(shown) > LONGEST_CELL:
            shown, cut = shown[:LONGEST_CELL] + " … [goes on]", cut + 1
        for column, value in enumerate((str(quote), frame, shown), start=1):
            cell = sheet.cell(number, column, value)
            cell.data_type = "s"  # a quote that begins with "=" is a text, not a formula
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    first, last = get_column_letter(4), get_column_letter(3 + len(coders))
    allowed = DataValidation(type="list", formula1='"1,0,-1"', allow_blank=True, showErrorMessage=True,
                             error="1 supports, 0 neither, -1 rejects")  # fmt: skip
    allowed.add(f"{first}2:{last}{len(rows) + 1}")
    sheet.add_data_validation(allowed)
    sheet.freeze_panes = "D2"
    sheet.column_dimensions["A"].width, sheet.column_dimensions["C"].width = 18, 90
    second = workbook.create_sheet("definitions")
    second.append([HOW])
    for row in _definitions(book):
        second.append(row)
    for letter, width in zip("ABCD", (16, 70, 60, 60), strict=True):
        second.column_dimensions[letter].width = width
    for line in second.iter_rows(min_row=2):
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    third = workbook.create_sheet("sampling")
    for key, value in about.items():
        if key != "probability":
            third.append([key, json.dumps(value, ensure_ascii=False)])
    third.append(["quote_id", "probability"])
    for quote, probability in about["probability"].items():
        third.append([quote, repr(probability)])  # as text: a spreadsheet keeps 15 digits of a number
    for head in (sheet[1], second[2]):
        for cell in head:
            cell.font = Font(bold=True)
    workbook.save(path)
    if cut:
        warnings.warn(f"{cut} rows show only the first {LONGEST_CELL} characters of their quote, which is longer "
                      "than a cell holds", stacklevel=3)  # fmt: skip


def read_codes(
    path: str | Path | Sequence[str | Path],
    codebook: str | Path | Codebook | None = None,
    lock: "str | Path | Lock | None" = None,
) -> pd.DataFrame:
    """Reads filled code sheets.

    Args:
        path: one sheet, or several of the same sample (one a coder).
        codebook: the one in use now; its hash must be the sheet's.
        lock: what :func:`stance.lock` wrote; the sheet's codebook, and ``codebook``, must be the locked one.

    Returns:
        The codes table: one row a quote, frame and coder, with quote_id, frame, coder, code (1, 0, -1; NaN where the
        cell is empty) and probability. Empty cells are in its ledger; ``attrs["drawn"]`` says when the sample was
        drawn, where the sheets say so.

    Raises:
        ReadError: not there, or not such a sheet.
        TableError: a cell that is no code; a quote coded twice by one coder.
        CodebookError: the codebook is not the one that the sheet was made for, or not the locked one; sheets of
            different versions.

    >>> stance.read_codes("codes.xlsx").head(2)    # doctest: +SKIP
              quote_id        frame coder  code  probability
    0  5f2c3a9d1e0b7c44  enforcement   Ada   1.0         0.25
    1  5f2c3a9d1e0b7c44  enforcement    Bo   1.0         0.25
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(p) for p in path]
    locked = read_lock(lock) if lock is not None else None
    book = load_codebook(codebook) if codebook is not None else None
    tables, left, hashes, drawn = [], [], set(), []
    for each in paths:
        sheet, about = _read_sheet(each)
        sha = about.get("codebook_sha256")
        _check_codebook(each, sha, book, locked)
        hashes.add(sha)
        drawn.append(about.get("drawn"))
        table, empty = _long(each, sheet, about)
        tables.append(table)
        left += empty
    if len(hashes - {None}) > 1:
        raise CodebookError(f"the sheets {', '.join(map(str, paths))} were made for {len(hashes - {None})} different "
                            "versions of the codebook; read those of one version together")  # fmt: skip
    codes = check_codes(pd.concat(tables, ignore_index=True))[list(CODES_COLUMNS)]
    codes.attrs["left_out"] = left
    if hashes != {None}:
        codes.attrs["codebook_sha256"] = next(iter(hashes - {None}))
    times = [str(time) for time in drawn if time is not None]
    if len(times) == len(paths):
        codes.attrs["drawn"] = min(times)
    if locked is not None:
        codes.attrs["lock"] = locked.as_dict()
    return codes


def _check_codebook(path: Path, sheet: str | None, book: Codebook | None, locked: "Lock | None") -> None:
    if book is not None and sheet is not None and sheet != book.sha256:
        raise CodebookError(f"{path} was made for another version of the codebook (sheet {sheet[:12]}…, {book.name} "
                            f"now {book.sha256[:12]}…); take the version that the coders had")  # fmt: skip
    if locked is None:
        return
    found = book.sha256 if book is not None else sheet
    if found is None:
        raise CodebookError(f"{path} does not say which codebook it was made for; give codebook= to check the lock")
    for sha in {found, sheet or found}:
        if sha != locked.codebook_sha256:
            raise CodebookError(
                f"the codebook changed after the lock of {locked.time}: locked {locked.codebook_sha256[:12]}…, "
                f"now {sha[:12]}…; restore it, or lock and code anew"
            )


def _read_sheet(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    suffix = check_suffix(path, SHEET_SUFFIXES)
    if not path.is_file():
        raise ReadError(f"{path}: no such file")
    if suffix == ".csv":
        try:
            with open(path, encoding="utf-8-sig") as stream:
                head = stream.readline()
            # Excel saves CSV with semicolons where the comma is the decimal mark.
            mark = max(",;\t", key=head.count)
            sheet = read_csv(path, dtype="str", sep=mark)
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
            raise ReadError(f"{path}: cannot be read as CSV: {error}") from error
        beside = _beside(path, ".sampling.json")
        about = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    else:
        try:
            book = pd.read_excel(path, sheet_name=None, dtype="str", header=None, keep_default_na=False)
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise ReadError(f"{path}: cannot be read as Excel: {error}") from error
        raw = book.get("codes", next(iter(book.values())))
        if raw.empty:
            raise ReadError(f"{path}: the sheet is empty")
        sheet = raw.iloc[1:].set_axis(raw.iloc[0].astype("str").tolist(), axis=1).reset_index(drop=True)
        about = _read_sampling(book["sampling"]) if "sampling" in book else {}
    sheet.columns = [str(c).strip() for c in sheet.columns]
    for column in ("quote_id", "frame"):
        if column not in sheet:
            raise ReadError(f"{path}: no column {column!r}; a code sheet has quote_id, frame and one column a coder")
    return sheet, about


def _read_sampling(raw: pd.DataFrame) -> dict[str, Any]:
    about: dict[str, Any] = {"probability": {}}
    pairs = raw.iloc[:, :2].astype("str").to_numpy().tolist()
    head = next((i for i, pair in enumerate(pairs) if pair[0] == "quote_id"), len(pairs))
    about |= {key: json.loads(value) for key, value in pairs[:head]}
    about["probability"] = {quote: float(value) for quote, value in pairs[head + 1 :]}
    return about


def _long(path: Path, sheet: pd.DataFrame, about: dict[str, Any]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    coders = [c for c in sheet.columns if c and c.casefold() not in (*FIXED, *IGNORED, "probability", "nan")]
    if not coders:
        raise ReadError(f"{path}: no coder's column beside {', '.join(sheet.columns)}")
    sheet = sheet[sheet["quote_id"].str.strip() != ""].reset_index(drop=True)
    long = sheet.melt(["quote_id", "frame"], coders, var_name="coder", value_name="cell")
    cells = long["cell"].astype("str").str.strip().str.lower().str.removesuffix(".0").str.replace("−", "-")
    cells = cells.where(cells != "nan", "")
    bad = ~cells.isin(["", *WORDS])
    if bad.any():
        at = int(bad.to_numpy().argmax())
        raise TableError(f"{path}, row {at % len(sheet) + 2}, column {long['coder'][at]!r}: {long['cell'][at]!r} is "
                         "not a code; write 1 (supports), 0 (neither) or -1 (rejects), or leave it empty")  # fmt: skip
    long["code"] = cells.map(WORDS).astype("float64")
    probability = about.get("probability", {})
    if probability:
        unknown = [q for q in long["quote_id"].unique() if q not in probability]
        if unknown:
            raise TableError(f"{path}: quote {unknown[0]!r} was not in the sample that the sheet was made for")
        long["probability"] = long["quote_id"].map(probability)
    else:
        long["probability"] = 1.0
        warnings.warn(f"{path.name}: no sampling probabilities beside it; every quote counts the same, as in a simple "
                      "random sample", stacklevel=3)  # fmt: skip
    empty = long[long["code"].isna()]
    left = [
        left_out("coding", f"left empty by {coder}", source=path.name, where=f"{quote} / {frame}", of=len(sheet))
        for quote, frame, coder in zip(empty["quote_id"], empty["frame"], empty["coder"], strict=True)
        if coder.casefold() != "agreed"
    ]
    long["row"] = list(range(len(sheet))) * len(coders)  # back to the sheet's order, a row's coders together
    return long.sort_values("row", kind="stable"), left
