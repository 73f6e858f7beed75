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
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.codebook import Codebook, Facet, load_codebook
from stance.errors import InputError, ModelError, TableError
from stance.quotes import as_quotes

SCORE_COLUMNS = ("frame", "support", "oppose", "stance", "spread", "facet", "window")
_PACKAGES = ("stance-toolkit", "torch", "transformers", "tokenizers", "numpy", "pandas", "scipy", "trafilatura")


def score(
    quotes: pd.DataFrame | str | Iterable[str],
    codebook: str | Path | Codebook | None = None,
    model: Any = None,
    *,
    precision: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Scores every quote on every frame of a codebook.

    Args:
        quotes: a quotes table, or any table with a column ``text``; a single string is one quote.
        codebook: a YAML file, a bundled name or a :class:`Codebook`; the default question if not given.
        model: a folder, a Hub name, a loaded model, or any callable from n (premise, hypothesis) pairs to an
            (n, 3) array of P(entailment), P(neutral), P(contradiction); the bundled model if not given.
        precision: "auto" (the fastest that keeps every probability within 0.005) or "exact" (float32); that of a
            loaded model, or "auto", if not given.
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
    if isinstance(quotes, str):
        quotes = [quotes]
    if not isinstance(quotes, pd.DataFrame):
        quotes = pd.DataFrame({"text": list(quotes)})
    clash = [column for column in SCORE_COLUMNS if column in quotes.columns]
    if clash:
        raise TableError(f"the quotes have a column {clash[0]!r}, which scoring writes; rename or drop it")
    table = as_quotes(quotes, origin="the quotes table")
    scorer = _scorer(model, precision)
    hypotheses = book.hypotheses
    windows = [_windows(scorer, text, hypotheses) for text in table["text"]]
    places = [(row, start, end) for row, spans in enumerate(windows) for start, end in spans]
    texts = table["text"].tolist()
    pairs = [(texts[row][start:end], hypothesis) for row, start, end in places for hypothesis in hypotheses]
    found = _probabilities(scorer, pairs, progress)
    entailed = found[:, 0].reshape(len(places), len(hypotheses))  # (windows, hypotheses)
    rows_of = np.array([row for row, _, _ in places])
    column = {hypothesis: i for i, hypothesis in enumerate(hypotheses)}
    out = table.loc[table.index.repeat(len(book.frames))].reset_index(drop=True)
    results: dict[str, list[Any]] = {name: [] for name in SCORE_COLUMNS}
    for row in range(len(table)):
        mine = np.flatnonzero(rows_of == row) if len(windows[row]) > 1 else np.array([_first(rows_of, row)])
        for frame in book.frames:
            support, spread, facet, best = _strongest(entailed[mine], frame.supports, column)
            oppose = _strongest(entailed[mine], frame.opposes, column)[0] if frame.opposes else float("nan")
            against = 0.0 if np.isnan(oppose) else oppose
            _, start, end = places[mine[best]]
            values = (frame.name, support, oppose, support - against, spread, facet, [start, end])
            for name, value in zip(SCORE_COLUMNS, values, strict=True):
                results[name].append(value)
    for name, values_of in results.items():
        out[name] = pd.Series(values_of, index=out.index, dtype="object" if name == "window" else None)
    out.attrs = dict(table.attrs)
    out.attrs["provenance"] = {
        "model": _model_record(scorer, model),
        "codebook": {"name": book.name, "version": book.version, "sha256": book.sha256,
                     "hypotheses": len(hypotheses), "content": book.model_dump(mode="json")},
        "versions": versions(), "seed": seed, "quotes": len(table), "windows": len(places), "pairs": len(pairs),
    }  # fmt: skip
    return out


def _first(rows_of: NDArray[np.int64], row: int) -> int:
    return int(np.searchsorted(rows_of, row))


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


def _scorer(model: Any, precision: str | None) -> Any:
    if callable(model):
        if precision is None:
            return model
        if not hasattr(model, "with_precision"):
            raise InputError(f"precision={precision!r} is for models that stance loads; this one is a callable")
        return model.with_precision(precision)
    from stance.entailment import load_model  # torch and transformers, only where a model is used

    return load_model(model, precision=precision or "auto")


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


def _model_record(scorer: Any, model: Any) -> dict[str, Any]:
    if hasattr(scorer, "sha256"):
        return {"name": scorer.name, "sha256": scorer.sha256, "max_tokens": scorer.max_tokens,
                "temperature": scorer.temperature, "precision": getattr(scorer, "precision", None)}  # fmt: skip
    return {"name": getattr(scorer, "__qualname__", type(scorer).__name__), "sha256": None}


def versions() -> dict[str, str]:
    """The versions that a number depends on: Python, the platform, and the packages."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
