"""The press beside Parliament: what of a person's frames the papers select."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stance import groups as statistics
from stance.comparison.gold import MEASURES
from stance.errors import InputError, TableError
from stance.quotes import left_out

FEWEST_PEOPLE = 3
FEW_PEOPLE = 8
FEWEST_QUOTES = 3  # for an interval of one person


@dataclass(frozen=True)
class PressRecord:
    """People's frames in the press beside their frames in Parliament.

    Attributes:
        summary: one row a frame, over all people and by party: frame, group, press, record (means of people's means),
            difference (press - record), low, high (95%), p_value (paired, Holm over frames), n_people, n_press,
            n_record, method.
        people: one row a person and frame: speaker, party, frame, press, press_low, press_high, record, record_low,
            record_high, difference, low, high, n_press, n_record.
        measure, seed, resamples: how it was computed.
        notes: what a reader must know, in sentences.
        left_out: the ledger: quotes of people who are in one of the two alone, or unnamed.
    """

    summary: pd.DataFrame
    people: pd.DataFrame
    measure: str
    seed: int
    resamples: int
    notes: tuple[str, ...]
    left_out: list[dict[str, Any]] = field(repr=False, default_factory=list)

    @property
    def title(self) -> str:
        return f"Press against record: {self.measure} of the same people"

    def __repr__(self) -> str:
        shown = self.summary.drop(columns="method").round(3).to_string(index=False)
        return "\n".join([self.title, shown, *(f"* {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        tables = [
            self.summary.drop(columns="method").round(3).to_html(index=False, na_rep="–", border=0),
            self.people.round(3).to_html(index=False, na_rep="–", border=0),
        ]
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p><b>{escape(self.title)}</b></p>{tables[0]}<ul>{notes}</ul><p>By person</p>{tables[1]}"


def press_against_record(
    quotes: pd.DataFrame, *, codebook: Any | str | Path | None = None, model: Any = None, measure: str = "support",
    seed: int = 0, resamples: int = 2000, progress: bool = True,
) -> PressRecord:  # fmt: skip
    """For people in both, their frames in the press beside their frames in Parliament: what the press selects.

    A person is the unit: the difference is the mean over people of (mean in the press - mean in Parliament), its
    interval resamples people, its test flips the sign of people's differences. A statement that several papers print
    (``statement_id``) counts once.

    Args:
        quotes: scores, or a quotes table to score first. Rows of Parliament's record are those with a ``house`` or,
            without that column, of the kind "speech"; the others are the press.
        codebook, model: for scoring, as :func:`stance.score` takes them.
        measure: "support", "oppose" or "stance".
        seed, resamples: of the bootstrap and the test.

    Raises:
        TableError: no person is in both.
        InputError: an unknown measure, or fewer than 100 resamples.

    >>> stance.press_against_record(scores).summary[["frame", "press", "record", "difference"]]    # doctest: +SKIP
             frame  press  record  difference
    0  enforcement   0.61    0.42        0.19
    """
    if measure not in MEASURES:
        raise InputError(f"measure={measure!r} is not one of {', '.join(MEASURES)}")
    if resamples < 100:
        raise InputError(f"resamples={resamples} is too few; use 1000 or more")
    scores = quotes
    if "frame" not in quotes:
        from stance.scoring import score  # the model, only where it is needed

        scores = score(quotes, codebook, model, seed=seed, progress=progress)
    in_record = scores["house"].notna() if "house" in scores else scores["kind"] == "speech"
    used = scores.assign(side=np.where(in_record, "record", "press")).reset_index(drop=True)
    used, left, notes = _in_both(used, measure)
    people = _people(used, measure)
    cut = _cut(people, {"press": measure, "record": measure, "": "difference"}, measure)
    half, missing = _missing(people, measure, used["quote_id"].nunique())
    left += missing
    if half:
        notes.append(f"{len(half)} people have no {measure} on one side for a frame ({', '.join(half[:5])}); they do "
                     "not count for it.")  # fmt: skip
    rows = [_row(part, "all people", resamples, seed) for _, part in people.groupby("frame", sort=False)]
    changed = _changed_party(used)
    if changed:
        notes.append(f"{len(changed)} people with quotes of more than one party ({', '.join(changed[:5])}) count among "
                     "all people, and in no party's row.")  # fmt: skip
        people.loc[people["speaker"].isin(changed), "party"] = None
    parties = people.groupby("party")["speaker"].nunique()
    for party in sorted(parties.index[parties >= FEWEST_PEOPLE]):
        mine = people[people["party"] == party]
        rows += [_row(part, str(party), resamples, seed) for _, part in mine.groupby("frame", sort=False)]
    summary = pd.DataFrame(rows)
    if _cut(summary, {"": "difference"}, measure) or cut:
        notes.append("Intervals that reached beyond what the measure allows are cut there.")
    for group in summary["group"].unique():
        mask = summary["group"] == group
        summary.loc[mask, "p_value"] = statistics.holm(summary.loc[mask, "p_value"].to_numpy("float64"))
    notes += [str(method) for method in summary["method"].unique()]
    notes.append("Papers choose whom and what they quote, and questions in the two places differ: a difference is one "
                 "of selection and setting, not of what a person thinks.")  # fmt: skip
    notes.append("The scores are unvalidated: no human codes correct them for the model's error.")
    return PressRecord(summary, people, measure, seed, resamples, tuple(notes), left)


def _in_both(used: pd.DataFrame, measure: str) -> tuple[pd.DataFrame, list[dict[str, Any]], list[str]]:
    """The rows of people who are on both sides, each statement once; the ledger; what to say of it."""
    total = used["quote_id"].nunique()
    notes = []
    reasons = pd.Series("", index=used.index)
    named = used["speaker"].notna()
    if "speaker_type" in used:
        named &= ~used["speaker_type"].isin(["organisation", "unnamed"])
    reasons[(reasons == "") & ~named] = "not a named person"
    absent = (reasons == "") & used[measure].isna()
    reasons[absent] = f"no {measure} for " + used.loc[absent, "frame"].astype("str")
    if "statement_id" in used:
        one = used[(reasons == "") & (used["side"] == "press") & used["statement_id"].notna()]
        one = one.assign(own=one["quote_id"] == one["statement_id"]).sort_values("own", ascending=False, kind="stable")
        first = one.groupby(["speaker", "statement_id"])["quote_id"].transform("first")
        reasons[one.index[one["quote_id"] != first]] = "the same statement in another paper"
    ok = used[reasons == ""]
    sides = ok.groupby("speaker")["side"].nunique()
    both = set(sides.index[sides == 2])
    alone = (reasons == "") & ~used["speaker"].isin(both)
    reasons[alone] = "in " + used.loc[alone, "side"].map({"press": "the press", "record": "the record"}) + " alone"
    if not both:
        parts = [f"{n} people in the {side}" for side, n in ok.groupby("side")["speaker"].nunique().items()]
        raise TableError("nobody is both in the press and in Parliament's record "
                         f"({', '.join(parts) or 'no named person'}); join quotes of articles and of debates, with the "
                         "same names for the same people")  # fmt: skip
    compared = set(used.loc[reasons == "", "quote_id"])
    out = used[(reasons != "") & ~used["quote_id"].isin(compared)].drop_duplicates("quote_id")
    partly = used[absent & used["quote_id"].isin(compared)]
    whys = reasons.loc[out.index]
    sources = out["source"] if "source" in out else [None] * len(out)
    left = [left_out("press against record", why, source=source, where=quote, of=total)
            for why, source, quote in zip(whys, sources, out["quote_id"], strict=True)]  # fmt: skip
    if left:
        counts = whys.value_counts()
        notes.append(f"{total - len(left)} of {total} quotes are compared; left out: "
                     + ", ".join(f"{n} {why}" for why, n in counts.items()) + ".")  # fmt: skip
    left += [left_out("press against record", reasons[i], where=used.at[i, "quote_id"], of=total) for i in partly.index]
    return used.loc[reasons == ""], left, notes


def _missing(people: pd.DataFrame, measure: str, total: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Who has no number on one side for a frame, and the ledger of that."""
    gaps = people[people["difference"].isna()]
    left = [left_out("press against record", f"no {measure} on one side for {frame}", where=str(speaker), of=total)
            for speaker, frame in zip(gaps["speaker"], gaps["frame"], strict=True)]  # fmt: skip
    return list(dict.fromkeys(map(str, gaps["speaker"]))), left


def _changed_party(used: pd.DataFrame) -> list[str]:
    if "party" not in used:
        return []
    parties = used.groupby("speaker")["party"].nunique()
    return [str(speaker) for speaker in parties.index[parties > 1]]


def _people(used: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One row a person and frame; intervals are t intervals over the person's quotes."""
    newest = used.sort_values("date", kind="stable") if "date" in used else used
    parties: dict[Any, Any] = newest.groupby("speaker")["party"].last().to_dict() if "party" in used else {}
    rows = []
    for (speaker, frame), part in used.groupby(["speaker", "frame"], sort=True):
        row: dict[str, Any] = {"speaker": speaker, "party": parties.get(speaker), "frame": frame}
        variances: dict[str, float] = {}
        sizes: dict[str, int] = {}
        for side in ("press", "record"):
            values = part.loc[part["side"] == side, measure].to_numpy("float64")
            mean, size = float(values.mean()) if len(values) else float("nan"), len(values)
            variances[side] = float(values.var(ddof=1)) / size if size > 1 else 0.0
            sizes[side] = size
            row[side] = mean
            row[f"{side}_low"], row[f"{side}_high"] = _interval(mean, (variances[side], 0.0), (size, FEWEST_QUOTES))
            row[f"n_{side}"] = size
        row["difference"] = row["press"] - row["record"]
        row["low"], row["high"] = _interval(row["difference"], (variances["press"], variances["record"]),
                                            (sizes["press"], sizes["record"]))  # fmt: skip
        rows.append(row)
    columns = ["speaker", "party", "frame", "press", "press_low", "press_high", "record", "record_low", "record_high",
               "difference", "low", "high", "n_press", "n_record"]  # fmt: skip
    order = {frame: i for i, frame in enumerate(used["frame"].unique())}
    out = pd.DataFrame(rows)[columns]
    return out.sort_values(["frame", "speaker"], key=lambda c: c.map(order) if c.name == "frame" else c,
                           ignore_index=True)  # fmt: skip


def _cut(table: pd.DataFrame, intervals: dict[str, str], measure: str) -> bool:
    """Cuts the table's intervals to what the measure allows (in place); whether any reached beyond."""
    top = 2.0 if measure == "stance" else 1.0
    ranges = {"difference": (-top, top), "stance": (-1.0, 1.0)}
    found = False
    for name, what in intervals.items():
        for column in (f"{name}_low", f"{name}_high") if name else ("low", "high"):
            inside = table[column].clip(*ranges.get(what, (0.0, 1.0)))
            found |= bool(((inside - table[column]).abs() > 0).any())
            table[column] = inside
    return found


def _interval(mean: float, variances: tuple[float, float], sizes: tuple[int, int]) -> tuple[float, float]:
    if min(sizes) < FEWEST_QUOTES:
        return float("nan"), float("nan")
    return statistics.t_interval(mean, variances, sizes)


def _row(part: pd.DataFrame, group: str, resamples: int, seed: int) -> dict[str, Any]:
    frame, part = part["frame"].iloc[0], part.dropna(subset=["difference"])
    press, record = part["press"].to_numpy("float64"), part["record"].to_numpy("float64")
    gaps, size = press - record, len(part)
    row: dict[str, Any] = {
        "frame": frame, "group": group, "press": part["press"].mean(), "record": part["record"].mean(),
        "difference": part["difference"].mean(), "low": float("nan"), "high": float("nan"), "p_value": float("nan"),
        "n_people": size, "n_press": int(part["n_press"].sum()), "n_record": int(part["n_record"].sum()),
    }  # fmt: skip
    if size < FEWEST_PEOPLE:
        row["method"] = (f"No test is possible of {size} {'person' if size == 1 else 'people'} in both; inference "
                         f"needs at least {FEWEST_PEOPLE}.")  # fmt: skip
        return row
    if size < FEW_PEOPLE:
        row["low"], row["high"] = statistics.t_interval(float(gaps.mean()), (float(gaps.var(ddof=1)) / size, 0.0),
                                                        (size, FEWEST_PEOPLE))  # fmt: skip
        how = f"95% t interval over people, since fewer than {FEW_PEOPLE} are too few for the bootstrap"
    else:
        draws = np.random.default_rng(seed).integers(0, size, (resamples, size))
        row["low"], row["high"] = statistics.percentile_interval(gaps[draws].mean(axis=1))
        how = f"95% percentile interval from {resamples} bootstrap samples of people"
    test = stats.permutation_test((press, record), lambda x, y, axis: (x - y).mean(axis=axis),
                                  permutation_type="samples", vectorized=True, n_resamples=resamples,
                                  rng=np.random.default_rng(seed))  # fmt: skip
    row["p_value"] = float(test.pvalue)
    row["method"] = f"Means of people's means; {how}; p-value by flipping the sign of people's differences (Holm)."
    return row
