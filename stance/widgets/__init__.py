"""The explorer and the coding widget, for Jupyter.

    explorer.py   filters, a plot to pick from, and the quotes under it
    coding.py     one quote at a time, keys for the labels, every answer on disk before the next quote shows
    journal.py    the coding widget's file: appended, never rewritten
    parts.py      the two parts that ipywidgets does not have: a plot to pick from, and keys (scatter.js, keys.js)

They need the extra ``notebook``; without it, the two functions say so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from stance.codebook import Codebook
from stance.errors import MissingExtraError

if TYPE_CHECKING:
    from stance.widgets.coding import Coding
    from stance.widgets.explorer import Explorer

LABELS = ("support", "oppose", "neither")


def explore(scores: pd.DataFrame, *, by: str = "party", frame: str | None = None) -> "Explorer":
    """Filters, a plot to pick from, and the quotes under it; the selection comes back as a DataFrame.

    Args:
        scores: what :func:`stance.score` returns.
        by: the column of the groups.
        frame: the frame to begin with; the first of the table if not given.

    Returns:
        A widget, shown by Jupyter as a cell's last value. Its ``selection`` is the part of ``scores`` that is
        selected now, all frames; ``filter(...)`` sets the filters in code.

    Raises:
        MissingExtraError: ipywidgets or anywidget is not installed.
        TableError: a column that is missing, or no rows.
        InputError: an unknown frame.

    >>> view = stance.explore(scores)    # doctest: +SKIP
    >>> view.filter(groups=["Labour"], words="gangs")
    >>> view.selection[["speaker", "frame", "support"]]
    """
    try:
        from stance.widgets.explorer import Explorer
    except ImportError as error:
        raise _missing(error) from error
    return Explorer(scores, by=by, frame=frame)


def code(
    sample: pd.DataFrame, codebook: "str | Path | Codebook | None" = None, *, coder: str, folder: str | Path = "codes",
    labels: Sequence[str] = LABELS, show_speaker: bool = False,
) -> "Coding":  # fmt: skip
    """Codes a sample of quotes by hand, one at a time; scores are never shown.

    Each answer is appended to ``FOLDER/CODER.csv`` and forced to disk before the next quote shows; what is there is
    taken up again, so a kernel that dies loses nothing. Every coder has a file of their own.

    Args:
        sample: a quotes table, such as :func:`stance.sample_for_coding` draws.
        codebook: whose frames are coded; the default question if not given.
        coder: a name for the file: letters, digits, "-" and "_".
        folder: of the coders' files.
        labels: the answers, in the order of the keys 1, 2, 3, …
        show_speaker: show who spoke. Hidden by default, since a party's name colours what a coder reads.

    Returns:
        A widget. ``codes`` is the table so far, as :func:`stance.validate` and ``compare(gold=…)`` take it.

    Raises:
        MissingExtraError: ipywidgets or anywidget is not installed.
        TableError: no column ``text``, or no rows.
        InputError: a coder's name that is no file name, or labels that are not distinct.
        ReadError: the coder's file is another table, or codes another codebook.

    >>> stance.code(sample, coder="ada")    # doctest: +SKIP
    """
    try:
        from stance.widgets.coding import Coding
    except ImportError as error:
        raise _missing(error) from error
    return Coding(sample, codebook, coder=coder, folder=Path(folder), labels=tuple(labels), show_speaker=show_speaker)


def _missing(error: ImportError) -> Exception:
    name: Any = error.name or ""
    if name.split(".")[0] not in ("ipywidgets", "anywidget", "traitlets"):
        return error
    return MissingExtraError(
        f"{name} is not installed; the widgets need it; in the clone of stance: pip install '.[notebook]'"
    )
