"""``stance sample``, ``stance validate`` and ``stance multiverse``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import (
    SHEETS,
    ByOption,
    CodebookOption,
    ModelOption,
    Output,
    SeedOption,
    app,
    check_free,
    check_output,
    check_there,
    save_table,
)

LockOption = Annotated[Path | None, typer.Option("--lock", help="what `stance codebook lock` wrote")]


@app.command(epilog="Example: stance sample scores.csv -o codes.xlsx -n 100 --strata party --coder Ada --coder Bo")
def sample(
    scores: Annotated[Path, typer.Argument(help="what `stance score` wrote")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the code sheet, .xlsx or .csv")],
    n: Annotated[int, typer.Option("-n", help="how many quotes")] = 100,
    strata: Annotated[list[str] | None, typer.Option("--strata", help="a column, such as party")] = None,
    coder: Annotated[list[str] | None, typer.Option("--coder", help="a coder's name, once a coder")] = None,
    codebook: CodebookOption = None, seed: SeedOption = 0,
) -> None:  # fmt: skip
    """Draw a probability sample of quotes and write the sheet that coders fill in."""
    check_there(scores)
    from stance.quotes import check_suffix, read_table
    from stance.validation.sampling import sample_for_coding
    from stance.validation.sheets import SHEET_SUFFIXES, write_codesheet

    check_suffix(output, SHEET_SUFFIXES)
    check_free(output)
    drawn = sample_for_coding(read_table(scores), n, seed=seed, strata=strata or None)
    write_codesheet(drawn, output, codebook, coder or ["coder 1", "coder 2"])
    print(
        f"{output}: {len(drawn)} of {drawn.attrs['sampling']['of']} quotes to code (1 supports, 0 neither, -1 rejects)"
    )


@app.command(epilog="Example: stance validate scores.csv codes.xlsx")
def validate(
    scores: Annotated[Path, typer.Argument(help="what `stance score` wrote")],
    codes: Annotated[list[Path], typer.Argument(help="filled code sheets")],
    codebook: CodebookOption = None, lock: LockOption = None, by: ByOption = "party", seed: SeedOption = 0,
) -> None:  # fmt: skip
    """Coders' agreement, and the scores against their codes: accuracy and calibration, by party."""
    check_there(scores, lock)
    check_there(*codes, suffixes=SHEETS)
    from stance.cli.shared import show_left_out
    from stance.codebook import Lock
    from stance.quotes import read_table
    from stance.validation.accuracy import validate as validate_scores
    from stance.validation.agreement import reliability
    from stance.validation.sheets import read_codes

    table = read_codes(codes, codebook, lock)
    if table["coder"].nunique() > 1:
        print("Agreement of the coders (Krippendorff's alpha)")
        print(reliability(table, seed=seed).round(2).to_string(index=False), end="\n\n")
    print(validate_scores(read_table(scores), table, by=by, seed=seed))
    if "lock" in table.attrs:
        print(f"* {Lock(**table.attrs['lock']).of_codes(table.attrs.get('drawn'))}")
    show_left_out(table)


@app.command(epilog="Example: stance multiverse quotes.csv Labour Conservative -o specifications.csv")
def multiverse(
    quotes: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet with a column text")],
    a: Annotated[str, typer.Argument(metavar="GROUP", help="such as Labour")],
    b: Annotated[str, typer.Argument(metavar="GROUP", help="such as Conservative")],
    output: Output = None, codebook: CodebookOption = None, model: ModelOption = None, by: ByOption = "party",
    seed: SeedOption = 0,
) -> None:  # fmt: skip
    """The groups' difference under every wording, leave-one-out set, threshold and window."""
    check_there(quotes)
    from stance.quotes import read_quotes
    from stance.robustness.multiverse import multiverse as run

    check_output(output)
    found = run(read_quotes(quotes), codebook, a, b, model=model, by=by, seed=seed)
    print(found)
    if output:
        save_table(found.table, output)
