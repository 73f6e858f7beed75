"""Groups compared: means, differences, intervals and tests.

Quotes of one speaker are not independent, so speakers are the units: a group's mean is the mean of its speakers'
means, intervals resample speakers and then quotes within them (cluster bootstrap: Davison & Hinkley 1997, ch. 3.8),
the test permutes speakers between the groups, and p-values of several frames are corrected by Holm (1979).
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from stance.errors import InputError, TableError
from stance.quotes import add_left_out, left_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_SPEAKERS = 3
FEW_SPEAKERS = 8
SUMMARY_COLUMNS = (
    "frame", "group_a", "group_b", "mean_a", "mean_b", "difference", "low", "high", "p_value", "effect",
    "n_quotes_a", "n_quotes_b", "n_speakers_a", "n_speakers_b", "method",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Two groups compared on every frame.

    Attributes:
        summary: one row a frame, with SUMMARY_COLUMNS.
        measure, by, seed, resamples: how it was computed.
        notes: what a reader must know, in sentences.
        scores: the rows that entered, with a column ``group``.
    """

    summary: pd.DataFrame
    measure: str
    by: str
    seed: int
    resamples: int
    notes: tuple[str, ...]
    scores: pd.DataFrame = field(repr=False)

    @property
    def inferred(self) -> bool:
        """Whether an interval and a test could be given."""
        return bool(self.summary["low"].notna().any())

    def __repr__(self) -> str:
        shown = self.summary.drop(columns="method").round(3).to_string(index=False)
        return "\n".join([f"Comparison of {self.measure} by {self.by}", shown, *(f"* {n}" for n in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = self.summary.drop(columns="method").round(3).to_html(index=False, na_rep="–", border=0)
        return f"<p><b>Comparison of {escape(self.measure)} by {escape(self.by)}</b></p>{table}<ul>{notes}</ul>"

    def to_json(self) -> str:
        """The summary, settings and notes as JSON; a number that could not be inferred is null."""
        rows = json.loads(self.summary.to_json(orient="records", double_precision=15))
        return json.dumps({"measure": self.measure, "by": self.by, "seed": self.seed, "resamples": self.resamples,
                           "notes": list(self.notes), "summary": rows}, ensure_ascii=False, indent=1)  # fmt: skip

    def to_latex(self) -> str:
        """The summary as a LaTeX table (booktabs)."""
        return self.summary.drop(columns="method").to_latex(index=False, float_format="%.3f", na_rep="--", escape=True)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """The groups' speakers and means on each frame; see :func:`stance.plotting.plot_comparison`."""
        from stance.plotting import plot_comparison

        return plot_comparison(self, ax=ax)


def compare(
    scores: pd.DataFrame,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str = "party",
    measure: str = "support",
    seed: int = 0,
    resamples: int = 2000,
) -> Comparison:
    """Compares two groups of quotes on every frame.

    Args:
        scores: what :func:`stance.score` returns (long: one row a quote and frame).
        a, b: the groups, as they stand in the column ``by``; if not given, the two with the most quotes.
        by: the column that holds the groups.
        measure: "support", "oppose" or "stance".
        seed: of the bootstrap and the permutation test.
        resamples: bootstrap samples, and permutations where there are too many for all of them.

    Returns:
        A :class:`Comparison`. With fewer than three speakers a side it only describes: interval and p-value are
        NaN, and ``method`` says so. Quotes without a speaker count as one speaker each in the means, and not
        as speakers for the test.

    Raises:
        TableError: not a scores table, or no column ``by``.
        InputError: a group that is not there.

    >>> stance.compare(scores, "Labour", "Conservative").summary.round(2)    # doctest: +SKIP
             frame group_a       group_b  mean_a  mean_b  difference  low  high  p_value ...
    0  enforcement  Labour  Conservative    0.91    0.35        0.56  NaN   NaN      NaN ...
    """
    if measure not in ("support", "oppose", "stance"):
        raise InputError(f"measure={measure!r} is not one of support, oppose, stance")
    missing = [column for column in ("frame", measure, by, "quote_id") if column not in scores]
    if missing:
        raise TableError(f"the scores have no column {missing[0]!r} (columns: {', '.join(map(str, scores.columns))}); "
                         "give the table that score() returns")  # fmt: skip
    if resamples < 100:
        raise InputError(f"resamples={resamples} is too few; use 1000 or more")
    groups = _two_groups(scores, a, b, by)
    used = scores[scores[by].isin(groups) & scores[measure].notna()].copy()
    used["group"] = used[by]
    notes, left = _notes(scores, groups, by, measure)
    speakers = used["speaker"] if "speaker" in used else pd.Series(None, index=used.index, dtype="str")
    used["unit"] = speakers.where(speakers.notna(), "quote " + used["quote_id"].astype("str"))
    used["named"] = speakers.notna()
    rows = [
        _row(part, str(frame), groups, measure, seed, resamples) for frame, part in used.groupby("frame", sort=False)
    ]
    summary = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
    summary["p_value"] = holm(summary["p_value"].to_numpy(dtype="float64"))
    methods = summary["method"].unique()
    notes += [str(method) for method in methods]
    if summary["low"].notna().any() and len(summary) > 1:
        notes.append(f"p-values are corrected for {len(summary)} frames (Holm).")
    fewest = int(summary[["n_speakers_a", "n_speakers_b"]].to_numpy().min())
    if FEWEST_SPEAKERS <= fewest < FEW_SPEAKERS:
        notes.append(f"Only {fewest} speakers on one side: with fewer than {FEW_SPEAKERS} intervals tend to be too "
                     "narrow; read them with caution.")  # fmt: skip
        warnings.warn(notes[-1], stacklevel=2)
    notes.append("The scores are unvalidated: no human codes correct them for the model's error.")
    used.attrs = dict(scores.attrs)
    add_left_out(used, left)
    return Comparison(summary, measure, by, seed, resamples, tuple(notes), used)


def _two_groups(scores: pd.DataFrame, a: str | None, b: str | None, by: str) -> tuple[str, str]:
    counts = scores[by].dropna().value_counts()
    if a is None or b is None:
        others = [str(g) for g in counts.index if g != a and g != b]
        need = [g for g in (a, b) if g is not None]
        if len(need) + len(others) < 2:
            held = ", ".join(map(str, counts.index)) or "none"
            raise InputError(f"the column {by!r} holds fewer than two groups ({held}); a comparison needs two")
        a, b = (a or others.pop(0)), (b or others.pop(0))
    for group in (a, b):
        if group not in counts:
            known = ", ".join(map(str, counts.index)) or "none"
            raise InputError(f"no quote has {by} {group!r}; the groups are: {known}")
    if a == b:
        raise InputError(f"both groups are {a!r}; name two")
    return str(a), str(b)


def _notes(
    scores: pd.DataFrame, groups: tuple[str, str], by: str, measure: str
) -> tuple[list[str], list[dict[str, Any]]]:
    one = scores.drop_duplicates("quote_id")
    total, unknown = len(one), one[one[by].isna()]
    others = one[one[by].notna() & ~one[by].isin(groups)]
    left = [left_out("comparison", f"no {by}", where=q, text=t) for q, t in _ids(unknown)]
    left += [left_out("comparison", f"{by} is another group", where=q, text=t) for q, t in _ids(others)]
    absent = scores[scores[by].isin(groups) & scores[measure].isna()]
    for quote, frame in zip(absent["quote_id"], absent["frame"], strict=True):
        left.append(left_out("comparison", f"no {measure} for {frame}", where=quote))  # fmt: skip
    notes = []
    if len(unknown) + len(others):
        kept = total - len(unknown) - len(others)
        notes.append(f"{kept} of {total} quotes are compared; {len(unknown)} have no {by}, "
                     f"{len(others)} belong to other groups.")  # fmt: skip
    return notes, left


def _ids(table: pd.DataFrame) -> list[tuple[Any, Any]]:
    texts = table["text"] if "text" in table else [None] * len(table)
    return list(zip(table["quote_id"], texts, strict=True))


def _row(
    part: pd.DataFrame, frame: str, groups: tuple[str, str], measure: str, seed: int, resamples: int
) -> tuple[Any, ...]:
    sides = [part[part["group"] == group] for group in groups]
    units = [[u.to_numpy(dtype="float64") for _, u in side.groupby("unit")[measure]] for side in sides]
    means = [np.array([unit.mean() for unit in side]) for side in units]
    named = [int(side.loc[side["named"], "unit"].nunique()) for side in sides]
    mean_a, mean_b = (float(m.mean()) if len(m) else float("nan") for m in means)
    effect = float("nan")  # of one or two speakers a side it could only be -1, 0 or 1
    low = high = p_value = float("nan")
    if min(named) < FEWEST_SPEAKERS:
        method = (f"No test is possible: {groups[0]} has {named[0]} and {groups[1]} {named[1]} named speaker"
                  f"{'s' * (named[1] != 1)}; inference needs at least {FEWEST_SPEAKERS} a side. The means describe "
                  "these quotes and nothing beyond them.")  # fmt: skip
    else:
        low, high = bootstrap_interval(units[0], units[1], seed=seed, resamples=resamples)
        effect = cliffs_delta(means[0], means[1])
        p_value = permutation_p(means[0], means[1], seed=seed, resamples=resamples)
        method = (f"Means of speakers' means; 95% percentile interval from {resamples} cluster-bootstrap samples "
                  "(speakers, then their quotes); p-value by permuting speakers.")  # fmt: skip
    sizes = [len(side) for side in sides]
    return (frame, *groups, mean_a, mean_b, mean_a - mean_b, low, high, p_value, effect, *sizes, *named, method)


def bootstrap_interval(
    a: Sequence[NDArray[np.float64]], b: Sequence[NDArray[np.float64]], *, seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """95% percentile interval of mean(a) - mean(b), speakers resampled and then quotes within them.

    Args:
        a, b: one array of scores a speaker.
    """
    rng = np.random.default_rng(seed)
    draws = np.array([_resampled_mean(a, rng) - _resampled_mean(b, rng) for _ in range(resamples)])
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _resampled_mean(units: Sequence[NDArray[np.float64]], rng: np.random.Generator) -> float:
    picked = rng.integers(0, len(units), len(units))
    return float(np.mean([units[i][rng.integers(0, len(units[i]), len(units[i]))].mean() for i in picked]))


def permutation_p(a: NDArray[np.float64], b: NDArray[np.float64], *, seed: int = 0, resamples: int = 2000) -> float:
    """Two-sided p-value of the difference in means when the speakers' groups are permuted; exact where few."""
    result = stats.permutation_test(
        (a, b), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), vectorized=True,
        n_resamples=resamples, alternative="two-sided", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(result.pvalue)


def cliffs_delta(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Cliff's delta: P(a > b) - P(a < b), in [-1, 1] (Cliff 1993).

    >>> cliffs_delta(np.array([3.0, 4.0]), np.array([1.0, 3.0]))
    0.75
    """
    return float(np.sign(np.subtract.outer(a, b)).mean())


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction (1979); NaN stay NaN and do not count.

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
