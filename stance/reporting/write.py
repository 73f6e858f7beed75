"""Writes a report's folder.

    index.html        everything on one page, without a request to the network
    analysis.ipynb    the notebook that made it, with its outputs
    quotes.csv        the quotes table, scores.csv the scores, each with its ledger beside it (.meta.json)
    results.json      every other number: the comparison, the other specifications, the words
    figures/          each picture as PNG and SVG
    inputs/           the articles, the codebook, the roster and the human codes, as far as they are files
    provenance.json   inputs, model, codebook, versions, seed, command

The files are first written to a folder beside the target and moved when all are there.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from stance.codebook import Codebook, check_lock, load_codebook, read_lock
from stance.comparison import name_of
from stance.errors import InputError, ReadError, TableError
from stance.quotes import COLUMNS, as_quotes, file_hash, read_table, write_table
from stance.reporting.page import quotes_of, render
from stance.reporting.run import figures_of, run_notebook
from stance.scoring import SCORE_COLUMNS

INPUTS = "inputs"


def report(
    table: pd.DataFrame,
    folder: str | Path,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str = "party",
    codebook: "str | Path | Codebook | None" = None,
    model: str | Path | None = None,
    gold: pd.DataFrame | None = None,
    lock: str | Path | None = None,
    seed: int = 0,
    title: str | None = None,
    inputs: Sequence[str | Path] = (),
    roster: str | Path | None = None,
    command: str | None = None,
) -> Path:
    """Runs the analysis of notebook 02 on quotes or scores and writes the report.

    Args:
        table: scores (what :func:`stance.score` returns), or quotes, which are then scored in exact precision.
        folder: made where missing; files of the same names in it are replaced, others stay.
        a, b, by, seed: the comparison, as in :func:`stance.compare`; where the column ``by`` holds fewer than two
            groups, the report describes the quotes without one.
        codebook, model: for quotes, as in :func:`stance.score`; a model by name or folder.
        gold: human codes of a sample (:func:`stance.read_codes`): the differences are corrected with them.
        lock: a file that :func:`stance.lock` wrote; the report prints it, and whether it is older than the scores.
        title: of the page.
        inputs: articles or the table that the quotes came from; articles are copied into the report, so that it can be
            verified from them on.
        roster: the list of people that was used beside the bundled one.
        command: how it was made; the command line's own words if not given.

    Returns:
        The path of ``index.html``.

    Raises:
        TableError: neither a quotes nor a scores table, or empty.
        InputError: a group that is not there, or a model that is not a name.
        ReadError: ``folder`` is a file, or cannot be written.
        CodebookError: the lock is of another codebook.
    """
    scored = "frame" in table and "support" in table
    if scored:
        missing = [column for column in ("quote_id", "text", *SCORE_COLUMNS[:5]) if column not in table]
        if missing:
            raise TableError(f"the scores have no column {missing[0]!r}; give the table that score() returns")
    if table.empty:
        raise TableError("the table has no rows; there is nothing to report")
    if not isinstance(model, (str, Path, type(None))):
        raise InputError("model= is not a name or folder; score the quotes with it first, and report the scores")
    if by not in table:
        raise TableError(f"the table has no column {by!r}; name the column of the groups with by=")
    for name in filter(None, (a, b)):
        groups = dict.fromkeys(map(name_of, table[by].dropna()))
        if str(name) not in groups:
            known = ", ".join(map(str, groups)) or "none"
            raise InputError(f"no quote has {by} {name!r}; the groups are: {known}")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ReadError(f"{folder}: is a file; name a folder for the report")
    quotes = as_quotes(quotes_of(table) if scored else table, origin="the scores" if scored else "the quotes table")
    if scored:
        table = _completed(table, quotes)
    settings = {"by": by, "a": a, "b": b, "seed": seed, "model": _place_of(model), "probe": True}
    if scored:
        # Other specifications need the model and the codebook of these scores; a callable cannot be called again.
        scored_by = table.attrs.get("provenance", {})
        settings["probe"] = bool(scored_by.get("model", {}).get("sha256"))
        settings["model"] = _place_of(scored_by["model"]["name"]) if settings["probe"] else None
        codebook = Codebook.model_validate(scored_by["codebook"]["content"]) if "codebook" in scored_by else codebook
    if lock is not None:
        recorded = table.attrs.get("provenance", {}).get("codebook", {}).get("sha256")
        check_lock(lock, recorded if scored else load_codebook(codebook).sha256)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        work.chmod(0o755)
    except OSError as error:
        raise ReadError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        write_table(quotes, work / "quotes.csv")
        if scored:
            write_table(table, work / "scores.csv")
        stored = _store(work, quotes, codebook, inputs, roster, gold, lock)
        parameters = parameters_of(settings, work, scored=scored)
        notebook = run_notebook(work, parameters)
        made = _provenance(work, settings, parameters, stored, scored=scored, command=command)
        _finish(work, notebook, made, by, title)
        _move(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder / "index.html"


def _place_of(model: str | Path | None) -> str | None:
    """A model's name, or its folder from the root on: the notebook runs in a folder of its own."""
    if model is None or not Path(model).is_dir():
        return None if model is None else str(model)
    return str(Path(model).resolve())


def _completed(scores: pd.DataFrame, quotes: pd.DataFrame) -> pd.DataFrame:
    """The scores with every column of the quotes table, typed as there, whatever file they were read back from."""
    place = pd.Series(range(len(quotes)), index=quotes["quote_id"])
    known = scores["quote_id"].astype("str").isin(place.index)  # a blank text is no quote; the ledger has it
    out = scores[known].reset_index(drop=True)
    rows = place[out["quote_id"].astype("str")].to_numpy()
    for column in COLUMNS:
        out[column] = quotes[column].iloc[rows].reset_index(drop=True)
    for column in ("support", "oppose", "stance", "spread"):
        if column in out:
            out[column] = pd.to_numeric(out[column])
    out.attrs = {**scores.attrs, **quotes.attrs}
    return out


def parameters_of(settings: dict[str, Any], work: Path, *, scored: bool) -> dict[str, Any]:
    """The notebook's parameters; files are named relative to the report's folder, in which it runs."""
    book = next(iter(sorted((work / INPUTS).glob("codebook.yaml"))), None)
    gold = (work / INPUTS / "codes.csv").is_file()
    return {
        "quotes_file": "quotes.csv", "scores_file": "scores.csv" if scored else None,
        "gold_file": f"{INPUTS}/codes.csv" if gold else None, "codebook": f"{INPUTS}/codebook.yaml" if book else None,
        "model": settings["model"], "precision": "exact", "by": settings["by"], "a": settings["a"], "b": settings["b"],
        "seed": settings["seed"], "probe": settings["probe"], "keep": ".",
    }  # fmt: skip


def _store(
    work: Path, quotes: pd.DataFrame, codebook: Any, inputs: Sequence[str | Path], roster: str | Path | None,
    gold: pd.DataFrame | None, lock: str | Path | None,
) -> dict[str, Any]:  # fmt: skip
    """Copies what the report was made from into it; says what is there and what of it can be run again."""
    place = work / INPUTS
    place.mkdir()
    articles = quotes.attrs.get("articles", [])
    by_hash = {article["sha256"]: article for article in articles}
    listed = []
    for number, path in enumerate(p for p in map(Path, map(str, inputs)) if p.is_file()):
        digest = file_hash(path)
        entry = {"file": path.name, "sha256": digest}
        if digest in by_hash:
            name = path.name if not (place / path.name).exists() else f"{number}-{path.name}"
            shutil.copyfile(path, place / name)
            entry |= {
                "stored": f"{INPUTS}/{name}",
                "source": by_hash[digest]["source"],
                "date": by_hash[digest]["date"],
            }
        listed.append(entry)
    if codebook is not None:
        book = load_codebook(codebook)
        (place / "codebook.yaml").write_text(book.to_yaml(), encoding="utf-8")
    if roster is not None:
        shutil.copyfile(roster, place / "roster.csv")
    if gold is not None:
        gold.to_csv(place / "codes.csv", index=False)
    if lock is not None:
        shutil.copyfile(lock, place / "lock.json")
    whole = bool(articles) and sum("stored" in entry for entry in listed) == len(articles)
    if not any(place.iterdir()):
        place.rmdir()
    return {"inputs": listed, "from_articles": whole,
            "gold": None if gold is None else {"codes": len(gold), "drawn": gold.attrs.get("drawn")}}  # fmt: skip


def _provenance(
    work: Path, settings: dict[str, Any], parameters: dict[str, Any], stored: dict[str, Any], *, scored: bool,
    command: str | None,
) -> dict[str, Any]:  # fmt: skip
    scores = read_table(work / "scores.csv")
    lock_file = work / INPUTS / "lock.json"
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command or "stance.report()",
        "inputs": stored["inputs"],
        "articles": scores.attrs.get("articles", []),
        **scores.attrs.get("provenance", {}),
        "comparison": {key: settings[key] for key in ("by", "a", "b", "seed")}
        | {"gold": stored["gold"]},
        "lock": read_lock(lock_file).as_dict() if lock_file.is_file() else None,
        # What stance verify needs: where the chain can begin, and with which settings.
        "again": {"start": "scores" if scored else "articles" if stored["from_articles"] else "quotes",
                  "parameters": parameters},
    }  # fmt: skip


def _finish(work: Path, notebook: Any, made: dict[str, Any], by: str, title: str | None) -> None:
    """Figures, the notebook, the page and, last, the record with the hashes of all files."""
    import nbformat

    figures = figures_of(notebook)
    (work / "figures").mkdir()
    for figure in figures:
        (work / "figures" / f"{figure.name}.png").write_bytes(figure.png)
        (work / "figures" / f"{figure.name}.svg").write_bytes(figure.svg)
    scores = read_table(work / "scores.csv")
    results = json.loads((work / "results.json").read_text(encoding="utf-8"))
    page = render(scores, results, notebook, figures, made, by=by, title=title)
    (work / "index.html").write_text(page, encoding="utf-8")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/svg+xml", None)  # figures/ has it
    notebook.metadata.pop("papermill", None)
    nbformat.write(notebook, work / "analysis.ipynb")  # type: ignore[no-untyped-call]
    files = [p for p in sorted(work.rglob("*")) if p.is_file()]
    made["files"] = {p.relative_to(work).as_posix(): file_hash(p) for p in files}
    (work / "provenance.json").write_text(json.dumps(made, ensure_ascii=False, indent=1, default=str), encoding="utf-8")


def _move(work: Path, folder: Path) -> None:
    """Puts the new files in place; those of an earlier report that are not in this one go."""
    try:
        old = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        old = {}
    for name in old:
        path = (folder / name).resolve()
        if not (work / name).exists() and folder.resolve() in path.parents:
            path.unlink(missing_ok=True)
    for path in sorted(work.rglob("*")):
        target = folder / path.relative_to(work)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
