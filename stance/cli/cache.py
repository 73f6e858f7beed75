"""``stance cache``."""

import typer

from stance.cli.shared import app

group = typer.Typer(
    help="Scores that were computed before. Example: stance cache info", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(group, name="cache")


@group.command("info", epilog="Example: stance cache info")
def info() -> None:
    """Where the cache is and how much it holds."""
    from stance.cache import default_cache

    cache = default_cache()
    if cache is None:
        print("off (STANCE_CACHE=0)")
        return
    found = cache.info()
    print(f"{found['path']}: {found['entries']} pairs, {found['bytes'] / 1e6:.1f} MB of {found['limit'] / 1e6:.0f} MB")


@group.command("clear", epilog="Example: stance cache clear")
def clear() -> None:
    """Forget everything that is in it."""
    from stance.cache import default_cache

    cache = default_cache()
    if cache is None:
        print("off (STANCE_CACHE=0); nothing was cleared")
        return
    print(f"{cache.path}: {cache.clear() / 1e6:.1f} MB freed")
