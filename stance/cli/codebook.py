"""``stance codebook``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import ModelOption, app

codebook_app = typer.Typer(help="Show or check a codebook.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(codebook_app, name="codebook")


@codebook_app.command(epilog="Example: stance codebook show enforcement-deterrence")
def show(
    name: Annotated[str, typer.Argument(help="a YAML file or a bundled name")] = "enforcement-deterrence",
    as_yaml: Annotated[bool, typer.Option("--yaml", help="as the YAML file to begin your own with")] = False,
) -> None:
    """Print a codebook: its frames, facets and hypotheses."""
    from stance.codebook import load_codebook

    book = load_codebook(name)
    print(book.to_yaml().rstrip() if as_yaml else book)


@codebook_app.command(epilog="Example: stance codebook check my-question.yaml")
def check(path: Annotated[str, typer.Argument(help="a YAML file")]) -> None:
    """Check a codebook; says what is wrong and on which line."""
    from stance.codebook import load_codebook

    book = load_codebook(path)
    print(f"{path}: valid. {book!r}, SHA-256 {book.sha256[:16]}…")


@codebook_app.command(epilog="Example: stance codebook lock enforcement-deterrence -o lock.json")
def lock(
    name: Annotated[str, typer.Argument(help="a YAML file or a bundled name")] = "enforcement-deterrence",
    output: Annotated[Path, typer.Option("--output", "-o", help="a file that is not there yet")] = Path("lock.json"),
    model: ModelOption = None,
) -> None:
    """Fix codebook and model before the codes are seen: a file with hashes and the time."""
    from stance.codebook import lock as write_lock

    print(f"{output}: {write_lock(name, model, path=output)}")
