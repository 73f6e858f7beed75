"""``stance report`` and ``stance verify``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import (
    SHEETS,
    TABLES,
    ByOption,
    CodebookOption,
    DateOption,
    ModelOption,
    RosterOption,
    SeedOption,
    app,
    check_there,
    extract,
    show_table,
)
from stance.errors import InputError, ReadError


@app.command(epilog="Example: stance report cooper-2024-09-06.txt -o report/")
def report(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="articles, or one table of quotes or scores")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the report's folder")],
    codebook: CodebookOption = None, model: ModelOption = None, by: ByOption = "party", date: DateOption = None,
    roster: RosterOption = None, seed: SeedOption = 0,
    a: Annotated[str | None, typer.Option("--a", help="the first group; the most frequent if not given")] = None,
    b: Annotated[str | None, typer.Option("--b", help="the second group")] = None,
    gold: Annotated[Path | None, typer.Option("--gold", help="human codes of a sample, CSV or Excel")] = None,
    lock: Annotated[Path | None, typer.Option("--lock", help="a lock of codebook and model")] = None,
    title: Annotated[str | None, typer.Option("--title", help="of the page")] = None,
) -> None:  # fmt: skip
    """Quotes, scores, comparison, pictures: one page that others can make again."""
    tables = [path for path in inputs if Path(path).suffix.lower() in TABLES]
    if tables and len(inputs) > 1:
        raise InputError(f"{tables[0]} is a table; give one table alone, or articles")
    if output.exists() and not output.is_dir():
        raise ReadError(f"{output}: is a file; name a folder for the report")
    check_there(*inputs, roster, lock)
    check_there(gold, suffixes=SHEETS)
    from stance.codebook import check_lock, load_codebook
    from stance.quotes import as_quotes, is_scores, read_table

    table = read_table(tables[0]) if tables else None
    scored = table is not None and is_scores(table)
    if scored and (codebook or model):
        raise InputError(f"{tables[0]} holds scores, and --codebook and --model are for quotes; leave them out")
    if lock is not None and not scored:
        check_lock(lock, load_codebook(codebook).sha256)
    from stance.people import add_parties
    from stance.people import roster as people

    if table is not None:
        found = table if scored else add_parties(as_quotes(table, origin=tables[0]), people(roster) if roster else None)
    else:
        found = extract(inputs, date, roster, precision="exact")
    if found.empty:
        raise InputError(f"no quotes found in {', '.join(inputs)}; quotes stand in quotation marks")
    from stance.reporting import report as write_report

    codes = None
    if gold is not None:
        from stance.validation.sheets import read_codes

        codes = read_codes(gold)
    page = write_report(
        found, output, a, b, by=by, codebook=codebook, model=model, gold=codes, lock=lock, seed=seed, title=title,
        inputs=inputs, roster=roster, command=shlex.join(["stance", *sys.argv[1:]]),
    )  # fmt: skip
    show_table(read_table(output / "scores.csv"), ["speaker", by, "frame", "support", "oppose", "text"])
    print(f"\nreport: {page.resolve()}")


@app.command(epilog="Example: stance verify report/")
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="what `stance report` wrote")],
    tolerance: Annotated[float, typer.Option("--tolerance", help="how far two equal numbers may be apart")] = 1e-4,
) -> None:
    """Run a report again from its stored inputs and compare every number; exit code 1 where one differs."""
    if not (folder / "provenance.json").is_file():
        raise ReadError(f"{folder}: no report is there, provenance.json is missing; name the folder that stance report "
                        "wrote")  # fmt: skip
    from stance.reporting import verify as verify_report

    found = verify_report(folder, tolerance=tolerance)
    print(found)
    if not found.same:
        raise typer.Exit(1)
