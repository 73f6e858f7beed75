"""Periods of a person, from a first day until the first day after, and how one list corrects another.

Dates are ISO strings here, and an empty one is open: ``from`` "" reaches back without end, ``until`` "" forward.
"""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
_END = "9999-12-31"


def overlaid(rows: Iterable[Row], corrections: Iterable[Row]) -> list[Row]:
    """The rows of one person with corrections laid over them: where both speak of a day, the correction holds.

    >>> overlaid([{"party": "Labour", "from": "2024-07-04", "until": ""}],
    ...          [{"party": "Independent", "from": "2025-02-10", "until": ""}])
    [{'party': 'Labour', 'from': '2024-07-04', 'until': '2025-02-10'},
     {'party': 'Independent', 'from': '2025-02-10', 'until': ''}]
    """
    kept = [dict(row) for row in rows]
    for new in corrections:
        start, end = new["from"], new["until"] or _END
        cut: list[Row] = []
        for row in kept:
            if (row["until"] or _END) <= start or row["from"] >= end:
                cut.append(row)
                continue
            if row["from"] < start:
                cut.append({**row, "until": start})
            if (row["until"] or _END) > end:
                cut.append({**row, "from": end})
        kept = [*cut, dict(new)]
    return sorted(kept, key=lambda row: str(row["from"]))
