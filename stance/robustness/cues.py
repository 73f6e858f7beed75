"""Does the model read the party into the words? Names and parties masked, then swapped."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stance import groups as statistics
from stance.codebook import Codebook, load_codebook
from stance.comparison import compared_rows
from stance.errors import InputError, TableError
from stance.people import Roster
from stance.people import roster as bundled_roster
from stance.quotes import as_quotes
from stance.scoring import exact_scorer, score

# Each party's words, longest first: the party, its members, and its adjective. Case counts: "labour" is work.
PARTY_WORDS = {
    "Labour": ("Labour Party", "Labour"),
    "Conservative": ("Conservative Party", "Conservatives", "Conservative", "Tories", "Tory"),
    "Liberal Democrat": ("Liberal Democrats", "Liberal Democrat", "Lib Dems", "Lib Dem"),
    "Reform UK": ("Reform UK",),
    "SNP": ("Scottish National Party", "SNP"),
    "Green Party": ("Green Party", "Greens"),
    "Plaid Cymru": ("Plaid Cymru",),
}
MASKED_PARTY, MASKED_NAME = "the party", "the politician"
_TITLED = r"(?P<title>Mr|Mrs|Ms|Miss|Dr|Sir|Dame|Lord|Lady|Baroness)\.? (?P<surname>[A-Z][\w’'-]+)"


def audit_party_cues(
    quotes: pd.DataFrame,
    codebook: str | Path | Codebook | None = None,
    a: str | None = None,
    b: str | None = None,
    *,
    model: Any = None,
    by: str = "party",
    measure: str = "support",
    people: Roster | None = None,
    seed: int = 0,
    resamples: int = 1000,
    progress: bool = True,
) -> pd.DataFrame:
    """How far the scores move when parties and politicians named in the quotes are masked, and when they are swapped.

    Masked: "the party" and "the politician" stand in their place. Swapped: the words of one group's party become the
    other's, and names of politicians become names from the other side. A measure of what is said should not move.

    Args:
        quotes, codebook, model, progress: as in :func:`stance.score`.
        a, b, by: the groups, as in :func:`stance.compare`; swapping needs two parties of PARTY_WORDS.
        measure: "support", "oppose" or "stance".
        people: whose names to look for besides the table's speakers; the bundled roster if not given.
        seed, resamples: of the pairing of names and the bootstrap over speakers.

    Returns:
        One row a frame, group and change: frame, group (and "a - b", the difference of the groups' shifts), change
        ("masked", "swapped"), shift (mean change of the score over the n quotes that hold a cue), low, high (95%, NaN
        with fewer than three speakers), n, n_quotes (of all).

    Raises:
        InputError: no quote holds a cue.
        TableError, CodebookError, ModelError: as :func:`stance.score`.

    >>> stance.audit_party_cues(quotes).round(3)    # doctest: +SKIP
             frame   group  change  shift    low  high   n  n_quotes
    0  enforcement  Labour  masked  0.012 -0.004  0.03  41       300
    """
    book = load_codebook(codebook)
    table = as_quotes(quotes, origin="the quotes table")
    if by not in table:
        raise TableError(f"the quotes have no column {by!r} (columns: {', '.join(map(str, table.columns))})")
    stand_in = table.assign(frame="-", support=0.0)[["quote_id", "frame", "support", "speaker", "speaker_type", by]]
    kept, pair, _ = compared_rows(stand_in, a, b, by=by)
    table = table[table["quote_id"].isin(kept["quote_id"])].reset_index(drop=True)
    names = _names(table, by, pair, people if people is not None else bundled_roster(), seed)
    texts = {"masked": [mask(text, names) for text in table["text"]]}
    if pair[0] in PARTY_WORDS and pair[1] in PARTY_WORDS:
        texts["swapped"] = [swap(text, names, pair) for text in table["text"]]
    changed = {change: np.array([new != old for new, old in zip(found, table["text"], strict=True)])
               for change, found in texts.items()}  # fmt: skip
    if not any(which.any() for which in changed.values()):
        raise InputError(f"none of {len(table)} quotes names a party or a politician; there is no cue to mask")
    any_cue = np.logical_or.reduce(list(changed.values()))
    model = exact_scorer(model)
    plain = score(table[any_cue][["quote_id", "text"]], book, model, progress=progress, seed=seed)
    rows = []
    for change, found in texts.items():
        which = changed[change]
        if not which.any():
            continue  # only other parties are named: nothing to swap
        other = table[which][["quote_id"]].assign(text=[t for t, c in zip(found, which, strict=True) if c])
        moved = score(other, book, model, progress=progress, seed=seed)
        both = moved[["quote_id", "frame", measure]].merge(
            plain[["quote_id", "frame", measure]], on=["quote_id", "frame"], suffixes=("", "_plain")
        )
        both["shift"] = both[measure] - both[f"{measure}_plain"]
        both = both.merge(kept[["quote_id", "group", "unit", "named"]], on="quote_id")
        for frame, part in both.groupby("frame", sort=False):
            rows += _shifts(str(frame), change, part, pair, seed, resamples)
    out = pd.DataFrame(rows, columns=["frame", "group", "change", "shift", "low", "high", "n"])
    sizes = kept["group"].value_counts()
    out["n_quotes"] = out["group"].map(sizes).fillna(len(table)).astype(int)
    out = out.sort_values(["frame", "change"], key=lambda c: c.map({v: i for i, v in enumerate(dict.fromkeys(c))}),
                          kind="stable").reset_index(drop=True)  # fmt: skip
    out.attrs = {"left_out": kept.attrs["left_out"]}
    out.attrs["provenance"] = plain.attrs["provenance"]
    return out


def _names(table: pd.DataFrame, by: str, pair: tuple[str, ...], people: Roster, seed: int) -> dict[str, str]:
    """Every known full name, and the name that stands for it when sides are swapped (itself for other parties)."""
    speakers = table.dropna(subset=["speaker", by]).drop_duplicates("speaker")
    known = dict(zip(speakers["speaker"].astype("str"), speakers[by].astype("str"), strict=True))
    last = people.periods.drop_duplicates("person", keep="last")
    roster = dict(zip(last["person"].astype("str"), last["party"].fillna("").astype("str"), strict=True))
    every = {**roster, **known}
    sides = [sorted(name for name, party in every.items() if party == group) for group in pair]
    rng = np.random.default_rng(seed)
    out = dict.fromkeys(every, "")
    for mine, theirs in (sides, sides[::-1]):
        if theirs:
            picked = rng.permutation(len(theirs))
            out |= {name: theirs[picked[i % len(theirs)]] for i, name in enumerate(mine)}
    return {name: other or name for name, other in out.items()}


def _pattern(words: Iterable[str]) -> "re.Pattern[str]":
    return re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + r")\b")


def mask(text: str, names: dict[str, str]) -> str:
    """The text with "the party" and "the politician" in the place of parties and known politicians.

    >>> mask("The Tories and Mr Reed agree.", {"Bo Reed": "Ada Finch"})
    'the party and the politician agree.'
    """
    out = _replace_names(text, names, lambda name, title: MASKED_NAME)
    every = _pattern(word for words in PARTY_WORDS.values() for word in words).pattern
    return re.sub(rf"(?:\b[Tt]he )?{every}", MASKED_PARTY, out)


def swap(text: str, names: dict[str, str], pair: tuple[str, ...]) -> str:
    """The text with the two parties' words and the politicians' names exchanged.

    >>> swap("Labour and Mr Reed agree.", {"Bo Reed": "Ada Finch"}, ("Labour", "Conservative"))
    'Conservative and Mr Finch agree.'
    """
    out = _replace_names(text, names, lambda name, title: names[name] if not title else names[name].split()[-1])
    forms = {word: other for mine, theirs in (pair, pair[::-1]) for word in PARTY_WORDS[mine]
             for other in [f"{theirs} Party" if word.endswith("Party") and theirs in ("Labour", "Conservative")
                           else theirs]}  # fmt: skip
    return _pattern(forms).sub(lambda found: forms[found.group()], out)


def _replace_names(text: str, names: dict[str, str], become: Any) -> str:
    names = {name: other for name, other in names.items() if name.strip()}
    if not names:
        return text
    surnames = {name.split()[-1]: name for name in names}
    out = re.sub(_TITLED, lambda m: _titled(m, surnames, become), text)
    # Only names whose words all stand in the text are put into the pattern: a roster has a thousand.
    present = [name for name in names if name in out]
    return _pattern(present).sub(lambda m: become(m.group(), ""), out) if present else out


def _titled(found: "re.Match[str]", surnames: dict[str, str], become: Any) -> str:
    name = surnames.get(found["surname"])
    if name is None:
        return found.group()
    new = str(become(name, found["title"]))
    return new if new == MASKED_NAME else f"{found['title']} {new}"


def _shifts(
    frame: str, change: str, part: pd.DataFrame, pair: tuple[str, ...], seed: int, resamples: int
) -> list[tuple[Any, ...]]:  # fmt: skip
    out, draws, means = [], [], []
    rng = np.random.default_rng(seed)
    for group in pair:
        mine = part[part["group"] == group].sort_values(["unit", "quote_id"])
        shift = mine["shift"].to_numpy("float64")
        units = np.asarray(pd.factorize(mine["unit"])[0], dtype=np.int64)
        mean = float(shift.mean()) if len(shift) else float("nan")
        drawn = np.full(resamples, np.nan)
        if mine.loc[mine["named"], "unit"].nunique() >= 3:
            drawn = statistics.resampled_means(shift, units, resamples=resamples, rng=rng, by_quote=True)
        draws.append(drawn)
        means.append(mean)
        out.append((frame, group, change, mean, *statistics.percentile_interval(drawn), len(shift)))
    gap = statistics.percentile_interval(draws[0] - draws[1])
    return [*out, (frame, f"{pair[0]} - {pair[1]}", change, means[0] - means[1], *gap, len(part))]
