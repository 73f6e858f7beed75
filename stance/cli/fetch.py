"""``stance fetch``."""

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.shared import Output, RosterOption, app, check_output, check_there, people_of, save_table, show_table
from stance.errors import InputError

fetch_app = typer.Typer(
    help="Get real data from public servers, ready to score. Needs a connection; no account, no key.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
app.add_typer(fetch_app, name="fetch")


@fetch_app.callback()
def about() -> None:
    """Get real data from public servers, ready to score. Needs a connection; no account, no key."""


@fetch_app.command(
    epilog='Example: stance fetch hansard --search "small boats" --from 2024-07-05 --to 2025-06-30 -o quotes.parquet'
)
def hansard(
    start: Annotated[str, typer.Option("--from", help="the first day, such as 2024-07-05")],
    end: Annotated[str, typer.Option("--to", help="the last day")],
    search: Annotated[str | None, typer.Option(
        "--search", help="the words to look for, such as \"small boats\"")] = None,
    house: Annotated[str | None, typer.Option("--house", help="Commons or Lords; both if not given")] = None,
    member: Annotated[str | None, typer.Option(
        "--member", help="only this member: the number in the address of their page at members.parliament.uk")] = None,
    output: Output = None,
    people: Annotated[Path | None, typer.Option(
        "--people", help="a people.json of the ParlParse project, for parties on the day")] = None,
    roster: RosterOption = None,
    rate: Annotated[float, typer.Option("--rate", help="requests a second, at most")] = 2.0,
    refresh: Annotated[bool, typer.Option(
        "--refresh", help="ask again for what is already on this computer")] = False,
    url: Annotated[str, typer.Option(
        "--url", envvar="STANCE_HANSARD_URL", help="address of the Hansard API")] = "https://hansard-api.parliament.uk",
    cache: Annotated[Path | None, typer.Option(
        "--cache", envvar="STANCE_WEB_CACHE", help="folder where answers are kept")] = None,
) -> None:  # fmt: skip
    """What members said in Parliament about something: one row a speech, with speaker, party on the day, and link.

    Answers are kept on this computer. If the connection breaks, run the same command again: it goes on where it
    stopped. The record is Parliament's (Open Parliament Licence): name it as your source.
    """
    check_there(people, roster)
    check_output(output)
    from stance.hansard import read_hansard

    table = read_hansard(
        search, start, end, house=house, member=member, people=people, roster=people_of(roster), base_url=url,
        cache=cache, refresh=refresh, rate=rate,
    )  # fmt: skip
    if table.empty:
        raise InputError(
            f"no contribution found for {search or member!r} from {start} to {end}; try other words or days"
        )
    show_table(
        table.assign(date=table["date"].dt.strftime("%Y-%m-%d")),
        ["date", "speaker", "party", "contribution", "text"],
        most=20,
    )
    if output:
        save_table(table, output)
