"""The party of a speaker at the quote's date."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stance.people.names import party_named
from stance.people.roster import LAST_DAY, Roster, roster
from stance.quotes import left_out


def party_of(person: str, date: Any = None, *, people: Roster | None = None) -> str | None:
    """The party of a person on a date, by the bundled roster or another one.

    >>> party_of("Yvette Cooper", "2024-09-06")
    'Labour'

    Returns:
        The party, or None: unknown person, no seat on that date, an ambiguous name, a party that is not known for
        certain on that day, or no date given for a person who changed party.
    """
    return (people or roster()).party_of(person, date)


def add_parties(
    quotes: pd.DataFrame, people: Roster | None = None, *, surnames: bool | Sequence[bool] | None = None
) -> pd.DataFrame:
    """Fills empty ``party`` cells from the roster, by speaker and date; notes in the ledger why some stay open.

    A speaker given by surname or alias becomes the canonical name where just one person fits. Parties that the
    table already has are kept. The input is not changed.

    Args:
        surnames: whether a speaker who is given by a surname alone may be the member of that name: of all rows, or
            one a row; False leaves him as he is, without a party. If not given, in a table of one's own, but not in
            rows that were found in an article (with ``spans``), where it is no proof.
    """
    if surnames is None:
        found_there = quotes["spans"].notna() if "spans" in quotes else pd.Series(False, index=quotes.index)
        allowed = (~found_there).tolist()
    else:
        allowed = [surnames] * len(quotes) if isinstance(surnames, bool) else list(surnames)
    bundled = people is None or people is roster()
    people = people or roster()
    out = quotes.copy()
    out.attrs = dict(quotes.attrs)
    speakers: list[Any] = out["speaker"].astype(object).where(out["speaker"].notna(), None).tolist()
    parties: list[Any] = out["party"].astype(object).where(out["party"].notna(), None).tolist()
    kinds, dates = out["speaker_type"].tolist(), list(out["date"])
    sources, ids, texts = (out[name].tolist() for name in ("source", "quote_id", "text"))
    # What an earlier call said of these rows' parties is said anew.
    here = set(out["quote_id"])
    out.attrs["left_out"] = [note for note in out.attrs.get("left_out", [])
                             if not (note["reason"].startswith("party open: ") and note["where"] in here)]  # fmt: skip
    notes = []
    late = 0
    for i, (speaker, date) in enumerate(zip(speakers, dates, strict=True)):
        if parties[i] is not None:
            continue
        if speaker is None:
            continue  # whoever left it open has said why
        if kinds[i] == "organisation":
            parties[i] = party_named(speaker)
            continue
        found = people.find(speaker, on=date, surnames=allowed[i])
        if len(found) == 1:
            speakers[i], parties[i] = found[0], people.party_of(found[0], date)
            late += bool(parties[i] is not None and not pd.isna(date) and pd.Timestamp(date) > LAST_DAY)
        if parties[i] is None:
            why = people.why_open(speaker, date)
            if not allowed[i] and not found and people.find(speaker, on=date):
                why = f"{speaker!r} is all of the name that is given, which is no proof that a member is meant"
            notes.append(left_out("party", f"party open: {why}", source=sources[i], where=ids[i], text=texts[i]))
    if late and bundled:
        notes.append(left_out("party", f"{late} of the parties are carried forward: the quotes are later than the "
                              f"roster's last day, {LAST_DAY.date()}; `stance people --update` renews it"))  # fmt: skip
    out["speaker"] = pd.Series(speakers, index=out.index).astype("str")
    out["party"] = pd.Series(parties, index=out.index).astype("str")
    out.attrs["left_out"] = [*out.attrs.get("left_out", []), *notes]
    return out
