"""``stance quotes``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import (
    Articles,
    DateOption,
    Output,
    RosterOption,
    app,
    check_output,
    extract,
    save_table,
    show_table,
)


@app.command(epilog="Example: stance quotes cooper-2024-09-06.txt -o quotes.csv")
def quotes(
    articles: Articles, output: Output = None, date: DateOption = None, roster: RosterOption = None,
    review: Annotated[Path | None, typer.Option("--review", help="write a sheet to correct, doubts first")] = None,
    corrections: Annotated[Path | None, typer.Option("--corrections", help="a corrected review sheet")] = None,
) -> None:  # fmt: skip
    """Find the quotes of articles: who said what, from which party, and where it stands."""
    from stance.attribution import apply_review, write_review
    from stance.people import roster as people

    check_output(output)
    table = extract(articles, date, roster)
    if corrections:
        table = apply_review(table, corrections, people=people(roster) if roster else None)
    show_table(table, ["speaker", "party", "kind", "text"])
    if output:
        save_table(table, output)
    if review:
        print(f"{write_review(table, review)}: correct it, then give it as --corrections {review}")
