"""The command ``stance``. Each command is one of the package's functions, with files at both ends."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stance.errors import InputError, ReadError, StanceError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    help="Who said what, from which party, and how strongly it takes a frame.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
codebook_app = typer.Typer(help="Show or check a codebook.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(codebook_app, name="codebook")

TABLES = (".csv", ".jsonl", ".parquet")
Articles = Annotated[list[str], typer.Argument(metavar="ARTICLE...", help="text or HTML files, or URLs")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="a .csv, .jsonl or .parquet file")]
DateOption = Annotated[str | None, typer.Option("--date", help="day of publication of all the articles, YYYY-MM-DD")]
RosterOption = Annotated[Path | None, typer.Option("--roster", help="a roster of your own (CSV)")]
CodebookOption = Annotated[str | None, typer.Option("--codebook", help="a YAML file or a bundled name")]
ModelOption = Annotated[str | None, typer.Option("--model", help="an NLI model: folder or Hugging Face name")]
ByOption = Annotated[str, typer.Option("--by", help="the column that holds the groups")]
SeedOption = Annotated[int, typer.Option("--seed", help="of the bootstrap and the permutation test")]


def _extract(inputs: list[str], date: str | None, people: Path | None) -> "pd.DataFrame":
    from stance.articles import read_article
    from stance.attribution import extract_quotes
    from stance.people import Roster

    known = Roster.from_csv(people) if people else None
    return extract_quotes([read_article(path, date=date, source=path) for path in inputs], people=known)


def _show(table: "pd.DataFrame", columns: list[str]) -> None:
    from stance.quotes import ledger

    shown = table[columns].copy()
    shown["text"] = [text if len(text) <= 60 else text[:57] + "…" for text in shown["text"]]
    print(shown.round(2).to_string(index=False) if len(shown) else "(no quotes)")
    left = ledger(table)
    if len(left):
        print(f"\nLeft out or left open: {len(left)}")
        for (stage, reason), part in left.groupby(["stage", "reason"], sort=False):
            print(f"  {len(part)} × {stage}: {reason}")


def _save(table: "pd.DataFrame", output: Path) -> None:
    from stance.quotes import write_table

    write_table(table, output)
    print(f"{output}: {len(table)} rows")


@app.command(epilog="Example: stance quotes cooper-2024-09-06.txt -o quotes.csv")
def quotes(articles: Articles, output: Output = None, date: DateOption = None, roster: RosterOption = None) -> None:
    """Find the quotes of articles: who said what, from which party, and where it stands."""
    _suffix(output)
    table = _extract(articles, date, roster)
    _show(table, ["speaker", "party", "kind", "text"])
    if output:
        _save(table, output)


@app.command(epilog="Example: stance score quotes.csv -o scores.csv")
def score(
    quotes: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet with a column text")],
    output: Output = None, codebook: CodebookOption = None, model: ModelOption = None,
) -> None:  # fmt: skip
    """Score quotes on the frames of a codebook."""
    from stance.quotes import read_quotes
    from stance.scoring import score as score_quotes

    _suffix(output)
    table = score_quotes(read_quotes(quotes), codebook, model)
    _show(table, ["speaker", "frame", "support", "oppose", "spread", "text"])
    if output:
        _save(table, output)


@app.command(epilog="Example: stance compare scores.csv Labour Conservative --json")
def compare(
    scores: Annotated[Path, typer.Argument(help="what `stance score` wrote")],
    a: Annotated[str, typer.Argument(metavar="GROUP", help="such as Labour")],
    b: Annotated[str, typer.Argument(metavar="GROUP", help="such as Conservative")],
    by: ByOption = "party", seed: SeedOption = 0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:  # fmt: skip
    """Compare two groups on every frame."""
    from stance.comparison import compare as compare_groups
    from stance.quotes import read_table

    result = compare_groups(read_table(scores), a, b, by=by, seed=seed)
    print(result.to_json() if as_json else result)


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
    from stance.people import Roster, add_parties
    from stance.quotes import read_quotes

    if tables:
        found = read_quotes(tables[0])
        found = add_parties(found, Roster.from_csv(roster) if roster else None)
    else:
        found = _extract(inputs, date, roster)
    if found.empty:
        raise InputError(f"no quotes found in {', '.join(inputs)}; quotes stand in quotation marks")
    from stance.reporting import report as write_report
    from stance.scoring import score as score_quotes

    scores = score_quotes(found, codebook, model, seed=seed)
    _show(scores, ["speaker", "party", "frame", "support", "oppose", "text"])
    command = shlex.join(["stance", *sys.argv[1:]])
    page = write_report(scores, output, by=by, seed=seed, title=title, inputs=inputs, command=command)
    print(f"\nreport: {page.resolve()}")


@codebook_app.command(epilog="Example: stance codebook show enforcement-deterrence")
def show(name: Annotated[str, typer.Argument(help="a YAML file or a bundled name")] = "enforcement-deterrence") -> None:
    """Print a codebook: its frames, facets and hypotheses."""
    from stance.codebook import load_codebook

    print(load_codebook(name))


@codebook_app.command(epilog="Example: stance codebook check my-question.yaml")
def check(path: Annotated[str, typer.Argument(help="a YAML file")]) -> None:
    """Check a codebook; says what is wrong and on which line."""
    from stance.codebook import load_codebook

    book = load_codebook(path)
    print(f"{path}: valid. {book!r}, SHA-256 {book.sha256[:16]}…")


def _suffix(output: Path | None) -> None:
    """Refuses an output format before the work, not after it."""
    if output is not None:
        from stance.quotes import check_suffix

        check_suffix(output)


def main() -> None:
    """Runs the command line; an error that stance raises on purpose is one line and exit code 1."""
    quiet_transformers()
    try:
        app()
    except StanceError as error:
        print("stance: " + " ".join(str(error).split()), file=sys.stderr)
        raise SystemExit(1) from None


def quiet_transformers() -> None:
    """Loading bars and advice are not what a command's user asked for."""
    import os

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


if __name__ == "__main__":
    main()
