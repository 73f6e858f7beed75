"""Groups compared: means, differences, intervals, tests, and the correction for the model's error.

Quotes of one speaker are not independent, so speakers are the units: a group's mean is the mean of its speakers'
means, intervals resample speakers and then quotes within them, the test permutes speakers between the groups, and
p-values of several rows are corrected by Holm. The statistics themselves are in :mod:`stance.groups`.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance import groups as statistics
from stance.codebook import Lock
from stance.comparison.gold import MEASURES, check_codes, gold_labels
from stance.comparison.result import CORRECTED_COLUMNS, PERIODS, SUMMARY_COLUMNS, Comparison, period_names
from stance.errors import InputError, TableError
from stance.groups import cliffs_delta, holm, permutation_p
from stance.quotes import add_left_out, left_out

__all__ = ["CORRECTED_COLUMNS", "SUMMARY_COLUMNS", "Comparison", "cliffs_delta", "compare", "holm", "permutation_p"]

FEWEST_SPEAKERS = 3
FEW_SPEAKERS = 8
# The order in which two groups stand where the user names none: that of the package's question.
CUSTOMARY = ["Labour", "Conservative"]


def compare(
    scores: pd.DataFrame,
    a: str | None = None,
    b: str | None = None,
    *more: str,
    by: str = "party",
    measure: str = "support",
    over: str | None = None,
    cluster: str | Sequence[str] = "speaker",
    weight: str = "speaker",
    gold: pd.DataFrame | None = None,
    organisations: bool = False,
    seed: int = 0,
    resamples: int = 2000,
) -> Comparison:
    """Compares groups of quotes on every frame.

    Args:
        scores: what :func:`stance.score` returns (long: one row a quote and frame).
        a, b, more: the groups, as they stand in the column ``by``; if none is given, the two with the most quotes
            (Labour before Conservative).
            Of three or more groups every pair is compared.
        by: the column that holds the groups.
        measure: "support", "oppose" or "stance".
        over: "week", "month", "quarter" or "year": one row a frame and period.
        cluster: the column of the units that are resampled; two columns (such as speaker and source) where quotes
            also cluster in the second.
        weight: "speaker" (every speaker counts the same) or "quote" (every quote does).
        gold: human codes of a probability sample of the quotes (:func:`stance.read_codes`): adds the differences
            corrected for the model's error.
        organisations: whether quotes of organisations and unnamed sources count too, where the table tells them apart.
        seed: of the bootstrap and the permutation test.
        resamples: bootstrap samples, and permutations where there are too many for all of them.

    Returns:
        A :class:`Comparison`. With fewer than three speakers a side it only describes: intervals and p-value are
        NaN, and ``method`` says so. An interval that reaches beyond the largest possible difference (1; 2 of stances)
        is cut there, and ``method`` says that too. A group's quotes without a speaker count as one speaker
        together, since one person may have said them all, and not as a speaker for the test.

    Raises:
        TableError: not a scores table, no column ``by``, or codes of quotes that are not in it.
        InputError: a group that is not there, or an argument out of range.

    >>> stance.compare(scores, "Labour", "Conservative").summary.round(2)    # doctest: +SKIP
             frame group_a       group_b  mean_a  mean_b  difference  low  high  p_value ...
    0  enforcement  Labour  Conservative    0.91    0.35        0.56  NaN   NaN      NaN ...
    """
    clusters = _check_arguments(scores, by, measure, over, cluster, weight, resamples)
    scores = _as_names(scores, by, *clusters)
    names = _groups(scores, [str(g) for g in (a, b, *more) if g is not None], by)
    used, notes, left = _used(scores, names, by, measure, organisations)
    used["unit"] = used[clusters[0]].where(used[clusters[0]].notna(), "unnamed of " + used["group"])
    used["named"] = used[clusters[0]].notna()
    if over:
        used, undated = _periods(used, over)
        left += undated
        if undated:
            notes.append(f"{len(undated)} quotes have no date and stand in no {over}.")
    if gold is not None:
        codes = check_codes(gold, scores)
        labels = gold_labels(codes, measure)
        used = used.assign(quote_id=used["quote_id"].astype("str")).merge(
            labels[["quote_id", "frame", "gold", "probability"]], on=["quote_id", "frame"], how="left"
        )
    settings = _Settings(measure, clusters, weight, seed, resamples, gold is not None)
    keys = ["frame", "period"] if over else ["frame"]
    rows = [
        dict(zip(keys, key, strict=True)) | _row(part, pair, settings)
        for pair in combinations(names, 2)
        for key, part in used[used["group"].isin(pair)].groupby(keys, sort=False)
    ]
    columns = [*keys, *SUMMARY_COLUMNS[1:-1], *(CORRECTED_COLUMNS if gold is not None else ()), "method"]
    summary = pd.DataFrame(rows).sort_values(keys[1:], kind="stable") if over else pd.DataFrame(rows)
    summary = summary[columns].reset_index(drop=True)
    summary["p_value"] = holm(summary["p_value"].to_numpy(dtype="float64"))
    notes += _method_notes(summary, settings, names, over)
    notes += _in_several(used, clusters[0])
    used.attrs = dict(scores.attrs) | {"groups": sorted(scores[by].dropna().astype("str").unique())}
    if gold is not None and "lock" in gold.attrs:
        used.attrs["lock"] = gold.attrs["lock"]
        notes.append(Lock(**gold.attrs["lock"]).of_codes(gold.attrs.get("drawn")))
    add_left_out(used, left)
    return Comparison(summary, measure, by, seed, resamples, tuple(notes), used, over, clusters, weight)


def compared_rows(
    scores: pd.DataFrame,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str = "party",
    measure: str = "support",
    organisations: bool = False,
) -> tuple[pd.DataFrame, tuple[str, str], list[str]]:
    """The rows that a comparison of two groups takes, by :func:`compare`'s rules.

    Returns:
        The rows with the columns ``group``, ``unit`` (the speaker, or "unnamed of" the group) and ``named``, and with
        the ledger of the others; the two groups; the notes on what was left out.
    """
    _check_arguments(scores, by, measure, None, "speaker", "speaker", 100)
    scores = _as_names(scores, by, "speaker")
    names = _groups(scores, [str(g) for g in (a, b) if g is not None], by)
    used, notes, left = _used(scores, names, by, measure, organisations)
    used["unit"] = used["speaker"].where(used["speaker"].notna(), "unnamed of " + used["group"])
    used["named"] = used["speaker"].notna()
    used.attrs = dict(scores.attrs)
    add_left_out(used, left)
    return used, (names[0], names[1]), notes


@dataclass(frozen=True)
class _Settings:
    measure: str
    clusters: tuple[str, ...]
    weight: str
    seed: int
    resamples: int
    coded: bool

    @property
    def by_quote(self) -> bool:
        return self.weight == "quote"

    @property
    def largest(self) -> float:
        """The largest possible difference of two means."""
        return 2.0 if self.measure == "stance" else 1.0


def _check_arguments(
    scores: pd.DataFrame, by: str, measure: str, over: str | None, cluster: str | Sequence[str], weight: str,
    resamples: int,
) -> tuple[str, ...]:  # fmt: skip
    if measure not in MEASURES:
        raise InputError(f"measure={measure!r} is not one of {', '.join(MEASURES)}")
    if weight not in ("speaker", "quote"):
        raise InputError(f"weight={weight!r} is not one of speaker, quote")
    if over is not None and over not in PERIODS:
        raise InputError(f"over={over!r} is not one of {', '.join(PERIODS)}")
    if resamples < 100:
        raise InputError(f"resamples={resamples} is too few; use 1000 or more")
    clusters = (cluster,) if isinstance(cluster, str) else tuple(cluster)
    if not 1 <= len(clusters) <= 2:
        raise InputError(f"cluster={clusters!r}: give one column or two, such as ('speaker', 'source')")
    for column in ("frame", measure, by, "quote_id", *clusters, *(["date"] if over else [])):
        if column not in scores:
            raise TableError(f"the scores have no column {column!r} (columns: {', '.join(map(str, scores.columns))}); "
                             "give the table that score() returns")  # fmt: skip
    twice = scores.duplicated(["quote_id", "frame"])
    if twice.any():
        first = scores.loc[twice, "quote_id"].iloc[0]
        raise TableError(f"{int(twice.sum())} rows are of a quote and frame that have a row already (the first: quote "
                         f"{first!r}); drop the duplicates, or score the quotes together")  # fmt: skip
    return clusters


def name_of(value: Any) -> str | None:
    """A cell as the name of a group: a year that an empty cell beside it made 2024.0 is "2024".

    >>> name_of(2024.0), name_of(None)
    ('2024', None)
    """
    if pd.isna(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _as_names(scores: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table with these columns as text (None where empty), whatever they were: numbers, booleans, categories."""
    out = scores.copy(deep=False)
    for column in dict.fromkeys(columns):
        out[column] = pd.Series([name_of(value) for value in scores[column]], index=scores.index, dtype=object)
    out.attrs = scores.attrs
    return out


def _groups(scores: pd.DataFrame, wanted: list[str], by: str) -> list[str]:
    counts = scores[by].dropna().value_counts()
    known = ", ".join(map(str, counts.index)) or "none"
    for group in wanted:
        if group not in counts:
            raise InputError(f"no quote has {by} {group!r}; the groups are: {known}")
        if wanted.count(group) > 1:
            raise InputError(f"both groups are {group!r}; name two")
    others = [str(g) for g in counts.index if g not in wanted]
    names = [*wanted, *others[: max(0, 2 - len(wanted))]]
    if not wanted and sorted(names) == sorted(CUSTOMARY):
        names = CUSTOMARY
    if len(names) < 2:
        raise InputError(f"the column {by!r} holds fewer than two groups ({known}); a comparison needs two")
    return names


def _used(
    scores: pd.DataFrame, names: list[str], by: str, measure: str, organisations: bool
) -> tuple[pd.DataFrame, list[str], list[dict[str, Any]]]:
    """The rows that enter, the notes on the others, and their places in the ledger."""
    one = scores.drop_duplicates("quote_id")
    total = len(one)
    reasons = pd.Series("", index=one.index)
    reasons[one[by].isna()] = f"no {by}"
    reasons[one[by].notna() & ~one[by].isin(names)] = f"{by} is another group"
    if "speaker_type" in one and not organisations:
        reasons[(reasons == "") & one["speaker_type"].isin(["organisation", "unnamed"])] = "not a named person"
    out = one[reasons != ""]
    texts = out["text"] if "text" in out else [None] * len(out)
    left = [
        left_out("comparison", reason, where=quote, text=text, of=total)
        for reason, quote, text in zip(reasons[reasons != ""], out["quote_id"], texts, strict=True)
    ]
    used = scores[~scores["quote_id"].isin(out["quote_id"])]
    absent = used[used[measure].isna()]
    left += [
        left_out("comparison", f"no {measure} for {frame}", where=quote, of=total)
        for quote, frame in zip(absent["quote_id"], absent["frame"], strict=True)
    ]
    used = used[used[measure].notna()].copy()
    if used.empty:
        raise TableError(f"no quote has a number in the column {measure!r}; there is nothing to compare")
    used["group"] = used[by].astype("str")
    notes = []
    if len(out):
        parts = [f"{int((reasons == f'no {by}').sum())} have no {by}",
                 f"{int((reasons == f'{by} is another group').sum())} belong to other groups"]  # fmt: skip
        others = int((reasons == "not a named person").sum())
        parts += (
            [f"{others} are of organisations or unnamed sources (organisations=True counts them)"] if others else []
        )
        notes.append(f"{total - len(out)} of {total} quotes are compared; {', '.join(parts)}.")
    if len(absent):
        notes.append(f"{len(absent)} scores are missing ({measure} is NaN) and do not count.")
    return used, notes, left


def _periods(used: pd.DataFrame, over: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    dates = pd.to_datetime(used["date"])
    undated = used[dates.isna()].drop_duplicates("quote_id")
    total = used["quote_id"].nunique()
    left = [left_out("comparison", "no date", where=quote, of=total) for quote in undated["quote_id"]]
    if dates.isna().all():
        raise TableError(f"over={over!r}: no quote has a date; fill the column 'date'")
    used = used[dates.notna()].copy()
    used["period"] = dates[dates.notna()].dt.to_period(PERIODS[over]).dt.start_time
    return used.sort_values("period", kind="stable"), left


def _codes(values: "pd.Series[Any]") -> NDArray[np.int64]:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _row(part: pd.DataFrame, pair: tuple[str, str], settings: _Settings) -> dict[str, Any]:
    part = part.sort_values(["unit", "quote_id"])  # what is resampled does not depend on the table's order
    sides = [part[part["group"] == group] for group in pair]
    values = [side[settings.measure].to_numpy(dtype="float64") for side in sides]
    units = [_codes(side["unit"]) for side in sides]
    named = [int(side.loc[side["named"], "unit"].nunique()) for side in sides]
    means = [statistics.group_mean(v, u, by_quote=settings.by_quote) for v, u in zip(values, units, strict=True)]
    row: dict[str, Any] = {
        "group_a": pair[0], "group_b": pair[1], "mean_a": means[0], "mean_b": means[1],
        "difference": means[0] - means[1], "low": float("nan"), "high": float("nan"), "p_value": float("nan"),
        "effect": float("nan"),  # of one or two speakers a side it could only be -1, 0 or 1
        "n_quotes_a": len(sides[0]), "n_quotes_b": len(sides[1]), "n_speakers_a": named[0], "n_speakers_b": named[1],
    }  # fmt: skip
    if settings.coded:
        row |= dict.fromkeys(CORRECTED_COLUMNS, float("nan"))
        row |= {f"n_codes_{s}": int(side["gold"].notna().sum()) for s, side in zip("ab", sides, strict=True)}
    unit = "speaker" if settings.clusters[0] == "speaker" else settings.clusters[0]
    if min(named) < FEWEST_SPEAKERS:
        row["method"] = (
            f"No test is possible: {pair[0]} has {named[0]} and {pair[1]} {named[1]} named {unit}"
            f"{'s' * (named[1] != 1)}; inference needs at least {FEWEST_SPEAKERS} a side. The means describe "
            "these quotes and nothing beyond them."
        )
        return row
    row["low"], row["high"], how = _interval(sides, values, units, min(named), row["difference"], settings)
    row["low"], row["high"], cut = statistics.cut_interval(row["low"], row["high"], settings.largest)
    how += f", cut at ±{settings.largest:g}, the largest possible difference" * cut
    by_unit = [statistics.unit_means(v, u) for v, u in zip(values, units, strict=True)]
    row["effect"] = cliffs_delta(*by_unit)
    counts = (np.bincount(units[0]).astype("float64"), np.bincount(units[1]).astype("float64"))
    row["p_value"] = permutation_p(
        *by_unit, weights=counts if settings.by_quote else None, seed=settings.seed, resamples=settings.resamples
    )
    of = "the quotes" if settings.by_quote else f"{unit}s' means"
    row["method"] = f"Means of {of}; {how}; p-value by permuting {unit}s; effect is Cliff's delta."
    if settings.coded:
        row |= _corrected(sides, values, units, settings)
        row["corrected_low"], row["corrected_high"], cut = statistics.cut_interval(
            row["corrected_low"], row["corrected_high"], settings.largest
        )
        row["method"] += f" The corrected interval is cut at ±{settings.largest:g}." * cut
    return row


def _interval(
    sides: list[pd.DataFrame], values: list[Any], units: list[Any], fewest: int, difference: float, settings: _Settings
) -> tuple[float, float, str]:
    """Low, high, and how: the bootstrap, or a t interval where units are too few for it."""
    rng = np.random.default_rng(settings.seed)
    unit, by_quote, n = settings.clusters[0], settings.by_quote, settings.resamples
    if len(settings.clusters) == 2:
        second = pd.concat(sides)[settings.clusters[1]]
        sources = pd.factorize(second.where(second.notna(), "quote " + pd.concat(sides)["quote_id"].astype("str")))[0]
        size = int(sources.max()) + 1
        counts = rng.multinomial(size, np.full(size, 1 / size), n).astype("float64")
        split = len(sides[0])
        draws = [
            statistics.crossed_means(v, u, s, counts, rng=rng, by_quote=by_quote)
            for v, u, s in zip(values, units, (sources[:split], sources[split:]), strict=True)
        ]
        low, high = statistics.percentile_interval(draws[0] - draws[1])
        return low, high, (f"95% percentile interval from {n} pigeonhole-bootstrap samples ({unit}s and "
                           f"{settings.clusters[1]}s resampled independently)")  # fmt: skip
    if fewest < FEW_SPEAKERS:
        spread = [statistics.left_out_variance(v, u, by_quote=by_quote) for v, u in zip(values, units, strict=True)]
        sizes = [int(u.max()) + 1 for u in units]
        low, high = statistics.t_interval(difference, (spread[0], spread[1]), (sizes[0], sizes[1]))
        return low, high, (f"95% t interval over {unit}s (Welch), since fewer than {FEW_SPEAKERS} {unit}s a side are "
                           "too few for the bootstrap")  # fmt: skip
    draws = [
        statistics.resampled_means(v, u, resamples=n, rng=rng, by_quote=by_quote)
        for v, u in zip(values, units, strict=True)
    ]
    low, high = statistics.percentile_interval(draws[0] - draws[1])
    if low == high:  # every sample the same: it cannot show how far the difference may be off
        low = high = float("nan")
    return low, high, f"95% percentile interval from {n} cluster-bootstrap samples ({unit}s, then their quotes)"


def _corrected(sides: list[pd.DataFrame], values: list[Any], units: list[Any], settings: _Settings) -> dict[str, Any]:
    coded = coded_sides(sides, values, units)
    difference, low, high, _ = statistics.corrected_difference(*coded, by_quote=settings.by_quote)
    return {"corrected": difference, "corrected_low": low, "corrected_high": high}


def coded_sides(
    sides: Sequence[pd.DataFrame], values: Sequence[Any], units: Sequence[Any]
) -> tuple[statistics.Coded, statistics.Coded]:
    """The two groups as the correction takes them."""
    a, b = (
        statistics.Coded(v, side["gold"].to_numpy("float64"), u, side["probability"].fillna(1).to_numpy("float64"))
        for side, v, u in zip(sides, values, units, strict=True)
    )
    return a, b


def _where(summary: pd.DataFrame, over: str | None) -> dict[str, str]:
    """Each method, and the periods that it is of where it is not of all."""
    if not over:
        return dict.fromkeys(map(str, summary["method"].unique()), "")
    found = {str(method): part["period"].unique() for method, part in summary.groupby("method", sort=False)}
    every = summary["period"].nunique()
    return {
        method: "" if len(periods) == every and len(found) == 1 else f"{', '.join(period_names(periods, over))}: "
        for method, periods in found.items()
    }


def _in_several(used: pd.DataFrame, unit: str) -> list[str]:
    """What to say where units have quotes in more than one group."""
    counts = used[used["named"]].groupby("unit")["group"].nunique()
    both = int((counts > 1).sum())
    if not both:
        return []
    note = (
        f"{both} of {len(counts)} {unit}s have quotes in more than one group and count in each as if they were "
        "different ones: intervals and tests do not use that they are the same, and are as a rule too wide."
    )
    warnings.warn(note, stacklevel=3)
    return [note]


def _method_notes(summary: pd.DataFrame, settings: _Settings, names: list[str], over: str | None) -> list[str]:
    notes = [f"{where}{method}" for method, where in _where(summary, over).items()]
    if summary["low"].notna().any() and len(summary) > 1:
        rows = "frames" if not over and len(names) == 2 else "rows (frames, pairs of groups and periods)"
        notes.append(f"p-values are corrected for {len(summary)} {rows} (Holm).")
    sizes = summary[["n_speakers_a", "n_speakers_b"]].min(axis=1)
    fewest = sizes[sizes >= FEWEST_SPEAKERS].min()  # of the rows that are tested; NaN where none is
    if fewest < FEW_SPEAKERS:
        notes.append(f"Only {fewest:g} speakers on one side: read the interval with caution; it is a t interval over "
                     "speakers, which assumes that their means are about normal.")  # fmt: skip
        if len(settings.clusters) == 2:
            notes[-1] = f"Only {fewest:g} speakers on one side: bootstrap intervals tend to be too narrow."
        warnings.warn(notes[-1], stacklevel=3)
    if not settings.coded:
        notes.append("The scores are unvalidated: no human codes correct them for the model's error.")
    elif summary["corrected"].notna().any():
        notes.append("Corrected for the model's error with human codes of a probability sample (prediction-powered "
                     "inference; variance by leaving out one speaker at a time, t interval).")  # fmt: skip
    if settings.coded and summary["corrected"].isna().any():
        notes.append(f"Not corrected: {int(summary['corrected'].isna().sum())} of {len(summary)} rows; a group needs "
                     "coded quotes of at least 3 speakers.")  # fmt: skip
    return notes
