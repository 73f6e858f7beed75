"""What the pictures share: the parties' colours and shapes, the axes, the footnote, labels that keep clear."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.errors import InputError, TableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNKNOWN = "not known"
GREY, RULE, GRID = "#555555", "#BBBBBB", "#E6E6E6"
# The parties' customary colours, darkened where they would not show on white; each with a marker and a hatch of
# its own, so that they are told apart in grey print too.
PARTY_STYLE = {
    "Labour": ("#D50032", "o", ""), "Conservative": ("#0063BA", "s", "///"),
    "Liberal Democrat": ("#D98200", "D", "..."), "Reform UK": ("#0F8FA3", "^", "xxx"), "SNP": ("#9A8700", "v", "|||"),
    "Green Party": ("#1F7A3D", "P", "++"), "Plaid Cymru": ("#00504A", "X", "ooo"),
    "Independent": ("#6B6B6B", "*", "---"),
}  # fmt: skip
_OTHER = [("#7B4FA3", "p", "\\\\\\"), ("#8C564B", "h", "OO"), ("#444444", "d", "**"), ("#B5507F", "<", "//"),
          ("#5C7F00", ">", "\\\\")]  # fmt: skip
# Widths of a journal's page in inches: one column, and both.
WIDTHS = {"single": 3.5, "double": 7.2}
NORMAL = 1.959964


class Look(NamedTuple):
    """How a group is drawn."""

    colour: str
    marker: str
    hatch: str


def group_style(groups: "Sequence[str]", of: "Iterable[str] | None" = None) -> dict[str, Look]:
    """Colour, marker and hatch of each group: the party's own, or ones that no other group of the table has.

    Args:
        groups: those of the picture.
        of: all groups of the table, so that a group looks the same in a picture of some of them; in whatever order.
    """
    others = sorted({*groups, *(of or [])} - set(PARTY_STYLE) - {UNKNOWN})
    spare = {name: _other(at) for at, name in enumerate(others)}
    looks = {name: Look(*look) for name, look in PARTY_STYLE.items()} | {UNKNOWN: Look("#6B6B6B", "*", "---")} | spare
    return {group: looks[group] for group in groups}


def _other(at: int) -> Look:
    """The look of a group without one of its own: five colours, each with five markers before one comes again."""
    colour, shape = _OTHER[at % 5], _OTHER[(at + at // 5) % 5]
    return Look(colour[0], shape[1], shape[2])


@contextmanager
def style(width: str = "single") -> Iterator[None]:
    """Settings for print: a journal's column, 300 dots an inch, text that stays text in PDF and SVG.

    Args:
        width: "single" (3.5 inches) or "double" (7.2 inches).

    Raises:
        InputError: another width.

    >>> with stance.style():    # doctest: +SKIP
    ...     comparison.plot().figure.savefig("comparison.pdf")
    """
    if width not in WIDTHS:
        raise InputError(f"width={width!r} is not one of {', '.join(WIDTHS)}")
    import matplotlib as mpl

    inches = WIDTHS[width]
    size = 7 if width == "single" else 9
    with mpl.rc_context({
        "figure.figsize": (inches, inches * 0.75), "savefig.dpi": 300, "font.size": size, "axes.titlesize": size + 1,
        "legend.fontsize": size, "lines.linewidth": 1.0, "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none",
        "savefig.bbox": "tight",
    }):  # fmt: skip
        _PRINT.append(inches)
        try:
            yield
        finally:
            _PRINT.pop()


_PRINT: list[float] = []  # the width asked for by the innermost style()


def axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """The given Axes, or one of its own of that size (inches), scaled to the column inside :func:`style`."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # only where something is drawn

    if _PRINT:
        size = (_PRINT[-1], size[1] * max(0.8, _PRINT[-1] / size[0]))
    _, drawn = plt.subplots(figsize=size, layout="constrained")
    made: Axes = drawn
    return made


def finish(ax: "Axes", note: str, *, depth: float = 3.9, share: float = 1.0) -> "Axes":
    """Takes away the box and writes the footnote under the axis label.

    Args:
        depth: how far below the axes, in font sizes.
        share: the axes' share of the figure's width.
    """
    from matplotlib import rcParams

    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    size = float(rcParams["font.size"])
    figure = ax.get_figure(root=True)
    assert figure is not None
    # A footnote wider than the picture would press the axes together; half the size is a letter's mean width.
    fits = max(30, int(0.8 * share * figure.get_figwidth() * 72 / (0.75 * size * 0.5)))
    lines = [part for line in note.splitlines() for part in textwrap.wrap(line, fits, break_long_words=False)]
    # Below the tick labels and the axis label, whatever their size.
    ax.annotate("\n".join(lines), (0, 0), (0, -depth * size), xycoords="axes fraction", textcoords="offset points",
                fontsize=0.75 * size, color=GREY, va="top", annotation_clip=False)  # fmt: skip
    return ax


def small(share: float = 0.85) -> float:
    """A font size as a share of the picture's own."""
    from matplotlib import rcParams

    return share * float(rcParams["font.size"])


def dot(area: float) -> float:
    """A marker's area (points squared), scaled with the picture's font."""
    return area * (small(1) / 10) ** 2


def footnote(table: pd.DataFrame, *, validated: bool = False) -> str:
    """What every picture says under it: n, the model, and whether the quotes are fictional."""
    parts = []
    if is_fictional(table):
        parts.append("FICTIONAL QUOTES")
    if "quote_id" in table:
        quotes = table["quote_id"].nunique()
        who = table["speaker"] if "speaker" in table else pd.Series(None, index=table.index, dtype=object)
        speakers, others = who[persons(table)].nunique(), who[~persons(table)].nunique()
        parts.append(f"{quotes} quote{'s' * (quotes != 1)} of {speakers} named speaker{'s' * (speakers != 1)}"
                     + f" and {others} organisation{'s' * (others != 1)}" * (others > 0))  # fmt: skip
    model = table.attrs.get("provenance", {}).get("model", {}).get("name")
    parts += [f"model: {model}"] if model else []
    if "support" in table:
        parts.append("corrected by human codes" if validated else "unvalidated scores")
    return " · ".join(parts)


def persons(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are not of an organisation or an unnamed source; all, where the table does not tell."""
    if "speaker_type" not in table:
        return pd.Series(True, index=table.index)
    return ~table["speaker_type"].isin(["organisation", "unnamed"])


def is_fictional(table: pd.DataFrame) -> bool:
    """Whether any quote is marked as fictional; a table made from quotes says it in ``attrs["synthetic"]``."""
    if table.attrs.get("synthetic"):
        return True
    return "synthetic" in table and bool(table["synthetic"].eq(True).any())


def need(table: pd.DataFrame, *columns: str, what: str = "the table that score() returns") -> None:
    """Raises TableError for a table without these columns or without rows."""
    for column in columns:
        if column not in table:
            raise TableError(f"the table has no column {column!r}; this picture takes {what}")
    if table.empty:
        raise TableError("the table has no rows; there is nothing to draw")


def groups_of(table: pd.DataFrame, by: str) -> "pd.Series[Any]":
    return table[by].astype(object).where(table[by].notna(), UNKNOWN).astype("str")


def names_of(groups: "pd.Series[Any]") -> list[str]:
    """The groups in the order in which they come, the unknown last."""
    found = list(dict.fromkeys(groups))
    return [name for name in found if name != UNKNOWN] + [UNKNOWN] * (UNKNOWN in found)


def rows_of(summary: pd.DataFrame) -> list[SimpleNamespace]:
    """A table's rows with their columns as attributes."""
    return [SimpleNamespace(**{str(key): value for key, value in row.items()}) for row in summary.to_dict("records")]


def limits(measure: str, margin: float = 0.03) -> tuple[float, float]:
    return (-1 - margin, 1 + margin) if measure == "stance" else (-margin, 1 + margin)


def legend_above(ax: "Axes", columns: int = 4) -> None:
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(columns, max(1, len(handles))),
              fontsize=small(0.9), borderaxespad=0.2, handletextpad=0.4, columnspacing=1.2)  # fmt: skip


def mean_interval(values: NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """95% interval of a mean by Student's t, cut to [low, high]; NaN for fewer than three values."""
    if len(values) < 3:
        return float("nan"), float("nan")
    from scipy import stats

    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return max(low, float(values.mean()) - half), min(high, float(values.mean()) + half)


def label_points(ax: "Axes", xs: Sequence[float], ys: Sequence[float], names: Sequence[str]) -> int:
    """Writes names beside their points where they overlap neither another name nor another point.

    The points farthest from the middle are labelled first, since a reader asks for them.

    Returns:
        How many names found no place.
    """
    from matplotlib.transforms import Bbox

    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()  # places are known only once the layout is done
    figure.set_layout_engine("none")  # and hold only while it stays
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    points = ax.transData.transform(np.column_stack([xs, ys]))  # (points, 2) in pixels
    inside = ax.get_window_extent(renderer)
    pad = figure.dpi / 72 * 5.5
    dots = [Bbox.from_extents(x - pad, y - pad, x + pad, y + pad) for x, y in points]
    far = np.argsort(-np.hypot(*(np.column_stack([xs, ys]) - np.mean([xs, ys], axis=1)).T), kind="stable")
    taken: list[Bbox] = []
    missing = 0
    for index in far:
        text = ax.annotate(names[index], (xs[index], ys[index]), (0, 0), textcoords="offset points",
                           fontsize=small(0.82), zorder=5)  # fmt: skip
        # Readable where an interval crosses it.
        text.set_bbox({"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})
        text.set_in_layout(False)  # it lies inside the axes; the layout must not move for it
        for dx, dy, ha, va in _PLACES:
            text.set(position=(dx, dy), ha=ha, va=va)
            box = text.get_window_extent(renderer)
            clear = all(not box.overlaps(other) for other in taken)
            clear = clear and all(not box.overlaps(dot) for at, dot in enumerate(dots) if at != index)
            if clear and inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1:
                taken.append(box)
                break
        else:
            text.remove()
            missing += 1
    return missing


# Where a name may stand, in points from its point: right, left, above, below, and the corners.
_PLACES = (
    (7, 0, "left", "center"), (-7, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top"),
    (6, 5, "left", "bottom"), (6, -5, "left", "top"), (-6, 5, "right", "bottom"), (-6, -5, "right", "top"),
    (12, 11, "left", "bottom"), (12, -11, "left", "top"), (-12, 11, "right", "bottom"), (-12, -11, "right", "top"),
)  # fmt: skip
