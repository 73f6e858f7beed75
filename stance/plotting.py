"""Every picture. Each function takes a table and an optional Axes, returns the Axes, and neither prints nor saves."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stance.errors import InputError, TableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stance.comparison import Comparison

# The parties' customary colours, darkened where they would not show on white, each with a marker of its own.
PARTY_STYLE = {
    "Labour": ("#D50032", "o"), "Conservative": ("#0063BA", "s"), "Liberal Democrat": ("#D98200", "D"),
    "Reform UK": ("#0F8FA3", "^"), "SNP": ("#B8A200", "v"), "Green Party": ("#1F7A3D", "P"),
    "Plaid Cymru": ("#00504A", "X"), "Independent": ("#6B6B6B", "*"),
}  # fmt: skip
_OTHER = [("#7B4FA3", "p"), ("#8C564B", "h"), ("#444444", "d"), ("#B5507F", "<"), ("#5C7F00", ">")]
UNKNOWN = "not known"


def group_style(groups: "list[str]") -> dict[str, tuple[str, str]]:
    """A colour and a marker for each group: the party's own, or one that no other group of the picture has."""
    spare = iter(_OTHER * (1 + len(groups) // len(_OTHER)))
    return {
        group: PARTY_STYLE.get(group) or (("#6B6B6B", "*") if group == UNKNOWN else next(spare)) for group in groups
    }


def _axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # only where something is drawn

    _, drawn = plt.subplots(figsize=size, layout="constrained")
    axes: Axes = drawn
    return axes


def _finish(ax: "Axes", note: str) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.annotate(note, (0, 0), (0, -38), xycoords="axes fraction", textcoords="offset points", fontsize=7.5,
                color="#555555", va="top", annotation_clip=False)  # fmt: skip


def footnote(scores: pd.DataFrame) -> str:
    """What every picture says under it: n, the model, and whether the quotes are fictional."""
    quotes = scores["quote_id"].nunique()
    speakers = scores["speaker"].nunique() if "speaker" in scores else 0
    model = scores.attrs.get("provenance", {}).get("model", {}).get("name")
    parts = [f"{quotes} quote{'s' * (quotes != 1)} of {speakers} named speaker{'s' * (speakers != 1)}"]
    parts += [f"model: {model}"] if model else []
    parts += ["unvalidated scores"]
    if "synthetic" in scores and scores["synthetic"].astype("bool").any():
        parts.insert(0, "FICTIONAL QUOTES")
    return " · ".join(parts)


def _need(scores: pd.DataFrame, *columns: str) -> None:
    for column in ("quote_id", "frame", *columns):
        if column not in scores:
            raise TableError(f"the table has no column {column!r}; plots take the table that score() returns")
    if scores.empty:
        raise TableError("the table has no rows; there is nothing to draw")


def _groups(scores: pd.DataFrame, by: str) -> "pd.Series[Any]":
    return scores[by].astype(object).where(scores[by].notna(), UNKNOWN).astype("str")


def plot_quotes(
    scores: pd.DataFrame, *, by: str = "party", measure: str = "support", ax: "Axes | None" = None
) -> "Axes":
    """Every quote as a point, one row a frame and group, the group's mean as a bar.

    Args:
        scores: what :func:`stance.score` returns.
        by: the column of the groups.
        measure: "support", "oppose" or "stance".
    """
    _need(scores, by, measure)
    groups = _groups(scores, by)
    names = list(dict.fromkeys(groups.sort_values(key=lambda s: s == UNKNOWN, kind="stable")))
    frames = list(dict.fromkeys(scores["frame"]))
    style = group_style(names)
    rows = [(frame, name) for frame in frames for name in names]
    ax = _axes(ax, (7, 1.3 + 0.42 * len(rows)))
    for row, (frame, name) in enumerate(rows):
        values = scores.loc[(scores["frame"] == frame) & (groups == name), measure].dropna().to_numpy(dtype="float64")
        height = len(rows) - 1 - row
        colour, marker = style[name]
        # Equal heights for the same quotes in every drawing: a fixed pattern instead of a random one.
        offset = 0.22 * (((np.arange(len(values)) * 0.618034) % 1) - 0.5) if len(values) > 1 else np.zeros(len(values))
        ax.scatter(values, height + offset, color=colour, marker=marker, s=34, alpha=0.75, linewidths=0, zorder=3)
        if len(values):
            ax.plot([values.mean()] * 2, [height - 0.32, height + 0.32], color=colour, lw=2.5, zorder=4)
    ax.set_yticks(range(len(rows)), [f"{frame} · {name}" for frame, name in reversed(rows)])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    for k in range(1, len(frames)):
        ax.axhline(len(rows) - 0.5 - k * len(names), color="#BBBBBB", lw=0.8)
    ax.set_xlim((-1.03, 1.03) if measure == "stance" else (-0.03, 1.03))
    ax.set_xlabel(f"{measure} (bar: mean of the quotes)")
    ax.grid(axis="x", color="#E6E6E6")
    _finish(ax, footnote(scores))
    return ax


def plot_plane(
    scores: pd.DataFrame, x: str | None = None, y: str | None = None, *, by: str = "party", measure: str = "support",
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Speakers on the plane of two frames: the mean of each speaker's quotes, the quotes as faint points.

    Args:
        x, y: frames; the first two of the table if not given.
    """
    _need(scores, by, measure, "speaker")
    frames = list(dict.fromkeys(scores["frame"]))
    x, y = x or frames[0], y or (frames[1] if len(frames) > 1 else None)
    if y is None or x not in frames or y not in frames:
        raise InputError(f"a plane needs two frames of the table; it has {', '.join(frames)}")
    wide = scores.pivot(index="quote_id", columns="frame", values=measure)
    about = scores.drop_duplicates("quote_id").set_index("quote_id")
    wide["group"] = _groups(about, by)
    wide["speaker"] = about["speaker"].astype(object).where(about["speaker"].notna(), None)
    ax = _axes(ax, (5.6, 5.4))
    means = wide.dropna(subset=["speaker"]).groupby(["speaker", "group"], sort=False)[[x, y]].mean().reset_index()
    style = group_style(list(dict.fromkeys(wide["group"].sort_values(key=lambda s: s == UNKNOWN, kind="stable"))))
    for name, (colour, marker) in style.items():
        quotes, speakers = wide[wide["group"] == name], means[means["group"] == name]
        ax.scatter(quotes[x], quotes[y], color=colour, marker=marker, s=16, alpha=0.28, linewidths=0)
        ax.scatter(
            speakers[x], speakers[y], color=colour, marker=marker, s=80, edgecolors="white", label=name, zorder=3
        )
    if len(means) <= 15:
        _label_points(ax, means[x].to_numpy(), means[y].to_numpy(), means["speaker"].tolist())
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), xlabel=f"{x} ({measure})", ylabel=f"{y} ({measure})")
    if measure == "stance":
        ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
    ax.set_aspect("equal")
    ax.grid(color="#E6E6E6")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(style)), fontsize=9)
    _finish(ax, footnote(scores) + "\nlarge: speakers (mean of their quotes) · small: quotes")
    return ax


def _label_points(ax: "Axes", xs: Any, ys: Any, names: "list[str]") -> None:
    """Names beside their points, pushed apart upwards where two would overlap; towards the inside of the plane."""
    taken: list[tuple[float, float]] = []
    for index in np.argsort(ys):
        px, py = float(xs[index]), float(ys[index])
        label = py
        while any(abs(label - other) < 0.055 and abs(px - where) < 0.45 for where, other in taken):
            label += 0.055
        taken.append((px, label))
        right = px < 0.55
        ax.annotate(names[index], (px, py), (px + (0.035 if right else -0.035), label), fontsize=8.5, va="center",
                    ha="left" if right else "right", zorder=5,
                    arrowprops={"arrowstyle": "-", "color": "#999999", "lw": 0.6} if label != py else None)  # fmt: skip


def rows_of(summary: pd.DataFrame) -> list[SimpleNamespace]:
    """A summary's rows with their columns as attributes."""
    return [SimpleNamespace(**{str(key): value for key, value in row.items()}) for row in summary.to_dict("records")]


def plot_comparison(comparison: "Comparison", *, ax: "Axes | None" = None) -> "Axes":
    """The two groups' means on each frame, with the speakers behind them; the difference is written at the side."""
    summary, scores = comparison.summary, comparison.scores
    a, b = summary["group_a"].iloc[0], summary["group_b"].iloc[0]
    style = group_style([a, b])
    ax = _axes(ax, (7, 1.5 + 0.85 * len(summary)))
    for row, line in enumerate(rows_of(summary)):
        height = len(summary) - 1 - row
        ax.plot([line.mean_a, line.mean_b], [height, height], color="#AAAAAA", lw=2, zorder=1)
        for name, mean, shift in ((a, line.mean_a, 0.16), (b, line.mean_b, -0.16)):
            colour, marker = style[name]
            part = scores[(scores["frame"] == line.frame) & (scores["group"] == name)]
            speakers = part.groupby("unit")[comparison.measure].mean()
            ax.scatter(
                speakers, [height + shift] * len(speakers), color=colour, marker=marker, s=18, alpha=0.45, linewidths=0
            )
            ax.scatter([mean], [height], color=colour, marker=marker, s=95, edgecolors="white", zorder=3,
                       label=f"{name} (mean)" if row == 0 else None)  # fmt: skip
        interval = f"\n[{line.low:+.2f}, {line.high:+.2f}]" if line.low == line.low else "\nno interval"
        ax.annotate(f"{line.difference:+.2f}{interval}", (1.02, height), xycoords=("axes fraction", "data"),
                    va="center", fontsize=9, annotation_clip=False)  # fmt: skip
    ax.annotate("difference", (1.02, len(summary) - 0.45), xycoords=("axes fraction", "data"), fontsize=8.5,
                color="#555555", annotation_clip=False)  # fmt: skip
    ax.set_yticks(range(len(summary)), list(summary["frame"])[::-1])
    ax.set_ylim(-0.6, len(summary) - 0.4)
    ax.set_xlim((-1.03, 1.03) if comparison.measure == "stance" else (-0.03, 1.03))
    ax.set_xlabel(f"{comparison.measure} (mean of the speakers' means; small: speakers)")
    ax.grid(axis="x", color="#E6E6E6")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=9)
    _finish(ax, footnote(scores) + ("" if comparison.inferred else " · too few speakers for a test"))
    return ax
