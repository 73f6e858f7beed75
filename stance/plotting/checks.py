"""Pictures that check a measurement: other specifications, calibration, coders' agreement, attribution."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stance.errors import InputError
from stance.plotting.canvas import (
    GREY,
    GRID,
    Look,
    axes,
    dot,
    finish,
    footnote,
    group_style,
    groups_of,
    legend_above,
    names_of,
    need,
    rows_of,
    small,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stance.robustness import Multiverse
    from stance.validation.result import Validation

_SHAPES = ["o", "s", "^", "D", "v", "P", "X", "*", "h"]


def plot_multiverse(
    found: "Multiverse | pd.DataFrame", frame: str | None = None, *, ax: "Axes | None" = None
) -> "Axes":
    """The specification curve: the difference under every specification, sorted, with its interval.

    Args:
        found: what :func:`stance.multiverse` returns, or its ``table``: frame, specification, kind, difference,
            low, high.
        frame: the first of the table if not given.
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
        InputError: an unknown frame.
    """
    table = found if isinstance(found, pd.DataFrame) else found.table
    sides = "" if isinstance(found, pd.DataFrame) else f", {found.group_a} − {found.group_b}"
    need(table, "frame", "kind", "difference", what="the table of multiverse()")
    frames = list(dict.fromkeys(table["frame"]))
    frame = frame or frames[0]
    if frame not in frames:
        raise InputError(f"frame={frame!r} is not in the table; it has {', '.join(frames)}")
    part = table[table["frame"] == frame].dropna(subset=["difference"])
    part = part.sort_values("difference", kind="stable").reset_index(drop=True)
    need(part, "difference")
    kinds = list(dict.fromkeys(table.loc[table["frame"] == frame, "kind"]))
    ax = axes(ax, (7.2, 3.6))
    if {"low", "high"} <= set(part):
        ax.vlines(part.index, part["low"], part["high"], color="#C4C4C4", lw=1.1, zorder=1)
    colours = ["#1A1A1A", "#7B4FA3", "#1F7A3D", "#B5507F", "#8C564B", "#5C7F00", "#0F8FA3", "#9A8700", "#D98200"]
    names = {"default": "as scored"}
    for at, kind in enumerate(kinds):
        mine = part[part["kind"] == kind]
        size = dot(30 if kind == kinds[0] else 18)
        ax.scatter(mine.index, mine["difference"], label=f"{names.get(kind, kind)} ({len(mine)})", s=size,
                   marker=_SHAPES[at % 9], color=colours[at % 9], linewidths=0, zorder=3)  # fmt: skip
    ax.axhline(0, color=GREY, lw=0.9)
    ax.set_xlim(-1, len(part))
    ax.set_xticks([])
    ax.set_ylabel(f"difference on {frame}{sides}")
    ax.set_xlabel(f"{len(part)} specifications, sorted")
    ax.grid(axis="y", color=GRID)
    legend_above(ax, 3)
    positive, negative = int((part["difference"] > 0).sum()), int((part["difference"] < 0).sum())
    note = f"{positive} of {len(part)} differences are above zero, {negative} below"
    note += " · bars: 95% interval" if "low" in part and part["low"].notna().any() else ""
    return finish(ax, " · ".join(filter(None, [footnote(table), note])))


def plot_calibration(
    found: "Validation | pd.DataFrame", frame: str | None = None, *, ax: "Axes | None" = None
) -> "Axes":
    """Reliability diagram: the mean score of a bin against the share that coders gave the frame.

    Args:
        found: what :func:`stance.validate` returns, or its ``calibration``: frame, group, mean_score, share_coded,
            n, one row a bin.
        frame: the first of the table if not given.
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
        InputError: an unknown frame.
    """
    table = found if isinstance(found, pd.DataFrame) else found.calibration
    need(table, "frame", "mean_score", "share_coded", "n", what="the calibration table of validate()")
    frames = list(dict.fromkeys(table["frame"]))
    frame = frame or frames[0]
    if frame not in frames:
        raise InputError(f"frame={frame!r} is not in the table; it has {', '.join(frames)}")
    part = table[table["frame"] == frame]
    ax = axes(ax, (4.8, 5.0))
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":", label="perfect")
    groups = part["group"].astype("str") if "group" in part else pd.Series("all", index=part.index)
    names = list(dict.fromkeys(groups))
    parties = group_style([name for name in names if name != "all"], table.attrs.get("groups"))
    for name in names:
        look = parties.get(name, Look("#1A1A1A", "p", ""))
        mine = part[(groups == name) & (part["n"] > 0)].sort_values("mean_score")
        ax.plot(mine["mean_score"], mine["share_coded"], color=look.colour, lw=1.2, zorder=2, alpha=0.7)
        size = dot(14) + dot(90) * np.sqrt(mine["n"] / max(1, part["n"].max()))
        ax.scatter(mine["mean_score"], mine["share_coded"], s=size,
                   color=look.colour, marker=look.marker, edgecolors="white", zorder=3,
                   label=f"{name} (n = {int(mine['n'].sum())})")  # fmt: skip
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel=f"mean score of the bin ({frame})",
           ylabel="share that coders gave the frame")  # fmt: skip
    ax.set_aspect("equal")
    ax.grid(color=GRID)
    legend_above(ax, 2)
    return finish(ax, " · ".join(filter(None, [footnote(table), "size: number of quotes in the bin"])))


def plot_reliability(table: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Coders' agreement: Krippendorff's alpha of each frame with its interval, and the customary bounds.

    Args:
        table: what :func:`stance.reliability` returns: frame, alpha, low, high, n_units, n_coders.
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
    """
    need(table, "frame", "alpha", what="the table that reliability() returns")
    lines = rows_of(table)
    ax = axes(ax, (6.4, 1.5 + 0.42 * len(lines)))
    for height, line in zip(range(len(lines) - 1, -1, -1), lines, strict=True):
        low, high = getattr(line, "low", np.nan), getattr(line, "high", np.nan)
        ax.plot([low, high], [height, height], color="#1A1A1A", lw=1.6)
        ax.scatter([line.alpha], [height], color="#1A1A1A", s=dot(60), zorder=3)
        ax.annotate(f"{line.alpha:.2f}", (line.alpha, height), (0, 6), textcoords="offset points", ha="center",
                    fontsize=small(0.85))  # fmt: skip
    # Krippendorff (2004, p. 241): tentative conclusions from .667 on, reliance from .800 on.
    for bound, words in ((0.667, "tentative"), (0.8, "reliable")):
        ax.axvline(bound, color=GREY, lw=0.8, ls=":")
        ax.annotate(words, (bound, 1), (3, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
                    fontsize=small(0.75), color=GREY, rotation=0)  # fmt: skip
    names = [f"{line.frame}" + (f" (n = {int(line.n_units)})" if hasattr(line, "n_units") else "") for line in lines]
    ax.set_yticks(range(len(lines)), names[::-1])
    ax.set_ylim(-0.5, len(lines) - 0.2)
    lowest = float(np.nanmin([0.0, *(getattr(line, "low", np.nan) for line in lines)]))
    ax.set_xlim(min(0.0, lowest) - 0.02, 1.02)
    ax.set_xlabel("Krippendorff's alpha (bar: 95% interval)")
    ax.grid(axis="x", color=GRID)
    return finish(ax, " · ".join(filter(None, [footnote(table), "bounds: Krippendorff 2004"])))


def plot_attribution(quotes: pd.DataFrame, *, by: str = "party", ax: "Axes | None" = None) -> "Axes":
    """How surely the quotes have a speaker: their number by ``speaker_confidence``, stacked by group.

    Args:
        quotes: a quotes or scores table with ``speaker`` and ``speaker_confidence``.
        by: the column of the groups.
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
    """
    need(quotes, "quote_id", "speaker", "speaker_confidence", by, what="a quotes table")
    one = quotes.drop_duplicates("quote_id")
    groups = groups_of(one, by)
    sure = pd.to_numeric(one["speaker_confidence"], errors="coerce")
    edges = np.linspace(0, 1, 11)
    labels = [f"{low:.1f}" for low in edges[:-1]] + ["1.0"]
    # The last bin holds 1.0 too; a speaker given by the user has no confidence.
    bins = np.clip(np.digitize(sure.fillna(-1).to_numpy(dtype="float64"), edges) - 1, -1, 9)
    none, given = one["speaker"].isna().to_numpy(), (one["speaker"].notna() & sure.isna()).to_numpy()
    place = np.where(none, 11, np.where(given, 12, bins))
    ax = axes(ax, (7, 3.4))
    bottom = np.zeros(13)
    for name, look in group_style(names_of(groups)).items():
        count = np.array([int(((place == k) & (groups == name).to_numpy()).sum()) for k in range(13)])
        at = np.r_[np.arange(10) + 0.5, 10.5, 11.7, 13.2]
        ax.bar(at, count, bottom=bottom, width=0.9, color=look.colour, hatch=look.hatch, edgecolor="white",
               linewidth=0.5, label=name)  # fmt: skip
        bottom += count
    ax.set_xticks([*range(11), 11.7, 13.2], [*labels, "no\nspeaker", "given\nby you"])
    ax.set_xlim(-0.2, 14)
    ax.set_ylabel("quotes")
    ax.set_xlabel("confidence in the speaker")
    ax.grid(axis="y", color=GRID)
    legend_above(ax)
    named = int((~none).sum())
    note = footnote(one.drop(columns="support", errors="ignore"))
    return finish(ax, f"{note} · {named} of {len(one)} have a speaker", depth=5.2)
