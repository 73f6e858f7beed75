"""Which quotes people code: a probability sample, so that the codes speak for all quotes."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from stance.errors import InputError, TableError
from stance.scoring import SCORE_COLUMNS


def sample_for_coding(
    scores: pd.DataFrame, n: int = 100, seed: int = 0, strata: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Draws quotes for human coding, each with a known probability.

    Without strata every quote has the probability n / N. With strata (such as the party) each stratum gives as many
    quotes as any other, as far as it holds them, so that small parties are measured as well as large ones; the
    probabilities undo that later.

    Args:
        scores: what :func:`stance.score` returns, or a quotes table.
        n: how many quotes.
        seed: of the draw.
        strata: one or more columns.

    Returns:
        One row a quote, in random order, with the columns of the quotes table and ``probability`` in (0, 1]. The scores
        are not in it: coders must not see them. ``attrs["sampling"]`` says how and when it was drawn.

    Raises:
        TableError: no column ``quote_id`` or ``text``, or none of the strata's names.
        InputError: more quotes than there are, none, or fewer than there are strata.

    >>> stance.sample_for_coding(scores, 100, strata="party")["probability"].unique()    # doctest: +SKIP
    array([0.25, 0.4 ])
    """
    columns = [strata] if isinstance(strata, str) else list(strata or [])
    for column in ("quote_id", "text", *columns):
        if column not in scores:
            raise TableError(f"the table has no column {column!r} (columns: {', '.join(map(str, scores.columns))})")
    one = scores.drop(columns=[c for c in (*SCORE_COLUMNS, "label") if c in scores]).drop_duplicates("quote_id")
    # The draw does not depend on the table's order.
    one = one.sort_values("quote_id", key=lambda ids: ids.astype("str"))
    if not 1 <= n <= len(one):
        raise InputError(f"n={n}: the table holds {len(one)} quotes; give n={len(one)} or fewer, on the command line "
                         f"-n {len(one)}")  # fmt: skip
    rng = np.random.default_rng(seed)
    # "No party" is a stratum too.
    pieces = [part for _, part in one.groupby(columns, dropna=False)] if columns else [one]
    if n < len(pieces):
        raise InputError(f"n={n} is fewer than the {len(pieces)} strata of {', '.join(columns)}, and one that gives no "
                         f"quote would count for nothing; give n={len(pieces)} or more, or fewer strata")  # fmt: skip
    drawn = []
    for part, size in zip(pieces, allocate([len(p) for p in pieces], n), strict=True):
        chosen = np.sort(rng.choice(len(part), size, replace=False))
        drawn.append(part.iloc[chosen].assign(probability=size / len(part)))
    out = pd.concat(drawn)
    out = out.iloc[rng.permutation(len(out))].reset_index(drop=True)
    out.attrs = {k: v for k, v in scores.attrs.items() if k != "provenance"}
    time = datetime.now(UTC).isoformat(timespec="seconds")  # a lock that is younger shows nothing
    out.attrs["sampling"] = {"n": n, "of": len(one), "seed": seed, "strata": columns, "drawn": time}
    return out


def allocate(sizes: Sequence[int], n: int) -> list[int]:
    """As equal shares of n as the strata's sizes allow; what one cannot give, the others do.

    >>> allocate([10, 100, 100], 50)
    [10, 20, 20]
    """
    given = [0] * len(sizes)
    for place, i in enumerate(sorted(range(len(sizes)), key=lambda i: sizes[i])):
        given[i] = min(sizes[i], (n - sum(given)) // (len(sizes) - place))
    return given
