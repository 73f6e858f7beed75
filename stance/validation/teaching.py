"""The fictional corpus to learn on."""

import importlib.resources
from pathlib import Path

import pandas as pd

from stance.errors import ReadError
from stance.quotes import read_quotes


def teaching_corpus() -> pd.DataFrame:
    """The teaching corpus: short quotes of fictional politicians of two parties, with their true frames.

    Every quote and speaker is invented (``synthetic`` is true on every row), and nothing in it says anything about a
    real party.

    Returns:
        A quotes table with the columns enforcement and deterrence (the true frames: 1 supports, 0 neither, -1
        rejects) and synthetic.

    >>> stance.teaching_corpus()[["speaker", "party", "enforcement", "synthetic"]].head(1)    # doctest: +SKIP
           speaker   party  enforcement  synthetic
    0    Ada Finch  Labour            1       True
    """
    path = Path(str(importlib.resources.files("stance"))) / "data" / "teaching" / "quotes.csv"
    if not path.is_file():
        raise ReadError("the teaching corpus is missing from this installation; install stance-toolkit again")
    quotes = read_quotes(path)
    quotes["synthetic"] = True
    return quotes
