"""Runs an old report again from what is stored in it, and compares every number."""

import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from stance.articles import read_article
from stance.errors import InputError, ReadError
from stance.people import roster
from stance.press import link_statements
from stance.quotes import file_hash, read_table, write_table
from stance.reporting.run import records, run_notebook
from stance.scoring import versions

TOLERANCE = 1e-4
KEYS = (
    "quote_id",
    "frame",
    "group_a",
    "group_b",
    "group",
    "period",
    "metric",
    "specification",
    "kind",
    "word",
    "stage",
    "reason",
)


@dataclass(frozen=True)
class Verification:
    """A report beside its second run.

    Attributes:
        differences: one row a difference: table, row, column, was, now, by (how much; None for words and files).
        compared: how many numbers were compared.
        largest: the largest difference between two numbers that count as the same.
        start: where the second run began: "articles", "quotes" or "scores".
        notes: what a reader must know, in sentences.
    """

    differences: pd.DataFrame
    compared: int
    largest: float
    start: str
    tolerance: float
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.differences.empty

    @property
    def title(self) -> str:
        begun = f"Run again from the {self.start}: {self.compared} numbers compared"
        if self.same:
            return f"{begun}, all the same (largest difference {self.largest:.1e}, tolerance {self.tolerance:.0e})."
        return f"{begun}, {len(self.differences)} differences."

    def __repr__(self) -> str:
        shown = [] if self.same else [self.differences.head(20).to_string(index=False)]
        more = [f"… and {len(self.differences) - 20} more"] if len(self.differences) > 20 else []
        return "\n".join([self.title, *shown, *more, *(f"* {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = "" if self.same else self.differences.head(200).to_html(index=False, border=0)
        return f"<p><b>{escape(self.title)}</b></p>{table}<ul>{notes}</ul>"


def verify(folder: str | Path, *, tolerance: float = TOLERANCE) -> Verification:
    """Runs a report again from its stored inputs and compares every number.

    It begins at the articles where all are stored in the report, else at its quotes, else (for scores of a model that
    cannot be loaded by name) at its scores. Files that changed since the report was made count as differences.

    Args:
        folder: what :func:`stance.report` wrote.
        tolerance: two numbers differ if they are farther apart than this.

    Raises:
        ReadError: not a report, or a damaged one.

    >>> stance.verify("docs/sample-report")    # doctest: +SKIP
    Run again from the articles: 184 numbers compared, all the same (largest difference 0.0e+00, tolerance 1e-04).
    """
    folder = Path(folder)
    made = _record(folder)
    again = made["again"]
    if tolerance < 0 or math.isnan(tolerance):
        raise InputError(f"tolerance={tolerance} is not a distance; give zero or more")
    differences = list(_changed_files(folder, made))
    notes = []
    now = versions()
    changed = [f"{k} {v} → {now.get(k, 'absent')}" for k, v in made.get("versions", {}).items() if now.get(k) != v]
    if changed:
        notes.append("Versions differ from the report's: " + ", ".join(changed) + ".")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        for name in ("quotes.csv", "quotes.csv.meta.json", "scores.csv", "scores.csv.meta.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, work / name)
        if (folder / "inputs").is_dir():
            shutil.copytree(folder / "inputs", work / "inputs")
        start = again["start"]
        if start == "articles":
            write_table(_extract(folder, made), work / "quotes.csv")
        if start == "scores":
            notes.append("The report was made from scores, so the model was not run again.")
        parameters = dict(again["parameters"])
        if start != "scores":
            (work / "scores.csv").unlink(missing_ok=True)
        run_notebook(work, parameters)
        counted: list[float] = []
        pairs = [(name, _rows(folder / f"{name}.csv"), _rows(work / f"{name}.csv")) for name in ("quotes", "scores")]
        results = [json.loads((place / "results.json").read_text(encoding="utf-8")) for place in (folder, work)]
        pairs += [(name, results[0].get(name, []), results[1].get(name, [])) for name in {**results[0], **results[1]}]
        for name, was, is_now in pairs:
            differences += _compare(name, was, is_now, tolerance, counted)
        model = read_table(work / "scores.csv").attrs.get("provenance", {}).get("model", {})
    if model.get("sha256") != made.get("model", {}).get("sha256"):
        notes.append("The model's weights are not those of the report (their SHA-256 differs).")
    table = pd.DataFrame(differences, columns=["table", "row", "column", "was", "now", "by"])
    return Verification(table, len(counted), max(counted, default=0.0), start, tolerance, tuple(notes))


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "provenance.json"
    if not path.is_file():
        raise ReadError(f"{folder}: not a report, provenance.json is missing; name the folder that stance report wrote")
    try:
        made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        made["again"]["parameters"], made["again"]["start"], made["files"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ReadError(f"{path}: damaged, or written by another version ({error!r}); make the report again") from error
    for name in ("quotes.csv", "scores.csv", "results.json"):
        if not (folder / name).is_file():
            raise ReadError(f"{folder}: {name} is missing; the report is not whole")
    return made


def _changed_files(folder: Path, made: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name, digest in made["files"].items():
        path = folder / name
        if not path.is_file():
            yield ("files", name, "", "present", "missing", None)
        elif file_hash(path) != digest:
            yield ("files", name, "SHA-256", digest[:16] + "…", file_hash(path)[:16] + "…", None)


def _extract(folder: Path, made: Mapping[str, Any]) -> pd.DataFrame:
    own = folder / "inputs" / "roster.csv" if "inputs/roster.csv" in made["files"] else Path()
    articles = [
        read_article(folder / entry["stored"], date=entry["date"], source=entry["source"])
        for entry in made["inputs"] if "stored" in entry
    ]  # fmt: skip
    precision = next((entry["precision"] for entry in made.get("articles", []) if "precision" in entry), "auto")
    from stance.attribution import extract_quotes  # torch, only where quotes are found again

    found = extract_quotes(articles, people=roster(own) if own.is_file() else None, precision=precision)
    return link_statements(found) if "statement_id" in read_table(folder / "quotes.csv") else found


def _rows(path: Path) -> list[dict[str, Any]]:
    return records(read_table(path))


def _compare(
    name: str, was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], tolerance: float,
    counted: list[float],
) -> Iterator[tuple[Any, ...]]:  # fmt: skip
    """Differences between two tables whose rows are matched by their keys; adds each number's distance to counted."""
    old, new = _keyed(was), _keyed(now)
    for key in [*old, *(k for k in new if k not in old)]:
        if key not in old or key not in new:
            yield (name, key, "", "present" if key in old else "absent", "present" if key in new else "absent", None)
            continue
        for column in {**old[key], **new[key]}:
            a, b = old[key].get(column), new[key].get(column)
            if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
                counted.append(abs(a - b))
                if not abs(a - b) <= tolerance:
                    counted.pop()
                    yield (name, key, column, a, b, b - a)
            elif a != b:
                yield (name, key, column, a, b, None)


def _keyed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    out: dict[str, Mapping[str, Any]] = {}
    for at, row in enumerate(rows):
        key = " / ".join(str(row[k]) for k in KEYS if row.get(k) is not None) or str(at)
        out[key if key not in out else f"{key} #{at}"] = row
    return out
