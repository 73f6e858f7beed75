"""Groups of clustered quotes as arrays: means, resampling, tests, and the correction for a classifier's error.

Quotes of one speaker are not independent, so a *unit* (a speaker) is what is resampled, left out or permuted.
``values`` is always (quotes,), ``units`` (quotes,) holds numbers 0 … U-1, and ``by_quote`` says what a group's mean is:
the mean of its units' means (False) or of its quotes (True).

- Cluster bootstrap, units and then quotes in them: Davison & Hinkley (1997), Bootstrap Methods, ch. 3.8.
- Two crossed factors (speaker and source): the pigeonhole bootstrap, Owen (2007), Annals of Applied Statistics 1(2).
- Few units: t interval on the units' means, Satterthwaite's degrees of freedom (Welch 1947, Biometrika 34).
- Correction: prediction-powered inference (Angelopoulos et al. 2023, Science 382), which with known sampling
  probabilities is design-based supervised learning (Egami et al. 2023, NeurIPS); its variance by leaving out one unit
  at a time (CV3: MacKinnon, Nielsen & Webb 2023, Journal of Econometrics 232).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS_AT_ONCE = 4_000_000  # quotes drawn in one piece of the bootstrap: some 100 MB


def unit_means(values: Floats, units: Ints) -> Floats:
    """(U,) mean of each unit's quotes.

    >>> unit_means(np.array([0.0, 1.0, 1.0]), np.array([0, 0, 1])).tolist()
    [0.5, 1.0]
    """
    # Rounded, so that units with the same quotes are equal in whatever order these were summed.
    return np.asarray(np.round(np.bincount(units, values) / np.bincount(units), 12))


def group_mean(values: Floats, units: Ints, *, by_quote: bool = False) -> float:
    """The mean of the units' means, or of the quotes; NaN of nothing."""
    if not len(values):
        return float("nan")
    return float(values.mean() if by_quote else unit_means(values, units).mean())


# --- resampling ---------------------------------------------------------------------------------


def resampled_means(
    values: Floats, units: Ints, *, resamples: int, rng: np.random.Generator, by_quote: bool = False
) -> Floats:
    """(resamples,) means of cluster-bootstrap samples: units with replacement, then quotes within each."""
    order = np.argsort(units, kind="stable")
    values, counts = values[order], np.bincount(units)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    out = np.empty(resamples)
    step = max(1, DRAWS_AT_ONCE // max(1, len(values)))
    for first in range(0, resamples, step):
        size = min(step, resamples - first)
        picked = rng.integers(0, len(counts), (size, len(counts)))
        lengths = counts[picked].ravel()
        within = np.repeat(lengths, lengths)
        draws = np.repeat(starts[picked].ravel(), lengths) + (rng.random(len(within)) * within).astype(np.int64)
        sums = np.add.reduceat(values[draws], np.concatenate([[0], np.cumsum(lengths)[:-1]]))
        if by_quote:
            means = sums.reshape(size, -1).sum(axis=1) / lengths.reshape(size, -1).sum(axis=1)
        else:
            means = (sums / lengths).reshape(size, -1).mean(axis=1)
        out[first : first + size] = means
    return out


def crossed_means(
    values: Floats, units: Ints, sources: Ints, source_counts: Floats, *, rng: np.random.Generator,
    by_quote: bool = False,
) -> Floats:  # fmt: skip
    """(resamples,) means where units and sources are resampled independently of each other (pigeonhole bootstrap).

    Args:
        sources: (quotes,) numbers of the sources, the same numbering in both groups.
        source_counts: (resamples, sources) how often each source was drawn; shared by the groups, since a source
            may hold quotes of both.

    Returns:
        A mean a resample; NaN where a resample drew no quote at all.
    """
    resamples, size = len(source_counts), int(units.max()) + 1
    unit_counts = rng.multinomial(size, np.full(size, 1 / size), resamples).astype("float64")  # (resamples, units)
    member = np.zeros((len(values), size))
    member[np.arange(len(values)), units] = 1
    drawn = source_counts[:, sources]  # (resamples, quotes)
    weights, sums = drawn @ member, (drawn * values) @ member  # (resamples, units)
    with np.errstate(invalid="ignore", divide="ignore"):
        if by_quote:
            return np.asarray((unit_counts * sums).sum(axis=1) / (unit_counts * weights).sum(axis=1))
        there = unit_counts * (weights > 0)
        means = np.where(weights > 0, sums / np.where(weights > 0, weights, 1), 0)
        return np.asarray((there * means).sum(axis=1) / there.sum(axis=1))


def percentile_interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of bootstrap draws; NaN ones do not count."""
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def t_interval(
    difference: float,
    variances: tuple[float, float],
    sizes: tuple[float, float],
    level: float = 0.95,
    *,
    cautious: bool = False,
) -> tuple[float, float]:
    """The t interval of a difference of two groups' means, with Satterthwaite's degrees of freedom.

    Args:
        cautious: take the smaller group's units less one instead, for variances that are themselves estimates.
        variances: of the two means; NaN, NaN is returned where both are 0.
        sizes: units in each group, above 1.
    """
    total = variances[0] + variances[1]
    if not total > 0:
        return float("nan"), float("nan")  # values that do not vary tell nothing of how much they could
    freedom = total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    if cautious:
        freedom = min(sizes) - 1
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * total**0.5
    return difference - half, difference + half


def cut_interval(low: float, high: float, largest: float) -> tuple[float, float, bool]:
    """The interval within [-largest, largest], and whether it reached beyond; NaN stay NaN.

    >>> cut_interval(-0.5, 1.5, 1.0)
    (-0.5, 1.0, True)
    """
    cut = low < -largest or high > largest
    return (max(low, -largest), min(high, largest), True) if cut else (low, high, False)


def left_out_variance(values: Floats, units: Ints, *, by_quote: bool = False) -> float:
    """Variance of a group's mean, leaving out one unit at a time (jackknife); of units' means, s² / U exactly."""
    counts = np.bincount(units)
    if by_quote:
        sums = np.bincount(units, values)
        left = (sums.sum() - sums) / (counts.sum() - counts)
    else:
        means = unit_means(values, units)
        left = (means.sum() - means) / (len(means) - 1)
    return float((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())


# --- tests and effect sizes ---------------------------------------------------------------------


def permutation_p(
    a: Floats, b: Floats, *, weights: tuple[Floats, Floats] | None = None, seed: int = 0, resamples: int = 2000
) -> float:
    """Two-sided p-value of the difference in means when the units' groups are permuted; exact where few.

    Args:
        a, b: (units,) the units' means.
        weights: (units,) quotes of each unit, where the mean is one of quotes.
    """
    pooled = np.concatenate([a, b])
    mass = np.ones(len(pooled)) if weights is None else np.concatenate(weights)

    def difference(x: Ints, y: Ints, axis: int) -> Any:
        sides = [(pooled[i] * mass[i]).sum(axis=axis) / mass[i].sum(axis=axis) for i in (x, y)]
        return sides[0] - sides[1]

    result = stats.permutation_test(
        (np.arange(len(a)), np.arange(len(a), len(pooled))), difference, vectorized=True, n_resamples=resamples,
        alternative="two-sided", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(result.pvalue)


def cliffs_delta(a: Floats, b: Floats) -> float:
    """Cliff's delta: P(a > b) - P(a < b), in [-1, 1] (Cliff 1993, Psychological Bulletin 114).

    >>> cliffs_delta(np.array([3.0, 4.0]), np.array([1.0, 3.0]))
    0.75
    """
    return float(np.sign(np.subtract.outer(a, b)).mean())


def holm(p_values: Floats) -> Floats:
    """Holm's step-down correction (1979, Scandinavian Journal of Statistics 6); NaN stay NaN and do not count.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    out = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    largest = 0.0
    for rank, index in enumerate(known[np.argsort(p_values[known], kind="stable")]):
        largest = max(largest, min(1.0, float(p_values[index]) * (len(known) - rank)))
        out[index] = largest
    return out


# --- correction for the classifier's error ------------------------------------------------------


@dataclass(frozen=True)
class Coded:
    """One group's quotes, some of them coded by people.

    Attributes:
        predicted: (quotes,) the scores.
        gold: (quotes,) what the coders say; NaN where nobody coded.
        units: (quotes,) numbers of the units.
        probability: (quotes,) that the quote was drawn for coding, in (0, 1].
    """

    predicted: Floats
    gold: Floats
    units: Ints
    probability: Floats

    @property
    def coded_units(self) -> int:
        return len(np.unique(self.units[~np.isnan(self.gold)]))

    def weights(self, by_quote: bool) -> Floats:
        """(coded,) what each coded quote stands for: its share of the group's mean over its sampling probability."""
        coded = ~np.isnan(self.gold)
        share = np.ones(len(self.units)) if by_quote else 1 / np.bincount(self.units)[self.units]
        return np.asarray((share / self.probability)[coded])

    def parts(self, by_quote: bool) -> tuple[Floats, Floats]:
        """The estimate with each unit left out, as A + lam B: (U,) A, the coded quotes' gold, and (U,) B, the
        predictions of all less those of the coded."""
        coded = ~np.isnan(self.gold)
        size, units, weights = int(self.units.max()) + 1, self.units[coded], self.weights(by_quote)
        mass, gold, predicted = (
            np.bincount(units, weights * x, size)
            for x in (np.ones(len(units)), self.gold[coded], self.predicted[coded])
        )
        if by_quote:
            sums, counts = np.bincount(self.units, self.predicted, size), np.bincount(self.units, minlength=size)
            everyone = (sums.sum() - sums) / (counts.sum() - counts)
        else:
            means = unit_means(self.predicted, self.units)
            everyone = (means.sum() - means) / (size - 1)
        rest = mass.sum() - mass
        return (gold.sum() - gold) / rest, everyone - (predicted.sum() - predicted) / rest

    def whole(self, by_quote: bool) -> tuple[float, float]:
        """A and B of :meth:`parts` with nothing left out."""
        coded, weights = ~np.isnan(self.gold), self.weights(by_quote)
        gold, predicted = (float(np.average(x[coded], weights=weights)) for x in (self.gold, self.predicted))
        return gold, group_mean(self.predicted, self.units, by_quote=by_quote) - predicted

    def estimate(self, lam: float, by_quote: bool) -> float:
        """The prediction-powered mean, by ppi-python."""
        from ppi_py import ppi_mean_pointestimate

        coded, every = ~np.isnan(self.gold), np.ones(len(self.units))
        if not by_quote:
            every = 1 / np.bincount(self.units)[self.units]
        found = ppi_mean_pointestimate(
            self.gold[coded], self.predicted[coded], self.predicted, lam=lam,
            w=self.weights(by_quote), w_unlabeled=every,
        )  # fmt: skip
        return float(np.squeeze(found))


def power(sides: tuple[Coded, Coded], by_quote: bool = False) -> float:
    """How far to trust the predictions: the lam in [0, 1] with the smallest variance, one for both groups
    (power tuning: Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453)."""
    products = [_products(*side.parts(by_quote)) for side in sides]
    return float(_best_lam(sum(ab.sum() for ab, _ in products), sum(bb.sum() for _, bb in products)))


def _products(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Each unit's part in the covariance of A and B, and in the variance of B."""
    scale = (len(a) - 1) / len(a)
    return scale * (a - a.mean()) * (b - b.mean()), scale * (b - b.mean()) ** 2


def _best_lam(ab: Any, bb: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(np.where(bb > 0, -ab / bb, 1.0), 0, 1)


def corrected_variance(side: Coded, lam: float, by_quote: bool = False) -> float:
    """Variance of the corrected mean with a lam that is given, leaving out one unit at a time."""
    a, b = side.parts(by_quote)
    left = a + lam * b
    return float((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())


def tuned_variances(sides: tuple[Coded, Coded], by_quote: bool = False) -> tuple[float, float]:
    """What each group's units add to the variance of the corrected difference, leaving out one unit at a time, with lam
    tuned anew each time: tuning on few units costs something, and a fixed lam would hide it."""
    lam = power(sides, by_quote)
    parts = [side.parts(by_quote) for side in sides]
    whole = [side.whole(by_quote) for side in sides]
    products = [_products(*part) for part in parts]
    both, spread = (sum(float(p[i].sum()) for p in products) for i in (0, 1))
    difference = whole[0][0] + lam * whole[0][1] - whole[1][0] - lam * whole[1][1]
    out = []
    for at, other in ((0, 1), (1, 0)):
        lams = _best_lam(both - products[at][0], spread - products[at][1])
        left = parts[at][0] + lams * parts[at][1] - whole[other][0] - lams * whole[other][1]
        gap = left - (difference if at == 0 else -difference)
        out.append(float((len(left) - 1) / len(left) * (gap**2).sum()))
    return out[0], out[1]


def corrected_difference(
    a: Coded, b: Coded, *, lam: float | None = None, by_quote: bool = False
) -> tuple[float, float, float, float]:
    """The difference of two groups' means, corrected for the classifier's error.

    Args:
        lam: how far to trust the predictions, in [0, 1]; tuned if not given.

    Returns:
        Difference, low and high of its 95% interval, and the lam that was used. NaN where a group has coded quotes of
        fewer than three units.
    """
    if min(a.coded_units, b.coded_units) < 3:
        return (float("nan"),) * 4
    if lam is None:
        lam, variances = power((a, b), by_quote), tuned_variances((a, b), by_quote)
    else:
        variances = (corrected_variance(a, lam, by_quote), corrected_variance(b, lam, by_quote))
    difference = a.estimate(lam, by_quote) - b.estimate(lam, by_quote)
    low, high = t_interval(difference, variances, (a.coded_units, b.coded_units), cautious=True)
    return difference, low, high, lam
