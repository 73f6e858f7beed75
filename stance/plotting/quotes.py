"""Pictures of scores: every quote, the speakers on the plane of two frames, the parties over time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stance.errors import InputError, TableError
from stance.plotting.canvas import (
    GREY,
    GRID,
    RULE,
    axes,
    dot,
    finish,
    footnote,
    group_style,
    groups_of,
    label_points,
    legend_above,
    limits,
    mean_interval,
    names_of,
    need,
    persons,
    small,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_QUARTERS = 3  # fewer points would be no line
MOST_TICKS = 8
MANY = 1500  # points beyond which a vector picture keeps them as pixels, or its file grows without limit


def plot_quotes(
    scores: pd.DataFrame, *, by: str = "party", measure: str = "support", ax: "Axes | None" = None
) -> "Axes":
    """Every quote as a point, one row a frame and group, the group's mean as a bar.

    Args:
        scores: what :func:`stance.score` returns.
        by: the column of the groups.
        measure: "support", "oppose" or "stance".
        ax: where to draw; a figure of its own if not given.

    Raises:
        TableError: a column that is missing, or no rows.
    """
    need(scores, "quote_id", "frame", by, measure)
    groups = groups_of(scores, by)
    names = names_of(groups)
    frames = list(dict.fromkeys(scores["frame"]))
    looks = group_style(names)
    rows = [(frame, name) for frame in frames for name in names]
    ax = axes(ax, (7, 1.3 + 0.42 * len(rows)))
    raster = len(scores) > MANY
    for row, (frame, name) in enumerate(rows):
        values = scores.loc[(scores["frame"] == frame) & (groups == name), measure].dropna().to_numpy(dtype="float64")
        height = len(rows) - 1 - row
        look = looks[name]
        # Equal heights for the same quotes in every drawing: a fixed pattern instead of a random one.
        offset = 0.5 * (((np.arange(len(values)) * 0.618034) % 1) - 0.5) if len(values) > 1 else np.zeros(len(values))
        few = len(values) < 40
        ax.scatter(values, height + offset, color=look.colour, marker=look.marker, s=dot(40 if few else 14),
                   edgecolors="white", linewidths=0.6 if few else 0, zorder=3, alpha=0.85 if few else 0.4,
                   rasterized=raster)  # fmt: skip
        if len(values) > 1:  # behind the points where each is to be seen, before them in a crowd
            ends, behind = [height - 0.36, height + 0.36], 3 if few else 0
            ax.plot([values.mean()] * 2, ends, color="white", lw=4.5, zorder=4 - behind)
            ax.plot([values.mean()] * 2, ends, color=look.colour, lw=2.5, zorder=5 - behind)
    ax.set_yticks(range(len(rows)), [f"{frame} · {name}" for frame, name in reversed(rows)])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    for k in range(1, len(frames)):
        ax.axhline(len(rows) - 0.5 - k * len(names), color=RULE, lw=0.8)
    ax.set_xlim(limits(measure))
    ax.set_xlabel(f"{measure} (bar: mean of the quotes)")
    ax.grid(axis="x", color=GRID)
    return finish(ax, footnote(scores))


def plot_plane(
    scores: pd.DataFrame, x: str | None = None, y: str | None = None, *, by: str = "party", measure: str = "support",
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Speakers on the plane of two frames: the mean of each speaker's quotes with its 95% interval, quotes faint.

    A speaker is a person: quotes of organisations and unnamed sources are drawn faint only.
    An interval is drawn for a speaker of three quotes or more (Student's t over the quotes). Names are written where
    they keep clear of each other; the footnote counts those that found no place.

    Args:
        x, y: frames; the first two of the table if not given.
        by, measure, ax: as in :func:`plot_quotes`.

    Raises:
        TableError: a column that is missing, or no rows.
        InputError: fewer than two frames.
    """
    need(scores, "quote_id", "frame", by, measure, "speaker")
    frames = list(dict.fromkeys(scores["frame"]))
    x, y = x or frames[0], y or (frames[1] if len(frames) > 1 else None)
    if y is None or x not in frames or y not in frames:
        raise InputError(f"a plane needs two frames of the table; it has {', '.join(frames)}")
    wide = scores.pivot(index="quote_id", columns="frame", values=measure)
    about = scores.drop_duplicates("quote_id").set_index("quote_id")
    wide["group"] = groups_of(about, by)
    wide["speaker"] = about["speaker"].astype(object).where(about["speaker"].notna() & persons(about), None)
    low, high = limits(measure, 0)
    ax = axes(ax, (5.8, 5.9))
    looks = group_style(names_of(wide["group"]))
    named = wide.dropna(subset=["speaker"])
    many = named["speaker"].nunique() > 15
    means: list[tuple[float, float, str]] = []
    for name, look in looks.items():
        quotes = wide[wide["group"] == name]
        ax.scatter(quotes[x], quotes[y], color=look.colour, marker=look.marker, s=dot(8 if many else 16), linewidths=0,
                   alpha=0.14 if many else 0.28, rasterized=len(wide) > MANY)  # fmt: skip
        for at, (speaker, part) in enumerate(named[named["group"] == name].groupby("speaker", sort=False)):
            mx, my = float(part[x].mean()), float(part[y].mean())
            means.append((mx, my, str(speaker)))
            for start, end, flat in (
                (*mean_interval(part[x].dropna().to_numpy(), low, high), True),
                (*mean_interval(part[y].dropna().to_numpy(), low, high), False),
            ):
                xs, ys = ([start, end], [my, my]) if flat else ([mx, mx], [start, end])
                ax.plot(xs, ys, color=look.colour, lw=0.8, alpha=0.3 if many else 0.6, zorder=2)
            ax.scatter([mx], [my], color=look.colour, marker=look.marker, s=dot(42 if many else 80), edgecolors="white",
                       linewidths=0.8, label=name if at == 0 else None, zorder=4)  # fmt: skip
        if not len(named[named["group"] == name]):
            ax.scatter([], [], color=look.colour, marker=look.marker, s=dot(42), alpha=0.5, label=name)
    ax.set(xlim=limits(measure, 0.05), ylim=limits(measure, 0.05), xlabel=f"{x} ({measure})",
           ylabel=f"{y} ({measure})")  # fmt: skip
    ax.set_aspect("equal")
    ax.grid(color=GRID)
    legend_above(ax)
    note = "\nlarge: speakers (mean of their quotes; bars: 95% interval from 3 quotes on) · small: quotes"
    finish(ax, footnote(scores) + note, share=0.85)
    missing = label_points(ax, *zip(*means, strict=True)) if means else 0
    if missing:
        ax.texts[0].set_text(ax.texts[0].get_text() + f"\n{missing} of {len(means)} names have no room")
    return ax


def plot_timeline(
    scores: pd.DataFrame, frame: str | None = None, *, by: str = "party", measure: str = "support",
    over: str | None = None, events: Mapping[str, str] | None = None, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """The parties' means over time, with 95% intervals over speakers, and events as labelled lines.

    A point is the mean of the speakers' means in that period; its interval (Student's t over speakers) is drawn from
    three speakers on. Quotes without a date are counted in the footnote; those of organisations and unnamed sources do
    not enter, as in :func:`stance.compare`, unless there are no others.

    Args:
        frame: the first of the table if not given.
        over: "week", "month", "quarter" or "year"; quarters if not given, months where there would be fewer than three.
        events: days (ISO) and what happened, such as ``{"2024-07-04": "general election"}``.
        by, measure, ax: as in :func:`plot_quotes`.

    Raises:
        TableError: a column that is missing, or no quote with a date.
        InputError: an unknown frame or period, or an event whose day is not ISO.
    """
    need(scores, "quote_id", "frame", by, measure, "date")
    frames = list(dict.fromkeys(scores["frame"]))
    frame = frame or frames[0]
    lengths = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}
    if frame not in frames:
        raise InputError(f"frame={frame!r} is not in the table; it has {', '.join(frames)}")
    if over is not None and over not in lengths:
        raise InputError(f"over={over!r} is not one of {', '.join(lengths)}")
    part = scores[scores["frame"] == frame].copy()
    dates = pd.to_datetime(part["date"])
    undated = int(dates.isna().sum())
    if undated == len(part):
        raise TableError("no quote has a date; a time line needs the column 'date'")
    part = part[dates.notna()]
    part = part[persons(part)] if persons(part).any() else part
    dates = dates[part.index]
    if over is None:
        over = "quarter" if dates.dt.to_period("Q").nunique() >= FEWEST_QUARTERS else "month"
    part["_when"] = dates.dt.to_period(lengths[over])
    part["_group"] = groups_of(part, by)
    speakers = part["speaker"] if "speaker" in part else pd.Series(None, index=part.index, dtype=object)
    part["_unit"] = speakers.astype(object).where(speakers.notna(), part["quote_id"])
    low, high = limits(measure, 0)
    names = [n for n in names_of(part["_group"]) if n in set(part["_group"])]
    ax = axes(ax, (7.2, 3.9))
    looks = group_style(names, names_of(groups_of(scores, by)))
    for at, (name, look) in enumerate(looks.items()):
        lines = []
        for key, cell in part[part["_group"] == name].groupby("_when"):
            when: Any = key
            units = cell.groupby("_unit")[measure].mean().dropna().to_numpy(dtype="float64")
            middle = when.start_time + (when.end_time - when.start_time) / 2
            # Neighbours side by side, so that their intervals do not hide each other.
            middle += (when.end_time - when.start_time) * 0.06 * (at - (len(names) - 1) / 2)
            lines.append((middle, float(units.mean()) if len(units) else np.nan, *mean_interval(units, low, high)))
        days, mid, bottom, top = (list(column) for column in zip(*lines, strict=True))
        ax.plot(days, mid, color=look.colour, marker=look.marker, ms=5, lw=1.4, mec="white", mew=0.6, label=name,
                ls=["-", "--", "-.", ":"][at % 4], zorder=3)  # fmt: skip
        ax.vlines(days, bottom, top, color=look.colour, lw=1, alpha=0.55, zorder=2)
    ax.set_ylim(limits(measure))
    _name_periods(ax, pd.period_range(part["_when"].min(), part["_when"].max(), freq=part["_when"].dt.freq), over)
    _mark_events(ax, events or {})
    ax.set_ylabel(f"{frame} ({measure})")
    ax.grid(axis="y", color=GRID)
    legend_above(ax)
    note = f"\npoints: mean of the speakers' means by {over} · bars: 95% interval from 3 speakers on"
    return finish(ax, footnote(part) + note + (f" · {undated} quotes without a date" if undated else ""))


def _name_periods(ax: "Axes", periods: pd.PeriodIndex, over: str) -> None:
    """Ticks at the middles of periods, as many as have room, with the periods' names."""
    every = -(-len(periods) // MOST_TICKS)
    shown = periods[::every]
    form = {"week": "%Y-%m-%d", "month": "%Y-%m", "quarter": "%Y Q%q", "year": "%Y"}[over]
    middles: Any = shown.start_time + (shown.end_time - shown.start_time) / 2
    ax.set_xticks(middles, [period.start_time.strftime(form) if over == "week" else period.strftime(form)
                            for period in shown], rotation=0)  # fmt: skip
    ax.set_xlabel("week (its Monday)" if over == "week" else over)


def _mark_events(ax: "Axes", events: Mapping[str, str]) -> None:
    """A line a day, its words along it; those of neighbouring days at different heights."""
    from matplotlib.dates import date2num

    for day, words in events.items():
        try:
            ax.axvline(pd.Timestamp(day), color=GREY, lw=0.8, ls=":", zorder=1)  # type: ignore[arg-type]
        except ValueError as error:
            raise InputError(f"the event {words!r} has the day {day!r}; write it as YYYY-MM-DD") from error
    for at, (day, words) in enumerate(sorted(events.items())):
        when: Any = pd.Timestamp(day)
        left, right = ax.get_xlim()
        late = (date2num(when) - left) / (right - left) > 0.75
        ax.annotate(words, (when, 1), (-3 if late else 3, -3 - 11 * (at % 3)), xycoords=("data", "axes fraction"),
                    textcoords="offset points", fontsize=small(0.78), color=GREY, va="top",
                    ha="right" if late else "left")  # fmt: skip
