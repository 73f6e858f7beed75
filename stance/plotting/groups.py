"""Pictures of groups compared: the parties' means with their difference, and the words that set them apart."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stance.comparison.result import period_names
from stance.errors import InputError
from stance.plotting.canvas import (
    GREY,
    GRID,
    axes,
    dot,
    finish,
    footnote,
    group_style,
    legend_above,
    limits,
    need,
    rows_of,
    small,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stance.comparison import Comparison


def plot_comparison(comparison: "Comparison", *, ax: "Axes | None" = None) -> "Axes":
    """The groups' means on each frame with the speakers behind them, and the difference with its 95% interval.

    The interval stands at the side in figures: the naive one and, where human codes corrected it, the corrected one
    below. Where nothing may be inferred, it says so.

    Args:
        comparison: what :func:`stance.compare` returns; one row a frame and pair of groups (and period).
        ax: where to draw; a figure of its own if not given.
    """
    need(comparison.summary, "frame", "group_a", "group_b", "mean_a", "mean_b", "difference", what="compare()'s result")
    lines, scores = rows_of(comparison.summary), comparison.scores
    names = list(dict.fromkeys([g for line in lines for g in (line.group_a, line.group_b)]))
    looks = group_style(names, scores.attrs.get("groups"))
    periods = "period" in comparison.summary
    ax = axes(ax, (7, 1.4 + 1.0 * len(lines)))
    figure = ax.get_figure(root=True)
    wide = figure is not None and figure.get_figwidth() > 5
    seen: set[str] = set()
    for row, line in enumerate(lines):
        height = len(lines) - 1 - row
        ax.plot([line.mean_a, line.mean_b], [height, height], color="#AAAAAA", lw=2, zorder=1)
        for name, mean, shift in ((line.group_a, line.mean_a, 0.17), (line.group_b, line.mean_b, -0.17)):
            look = looks[name]
            part = scores[(scores["frame"] == line.frame) & (scores["group"] == name)]
            if periods and "period" in part:
                part = part[part["period"] == line.period]
            speakers = part.groupby("unit")[comparison.measure].mean()
            spread = 0.16 * (((np.arange(len(speakers)) * 0.618034) % 1) - 0.5)
            ax.scatter(speakers, height + shift + spread, color=look.colour, marker=look.marker, s=dot(18), alpha=0.45,
                       linewidths=0)  # fmt: skip
            ax.scatter([mean], [height], color=look.colour, marker=look.marker, s=dot(95), edgecolors="white", zorder=3,
                       label=None if name in seen else f"{name} (mean)")  # fmt: skip
            seen.add(name)
        head = line.frame + (f" · {period_names([line.period], str(comparison.over))[0]}" if periods else "")
        head += f" · {line.group_a} – {line.group_b}" if len(names) > 2 else ""
        ax.annotate(head, (0.0, height + 0.36), xycoords=("axes fraction", "data"), va="bottom", fontweight="bold",
                    fontsize=small(0.9))  # fmt: skip
        place, side = ((1.0, height + 0.36), "right") if wide else ((0.0, height - 0.48), "left")
        ax.annotate(_difference(line), place, xycoords=("axes fraction", "data"), va="bottom", ha=side,
                    fontsize=small(0.86))  # fmt: skip
    ax.set_yticks([])
    ax.set_ylim(-0.52, len(lines) - 0.15)
    for height in range(1, len(lines)):
        ax.axhline(height - 0.48, color=GRID, lw=0.8)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(limits(comparison.measure))
    ax.set_xlabel(f"{comparison.measure} (mean of the speakers' means; small: speakers)")
    ax.grid(axis="x", color=GRID)
    legend_above(ax)
    note = footnote(scores, validated=comparison.corrected)
    return finish(ax, note + ("" if comparison.inferred else " · too few speakers for a test"))


def _known(line: object, name: str) -> bool:
    value = getattr(line, name, None)
    return value is not None and value == value


def _difference(line: object) -> str:
    """The difference in figures: naive, and corrected where there are codes."""
    named = dict(vars(line))
    gap = round(float(named["difference"]), 2) + 0.0  # no "-0.00"
    text = f"difference {gap:+.2f} "
    text += f"[{named['low']:+.2f}, {named['high']:+.2f}]" if _known(line, "low") else "(no interval)"
    if _known(line, "corrected"):
        text += f" · corrected {named['corrected']:+.2f}"
        if _known(line, "corrected_low"):
            text += f" [{named['corrected_low']:+.2f}, {named['corrected_high']:+.2f}]"
    return text


def plot_words(
    words: pd.DataFrame, a: str | None = None, b: str | None = None, *, top: int = 12, ax: "Axes | None" = None
) -> "Axes":
    """The words that set two groups apart, by their z-score, the most distinctive of each.

    Args:
        words: what :func:`stance.words` returns: word, z, group, count_a, count_b.
        a, b: the groups, left and right; those of the table's column ``group`` if not given.
        top: how many words of each group.
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
        InputError: ``top`` below one.
    """
    need(words, "word", "z", "group", what="the table that words() returns")
    if top < 1:
        raise InputError(f"top={top} is not a number of words; give one or more")
    order = words.sort_values("z", ascending=False)
    positive, negative = order[order["z"] > 0].head(top), order[order["z"] < 0].tail(top)
    shown = pd.concat([positive, negative])
    a = a or (str(positive["group"].iloc[0]) if len(positive) else None)
    b = b or (str(negative["group"].iloc[0]) if len(negative) else None)
    looks = group_style([name for name in (a, b) if name], words.attrs.get("groups"))
    ax = axes(ax, (6.2, 1.5 + 0.2 * max(1, len(shown))))
    for height, line in zip(range(len(shown) - 1, -1, -1), rows_of(shown), strict=True):
        name = a if line.z > 0 else b
        look = looks[str(name)]
        ax.barh(height, line.z, color=look.colour, hatch=look.hatch, edgecolor="white", linewidth=0, height=0.72)
        ax.annotate(str(line.word), (0, height), (-4 if line.z > 0 else 4, 0), textcoords="offset points",
                    ha="right" if line.z > 0 else "left", va="center", fontsize=small(0.85))  # fmt: skip
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=look.colour, hatch=look.hatch, edgecolor="white", label=name)
               for name, look in looks.items()]  # fmt: skip
    ax.legend(handles=handles, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=small(0.9))
    reach = float(shown["z"].abs().max()) * 1.15 or 1.0
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-0.7, len(shown) - 0.3)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=GREY, lw=0.8)
    for z in (-1.96, 1.96):
        ax.axvline(z, color=GREY, lw=0.6, ls=":")
    ax.set_xlabel("z-score of the log-odds (dotted: ±1.96)")
    return finish(ax, " · ".join(filter(None, [footnote(words), "for reading beside the scores; not a test"])))
