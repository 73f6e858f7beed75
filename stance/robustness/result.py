"""Does the finding survive other wordings, masked names, other models?"""

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Multiverse:
    """The difference of two groups under every specification (Steegen et al. 2016, Perspectives on Psych. Science 11).

    Attributes:
        table: one row a frame and specification: frame, specification, kind ("default", "zero-shot",
            "single wording", "leave-one-out", "mean", "max", "threshold", "window", "model"), difference, low, high,
            n_a, n_b, same_sign (as the frame's default, which is the difference that :func:`stance.compare` gives).
        shares: one row a frame: frame, default, same_sign (share of the other specifications), n, lowest, highest.
        group_a, group_b, measure, by, seed: how it was computed.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    shares: pd.DataFrame
    group_a: str
    group_b: str
    measure: str
    by: str
    seed: int
    notes: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        return f"Difference in {self.measure}, {self.group_a} - {self.group_b}, under {len(self.table)} specifications"

    def __repr__(self) -> str:
        return "\n".join([self.title, self.shares.round(3).to_string(index=False), *(f"* {n}" for n in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        shares = self.shares.round(3).to_html(index=False, border=0)
        return f"<p><b>{escape(self.title)}</b></p>{shares}<ul>{notes}</ul>"

    def to_latex(self) -> str:
        """All specifications as a LaTeX table (booktabs)."""
        return self.table.to_latex(index=False, float_format="%.3f", na_rep="--", escape=True)

    def plot(self, frame: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """The specification curve of a frame (the first); see :func:`stance.plotting.plot_multiverse`."""
        from stance.plotting import plot_multiverse

        return plot_multiverse(self, frame, ax=ax)
