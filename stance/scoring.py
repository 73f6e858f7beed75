"""Quotes x codebook -> scores.

For each quote and frame: a facet's probability is the mean of P(entailment) over its wordings; ``support`` is the
largest over the supporting facets, ``oppose`` over the opposing ones, ``stance`` = support - oppose, and ``spread``
the standard deviation over the wordings of the facet that gave the support.

=========== =====================================================================================
column      content (besides all columns of the quotes table)
=========== =====================================================================================
frame       str; the frame's name
support     float in [0, 1]
oppose      float in [0, 1]; NaN where the frame has no opposing facets
stance      float in [-1, 1]
spread      float in [0, 0.5]
facet       str; the supporting facet that gave ``support``
window      [start, end) in ``text``, the run of sentences that gave ``support``
=========== =====================================================================================
"""

import importlib.metadata
import platform
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.codebook import Codebook, Facet, load_codebook
from stance.errors import InputError, ModelError, TableError
from stance.quotes import as_quotes

SCORE_COLUMNS = ("frame", "support", "oppose", "stance", "spread", "facet", "window")
_PACKAGES = (
    "stance-toolkit",
    "scikit-learn",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "pandas",
    "scipy",
    "trafilatura",
)


def score(
    quotes: "pd.DataFrame | str | Iterable[str] | Entailed",
    codebook: str | Path | Codebook | None = None,
    model: Any = None,
    *,
    precision: str | None = None,
    head: Any = "auto",
    cache: bool | None = None,
    client: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Scores every quote on every frame of a codebook.

    Args:
        quotes: a quotes table, or any table with a column ``text``; a single string is one quote. Or what
            :func:`entail` returned, so that the model need not run again.
        codebook: a YAML file, a bundled name or a :class:`Codebook`; the default question if not given.
        model: a folder, a Hub name, a loaded model, or any callable from n (premise, hypothesis) pairs to an
            (n, 3) array of P(entailment), P(neutral), P(contradiction); the bundled model if not given.
        precision: "auto" (the fastest that keeps scores within 0.005) or "exact" (float32); that of a
            loaded model, or "auto", if not given.
        head: "auto" puts the bundled fitted head on top of the bundled model where it was better on quotes that it was
            not fitted on (:class:`stance.StanceScorer`); False is zero-shot alone; or a fitted scorer of your own.
            A head sets support, oppose and stance; spread, facet and window stay the zero-shot model's.
        cache: False computes everything afresh (see :mod:`stance.cache`); a loaded model's own habit if not given.
        client: a ``dask.distributed.Client`` whose workers do the work (see :mod:`stance.cluster`).
        seed: kept in the provenance; scoring itself draws nothing.
        progress: a bar, once it has taken two seconds.

    Returns:
        One row a quote and frame, quotes in their order, frames in the codebook's. ``attrs["provenance"]`` names
        the model and its weights' SHA-256, the codebook and its hash, and the versions.

    Raises:
        TableError: no column ``text``, or nothing to score.
        InputError: a precision for a callable, or one that is not known.
        CodebookError, ModelError: as their loaders.

    >>> stance.score(["Jail the smugglers."])[["frame", "support"]].round(2)    # doctest: +SKIP
             frame  support
    0  enforcement     0.93
    1   deterrence     0.11
    """
    book = load_codebook(codebook)
    if client is not None:
        return _on_cluster(_checked(quotes), book, model, precision, head, client, seed, progress)
    found = quotes
    if not isinstance(found, Entailed):
        found = entail(found, book, model, precision=precision, cache=cache, progress=progress)
    if found.codebook.sha256 != book.sha256:
        raise InputError(
            f"the entailments are of the codebook {found.codebook.name!r}, not of {book.name!r}; entail again"
        )
    out = _tabulate(found)
    used = _apply_head(out, found, head)
    out.attrs = dict(found.table.attrs)
    out.attrs["provenance"] = {
        "model": found.model,
        "codebook": {"name": book.name, "version": book.version, "sha256": book.sha256,
                     "hypotheses": len(found.hypotheses), "content": book.model_dump(mode="json")},
        "head": used, "versions": versions(), "seed": seed, "quotes": len(found.table), "windows": len(found.places),
        "pairs": len(found.places) * len(found.hypotheses),
    }  # fmt: skip
    return out


@dataclass(frozen=True)
class Entailed:
    """What a model says of every window of every quote and every hypothesis: scores before they are scores.

    Attributes:
        table: the quotes table.
        codebook: its hypotheses are the columns.
        places: one (row, start, end) a window, rows of ``table`` in their order; offsets into the quote's text.
        probabilities: (windows, hypotheses, 3) P(entailment), P(neutral), P(contradiction).
        model: the model's record for the provenance.
        scorer: the model itself.
    """

    table: pd.DataFrame
    codebook: Codebook
    places: list[tuple[int, int, int]]
    probabilities: NDArray[np.float64]
    model: dict[str, Any]
    scorer: Any = field(repr=False)

    @property
    def hypotheses(self) -> list[str]:
        return self.codebook.hypotheses

    @property
    def starts(self) -> NDArray[np.int64]:
        """(quotes,) the first window of each quote, for ``numpy.ufunc.reduceat``."""
        rows = np.array([row for row, _, _ in self.places])
        return np.flatnonzero(np.r_[True, np.diff(rows) > 0])

    @cached_property
    def embeddings(self) -> NDArray[np.float64] | None:
        """(windows, hidden) the model's embeddings; None of a model without ``embed``."""
        embed = getattr(self.scorer, "embed", None)
        return None if embed is None else np.asarray(embed(self.texts))

    def take(self, rows: Sequence[int]) -> "Entailed":
        """The same for some of the quotes, in the order given, without running the model again."""
        ends = [*self.starts[1:].tolist(), len(self.places)]
        windows = [np.arange(self.starts[row], ends[row]) for row in rows]
        every = np.concatenate(windows) if windows else np.empty(0, dtype=int)
        places = [(new, *self.places[w][1:]) for new, mine in enumerate(windows) for w in mine]
        table = self.table.iloc[list(rows)].reset_index(drop=True)
        table.attrs = dict(self.table.attrs)
        out = Entailed(table, self.codebook, places, self.probabilities[every], self.model, self.scorer)
        if self.embeddings is not None:
            out.__dict__["embeddings"] = self.embeddings[every]
        return out

    @property
    def texts(self) -> list[str]:
        """The windows' texts."""
        texts = self.table["text"].tolist()
        return [texts[row][start:end] for row, start, end in self.places]

    def __repr__(self) -> str:
        return (f"Entailed({len(self.table)} quotes, {len(self.places)} windows, {len(self.hypotheses)} hypotheses of "
                f"{self.codebook.name!r}, model {self.model['name']!r})")  # fmt: skip


def entail(
    quotes: pd.DataFrame | str | Iterable[str],
    codebook: str | Path | Codebook | None = None,
    model: Any = None,
    *,
    precision: str | None = None,
    cache: bool | None = None,
    progress: bool = True,
) -> Entailed:
    """Runs the model once; :func:`score`, :func:`stance.multiverse` and :class:`stance.StanceScorer` take the result.

    Args:
        quotes, codebook, model, precision, cache, progress: as in :func:`score`.

    Raises:
        TableError, InputError, CodebookError, ModelError: as :func:`score`.

    >>> stance.entail(["Jail the smugglers."])    # doctest: +SKIP
    Entailed(1 quotes, 1 windows, 36 hypotheses of 'enforcement-deterrence', model 'bundled')
    """
    book = load_codebook(codebook)
    table = _checked(quotes)
    scorer = load_scorer(model, precision, cache=cache)
    hypotheses = book.hypotheses
    windows = [_windows(scorer, text, hypotheses) for text in table["text"]]
    places = [(row, start, end) for row, spans in enumerate(windows) for start, end in spans]
    texts = table["text"].tolist()
    premises = [texts[row][start:end] for row, start, end in places]
    pairs = [(premise, hypothesis) for premise in premises for hypothesis in hypotheses]
    found = _probabilities(scorer, pairs, progress).reshape(len(places), len(hypotheses), 3)
    distinct = len(set(premises)) * len(set(hypotheses))
    return Entailed(table, book, places, found, _model_record(scorer, distinct), scorer)


def _checked(quotes: "pd.DataFrame | str | Iterable[str] | Entailed") -> pd.DataFrame:
    """A quotes table of whatever was given.

    Raises:
        TableError: nothing to score, or a column that scoring writes.
        InputError: entailments, where quotes are wanted.
    """
    if isinstance(quotes, Entailed):
        raise InputError("client= is for quotes; these are entailments, which the model has been run for already")
    if isinstance(quotes, str):
        quotes = [quotes]
    if not isinstance(quotes, pd.DataFrame):
        quotes = pd.DataFrame({"text": list(quotes)})
    clash = [column for column in SCORE_COLUMNS if column in quotes.columns]
    if clash:
        raise TableError(f"the quotes have a column {clash[0]!r}, which scoring writes; rename or drop it")
    return as_quotes(quotes, origin="the quotes table")


def _on_cluster(
    table: pd.DataFrame, book: Codebook, model: Any, precision: str | None, head: Any, client: Any, seed: int,
    progress: bool,
) -> pd.DataFrame:  # fmt: skip
    from stance.cluster import score_table  # dask, only where it is used

    columns, provenance = score_table(table, client, book, model, precision, head, seed, progress)
    out = table.loc[table.index.repeat(len(book.frames))].reset_index(drop=True)
    for name in SCORE_COLUMNS:
        out[name] = columns[name]
    out.attrs = dict(table.attrs)
    out.attrs["provenance"] = provenance
    return out


def _apply_head(out: pd.DataFrame, found: Entailed, head: Any) -> dict[str, Any]:
    """Puts a head's support, oppose and stance in the place of zero-shot's; returns what the provenance says of it."""
    from stance.head.fitted import default_head, head_scores, heads_hash  # a room below this one

    if head is False or head is None:
        return {"used": False, "why": "switched off"}
    if isinstance(head, str):
        if head != "auto":
            raise InputError(f"head={head!r}; it must be 'auto', False or a fitted StanceScorer")
        if not found.model.get("sha256"):
            return {"used": False, "why": "the model has no hash to which a head could be bound"}
        heads, record = default_head(found)
        if heads is None:
            if found.model["name"] == "bundled" and "another model" in record["why"]:
                warnings.warn(f"the bundled head {record['name']!r} is not used: {record['why']}; scores are zero-shot",
                              stacklevel=3)  # fmt: skip
            return record
    else:
        if not hasattr(head, "heads_"):
            raise InputError("head= is not fitted; call its fit() first")
        heads = head.heads_
        record = {"used": True, "name": "your own", "frames": list(heads), "sha256": heads_hash(heads)}
        if head.codebook_.sha256 != found.codebook.sha256 or head.model_sha256_ != found.model.get("sha256"):
            raise ModelError("the head was fitted on another model or codebook; fit it again with these")
    by_frame = {str(name): part for name, part in out.groupby("frame", sort=False)}
    plain = {name: (part["support"].to_numpy("float64"), part["oppose"].to_numpy("float64"))
             for name, part in by_frame.items()}  # fmt: skip
    for frame, (support, oppose) in head_scores(found, heads, plain).items():
        rows = by_frame[frame].index
        out.loc[rows, "support"], out.loc[rows, "oppose"] = support, oppose
        out.loc[rows, "stance"] = support - np.nan_to_num(oppose)
    return record


def _tabulate(found: Entailed) -> pd.DataFrame:
    """The scores table, without its attributes."""
    table, frames = found.table, found.codebook.frames
    entailed = found.probabilities[:, :, 0]  # (windows, hypotheses)
    column = {hypothesis: i for i, hypothesis in enumerate(found.hypotheses)}
    ends = [*found.starts[1:].tolist(), len(found.places)]
    out = table.loc[table.index.repeat(len(frames))].reset_index(drop=True)
    results: dict[str, list[Any]] = {name: [] for name in SCORE_COLUMNS}
    for first, last in zip(found.starts.tolist(), ends, strict=True):
        mine = entailed[first:last]
        for frame in frames:
            support, spread, facet, best = _strongest(mine, frame.supports, column)
            oppose = _strongest(mine, frame.opposes, column)[0] if frame.opposes else float("nan")
            against = 0.0 if np.isnan(oppose) else oppose
            _, start, end = found.places[first + best]
            values = (frame.name, support, oppose, support - against, spread, facet, [start, end])
            for name, value in zip(SCORE_COLUMNS, values, strict=True):
                results[name].append(value)
    for name, values_of in results.items():
        out[name] = pd.Series(values_of, index=out.index, dtype="object" if name == "window" else None)
    return out


def _strongest(
    entailed: NDArray[np.float64], facets: Sequence[Facet], column: dict[str, int]
) -> tuple[float, float, str, int]:
    """The largest facet probability over windows: value, spread over its wordings, facet, window.

    Args:
        entailed: (windows, hypotheses) P(entailment).
    """
    best = (-1.0, 0.0, "", 0)
    for facet in facets:
        wordings = entailed[:, [column[hypothesis] for hypothesis in facet.hypotheses]]  # (windows, wordings)
        means = wordings.mean(axis=1)
        window = int(means.argmax())
        if means[window] > best[0]:
            best = (float(means[window]), float(wordings[window].std()), facet.name, window)
    return best


def exact_scorer(model: Any) -> Any:
    """What scores pairs, in float32 where it lets one choose: for work on small differences.

    Raises:
        ModelError: as :func:`stance.load_model`.
    """
    scorer = load_scorer(model)
    return scorer.with_precision("exact") if hasattr(scorer, "with_precision") else scorer


def load_scorer(
    model: Any, precision: str | None = None, *, cache: bool | None = None, tokens_a_batch: int | None = None
) -> Any:
    """What scores pairs: a callable as it is, or the model of that name.

    Args:
        tokens_a_batch: a fixed size of batches, for results that are the same to the last bit in every run.

    Raises:
        InputError: a precision for a callable.
        ModelError: as :func:`stance.load_model`.
    """
    if callable(model) and not hasattr(model, "with_precision"):
        if precision is not None:
            raise InputError(f"precision={precision!r} is for models that stance loads; this one is a callable")
        return model
    if not callable(model):
        from stance.entailment import load_model  # torch and transformers, only where a model is used

        model = load_model(model, precision=precision or "auto")
    elif precision is not None:
        model = model.with_precision(precision)
    if cache is False:
        model = model.with_cache(None)
    return model if tokens_a_batch is None else model.with_batches(tokens_a_batch)


def _windows(scorer: Any, text: str, hypotheses: Sequence[str]) -> list[tuple[int, int]]:
    split = getattr(scorer, "windows", None)
    return split(text, hypotheses) if split else [(0, len(text))]


def _probabilities(scorer: Any, pairs: Sequence[tuple[str, str]], progress: bool) -> NDArray[np.float64]:
    predict = getattr(scorer, "predict", None)
    found = np.asarray(predict(pairs, progress=progress) if predict else scorer(pairs), dtype="float64")
    if found.shape != (len(pairs), 3):
        raise ModelError(f"the model gave an array of shape {found.shape} for {len(pairs)} pairs; it must be "
                         f"({len(pairs)}, 3): P(entailment), P(neutral), P(contradiction)")  # fmt: skip
    first = found[:, 0]
    if not ((first >= 0) & (first <= 1)).all():
        raise ModelError("the model gave a P(entailment) outside [0, 1] or NaN; it must give probabilities")
    return found


def _model_record(scorer: Any, pairs: int) -> dict[str, Any]:
    if hasattr(scorer, "sha256"):
        computed_in = getattr(scorer, "arithmetic_of", None)
        return {"name": scorer.name, "sha256": scorer.sha256, "max_tokens": scorer.max_tokens,
                "temperature": scorer.temperature, "precision": getattr(scorer, "precision", None),
                "arithmetic": computed_in(pairs) if computed_in else None}  # fmt: skip
    return {"name": getattr(scorer, "__qualname__", type(scorer).__name__), "sha256": None}


def versions() -> dict[str, str]:
    """The versions that a number depends on: Python, the platform, and the packages."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
