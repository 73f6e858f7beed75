"""``stance codebook``."""

from typing import Annotated

import typer

from stance.cli.shared import app

codebook_app = typer.Typer(help="Show or check a codebook.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(codebook_app, name="codebook")


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
