"""What a comparison is, and how it prints itself."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUMMARY_COLUMNS = (
    "frame", "group_a", "group_b", "mean_a", "mean_b", "difference", "low", "high", "p_value", "effect",
    "n_quotes_a", "n_quotes_b", "n_speakers_a", "n_speakers_b", "method",
)  # fmt: skip
CORRECTED_COLUMNS = ("corrected", "corrected_low", "corrected_high", "n_codes_a", "n_codes_b")

PERIODS = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def period_names(starts: Iterable[Any], over: str) -> list[str]:
    """Periods by the days they begin on, as they are printed; a week by its Monday.

    >>> period_names(["2025-01-01"], "month"), period_names(["2025-04-01"], "quarter")
    (['2025-01'], ['2025Q2'])
    """
    days = pd.to_datetime(pd.Series(list(starts)))
    if over == "week":
        return [f"week of {day}" for day in days.dt.strftime("%Y-%m-%d")]
    return days.dt.to_period(PERIODS[over]).astype("str").tolist()


@dataclass(frozen=True)
class Comparison:
    """Groups compared on every frame.

    Attributes:
        summary: one row a frame and pair of groups, with SUMMARY_COLUMNS; ``period`` (a timestamp, its start) behind
            ``frame`` where ``over`` was asked for; CORRECTED_COLUMNS with gold codes.
        measure, by, over, cluster, weight, seed, resamples: how it was computed.
        notes: what a reader must know, in sentences.
        scores: the rows that entered, with a column ``group`` and the speaker or other unit in ``unit``.
    """

    summary: pd.DataFrame
    measure: str
    by: str
    seed: int
    resamples: int
    notes: tuple[str, ...]
    scores: pd.DataFrame = field(repr=False)
    over: str | None = None
    cluster: tuple[str, ...] = ("speaker",)
    weight: str = "speaker"

    @property
    def inferred(self) -> bool:
        """Whether an interval and a test could be given."""
        return bool(self.summary["low"].notna().any())

    @property
    def corrected(self) -> bool:
        """Whether human codes corrected any difference for the model's error."""
        return "corrected" in self.summary and bool(self.summary["corrected"].notna().any())

    @property
    def title(self) -> str:
        over = f", over {self.over}" if self.over else ""
        return f"Comparison of {self.measure} by {self.by}{over} (means of {self.weight}s)"

    def _shown(self) -> pd.DataFrame:
        """The summary without the method, which the notes have, and with periods by their names."""
        shown = self.summary.drop(columns="method")
        if self.over:
            shown["period"] = period_names(shown["period"], self.over)
        return shown.round(3)

    def __repr__(self) -> str:
        shown = self._shown().to_string(index=False)
        return "\n".join([self.title, shown, *(f"* {n}" for n in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = self._shown().to_html(index=False, na_rep="–", border=0)
        return f"<p><b>{escape(self.title)}</b></p>{table}<ul>{notes}</ul>"

    def to_json(self) -> str:
        """The summary, settings and notes as JSON; a number that could not be inferred is null."""
        shown = (
            self.summary.assign(period=self.summary["period"].dt.strftime("%Y-%m-%d")) if self.over else self.summary
        )
        rows = json.loads(shown.to_json(orient="records", double_precision=15))
        return json.dumps({"measure": self.measure, "by": self.by, "over": self.over, "cluster": list(self.cluster),
                           "weight": self.weight, "seed": self.seed, "resamples": self.resamples,
                           "notes": list(self.notes), "summary": rows}, ensure_ascii=False, indent=1)  # fmt: skip

    def to_latex(self) -> str:
        """The summary as a LaTeX table (booktabs)."""
        return self._shown().to_latex(index=False, float_format="%.3f", na_rep="--", escape=True)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """The groups' speakers and means on each frame; see :func:`stance.plotting.plot_comparison`."""
        from stance.plotting import plot_comparison

        return plot_comparison(self, ax=ax)
