"""What a validation is, and how it prints itself."""

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRICS = ("precision", "recall", "f1", "auc", "calibration_error", "mean_error")
COUNTS = ("true_positive", "false_positive", "false_negative", "true_negative")
EVERYONE = "all"


@dataclass(frozen=True)
class Validation:
    """Scores beside human codes.

    Attributes:
        metrics: one row a frame and group (``group`` "all" first): n, the confusion counts, and each of METRICS with
            its 95% interval in ``NAME_low`` and ``NAME_high``. ``mean_error`` is the mean of score - code: what the
            scores add to a group's mean.
        calibration: frame, group, bin_low, bin_high, mean_score, share_coded, n: bins of the score that hold quotes.
        differences: frame, metric (mean_error, precision, recall), group_a, group_b, difference, low, high, differs
            (False also where too few speakers leave it open; low and high are NaN then).
        notes: what a reader must know, in sentences.
        labelled: the coded rows: quote_id, frame, group, score, gold, weight.
    """

    metrics: pd.DataFrame
    calibration: pd.DataFrame
    differences: pd.DataFrame
    measure: str
    thresholds: dict[str, float]
    seed: int
    resamples: int
    notes: tuple[str, ...]
    labelled: pd.DataFrame = field(repr=False)

    def _shown(self) -> pd.DataFrame:
        shown = self.metrics[["frame", "group", "n", *COUNTS]].copy()
        for name in METRICS:
            lows, highs = self.metrics[f"{name}_low"], self.metrics[f"{name}_high"]
            shown[name] = [
                "–" if value != value else f"{value:.2f}" if low != low else f"{value:.2f} [{low:.2f}, {high:.2f}]"
                for value, low, high in zip(self.metrics[name], lows, highs, strict=True)
            ]
        return shown

    def __repr__(self) -> str:
        title = f"Validation of {self.measure} against human codes"
        return "\n".join([title, self._shown().to_string(index=False), *(f"* {n}" for n in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = self._shown().to_html(index=False, border=0)
        return f"<p><b>Validation of {escape(self.measure)} against human codes</b></p>{table}<ul>{notes}</ul>"

    def to_latex(self) -> str:
        """The metrics as a LaTeX table (booktabs)."""
        return self._shown().to_latex(index=False, escape=True)

    def plot(self, frame: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """The calibration curve of a frame (the first); see :func:`stance.plotting.plot_calibration`."""
        from stance.plotting import plot_calibration

        return plot_calibration(self.calibration, frame, ax=ax)
