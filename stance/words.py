"""The words that set groups apart, for reading beside the scores."""

import numpy as np
import pandas as pd

from stance.comparison import compared_rows
from stance.errors import InputError, TableError

WORD = r"(?u)\b\w[\w’'-]*\w\b"


def words(
    scores: pd.DataFrame,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str = "party",
    prior_size: float = 500.0,
    fewest: int = 3,
    organisations: bool = False,
) -> pd.DataFrame:
    """Log-odds ratios of words with an informative Dirichlet prior, as z-scores.

    Monroe, Colaresi & Quinn (2008), "Fightin' Words", Political Analysis 16(4), equations 15, 16 and 22: the prior
    holds the words' frequencies in all quotes of the table, and shrinks words that are rare.

    Args:
        scores: a scores or quotes table; each quote counts once.
        a, b, by, organisations: as in :func:`stance.compare`.
        prior_size: how many words the prior weighs, above 0.
        fewest: leaves out words that the two groups use less often together.

    Returns:
        One row a word, the most distinctive of ``a`` first: word (lower case), count_a, count_b, log_odds, z (above 0:
        more of ``a``), group (whose word it is), n_speakers (how many used it: a word of one speaker is no word of a
        party).

    Raises:
        TableError: no column ``text``, or no word that is frequent enough.
        InputError: a group that is not there, or a prior that is not above 0.

    >>> stance.words(scores, "Labour", "Conservative").head(1)    # doctest: +SKIP
        word  count_a  count_b  log_odds    z   group  n_speakers
    0  gangs       40       12       1.1  3.6  Labour          15
    """
    if not prior_size > 0:
        raise InputError(f"prior_size={prior_size} must be above 0")
    for column in ("quote_id", "text", by):
        if column not in scores:
            raise TableError(f"the table has no column {column!r}; give a scores or quotes table")
    from sklearn.feature_extraction.text import CountVectorizer

    one = scores.drop_duplicates("quote_id")
    if "speaker" not in one:
        one = one.assign(speaker=None)
    used, pair, _ = compared_rows(one.assign(frame="-", support=0.0), a, b, by=by, organisations=organisations)
    left = used.attrs.get("left_out", [])
    used = used.reset_index(drop=True)
    vectorizer = CountVectorizer(token_pattern=WORD)
    try:
        everything = np.asarray(vectorizer.fit_transform(one["text"].astype("str")).sum(axis=0)).ravel()
    except ValueError as error:  # scikit-learn's "empty vocabulary"
        raise TableError("the quotes hold no words") from error
    counts = vectorizer.transform(used["text"].astype("str"))
    of_a, of_b = (used["group"] == group for group in pair)
    count_a, count_b = (np.asarray(counts[of.to_numpy()].sum(axis=0)).ravel() for of in (of_a, of_b))
    log_odds, z = weighted_log_odds(count_a, count_b, prior_size * everything / everything.sum())
    units = pd.factorize(used["unit"])[0]
    uses = counts.tocoo()
    speakers = pd.DataFrame({"word": uses.col, "unit": units[uses.row]}).drop_duplicates()["word"].value_counts()
    out = pd.DataFrame({"word": vectorizer.get_feature_names_out(), "count_a": count_a, "count_b": count_b,
                        "log_odds": log_odds, "z": z})  # fmt: skip
    out["group"] = np.where(out["z"] >= 0, pair[0], pair[1])
    out["n_speakers"] = speakers.reindex(out.index, fill_value=0)
    out = out[out["count_a"] + out["count_b"] >= fewest]
    if out.empty:
        raise TableError(f"no word stands {fewest} times in the quotes of {pair[0]} and {pair[1]}")
    out = out.sort_values(["z", "word"], ascending=[False, True], kind="stable").reset_index(drop=True)
    fictional = "synthetic" in scores and bool(scores["synthetic"].eq(True).any())
    groups = sorted(scores[by].dropna().astype("str").unique())
    out.attrs = {**scores.attrs, "left_out": left, "synthetic": fictional, "groups": groups}
    return out


def weighted_log_odds(a: np.ndarray, b: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(words,) log-odds ratio and its z-score.

    Args:
        a, b: (words,) counts in the two groups.
        prior: (words,) pseudo-counts, above 0.

    >>> weighted_log_odds(np.array([8, 2]), np.array([2, 8]), np.array([1.0, 1.0]))[0].round(3).tolist()
    [2.197, -2.197]
    """
    odds = [np.log((y + prior) / (y.sum() + prior.sum() - y - prior)) for y in (a, b)]
    difference = odds[0] - odds[1]
    return difference, difference / np.sqrt(1 / (a + prior) + 1 / (b + prior))
