"""``stance report``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import (
    TABLES,
    ByOption,
    CodebookOption,
    DateOption,
    ModelOption,
    RosterOption,
    SeedOption,
    app,
    extract,
    show_table,
)
from stance.errors import InputError, ReadError


@app.command(epilog="Example: stance report cooper-2024-09-06.txt -o report/")
def report(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="articles, or one table of quotes")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the report's folder")],
    codebook: CodebookOption = None, model: ModelOption = None, by: ByOption = "party", date: DateOption = None,
    roster: RosterOption = None, seed: SeedOption = 0,
    title: Annotated[str | None, typer.Option("--title", help="of the page")] = None,
) -> None:  # fmt: skip
    """Quotes, scores, comparison, pictures: one page that others can make again."""
    tables = [path for path in inputs if Path(path).suffix.lower() in TABLES]
    if tables and len(inputs) > 1:
        raise InputError(f"{tables[0]} is a table; give one table alone, or articles")
    if output.exists() and not output.is_dir():
        raise ReadError(f"{output}: is a file; name a folder for the report")
    from stance.people import add_parties
    from stance.people import roster as people
    from stance.quotes import read_quotes

    if tables:
        found = read_quotes(tables[0])
        found = add_parties(found, people(roster) if roster else None)
    else:
        found = extract(inputs, date, roster)
    if found.empty:
        raise InputError(f"no quotes found in {', '.join(inputs)}; quotes stand in quotation marks")
    from stance.reporting import report as write_report
    from stance.scoring import score as score_quotes

    scores = score_quotes(found, codebook, model, seed=seed)
    show_table(scores, ["speaker", "party", "frame", "support", "oppose", "text"])
    command = shlex.join(["stance", *sys.argv[1:]])
    page = write_report(scores, output, by=by, seed=seed, title=title, inputs=inputs, command=command)
    print(f"\nreport: {page.resolve()}")
