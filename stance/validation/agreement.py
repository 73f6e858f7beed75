"""How far coders agree."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.comparison.gold import AGREED, check_codes
from stance.errors import InputError
from stance.groups import percentile_interval

LEVELS = ("nominal", "ordinal", "interval")  # codes of -1, 0 and 1 have no ratio scale


def reliability(
    codes: pd.DataFrame, *, level: str = "nominal", seed: int = 0, resamples: int = 1000
) -> pd.DataFrame:  # fmt: skip
    """Krippendorff's alpha of each frame, with a bootstrap interval over the quotes.

    Alpha is 1 for full agreement and 0 for agreement by chance; Krippendorff (2004, Content Analysis, p. 241) asks
    .800, and .667 where tentative conclusions will do. Quotes that one coder left empty count with the others' codes.

    Args:
        codes: what :func:`stance.read_codes` returns; the column "agreed" is no coder.
        level: "nominal", "ordinal" (-1 < 0 < 1) or "interval".
        seed, resamples: of the bootstrap.

    Returns:
        One row a frame: frame, alpha, low, high, agreement (share of coder pairs with the same code), n_units (quotes
        with two codes or more), n_coders, level. Alpha is NaN where all codes are the
        same: there is nothing to tell apart.

    Raises:
        InputError: fewer than two coders, or another level.
        TableError: not a codes table.

    >>> stance.reliability(codes).round(2)    # doctest: +SKIP
             frame  alpha   low  high  agreement  n_units  n_coders    level
    0  enforcement   0.84  0.74  0.92       0.91      100         2  nominal
    """
    if level not in LEVELS:
        raise InputError(f"level={level!r} is not one of {', '.join(LEVELS)}")
    table = check_codes(codes)
    table = table[table["coder"].astype("str").str.casefold() != AGREED]
    if table["coder"].nunique() < 2:
        raise InputError(f"{table['coder'].nunique()} coder: agreement needs two or more who coded the same quotes")
    rows = []
    rng = np.random.default_rng(seed)
    for frame, part in table.groupby("frame", sort=False):
        counts = value_counts(part)
        alpha = _alpha(counts, level)
        draws = np.full(resamples, np.nan)
        if not np.isnan(alpha):
            picked = rng.integers(0, len(counts), (resamples, len(counts)))
            draws = np.array([_alpha(counts[row], level) for row in picked])
        low, high = percentile_interval(draws)
        coders = int(part.loc[part["code"].notna(), "coder"].nunique())
        rows.append((frame, alpha, low, high, _agreement(counts), len(counts), coders, level))
    out = pd.DataFrame(
        rows, columns=["frame", "alpha", "low", "high", "agreement", "n_units", "n_coders", "level"]
    )  # fmt: skip
    out.attrs["left_out"] = list(codes.attrs.get("left_out", []))
    return out


def value_counts(part: pd.DataFrame) -> NDArray[np.int64]:
    """(quotes, 3) how many coders gave -1, 0 and 1; quotes with two codes or more."""
    filled = part[part["code"].notna()]
    counts = filled.groupby(["quote_id", "code"], sort=True).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[-1.0, 0.0, 1.0], fill_value=0)
    return np.asarray(counts[counts.sum(axis=1) >= 2].to_numpy(), dtype=np.int64)


def _alpha(counts: NDArray[np.int64], level: str) -> float:
    import krippendorff

    used = counts.sum(axis=0) > 0
    if used.sum() < 2:  # one code only: no disagreement is possible, and alpha is not defined
        return float("nan")
    domain = np.array([-1, 0, 1])[used]
    return float(
        krippendorff.alpha(value_counts=counts[:, used], value_domain=domain, level_of_measurement=level)
    )  # fmt: skip


def _agreement(counts: NDArray[np.int64]) -> float:
    if not len(counts):
        return float("nan")
    coders = counts.sum(axis=1)
    return float((counts * (counts - 1)).sum() / (coders * (coders - 1)).sum())
