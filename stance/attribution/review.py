"""The review sheet: quotes with their doubtful speakers first, for a person to correct, and the way back."""

from pathlib import Path
from typing import Any

import pandas as pd

from stance.errors import ReadError, TableError
from stance.people import Roster, add_parties
from stance.quotes import add_left_out, left_out, read_csv, whole_file

SHEET_COLUMNS = (
    "quote_id", "doubt", "why", "text", "speaker", "speaker_type", "party", "keep", "date", "kind", "context", "source",
)  # fmt: skip
TYPES = ("person", "organisation", "unnamed")
_KEEP = {"": None, "yes": True, "y": True, "no": False, "n": False}


def review_sheet(quotes: pd.DataFrame) -> pd.DataFrame:
    """The quotes as a sheet to correct, the most doubtful first.

    Args:
        quotes: a quotes table.

    Returns:
        One row a quote: its id; ``doubt`` in [0, 1], one minus the smaller of the two confidences (1 where no speaker
        was found); why; what was said; ``speaker``, ``speaker_type`` and ``party`` to correct in place; ``keep``,
        empty, to be filled with "yes" (the row is right) or "no" (leave the quote out); and what helps to decide.
    """
    quote, speaker = (quotes[c].astype("float64") for c in ("confidence", "speaker_confidence"))
    unnamed = quotes["speaker"].isna() & (quotes["speaker_type"] != "unnamed")
    doubt = 1 - pd.concat([quote.fillna(1.0), speaker.fillna(1.0).mask(unnamed, 0.0)], axis=1).min(axis=1)
    reasons = {
        (row["source"], row["text"]): row["reason"]
        for row in quotes.attrs.get("left_out", []) if row["stage"] == "speaker"
    }  # fmt: skip
    sheet = quotes[[c for c in SHEET_COLUMNS if c in quotes]].copy()
    sheet.attrs = {}
    sheet["doubt"] = doubt.round(2)
    sheet["why"] = [
        reasons.get((source, text)) or ("the speaker is uncertain" if s < q else "it may be no quote" if q < 1 else "")
        for source, text, q, s in zip(quotes["source"], quotes["text"], quote.fillna(1), speaker.fillna(1), strict=True)
    ]
    sheet["keep"] = ""
    return sheet[list(SHEET_COLUMNS)].sort_values("doubt", ascending=False, kind="stable").reset_index(drop=True)


def write_review(quotes: pd.DataFrame, path: str | Path) -> Path:
    """Writes :func:`review_sheet` as a CSV that a spreadsheet opens (UTF-8 with a mark); returns the path.

    Raises:
        TableError: a suffix other than .csv.
    """
    path = _csv(Path(path))
    sheet = review_sheet(quotes)
    sheet["date"] = pd.to_datetime(sheet["date"]).dt.strftime("%Y-%m-%d")
    with whole_file(path) as temporary:
        sheet.to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\n")
    return path


def apply_review(quotes: pd.DataFrame, path: str | Path, *, people: Roster | None = None) -> pd.DataFrame:
    """The quotes with a corrected sheet laid over them; the ledger says what was changed. The input stays as it is.

    A changed speaker whose party was not changed gets the party that the roster knows. A row that the sheet no longer
    holds stays as it was; ``keep`` "no" leaves a quote out. Corrected and confirmed speakers get the confidence 1.

    Args:
        quotes: the table from which the sheet was made.
        path: the corrected CSV.
        people: another roster than the bundled one.

    Raises:
        ReadError: no such file, or no UTF-8 CSV.
        TableError: a column is missing, an id is unknown or stands there twice, a text was changed, or a cell of
            ``speaker_type`` or ``keep`` holds what it must not.

    >>> stance.apply_review(quotes, "review.csv")    # doctest: +SKIP
    """
    path = _csv(Path(path))
    sheet = _read(path)
    row_of = {str(number): i for i, number in enumerate(quotes["quote_id"])}
    out = quotes.copy()
    out.attrs = dict(quotes.attrs)
    cells = {
        column: out[column].astype(object).where(out[column].notna(), None).tolist()
        for column in ("speaker", "speaker_type", "party", "speaker_confidence")
    }
    texts = out["text"].tolist()
    notes: list[dict[str, Any]] = []
    spoken = set()  # rows whose speaker the reviewer wrote
    emptied = set()  # ids of quotes whose party the reviewer took away: a namesake
    dropped: list[int] = []
    seen: dict[str, int] = {}
    for line, row in enumerate(_records(sheet), start=2):
        number = row["quote_id"].strip()
        if number not in row_of:
            raise TableError(f"{path}, row {line}: no quote has the id {number!r}; apply the sheet to the table that "
                             "it was written from (the same articles, dates and version)")  # fmt: skip
        if number in seen:
            raise TableError(f"{path}, row {line}: the id {number!r} stands in row {seen[number]} too; delete one")
        seen[number] = line
        i = row_of[number]
        if row["text"].split() != texts[i].split():
            raise TableError(
                f"{path}, row {line}: the text of {number!r} was changed to {_short(row['text'])!r}; it must stay "
                f"{_short(texts[i])!r}: correct the speaker, or leave the quote out with keep = no"
            )
        keep = row["keep"].strip().casefold()
        if keep not in _KEEP:
            raise TableError(f"{path}, row {line}: keep is {row['keep']!r}; write yes, no or nothing")
        if _KEEP[keep] is False:
            dropped.append(i)
            notes.append(_note(out, i, "left out by the reviewer"))
            continue
        before = cells["party"][i]
        changed = _correct(cells, i, row, f"{path}, row {line}")
        if any(what.startswith("speaker ") for what in changed):
            spoken.add(i)
        elif before and not cells["party"][i]:
            emptied.add(number)
        if changed:
            notes.append(_note(out, i, f"corrected by the reviewer: {'; '.join(changed)}"))
        if changed or _KEEP[keep]:
            cells["speaker_confidence"][i] = 1.0 if cells["speaker"][i] else None
    for column in ("speaker", "speaker_type", "party"):
        out[column] = pd.Series(cells[column], index=out.index).astype("str")
    out["speaker_confidence"] = pd.Series(cells["speaker_confidence"], index=out.index, dtype="float64")
    attrs = out.attrs
    surnames = [i in spoken or _own(out["spans"].iloc[i]) for i in range(len(out)) if i not in set(dropped)]
    out = out.drop(index=out.index[dropped]).reset_index(drop=True)
    out.attrs = dict(attrs)
    add_left_out(out, notes)
    if not len(out):
        return out
    table = add_parties(out, people, surnames=surnames)
    taken = table["quote_id"].isin(emptied)
    table.loc[taken, "party"] = None
    table.loc[taken, "speaker"] = out.loc[taken, "speaker"]
    table.attrs["left_out"] = [note for note in table.attrs["left_out"]
                               if note["stage"] != "party" or note["where"] not in emptied]  # fmt: skip
    return table


def _own(spans: Any) -> bool:
    """Whether a row is the user's own, and was not found in an article."""
    return not isinstance(spans, list)


def _correct(cells: dict[str, list[Any]], i: int, row: dict[str, str], where: str) -> list[str]:
    """Lays one row over the cells; what was changed, in words."""
    before = {column: cells[column][i] for column in ("speaker", "speaker_type", "party")}
    after: dict[str, Any] = {column: row[column].strip() or None for column in before}
    if after == before:
        return []
    if after["speaker_type"] not in {None, *TYPES}:
        raise TableError(f"{where}: speaker_type is {after['speaker_type']!r}; write {', '.join(TYPES)} or nothing")
    if after["speaker"] != before["speaker"]:
        if after["party"] == before["party"]:
            after["party"] = None  # the roster's, for the new speaker
        if after["speaker_type"] == before["speaker_type"]:
            after["speaker_type"] = (before["speaker_type"] or "person") if after["speaker"] else "unnamed"
            if after["speaker"] and before["speaker_type"] == "unnamed":
                after["speaker_type"] = "person"
    for column, value in after.items():
        cells[column][i] = value
    return [f"{column} {before[column] or 'open'} → {after[column] or 'open'}"
            for column in before if after[column] != before[column]]  # fmt: skip


def _note(table: pd.DataFrame, i: int, reason: str) -> dict[str, Any]:
    return left_out("review", reason, source=table["source"].iloc[i], where=table["quote_id"].iloc[i],
                    text=table["text"].iloc[i])  # fmt: skip


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ReadError(f"{path}: no such review sheet")
    try:
        sheet = read_csv(path, dtype="str")
    except TableError:
        raise
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'") from error
    except (ValueError, OSError) as error:
        raise ReadError(f"{path}: cannot be read as a CSV review sheet: {error}") from error
    needed = ("quote_id", "text", "speaker", "speaker_type", "party", "keep")
    missing = [column for column in needed if column not in sheet]
    if missing:
        raise TableError(f"{path}: the review sheet lacks the column {missing[0]!r}; it needs {', '.join(needed)}")
    return sheet


def _records(sheet: pd.DataFrame) -> list[dict[str, str]]:
    return [{str(key): str(value) for key, value in row.items()} for row in sheet.to_dict("records")]


def _csv(path: Path) -> Path:
    if path.suffix.lower() != ".csv":
        raise TableError(f"{path}: a review sheet is a .csv file")
    return path


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
