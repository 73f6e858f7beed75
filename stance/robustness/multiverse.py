"""The difference of two groups under every defensible specification of the measure."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance import groups as statistics
from stance.codebook import Codebook, Frame, load_codebook
from stance.comparison import FEW_SPEAKERS, FEWEST_SPEAKERS, compared_rows
from stance.errors import InputError
from stance.robustness.result import Multiverse
from stance.scoring import Entailed, entail, score

Floats = NDArray[np.float64]
Specification = tuple[str, str, Floats]  # name, kind, (quotes,) the measure
SAME = 0.01


def multiverse(
    quotes: "pd.DataFrame | Entailed",
    codebook: str | Path | Codebook | None = None,
    a: str | None = None,
    b: str | None = None,
    *,
    scores: pd.DataFrame | None = None,
    model: Any = None,
    models: Sequence[Any] = (),
    by: str = "party",
    measure: str = "support",
    thresholds: Iterable[float] = (0.3, 0.5, 0.7),
    seed: int = 0,
    resamples: int = 500,
    progress: bool = True,
) -> Multiverse:
    """Compares two groups under every hypothesis alone, every leave-one-out set, and other ways to put scores together.

    Args:
        quotes: a quotes table, or what :func:`stance.entail` returned.
        codebook, model, progress: as in :func:`stance.score`.
        a, b, by: the groups, as in :func:`stance.compare`.
        scores: those of these quotes whose comparison is asked about, such as ``score(…, head=False)``; what
            :func:`stance.score` gives by default if not given, with the fitted head where one is used.
        models: further models; each adds one specification.
        measure: "support" or "oppose".
        thresholds: each adds one: the shares of the quotes that score as high.
        seed, resamples: of the intervals, which are made as in :func:`stance.compare`.

    Returns:
        A :class:`Multiverse`. Its table's kinds: "default" (as scored: the difference that :func:`stance.compare`
        gives of ``scores``), "zero-shot" (without the fitted head, where the scores have one), "single wording",
        "leave-one-out" (without one wording, or without one facet), "mean" (of the facets instead of the largest),
        "max" (the largest wording), "threshold" (shares of the quotes as scored), "window" (the mean of a long quote's
        windows, or its first), "model". The wordings, facets, windows and models are varied zero-shot.

    Raises:
        InputError: another measure, no frame with hypotheses for it, or scores of other quotes.
        TableError, CodebookError, ModelError: as :func:`stance.score` and :func:`stance.compare`.

    >>> stance.multiverse(quotes, None, "Labour", "Conservative").shares.round(2)    # doctest: +SKIP
             frame  default  same_sign   n  lowest  highest
    0  enforcement     0.21       0.97  34   -0.01     0.38
    """
    if measure not in ("support", "oppose"):
        raise InputError(f"measure={measure!r} is not one of support, oppose")
    book = load_codebook(codebook)
    found = quotes if isinstance(quotes, Entailed) else entail(quotes, book, model, progress=progress)
    book = found.codebook
    frames = [frame for frame in book.frames if _facets(frame, measure)]
    if not frames:
        raise InputError(f"no frame of {book.name!r} has hypotheses for {measure}")
    scores = score(found, book) if scores is None else scores
    scores = scores[scores["frame"].isin([frame.name for frame in frames])]
    used, (group_a, group_b), notes = compared_rows(scores, a, b, by=by, measure=measure)
    place = found.table["quote_id"].reset_index().set_index("quote_id")["index"]
    strange = sorted(set(used["quote_id"]) - set(place.index))
    if strange:
        raise InputError(f"scores= holds {len(strange)} quotes that are not among those given (the first: "
                         f"{strange[0]!r}); give the scores of these very quotes")  # fmt: skip
    others = [(other, entail(found.table, book, other, progress=progress)) for other in models]
    rows, fitted, fewest = [], [], FEWEST_SPEAKERS
    for frame in frames:
        part = used[used["frame"] == frame.name]
        if not {group_a, group_b} <= set(part["group"]):
            notes.append(f"On {frame.name} a group has no score; it is left out.")
            continue
        sides = [_side(part[part["group"] == group], place) for group in (group_a, group_b)]
        fewest = min(fewest, *(size for _, _, size in sides))
        scored = np.full(len(found.table), np.nan)
        scored[place[part["quote_id"]].to_numpy()] = part[measure].to_numpy("float64")
        specifications = list(_specifications(found, frame, measure, thresholds, scored))
        fitted += [frame.name] if any(kind == "zero-shot" for _, kind, _ in specifications) else []
        for _, other in others:
            specifications.append((str(other.model["name"]), "model", _default(other, frame, measure)))
        rows += [(frame.name, name, kind, *_difference(values, sides, seed, resamples))
                 for name, kind, values in specifications]  # fmt: skip
    table = pd.DataFrame(
        rows, columns=["frame", "specification", "kind", "difference", "low", "high", "n_a", "n_b"]
    )  # fmt: skip
    default = table[table["kind"] == "default"].set_index("frame")["difference"]
    table["same_sign"] = np.sign(table["difference"]) == np.sign(table["frame"].map(default))
    shares = [_share(str(frame), part) for frame, part in table.groupby("frame", sort=False)]
    notes.append("“As scored” is the difference that compare() gives; same_sign counts the others against it.")
    if fitted:
        notes.append(f"On {' and '.join(fitted)} the scores come from a fitted head. The head is one specification, "
                     "“zero-shot” is without it; wordings, facets and windows vary the zero-shot scores.")  # fmt: skip
    if fewest < FEWEST_SPEAKERS:
        notes.append(f"Fewer than {FEWEST_SPEAKERS} speakers a side: no intervals.")
    if len(found.places) == len(found.table):
        notes.append("Every quote fits in one window, so no specification varies the windows.")
    notes.append("The specifications share the quotes and the model: their number is no sample size.")
    table.attrs = {key: value for key, value in used.attrs.items() if key in ("left_out", "provenance")}
    if "synthetic" in found.table and found.table["synthetic"].astype("bool").any():
        notes.insert(0, "FICTIONAL QUOTES.")
        table.attrs["synthetic"] = True  # its picture says so too
    return Multiverse(table, pd.DataFrame(shares), group_a, group_b, measure, by, seed, tuple(notes))


def _side(mine: pd.DataFrame, place: "pd.Series[Any]") -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """A group's rows among the quotes, their units, and how many of the units are named."""
    mine = mine.sort_values(["unit", "quote_id"])
    units = np.asarray(pd.factorize(mine["unit"])[0], dtype=np.int64)
    return place[mine["quote_id"]].to_numpy(), units, int(mine.loc[mine["named"], "unit"].nunique())


def _facets(frame: Frame, measure: str) -> Any:
    return frame.supports if measure == "support" else frame.opposes


def _columns(found: Entailed, frame: Frame, measure: str) -> list[tuple[str, list[int]]]:
    """Each facet's name and the columns of its wordings."""
    column = {hypothesis: i for i, hypothesis in enumerate(found.hypotheses)}
    return [(facet.name, [column[h] for h in facet.hypotheses]) for facet in _facets(frame, measure)]


def _by_facet(entailed: Floats, facets: Iterable[Sequence[int]]) -> Floats:
    """(windows, facets) the mean over each facet's wordings."""
    return np.stack([entailed[:, list(wordings)].mean(axis=1) for wordings in facets], axis=1)


def _default(found: Entailed, frame: Frame, measure: str) -> Floats:
    facets = [columns for _, columns in _columns(found, frame, measure)]
    return _largest(_by_facet(found.probabilities[:, :, 0], facets).max(axis=1), found.starts)


def _largest(windows: Floats, starts: NDArray[np.int64]) -> Floats:
    return np.asarray(np.maximum.reduceat(windows, starts))


def _specifications(
    found: Entailed, frame: Frame, measure: str, thresholds: Iterable[float], scored: Floats
) -> Iterable[Specification]:
    """Every specification of a frame.

    Args:
        scored: (quotes,) the measure as scored; NaN of quotes that are not compared.
    """
    entailed, starts = found.probabilities[:, :, 0], found.starts
    named = _columns(found, frame, measure)
    facets = [columns for _, columns in named]
    by_facet = _by_facet(entailed, facets)
    yield "as scored", "default", scored
    plain = _largest(by_facet.max(axis=1), starts)
    # Scores in another precision may differ by 0.005; what differs by more has something on top of zero-shot.
    if np.nanmax(np.abs(scored - plain)) > SAME:
        yield "zero-shot", "zero-shot", plain
    for columns in facets:
        for column in columns:
            yield found.hypotheses[column], "single wording", _largest(entailed[:, column], starts)
    for at, columns in enumerate(facets):
        for column in columns:
            fewer = [*facets[:at], [c for c in columns if c != column], *facets[at + 1 :]]
            name = f"without: {found.hypotheses[column]}"
            yield name, "leave-one-out", _largest(_by_facet(entailed, fewer).max(axis=1), starts)
        if len(facets) > 1:
            rest = np.delete(by_facet, at, axis=1)
            yield f"without the facet {named[at][0]}", "leave-one-out", _largest(rest.max(axis=1), starts)
    yield "mean of the facets", "mean", _largest(by_facet.mean(axis=1), starts)
    every = sorted({column for columns in facets for column in columns})
    yield "largest wording", "max", _largest(entailed[:, every].max(axis=1), starts)
    for threshold in thresholds:
        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold} is not between 0 and 1")
        yield f"share of quotes from {threshold:g} on", "threshold", (scored >= threshold).astype("float64")
    if len(found.places) > len(found.table):
        windows = by_facet.max(axis=1)
        counts = np.diff(np.r_[starts, len(windows)])
        yield "mean of the windows", "window", np.add.reduceat(windows, starts) / counts
        yield "first window", "window", windows[starts]


def _difference(values: Floats, sides: list[Any], seed: int, resamples: int) -> tuple[float, float, float, int, int]:
    """Difference of the speakers' means, its interval, and the quotes a side."""
    mine = [values[rows] for rows, _, _ in sides]
    units = [u for _, u, _ in sides]
    gap = statistics.group_mean(mine[0], units[0]) - statistics.group_mean(mine[1], units[1])
    low = high = float("nan")
    fewest = min(size for _, _, size in sides)
    pairs = list(zip(mine, units, strict=True))
    if fewest >= FEW_SPEAKERS:
        rng = np.random.default_rng(seed)
        draws = [statistics.resampled_means(v, u, resamples=resamples, rng=rng) for v, u in pairs]
        low, high = statistics.percentile_interval(draws[0] - draws[1])
    elif fewest >= FEWEST_SPEAKERS:
        spread = [statistics.left_out_variance(v, u) for v, u in pairs]
        sizes = [int(u.max()) + 1 for u in units]
        low, high = statistics.t_interval(gap, (spread[0], spread[1]), (sizes[0], sizes[1]))
        low, high, _ = statistics.cut_interval(low, high, 1.0)  # as compare() cuts it
    return gap, low, high, len(mine[0]), len(mine[1])


def _share(frame: str, part: pd.DataFrame) -> dict[str, Any]:
    others = part[part["kind"] != "default"]
    default = float(part.loc[part["kind"] == "default", "difference"].iloc[0])
    return {"frame": frame, "default": default, "same_sign": float(others["same_sign"].mean()), "n": len(others),
            "lowest": float(part["difference"].min()), "highest": float(part["difference"].max())}  # fmt: skip
