"""The result in plain words that say no more than the statistics, and the list of what was done."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stance.codebook import Lock
from stance.comparison import name_of
from stance.plotting import UNKNOWN, is_fictional

ALPHA = 0.05


def in_words(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """One sentence or two for each row of the comparison.

    Where nothing may be inferred, the sentence is about these quotes. Where an interval holds zero, it says that the
    data leave open which group is higher. Without human codes it speaks of scores, never of what the groups say.
    """
    others = [row for row in results.get("multiverse", []) if row["kind"] != "default"]
    return [
        _sentence(row, [o["difference"] for o in others if o["frame"] == row["frame"] and o["difference"] is not None])
        for row in results.get("comparison", [])
    ]


def _sentence(row: Mapping[str, Any], others: Sequence[float]) -> str:
    """What a row of the comparison says.

    Args:
        others: the differences that the other specifications give; their signs count against the row's own.
    """
    a, b, frame = row["group_a"], row["group_b"], row["frame"]
    if row["mean_a"] is None or row["mean_b"] is None:
        return f"On {frame}, one of the two groups has no score."
    corrected = row.get("corrected") is not None and row.get("corrected_low") is not None
    means = f"the mean score of {a} is {row['mean_a']:.2f} and that of {b} {row['mean_b']:.2f}"
    text = f"On {frame}, {means}"
    if row["low"] is None:
        known = " and ".join(f"{row[f'n_speakers_{side}']} of {row[f'group_{side}']}" for side in "ab")
        return (f"{text}: a difference of {row['difference']:+.2f} in these quotes. Named speakers: {known}; so few "
                "allow no conclusion beyond these quotes.")  # fmt: skip
    text += f"; difference {row['difference']:+.2f}, 95% interval {row['low']:+.2f} to {row['high']:+.2f}"
    text += f", p = {row['p_value']:.3f}." if row["p_value"] is not None else "."
    if corrected:
        low, high = row["corrected_low"], row["corrected_high"]
        text += (f" Corrected for the model’s error with human codes, the difference is {row['corrected']:+.2f}, 95% "
                 f"interval {low:+.2f} to {high:+.2f}: ")  # fmt: skip
        text += _verdict(low, high, None, f"the quotes of {a} take this frame", f"{b}’s")
    else:
        verdict = _verdict(row["low"], row["high"], row["p_value"], f"the scores of {a} are", f"{b}’s")
        text += f" {verdict[0].upper()}{verdict[1:]}"
        text += " Whether that lies in what was said or in how the model errs is not known: the scores are unvalidated."
    if others:
        same = int((np.sign(others) == np.sign(row["difference"])).sum())
        text += (f" Of {len(others)} other specifications {same} give a difference of the same sign as "
                 f"{row['difference']:+.2f}.")  # fmt: skip
    return text


def _verdict(low: float, high: float, p: float | None, side: str, other: str) -> str:
    """Which way it goes, if the interval and the test agree that it goes any way."""
    if low > 0 and (p is None or p < ALPHA):
        return f"{side} more than {other}." if "take" in side else f"{side} higher than {other}."
    if high < 0 and (p is None or p < ALPHA):
        return f"{side} less than {other}." if "take" in side else f"{side} lower than {other}."
    return "these data leave open which of the two is higher."


def checklist(
    scores: pd.DataFrame, made: Mapping[str, Any], results: Mapping[str, Sequence[Mapping[str, Any]]], left: int,
    by: str,
) -> list[tuple[str, str, str]]:  # fmt: skip
    """What was done, after the modules of REFORMS (Kapoor et al. 2024, Science Advances 10): module, what, state.

    The state is "done", "not done" or "yours": something that only the author of the study can say.
    """
    rows = list(results.get("comparison", []))
    inferred = any(row["low"] is not None for row in rows)
    gold = made["comparison"].get("gold") is not None
    book = made.get("codebook", {})
    stages = scores["quote_id"].nunique()
    shares = list(results.get("shares", []))
    words = [
        ("Study goals", f"Question: {book.get('content', {}).get('title', 'no codebook recorded')}. What it should "
         "stand for beyond these quotes is for the author to say.", "yours"),
        ("Computational reproducibility", "Inputs, model, codebook, versions and seed are recorded with their hashes; "
         "stance verify runs it again and compares every number.", "done"),
        ("Data quality", "How the articles or quotes were chosen, and from what population, is for the author to say"
         + ("; these quotes are fictional." if is_fictional(scores) else "."), "yours"),
        ("Data preprocessing", f"{stages} quotes entered; {left} items were left out or left open, each listed with "
         "its reason.", "done"),
        ("Modelling", f"Entailment with {made.get('model', {}).get('name', 'an unrecorded model')}; "
         f"{book.get('hypotheses', 'unrecorded')} hypotheses; {_head(made)}.", "done"),
        ("Codebook fixed beforehand", *_locked(made)),
        ("Data leakage", "The model card lists the training data; whether these quotes are among them is for the "
         "author to check.", "yours"),
        ("Validation by people", "Human codes of a sample were given, and the differences are corrected with them."
         if gold else "No human codes were given: the scores are unvalidated.", "done" if gold else "not done"),
        ("Coders’ agreement", *_agreement(results)),
        ("Uncertainty", _methods(rows) if inferred else
         "None could be given: there are fewer than three named speakers on a side, or fewer than two groups.",
         "done" if inferred else "not done"),
        ("Other specifications", f"{sum(int(s['n']) for s in shares)} other specifications were computed." if shares
         else "None were computed.", "done" if shares else "not done"),
        ("Errors by group", *_errors(results, by)),
        ("Generality and limits", "Quotes in news are chosen by editors; the interval speaks of speakers like these, "
         "not of all members of a group.", "yours"),
    ]  # fmt: skip
    return words


def _methods(rows: Sequence[Mapping[str, Any]]) -> str:
    """How the intervals and tests were really made: the comparison's own words."""
    found = " ".join(dict.fromkeys(str(row["method"]) for row in rows))
    return found + (" Holm’s correction over the rows." if len(rows) > 1 else "")


def _agreement(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str, str]:
    found = results.get("agreement", [])
    if not found:
        return "Not measured: that needs codes of the same quotes by two people or more.", "not done"
    alphas = [f"{row['frame']} {'not defined' if row['alpha'] is None else format(row['alpha'], '.2f')}"
              for row in found]  # fmt: skip
    return f"Krippendorff’s alpha: {', '.join(alphas)}.", "done"


def _errors(results: Mapping[str, Sequence[Mapping[str, Any]]], by: str) -> tuple[str, str]:
    """Whether the model errs alike for the groups, as far as the human codes tell."""
    found = [row for row in results.get("error_differences", []) if row["metric"] == "mean_error"]
    if not found:
        return f"Whether the model errs alike for each {by} was not measured.", "not done"
    said = []
    for row in found:
        text = f"{row['frame']}, {row['group_a']} less {row['group_b']}: {row['difference']:+.2f}"
        if row["low"] is None:
            text += ", too few speakers to tell"
        else:
            text += f" ({row['low']:+.2f} to {row['high']:+.2f})"
        said.append(text)
    return f"Difference of the scores’ mean error by {by}, against human codes: {'; '.join(said)}.", "done"


def _head(made: Mapping[str, Any]) -> str:
    head = made.get("head") or {}
    if not head.get("used"):
        return "zero-shot, nothing fitted"
    return f"on top of it the head {head.get('name', 'without a name')!r}, fitted on coded quotes"


def _locked(made: Mapping[str, Any]) -> tuple[str, str]:
    lock = made.get("lock")
    if not lock:
        return (
            "No lock was given: there is no record that the codebook was fixed before the scores were seen.",
            "not done",
        )
    if lock["codebook_sha256"] != made.get("codebook", {}).get("sha256"):
        return f"The lock of {lock['time']} is of another codebook than the one used here.", "not done"
    model = made.get("model", {}).get("sha256")
    if lock["model_sha256"] and lock["model_sha256"] != model:
        return f"The codebook is that of the lock of {lock['time']}; the model is another one.", "not done"
    found = Lock(**lock)
    gold = made["comparison"].get("gold")
    if gold is not None:
        text = found.of_codes(gold.get("drawn"))
        return text, "done" if found.is_older_than(gold.get("drawn")) else "not done"
    if made["again"]["start"] == "scores":
        return (f"The codebook is that of the lock of {lock['time']}; the scores were made before this report, at a "
                "time that is not recorded, so nothing shows that the lock came first.", "not done")  # fmt: skip
    return f"Locked on {lock['time']}, before this report scored the quotes; the codebook is the locked one.", "done"


def group_names(scores: pd.DataFrame, by: str) -> list[str]:
    names = [str(name_of(g)) for g in scores[by].dropna().unique()] if by in scores else []
    return [*names, UNKNOWN]
