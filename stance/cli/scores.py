"""``stance score`` and ``stance compare``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import (
    SHEETS,
    ByOption,
    CodebookOption,
    ModelOption,
    PrecisionOption,
    SeedOption,
    app,
    check_output,
    check_there,
    save_table,
    show_table,
)


@app.command(epilog="Example: stance score quotes.csv -o scores.csv")
def score(
    quotes: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet with a column text")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a .csv, .jsonl or .parquet file; or a folder, "
                      "for tables larger than memory: the same command goes on after an interruption")] = None,
    codebook: CodebookOption = None, model: ModelOption = None, precision: PrecisionOption = "auto",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="compute every score afresh")] = False,
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="ADDRESS",
                       help="local:N processes, or a Dask scheduler's tcp://host:port")] = None,
    chunk: Annotated[int, typer.Option("--chunk", help="quotes in each part of an output folder")] = 512,
) -> None:  # fmt: skip
    """Score quotes on the frames of a codebook."""
    check_there(quotes)
    from contextlib import nullcontext

    from stance.quotes import read_quotes
    from stance.scoring import score as score_quotes

    if cluster:
        from stance.cluster import connect
    with connect(cluster) if cluster else nullcontext() as client:
        if client is not None:
            print(f"cluster: {len(client.nthreads())} workers, dashboard {client.dashboard_link}")
        if output is not None and not output.suffix:
            from stance.streams import score_stream

            print(score_stream(quotes, output, codebook, model, precision=precision, chunk=chunk, client=client))
            return
        check_output(output)
        table = score_quotes(read_quotes(quotes), codebook, model, precision=precision,
                             cache=False if no_cache else None, client=client)  # fmt: skip
    if output:
        save_table(table, output)  # first: whoever reads the rows below may stop reading
    show_table(table, ["speaker", "frame", "support", "oppose", "spread", "text"], most=40 if output else None)


@app.command(epilog="Example: stance compare scores.csv Labour Conservative --json")
def compare(
    scores: Annotated[Path, typer.Argument(help="what `stance score` wrote, a file or a folder")],
    a: Annotated[str, typer.Argument(metavar="GROUP", help="such as Labour")],
    b: Annotated[str, typer.Argument(metavar="GROUP", help="such as Conservative")],
    by: ByOption = "party", seed: SeedOption = 0,
    over: Annotated[str | None, typer.Option("--over", help="week, month, quarter or year")] = None,
    weight: Annotated[str, typer.Option("--weight", help="speaker or quote: what counts the same")] = "speaker",
    gold: Annotated[list[Path] | None, typer.Option("--gold", help="a filled code sheet; corrects for error")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:  # fmt: skip
    """Compare two groups on every frame; with --gold also corrected for the model's error."""
    check_there(scores)
    check_there(*gold or [], suffixes=SHEETS)
    import warnings

    from stance.comparison import compare as compare_groups
    from stance.quotes import read_table

    codes = None
    if gold:
        from stance.validation.sheets import read_codes

        codes = read_codes(gold)
    table = read_table(scores)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Only .* on one side")  # the notes under the table say it
        result = compare_groups(table, a, b, by=by, over=over, weight=weight, gold=codes, seed=seed)
    print(result.to_json() if as_json else result)
