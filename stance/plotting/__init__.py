"""Every picture. Each function takes a table and an optional Axes, returns the Axes, and neither prints nor saves.

canvas.py   colours and shapes of the parties, axes, footnote, labels that keep clear, settings for print
quotes.py   every quote, speakers on the plane of two frames, parties over time
groups.py   groups compared, words that set them apart
checks.py   other specifications, calibration, coders' agreement, confidence in speakers
"""

from stance.plotting.canvas import (
    UNKNOWN,
    footnote,
    group_style,
    groups_of,
    is_fictional,
    names_of,
    need,
    persons,
    rows_of,
    style,
)
from stance.plotting.checks import plot_attribution, plot_calibration, plot_multiverse, plot_reliability
from stance.plotting.groups import plot_comparison, plot_words
from stance.plotting.quotes import plot_plane, plot_quotes, plot_timeline

__all__ = [
    "UNKNOWN",
    "footnote",
    "group_style",
    "groups_of",
    "is_fictional",
    "names_of",
    "need",
    "persons",
    "plot_attribution",
    "plot_calibration",
    "plot_comparison",
    "plot_multiverse",
    "plot_plane",
    "plot_quotes",
    "plot_reliability",
    "plot_timeline",
    "plot_words",
    "rows_of",
    "style",
]
