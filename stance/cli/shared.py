"""What the commands share: the application, options that recur, and how a table is shown and saved."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stance.errors import InputError, ReadError, TableError, WriteError

if TYPE_CHECKING:
    import pandas as pd

    from stance.people import Roster

app = typer.Typer(
    help="Who said what, from which party, and how strongly it takes a frame.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip

TABLES = (".csv", ".jsonl", ".parquet")
SHEETS = (".csv", ".xlsx")
Articles = Annotated[list[str], typer.Argument(metavar="ARTICLE...", help="files, folders, addresses, feeds")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="a .csv, .jsonl or .parquet file")]
DateOption = Annotated[str | None, typer.Option("--date", help="day of publication of all the articles, YYYY-MM-DD")]
RosterOption = Annotated[Path | None, typer.Option("--roster", help="your own entries (CSV): added, or corrections")]
CodebookOption = Annotated[str | None, typer.Option("--codebook", help="a YAML file or a bundled name")]
ModelOption = Annotated[str | None, typer.Option("--model", help="an NLI model: folder or Hugging Face name")]
PrecisionOption = Annotated[str, typer.Option("--precision", help="auto (fastest) or exact (float32)")]
ByOption = Annotated[str, typer.Option("--by", help="the column that holds the groups")]
SeedOption = Annotated[int, typer.Option("--seed", help="of the bootstrap and the permutation test")]


def check_there(*paths: str | Path | None, suffixes: tuple[str, ...] = ()) -> None:
    """Refuses a path that is not there before the work, which takes seconds to load; an address is not looked at.

    Args:
        suffixes: those that the files may have, if not any.
    """
    for path in paths:
        if path is None or str(path).lower().startswith(("http://", "https://")):
            continue
        if suffixes and Path(path).suffix.lower() not in suffixes:
            raise TableError(f"{path}: give a file that ends in {' or '.join(suffixes)}")
        if not Path(path).exists():
            raise ReadError(f"{path}: no such file")


def check_free(path: Path | None) -> None:
    """Refuses to write over a sheet that somebody may have filled in."""
    if path is not None and path.exists():
        raise InputError(f"{path}: is there already, and may hold somebody's work; name another file, or delete it")


def people_of(path: Path | None) -> "Roster | None":
    """The bundled roster with the user's own entries, if there are any."""
    if path is None:
        return None
    from stance.people import roster

    return roster(path)


def extract(
    inputs: list[str], date: str | None, people: Path | None, *, keep_duplicates: bool = False,
    people_json: Path | None = None, search: str | None = None, precision: str = "auto",
) -> "pd.DataFrame":  # fmt: skip
    """The quotes of whatever the user names: articles in any form, and debates."""
    from stance.press import gather

    return gather(inputs, date=date, roster=people_of(people), people=people_json, search=search,
                  keep_duplicates=keep_duplicates, precision=precision)  # fmt: skip


def show_table(table: "pd.DataFrame", columns: list[str], *, most: int | None = None) -> None:
    shown = table[columns].head(most).copy() if most else table[columns].copy()
    shown["text"] = [text if len(text) <= 60 else text[:57] + "…" for text in shown["text"].str.replace("\n", " ")]
    print(shown.round(2).to_string(index=False) if len(shown) else "(no quotes)")
    if len(table) > len(shown):
        print(f"… and {len(table) - len(shown)} more rows")
    show_left_out(table)


MOST_REASONS = 12


def show_left_out(table: "pd.DataFrame") -> None:
    """The ledger, counted by reason, of how many where that is known; the most frequent first where they are many."""
    from stance.quotes import ledger

    counts = ledger(table, counts=True)
    if not len(counts):
        return
    print(f"\nLeft out or left open: {counts['n'].sum()}")
    if len(counts) > MOST_REASONS:
        counts = counts.sort_values("n", ascending=False, kind="stable")
    for row in counts.head(MOST_REASONS).to_dict("records"):
        of = "" if row["of"] != row["of"] or row["of"] is None or str(row["of"]) == "<NA>" else f" of {row['of']}"
        print(f"  {row['n']}{of} × {row['stage']}: {row['reason']}")
    if len(counts) > MOST_REASONS:
        print(f"  … and {len(counts) - MOST_REASONS} other reasons: all are in the ledger, which the file carries")


def save_table(table: "pd.DataFrame", output: Path) -> None:
    from stance.quotes import write_table

    write_table(table, output)
    print(f"{output}: {len(table)} rows")


def check_output(output: Path | None) -> None:
    """Refuses an output format, or a place that cannot be written, before the work, not after it."""
    if output is not None:
        from stance.quotes import check_suffix

        check_suffix(output)
        there = next(parent for parent in output.absolute().parents if parent.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise WriteError(f"{output}: {there} is no folder that can be written; name another place")
