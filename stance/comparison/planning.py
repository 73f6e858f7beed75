"""How many more codes a narrower interval needs."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance import groups as statistics
from stance.comparison import coded_sides, compare
from stance.errors import InputError


def plan_codes(
    scores: pd.DataFrame,
    codes: pd.DataFrame,
    a: str | None = None,
    b: str | None = None,
    *,
    width: float,
    by: str = "party",
    measure: str = "support",
    weight: str = "speaker",
) -> pd.DataFrame:
    """How many more coded quotes give a corrected 95% interval of the difference that is no wider than ``width``.

    The variance is taken apart into what comes of the speakers, which more codes do not change, and what comes of
    having coded only a sample (two-phase sampling: Särndal, Swensson & Wretman 1992, ch. 9), which falls as the sample
    grows. The new codes are taken to be split between the groups as the present ones are.

    Args:
        scores, codes, a, b, by, measure, weight: as in :func:`stance.compare`, ``codes`` as its ``gold``.
        width: of the whole interval, in units of the measure, above 0.

    Returns:
        One row a frame: codes_now, width_now, codes_needed (in all), more, narrowest (the width when every quote is
        coded), reachable. Where it is not reachable, codes_needed and more are missing.

    Raises:
        InputError: a width that is not above 0, or fewer than three speakers a side with codes.

    >>> stance.plan_codes(scores, codes, "Labour", "Conservative", width=0.2)    # doctest: +SKIP
             frame  codes_now  width_now  codes_needed  more  narrowest  reachable
    0  enforcement        100       0.28           260   160       0.15       True
    """
    if not width > 0:
        raise InputError(f"width={width} must be above 0")
    comparison = compare(scores, a, b, by=by, measure=measure, weight=weight, gold=codes, resamples=100)
    used, by_quote = comparison.scores, weight == "quote"
    rows = []
    for line in comparison.summary.to_dict("records"):
        part = used[used["frame"] == line["frame"]]
        sides = [part[part["group"] == line[g]] for g in ("group_a", "group_b")]
        values = [side[measure].to_numpy(dtype="float64") for side in sides]
        units = [np.asarray(pd.factorize(side["unit"])[0], dtype=np.int64) for side in sides]
        coded = coded_sides(sides, values, units)
        if np.isnan(line["corrected"]):
            raise InputError(f"{line['frame']}: a plan needs codes of at least 3 speakers a side; code a first sample")
        rows.append({"frame": line["frame"], **_plan(coded, width, by_quote)})
    out = pd.DataFrame(rows).astype({"codes_needed": "Int64", "more": "Int64"})
    out.attrs["left_out"] = used.attrs["left_out"]
    return out


def _plan(
    sides: tuple[statistics.Coded, statistics.Coded], width: float, by_quote: bool
) -> dict[str, float | int | bool | None]:
    lam = statistics.power(sides, by_quote)
    coded = np.array([int((~np.isnan(side.gold)).sum()) for side in sides])
    sizes = np.array([len(side.units) for side in sides])
    variances = statistics.tuned_variances(sides, by_quote)
    scales = np.array([_sampling_scale(side, lam, by_quote) for side in sides])
    now = coded / sizes
    floors = np.maximum(0, np.array(variances) - scales * (1 - now) / now)

    sizes_coded = (sides[0].coded_units, sides[1].coded_units)

    def at(codes: NDArray[np.float64]) -> float:
        share = np.minimum(1, codes / sizes)
        found = floors + scales * (1 - share) / share
        low, high = statistics.t_interval(0.0, (found[0], found[1]), sizes_coded, cautious=True)
        return high - low

    narrowest, width_now = at(sizes.astype("float64")), at(coded.astype("float64"))
    needed: int | None = None
    if narrowest <= width:
        low, high = 1.0, float((sizes / coded).max())
        if width_now <= width:
            high = low
        while high - low > 1e-3:
            middle = (low + high) / 2
            low, high = (low, middle) if at(coded * middle) <= width else (middle, high)
        needed = int(np.ceil(np.minimum(sizes, coded * high)).sum())
    return {"codes_now": int(coded.sum()), "width_now": width_now, "codes_needed": needed,
            "more": None if needed is None else needed - int(coded.sum()), "narrowest": narrowest,
            "reachable": narrowest <= width}  # fmt: skip


def _sampling_scale(side: statistics.Coded, lam: float, by_quote: bool) -> float:
    """K in the sampling variance K (1 - p) / p of coding each quote with probability p."""
    coded = ~np.isnan(side.gold)
    weights = side.weights(by_quote)
    residual = side.gold[coded] - lam * side.predicted[coded]
    residual = residual - np.average(residual, weights=weights)
    share = np.ones(len(side.units)) if by_quote else 1 / np.bincount(side.units)[side.units]
    share = share / share.sum()
    return float((share[coded] ** 2 * residual**2 / side.probability[coded]).sum())
