"""``stance quotes``."""

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
def quotes(articles: Articles, output: Output = None, date: DateOption = None, roster: RosterOption = None) -> None:
    """Find the quotes of articles: who said what, from which party, and where it stands."""
    check_output(output)
    table = extract(articles, date, roster)
    show_table(table, ["speaker", "party", "kind", "text"])
    if output:
        save_table(table, output)
