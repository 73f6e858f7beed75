"""``stance people``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import RosterOption, app, check_there
from stance.errors import InputError


@app.command(epilog='Example: stance people "Robert Jenrick" --on 2024-09-06')
def people(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="a person, an office or a seat")] = None,
    on: Annotated[str | None, typer.Option("--on", help="a day, YYYY-MM-DD")] = None,
    roster: RosterOption = None,
    update: Annotated[Path | None, typer.Option("--update", help="write a new roster from Parliament's API")] = None,
) -> None:
    """Show what the roster knows: parties, seats and offices by date; or renew it."""
    check_there(roster)
    from stance.people import roster as bundled
    from stance.people import update_roster

    if update is not None:
        if name:
            raise InputError("give either a name or --update, not both")
        print(f"{update_roster(update)}: written; use it with --roster {update}")
        return
    if not name or not name.strip():
        raise InputError(
            "name whom to show: a person, an office or a seat, as in: stance people Cooper --on 2024-09-06"
        )
    known = bundled(roster) if roster else bundled()
    print(known.about(name, on))
