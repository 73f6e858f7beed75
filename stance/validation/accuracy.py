"""Scores against human codes: precision, recall, AUC, calibration, by party; thresholds.

Every number is weighted by the inverse of the quote's sampling probability, so that it speaks for all quotes. Where
coders disagree and none is called "agreed", a quote counts by the share of the coders who gave the code. Intervals
resample speakers, with all their coded quotes (cluster bootstrap); below eight speakers there are none, since so few
are too few for it, and none where every sample gives the same figure, such as a precision of 1.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.comparison import FEW_SPEAKERS
from stance.comparison.gold import check_codes, gold_labels
from stance.errors import InputError, TableError
from stance.groups import percentile_interval
from stance.quotes import left_out
from stance.validation.result import COUNTS, EVERYONE, METRICS, Validation

Floats = NDArray[np.float64]
FEW_CODES = 30


def validate(
    scores: pd.DataFrame,
    codes: pd.DataFrame,
    *,
    by: str = "party",
    measure: str = "support",
    thresholds: "float | dict[str, float]" = 0.5,
    bins: int = 10,
    seed: int = 0,
    resamples: int = 1000,
) -> Validation:
    """Compares scores with human codes, overall and by party.

    Args:
        scores: what :func:`stance.score` returns.
        codes: what :func:`stance.read_codes` returns: codes of a probability sample of these quotes.
        by: the column of the groups whose errors are compared.
        measure: "support" or "oppose".
        thresholds: from which score on a quote counts as taking the frame; one, or one a frame.
        bins: of the calibration curve, of equal width.
        seed, resamples: of the bootstrap.

    Returns:
        A :class:`Validation`; its ``differences`` and ``notes`` say whether the errors differ by party, or that there
        are too few speakers to tell (fewer than eight of a party have codes).

    Raises:
        TableError: codes of quotes that are not in the scores, or none filled.
        InputError: another measure, or a threshold out of [0, 1].

    >>> stance.validate(scores, codes).metrics[["frame", "group", "n", "f1", "auc"]].round(2)    # doctest: +SKIP
             frame         group    n    f1   auc
    0  enforcement           all  100  0.71  0.82
    1  enforcement  Conservative   50  0.66  0.80
    2  enforcement        Labour   50  0.75  0.84
    """
    limits = _limits(scores, thresholds)
    labelled = coded_scores(scores, codes, by=by, measure=measure)
    rng = np.random.default_rng(seed)
    rows, curve, gaps = [], [], []
    for frame, part in labelled.groupby("frame", sort=False):
        draws: dict[str, dict[str, Floats]] = {}
        groups = [EVERYONE, *sorted(part["group"].dropna().unique())]
        for group in groups:
            mine = part if group == EVERYONE else part[part["group"] == group]
            found = _measured(mine, limits[str(frame)], bins, rng, resamples)
            draws[group] = found
            rows.append(_metric_row(str(frame), group, mine, limits[str(frame)], found))
            curve += _curve(str(frame), group, mine, bins)
        gaps += [_gap(str(frame), a, b, draws) for a, b in combinations(groups[1:], 2)]
    metrics = pd.DataFrame(rows)
    differences = pd.DataFrame(
        [row for gap in gaps for row in gap],
        columns=["frame", "metric", "group_a", "group_b", "difference", "low", "high", "differs"],
    )
    calibration = pd.DataFrame(
        curve, columns=["frame", "group", "bin_low", "bin_high", "mean_score", "share_coded", "n"]
    )  # fmt: skip
    calibration.attrs["groups"] = sorted(labelled["group"].dropna().astype("str").unique())
    for table in (metrics, calibration, differences):
        table.attrs["left_out"] = labelled.attrs["left_out"]
        table.attrs["synthetic"] = "synthetic" in scores and bool(scores["synthetic"].eq(True).any())
    notes = _notes(labelled, metrics, differences, by)
    return Validation(metrics, calibration, differences, measure, limits, seed, resamples, notes, labelled)


def coded_scores(
    scores: pd.DataFrame, codes: pd.DataFrame, *, by: str = "party", measure: str = "support"
) -> pd.DataFrame:
    """The scores of the coded quotes beside their codes: quote_id, frame, group, unit, named, score, gold, weight."""
    if measure not in ("support", "oppose"):
        raise InputError(f"measure={measure!r} is not one of support, oppose: a validation asks yes or no")
    for column in ("quote_id", "frame", measure):
        if column not in scores:
            raise TableError(f"the scores have no column {column!r}; give the table that score() returns")
    checked = check_codes(codes, scores)
    labels = gold_labels(checked, measure)
    if labels.empty:
        raise TableError("no code is filled in; there is nothing to validate against")
    kept = [c for c in dict.fromkeys(["quote_id", "frame", measure, by, "speaker", "speaker_type"]) if c in scores]
    table = scores[kept].assign(quote_id=scores["quote_id"].astype("str"))
    out = labels.merge(table, on=["quote_id", "frame"], how="left").rename(columns={measure: "score"})
    out["group"] = out[by].astype(object).where(out[by].notna(), None) if by in out else None
    speaker = out["speaker"] if "speaker" in out else pd.Series(None, index=out.index, dtype=object)
    alone = "quote " + out["quote_id"] if speaker.isna().all() else pd.Series("unnamed", index=out.index)
    out["unit"] = speaker.where(speaker.notna(), alone)
    # Where speakers are known, a quote of nobody or of an organisation is no speaker of its own for an interval.
    out["named"] = speaker.notna() | bool(speaker.isna().all())
    if "speaker_type" in out:
        out["named"] &= ~out["speaker_type"].isin(["organisation", "unnamed"])
    out["weight"] = 1 / out["probability"]
    absent = out[out["score"].isna()]
    left = list(codes.attrs.get("left_out", []))
    left += [left_out("validation", f"coded, but no {measure} for {frame}", where=quote, of=len(out))
             for quote, frame in zip(absent["quote_id"], absent["frame"], strict=True)]  # fmt: skip
    # In an order of its own, so that what is resampled does not depend on the tables' orders.
    place = {frame: i for i, frame in enumerate(dict.fromkeys(scores["frame"].astype("str")))}
    out = out[out["score"].notna()].assign(place=out["frame"].map(place))
    out = out.sort_values(["place", "unit", "quote_id"]).drop(columns="place").reset_index(drop=True)
    if out.empty:
        raise TableError(f"no coded quote has a number in the column {measure!r}")
    out.attrs = {"left_out": left}
    return out


def _limits(scores: pd.DataFrame, thresholds: "float | dict[str, float]") -> dict[str, float]:
    frames = [str(f) for f in dict.fromkeys(scores["frame"])] if "frame" in scores else []
    strange = [frame for frame in thresholds if frame not in frames] if isinstance(thresholds, dict) else []
    if strange:
        raise InputError(f"thresholds names {strange[0]!r}, which is no frame of the scores ({', '.join(frames)})")
    given = thresholds if isinstance(thresholds, dict) else dict.fromkeys(frames, float(thresholds))
    limits = {frame: float(given.get(frame, 0.5)) for frame in frames}
    for frame, value in limits.items():
        if not 0 <= value <= 1:
            raise InputError(f"the threshold of {frame} is {value}; scores are in [0, 1]")
    return limits


def resampled_weights(part: pd.DataFrame, rng: np.random.Generator, resamples: int) -> Floats:
    """(1 + resamples, quotes): the weights themselves, then those of samples of the speakers with replacement."""
    units = np.asarray(pd.factorize(part["unit"])[0])
    size = int(units.max()) + 1
    counts = rng.multinomial(size, np.full(size, 1 / size), resamples)
    weights = part["weight"].to_numpy(dtype="float64")
    return np.vstack([weights, counts[:, units] * weights])


def metrics_of(score: Floats, gold: Floats, weights: Floats, threshold: float, bins: int = 10) -> dict[str, Floats]:
    """Each of METRICS for each row of weights.

    Args:
        score, gold: (quotes,) in [0, 1].
        weights: (rows, quotes).
    """
    said = (score >= threshold).astype("float64")
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        hit, called, positive = weights @ (said * gold), weights @ said, weights @ gold
        found = {
            "precision": hit / called,
            "recall": hit / positive,
            "f1": 2 * hit / (called + positive),
            "auc": _auc(score, gold, weights),
            "mean_error": weights @ (score - gold) / total,
        }
        which = np.minimum((score * bins).astype(int), bins - 1)
        errors = [np.abs(weights[:, which == b] @ (score - gold)[which == b]) for b in np.unique(which)]
        found["calibration_error"] = np.sum(errors, axis=0) / total
    return found


def _auc(score: Floats, gold: Floats, weights: Floats) -> Floats:
    """P(a coded quote scores above an uncoded one), ties one half, for each row of weights."""
    _, place = np.unique(score, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])
    positive = np.add.reduceat((weights * gold)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * (1 - gold))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return np.asarray((positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1)))


def _measured(
    part: pd.DataFrame, threshold: float, bins: int, rng: np.random.Generator, resamples: int
) -> dict[str, Floats]:  # fmt: skip
    weights = resampled_weights(part, rng, resamples)
    found = metrics_of(part["score"].to_numpy("float64"), part["gold"].to_numpy("float64"), weights, threshold, bins)
    if _speakers(part) < FEW_SPEAKERS:
        for values in found.values():
            values[1:] = np.nan
    return found


def _interval(draws: Floats) -> tuple[float, float]:
    """NaN also where every sample gives the same: that sample cannot show how far the figure may be off."""
    low, high = percentile_interval(draws)
    return (low, high) if low < high else (float("nan"), float("nan"))


def _speakers(part: pd.DataFrame) -> int:
    return int(part.loc[part["named"], "unit"].nunique())


def _metric_row(
    frame: str, group: str, part: pd.DataFrame, threshold: float, found: dict[str, Floats]
) -> dict[str, Any]:  # fmt: skip
    said, gold = part["score"] >= threshold, part["gold"]
    counts = (gold[said].sum(), (1 - gold[said]).sum(), gold[~said].sum(), (1 - gold[~said]).sum())
    row: dict[str, Any] = {"frame": frame, "group": group, "n": len(part), "n_speakers": _speakers(part),
                           "threshold": threshold, **dict(zip(COUNTS, map(float, counts), strict=True))}  # fmt: skip
    for name in METRICS:
        row[name] = float(found[name][0])
        row[f"{name}_low"], row[f"{name}_high"] = _interval(found[name][1:])
    return row


def _curve(frame: str, group: str, part: pd.DataFrame, bins: int) -> list[tuple[Any, ...]]:
    which = np.minimum((part["score"].to_numpy("float64") * bins).astype(int), bins - 1)
    out = []
    for b in np.unique(which):
        mine = part[which == b]
        mean, share = (float(np.average(mine[c], weights=mine["weight"])) for c in ("score", "gold"))
        out.append((frame, group, b / bins, (b + 1) / bins, mean, share, len(mine)))
    return out


def _gap(frame: str, a: str, b: str, draws: dict[str, dict[str, Floats]]) -> list[tuple[Any, ...]]:
    out = []
    for metric in ("mean_error", "precision", "recall"):
        gap = draws[a][metric] - draws[b][metric]
        low, high = _interval(gap[1:])
        out.append((frame, metric, a, b, float(gap[0]), low, high, bool(low > 0 or high < 0)))
    return out


def _notes(labelled: pd.DataFrame, metrics: pd.DataFrame, differences: pd.DataFrame, by: str) -> tuple[str, ...]:
    notes = [f"{labelled['quote_id'].nunique()} coded quotes of {labelled['unit'].nunique()} speakers; each counts "
             f"by the inverse of its sampling probability; intervals resample speakers, from {FEW_SPEAKERS} speakers "
             "on; a figure without one has too few, or is the same in every sample."]  # fmt: skip
    split = int(((labelled["gold"] > 0) & (labelled["gold"] < 1)).sum())
    if split:
        notes.append(f"In {split} of {len(labelled)} rows coders disagree and none is called 'agreed'; such a row "
                     "counts by the share of the coders.")  # fmt: skip
    for frame, part in labelled.groupby("frame", sort=False):
        if not part["gold"].sum():
            notes.append(f"No coder found {frame} in any quote: recall and AUC are not defined for it.")
    signs = differences[(differences["metric"] == "mean_error") & differences["differs"]]
    for row in signs.to_dict("records"):
        notes.append(f"The errors differ by {by} on {row['frame']}: the scores' mean error is {row['difference']:+.2f} "
                     f"[{row['low']:+.2f}, {row['high']:+.2f}] higher for {row['group_a']} than for "
                     f"{row['group_b']}. An uncorrected comparison takes this for a difference in what they say; give "
                     "compare() the codes as gold.")  # fmt: skip
    shown = metrics.set_index(["frame", "group"])
    for row in differences[differences["metric"].isin(["precision", "recall"]) & differences["differs"]].to_dict(
        "records"
    ):
        a, b = (shown.loc[(row["frame"], row[g]), row["metric"]] for g in ("group_a", "group_b"))
        notes.append(f"{row['metric'].capitalize()} on {row['frame']} differs by {by}: {row['group_a']} {a:.2f}, "
                     f"{row['group_b']} {b:.2f}.")  # fmt: skip
    errors = differences[differences["metric"] == "mean_error"]
    untold = errors[errors["low"].isna()]
    for key, part in untold.groupby("frame", sort=False):
        groups = dict.fromkeys([*part["group_a"], *part["group_b"]])
        sizes = ", ".join(f"{group} {int(shown.loc[(key, group), 'n_speakers'])}" for group in groups)
        notes.append(f"Too few speakers to tell whether the errors differ by {by} on {key} ({sizes}); that needs codes "
                     f"of at least {FEW_SPEAKERS} speakers a side.")  # fmt: skip
    told = set(errors["frame"]) - set(untold["frame"])
    quiet = sorted(told - set(differences.loc[differences["differs"], "frame"]))
    if quiet:
        notes.append(f"No difference of the errors by {by} shows on {', '.join(quiet)}; with so many codes that is no "
                     "proof that there is none.")  # fmt: skip
    few = metrics[(metrics["group"] != EVERYONE) & (metrics["n"] < FEW_CODES)]
    if len(few):
        names = ", ".join(f"{n} {g}" for g, n in dict(zip(few["group"], few["n"], strict=True)).items())
        notes.append(f"Fewer than {FEW_CODES} coded quotes: {names}; read their figures as rough.")
    return tuple(notes)


# --- thresholds ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thresholds:
    """Thresholds chosen on half of the codes and measured on the other half.

    Attributes:
        values: frame -> threshold.
        table: one row a frame: frame, threshold, f1_chosen (on the half they were chosen on), f1, precision, recall,
            each with _low and _high (on the other half), n_chosen, n_reported.
        measure: "support" or "oppose".
    """

    values: dict[str, float]
    table: pd.DataFrame
    measure: str
    seed: int

    def label(self, scores: pd.DataFrame) -> pd.DataFrame:
        """The scores with a column ``label``: the measure's name from the threshold on, "neither" below it."""
        limit = scores["frame"].astype("str").map(self.values)
        label = np.where(scores[self.measure] >= limit, self.measure, "neither")
        known = scores[self.measure].notna() & limit.notna()
        out = scores.assign(label=pd.Series(label, index=scores.index).where(known, None))
        out.attrs = dict(scores.attrs)
        out.attrs["thresholds"] = dict(self.values)
        return out

    def __repr__(self) -> str:
        return f"Thresholds of {self.measure}\n{self.table.round(2).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return str(self.table.round(2).to_html(index=False, border=0, na_rep="–"))


def choose_threshold(
    scores: pd.DataFrame,
    codes: pd.DataFrame,
    *,
    measure: str = "support",
    seed: int = 0,
    resamples: int = 1000,
) -> Thresholds:
    """Chooses each frame's threshold on half of the coded speakers (the highest F1) and reports it on the other half.

    Args:
        scores, codes, measure: as in :func:`validate`.
        seed: of the split and the bootstrap.

    Raises:
        InputError: fewer than four speakers with codes of a frame, or all of a frame's in one half.

    >>> stance.choose_threshold(scores, codes).values    # doctest: +SKIP
    {'enforcement': 0.42, 'deterrence': 0.61}
    """
    labelled = coded_scores(scores, codes, measure=measure)
    rng = np.random.default_rng(seed)
    units = np.sort(labelled["unit"].unique())
    for frame, part in labelled.groupby("frame", sort=False):
        if (speakers := part["unit"].nunique()) < 4:
            raise InputError(f"{speakers} speakers with codes of {frame}: a threshold needs four or more, half to "
                             "choose and half to report")  # fmt: skip
    chosen = set(rng.permutation(units)[: len(units) // 2])
    rows, values = [], {}
    for frame, part in labelled.groupby("frame", sort=False):
        first = part["unit"].isin(chosen)
        if first.all() or not first.any():
            raise InputError(f"all speakers with codes of {frame} fell into one half with seed={seed}; take another "
                             "seed, or code more")  # fmt: skip
        best, f1 = _best(part[first])
        values[str(frame)] = best
        other = part[~first]
        found = metrics_of(other["score"].to_numpy("float64"), other["gold"].to_numpy("float64"),
                           resampled_weights(other, rng, resamples), best)  # fmt: skip
        if _speakers(other) < FEW_SPEAKERS:
            for values_of in found.values():
                values_of[1:] = np.nan
        row: dict[str, Any] = {"frame": frame, "threshold": best, "f1_chosen": f1}
        for name in ("f1", "precision", "recall"):
            row[name] = float(found[name][0])
            row[f"{name}_low"], row[f"{name}_high"] = _interval(found[name][1:])
        rows.append(row | {"n_chosen": int(first.sum()), "n_reported": int((~first).sum())})
    return Thresholds(values, pd.DataFrame(rows), measure, seed)


def _best(part: pd.DataFrame) -> tuple[float, float]:
    """The threshold with the highest F1, and that F1; 0.5 where no quote takes the frame."""
    score, gold = part["score"].to_numpy("float64"), part["gold"].to_numpy("float64")
    weights = part["weight"].to_numpy("float64")[None]
    levels = np.unique(score)
    # Between two scores any threshold decides alike; the middle is the one that new quotes strain least.
    middles = np.r_[levels[:1], (levels[1:] + levels[:-1]) / 2]
    f1 = np.array([metrics_of(score, gold, weights, float(t))["f1"][0] for t in middles])
    if not gold.sum():
        return 0.5, float("nan")
    best = int(np.nanargmax(f1))
    return float(middles[best]), float(f1[best])
