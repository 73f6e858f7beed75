"""Human codes as numbers beside the scores.

The codes table is long: one row a quote, frame and coder.

=========== =====================================================================================
column      content
=========== =====================================================================================
quote_id    str
frame       str
coder       str; a coder called "agreed" decides over the others
code        1 supports, 0 neither, -1 rejects; NaN where the coder left it empty
probability float in (0, 1]; that the quote was drawn for coding (1 where the column is absent)
=========== =====================================================================================
"""

from typing import Any

import numpy as np
import pandas as pd

from stance.errors import InputError, TableError

CODES_COLUMNS = ("quote_id", "frame", "coder", "code", "probability")
AGREED = "agreed"
MEASURES = ("support", "oppose", "stance")


def check_codes(codes: pd.DataFrame, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """A codes table, checked and completed; the input is not changed.

    Raises:
        TableError: a column is missing, a code is not 1, 0 or -1, a sampling probability is not in (0, 1], a coder
            coded a quote twice, a quote has two probabilities, or codes are of quotes or frames not in ``scores``.
    """
    missing = [c for c in ("quote_id", "frame", "code") if c not in codes]
    if missing:
        raise TableError(f"the codes have no column {missing[0]!r} (columns: {', '.join(map(str, codes.columns))}); "
                         "give the table that read_codes() returns: quote_id, frame, coder, code")  # fmt: skip
    out = codes.reset_index(drop=True).copy()
    out["quote_id"] = out["quote_id"].astype("str")
    if "coder" not in out:
        out["coder"] = "coder"
    if "probability" not in out:
        out["probability"] = 1.0
    out["code"] = pd.to_numeric(out["code"], errors="coerce").astype("float64")
    bad = (codes["code"].reset_index(drop=True).notna() & out["code"].isna()) | ~out["code"].dropna().isin(
        [-1, 0, 1]
    ).reindex(out.index, fill_value=True)
    if bad.any():
        value = codes["code"].reset_index(drop=True)[bad].iloc[0]
        raise TableError(f"{value} is not a code (quote {out.loc[bad, 'quote_id'].iloc[0]}): write 1 (supports), "
                         "0 (neither) or -1 (rejects), or leave it empty")  # fmt: skip
    out["probability"] = pd.to_numeric(out["probability"], errors="coerce")
    wrong = ~((out["probability"] > 0) & (out["probability"] <= 1))
    if wrong.any():
        raise TableError(f"the sampling probability of quote {out.loc[wrong, 'quote_id'].iloc[0]} is "
                         f"{out.loc[wrong, 'probability'].iloc[0]}; it must be above 0 and at most 1 "
                         "(sample_for_coding stores it)")  # fmt: skip
    # Sheets of several coders hold each other's empty columns: an empty cell beside a coder's code says nothing.
    keys = ["quote_id", "frame", "coder"]
    filled = out.groupby(keys)["code"].transform("count") > 0
    out = out[out["code"].notna() | ~(filled | out.duplicated(keys))].reset_index(drop=True)
    twice = out.duplicated(keys)
    if twice.any():
        row = out[twice].iloc[0]
        raise TableError(f"coder {row['coder']!r} coded quote {row['quote_id']} twice for {row['frame']}; keep one")
    if (out.groupby("quote_id")["probability"].nunique() > 1).any():
        raise TableError("a quote has two sampling probabilities; it was drawn once")
    if scores is not None:
        _check_known(out, scores)
    return out


def _check_known(codes: pd.DataFrame, scores: pd.DataFrame) -> None:
    for column in ("quote_id", "frame"):
        known = set(scores[column].astype("str"))
        strange = [c for c in dict.fromkeys(codes[column]) if str(c) not in known]
        if strange:
            of = f"{codes[column].nunique()} coded {'quotes' if column == 'quote_id' else 'frames'}"
            raise TableError(
                f"{len(strange)} of {of} are not in the scores (the first: {strange[0]!r}); "
                "give the codes of these very quotes"
            )


def as_measure(code: "pd.Series[Any]", measure: str) -> "pd.Series[Any]":
    """Codes as the measure that a score stands for: support and oppose are 0 or 1, stance is -1, 0 or 1.

    >>> as_measure(pd.Series([1, 0, -1]), "oppose").tolist()
    [0.0, 0.0, 1.0]
    """
    if measure not in MEASURES:
        raise InputError(f"measure={measure!r} is not one of {', '.join(MEASURES)}")
    if measure == "stance":
        return code.astype("float64")
    wanted = 1 if measure == "support" else -1
    return (code == wanted).astype("float64").where(code.notna(), np.nan)


def gold_labels(codes: pd.DataFrame, measure: str = "support") -> pd.DataFrame:
    """What the coders together say of each quote and frame.

    Args:
        codes: as :func:`check_codes` returns it.

    Returns:
        quote_id, frame, gold (the mean over coders: two who disagree give 0.5; "agreed" decides alone), coders
        (how many), probability. Rows that no coder filled are not in it.
    """
    filled = codes[codes["code"].notna()].copy()
    filled["gold"] = as_measure(filled["code"], measure)
    settled = filled["coder"].astype("str").str.casefold() == AGREED
    if settled.any():
        keys = pd.MultiIndex.from_frame(filled.loc[settled, ["quote_id", "frame"]])
        filled = filled[settled | ~pd.MultiIndex.from_frame(filled[["quote_id", "frame"]]).isin(keys)]
    grouped = filled.groupby(["quote_id", "frame"], sort=False)
    out = grouped[["gold", "probability"]].mean()  # a quote has one probability
    out["coders"] = grouped.size()
    return out.reset_index()
