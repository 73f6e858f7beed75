"""Whatever a user has -> one quotes table: articles in every form, and debates' XML."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from stance.errors import ReadError
from stance.hansard import is_parlparse, read_parlparse
from stance.people import Roster
from stance.press.duplicates import drop_duplicates, link_statements
from stance.press.reading import DEBATES, read_press
from stance.web import PoliteClient


def split_inputs(paths: str | Path | Iterable[str | Path]) -> tuple[list[Path], list[str | Path]]:
    """Debates' XML, also inside folders, and the rest."""
    debates: list[Path] = []
    rest: list[str | Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        here = Path(path)
        if here.is_dir():
            inside = sorted(p for p in here.rglob("*") if p.is_file() and not p.name.startswith("."))
            xml = [p for p in inside if p.suffix.lower() == ".xml" and is_parlparse(p)]
            debates += xml
            if len(xml) < len(inside) or not inside:
                rest.append(path)
        elif here.suffix.lower() == ".xml" and here.is_file() and is_parlparse(here):
            debates.append(here)
        else:
            rest.append(path)
    return debates, rest


def gather(
    paths: str | Path | Iterable[str | Path], *, date: Any = None, roster: Roster | None = None,
    people: str | Path | None = None, search: str | None = None, keep_duplicates: bool = False,
    client: PoliteClient | None = None, precision: str = "auto", progress: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Articles in bulk and Parliament's record -> one quotes table, each story counted once.

    Args:
        paths: whatever :func:`read_press` reads, and debates' XML (:func:`read_parlparse`).
        date: the day of publication of all articles, whatever they say themselves; if not given, each one's own.
        roster: another roster than the bundled one.
        people: a people.json, for debates' XML.
        search: of debates, only contributions that hold this phrase.
        keep_duplicates: keep agency copy that several papers print.
        client: for pages and feeds; see :func:`read_press`.
        precision: of the attribution model; see :func:`stance.extract_quotes`.
        progress: bars, once they have taken two seconds.

    Returns:
        A quotes table, with ``statement_id`` (:func:`link_statements`) of what stands in articles, and a ledger.

    Raises:
        ReadError: nothing could be read, or a broken XML file.

    >>> stance.gather(["stories/", "debates2024-07-22a.xml"])["kind"].unique()    # doctest: +SKIP
    """
    debates, rest = split_inputs(paths)
    if not debates and not rest:
        raise ReadError("no input; name articles, folders, feeds or debates' XML")
    parts: list[pd.DataFrame] = []
    notes: list[dict[str, Any]] = []
    if rest:
        found = read_press(rest, date=date, client=client, progress=progress, may_be_none=bool(debates))
        articles, copies = (
            (found.articles, []) if keep_duplicates else drop_duplicates(found.articles, progress=progress)
        )
        read_below = f"not read: {DEBATES}"
        notes = [note for note in found.notes if note["reason"] != read_below] + copies
        if articles:
            from stance.attribution import extract_quotes  # torch, only where quotes are found

            table = link_statements(extract_quotes(articles, people=roster, precision=precision, progress=progress))
            parts.append(_with_notes(table, notes))
            notes = []
    if debates:
        # Without articles the folder held other files beside the debates, such as people.json.
        table = read_parlparse(debates, people=people, roster=roster, search=search, progress=progress)
        parts.append(_with_notes(table, notes))
    if len(parts) == 1:
        return parts[0]
    filled = [part for part in parts if len(part)]
    whole = pd.concat(filled or parts[:1], ignore_index=True)
    whole.attrs = {key: value for part in parts for key, value in part.attrs.items()}
    whole.attrs["left_out"] = [row for part in parts for row in part.attrs.get("left_out", [])]
    return whole


def _with_notes(table: pd.DataFrame, notes: list[dict[str, Any]]) -> pd.DataFrame:
    table.attrs["left_out"] = [*notes, *table.attrs.get("left_out", [])]
    return table
