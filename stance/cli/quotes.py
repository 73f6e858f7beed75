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
    check_free,
    check_output,
    check_there,
    extract,
    people_of,
    save_table,
    show_left_out,
    show_table,
)


@app.command(epilog="Example: stance quotes cooper-2024-09-06.txt -o quotes.csv")
def quotes(
    articles: Articles, output: Output = None, date: DateOption = None, roster: RosterOption = None,
    keep_duplicates: Annotated[bool, typer.Option(
        "--keep-duplicates", help="keep a story that several papers print (else it counts once)")] = False,
    people: Annotated[Path | None, typer.Option(
        "--people", help="a people.json of the ParlParse project, for the parties in debates' XML")] = None,
    search: Annotated[str | None, typer.Option(
        "--search", help="of debates' XML, only contributions that hold this phrase")] = None,
    review: Annotated[Path | None, typer.Option("--review", help="write a sheet to correct, doubts first")] = None,
    corrections: Annotated[Path | None, typer.Option("--corrections", help="a corrected review sheet")] = None,
) -> None:  # fmt: skip
    """Find quotes: who said what, from which party, and where it stands.

    Reads text and HTML files, folders of them, addresses (also a .txt file with one a line), RSS and Atom feeds, JSONL
    with an article a line, and debates' XML of TheyWorkForYou.
    """
    check_there(*articles, people, roster)
    check_there(corrections, suffixes=(".csv",))
    check_output(output)
    check_free(review)
    from stance.attribution import apply_review, write_review

    if not (review or corrections) and output and output.suffix.lower() == ".parquet" and _debates_alone(articles):
        return _stream(articles, output, roster, people, search)
    table = extract(articles, date, roster, keep_duplicates=keep_duplicates, people_json=people, search=search)
    if corrections:
        table = apply_review(table, corrections, people=people_of(roster))
    show_table(table, ["speaker", "party", "kind", "text"], most=40)
    if output:
        save_table(table, output)
    if review:
        print(f"{write_review(table, review)}: correct it, then give it as --corrections {review}")
    return None


def _debates_alone(inputs: list[str]) -> bool:
    from stance.press.gather import split_inputs

    debates, rest = split_inputs(inputs)
    return bool(debates) and not rest


def _stream(inputs: list[str], output: Path, roster: Path | None, people: Path | None, search: str | None) -> None:
    """Debates of any length go into the file as they are read."""
    import pandas as pd

    from stance.hansard import write_parlparse

    count = write_parlparse(inputs, output, people=people, roster=people_of(roster), search=search)
    show_left_out(pd.read_parquet(output, columns=["quote_id"]))
    print(f"{output}: {count} rows")
