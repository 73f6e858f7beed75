"""Writes a report: one self-contained page, the tables, the figures and the provenance.

    index.html        everything on one page, without a request to the network
    quotes.csv        the quotes table, scores.csv the scores, each with its ledger beside it (.meta.json)
    figures/          each picture as PNG and SVG
    provenance.json   inputs, model, codebook, versions, seed, command

The files are first written to a folder beside the target and moved when all are there.
"""

import base64
import importlib.resources
import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from stance.comparison import Comparison, compare
from stance.errors import InputError, ReadError, TableError
from stance.plotting import UNKNOWN, group_style, plot_comparison, plot_plane, plot_quotes, rows_of
from stance.quotes import COLUMNS, file_hash, ledger, write_table
from stance.scoring import SCORE_COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def report(
    scores: pd.DataFrame,
    folder: str | Path,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str = "party",
    seed: int = 0,
    title: str | None = None,
    inputs: Sequence[str | Path] = (),
    command: str | None = None,
) -> Path:
    """Writes a report of scored quotes.

    Args:
        scores: what :func:`stance.score` returns.
        folder: made where missing; files of the same names in it are replaced, others stay.
        a, b, by, seed: the comparison, as in :func:`stance.compare`; where the column ``by`` holds fewer than two
            groups, the report describes the quotes without one.
        title: of the page.
        inputs: files whose hashes go into the provenance (articles carry theirs already).
        command: how it was made; the command line's own words if not given.

    Returns:
        The path of ``index.html``.

    Raises:
        TableError: not a scores table.
        ReadError: ``folder`` is a file, or cannot be written.
    """
    missing = [column for column in ("quote_id", "text", *SCORE_COLUMNS[:5]) if column not in scores]
    if missing:
        raise TableError(f"the scores have no column {missing[0]!r}; give the table that score() returns")
    if scores.empty:
        raise TableError("there are no scores to report")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ReadError(f"{folder}: is a file; name a folder for the report")
    try:
        comparison: Comparison | None = compare(scores, a, b, by=by, seed=seed)
        no_comparison = ""
    except InputError as error:
        if a is not None or b is not None:
            raise
        comparison, no_comparison = None, str(error)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise ReadError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        _write(work, scores, comparison, no_comparison, by=by, seed=seed, title=title, inputs=inputs, command=command)
        for path in sorted(work.rglob("*")):
            target = folder / path.relative_to(work)
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder / "index.html"


def _write(
    work: Path, scores: pd.DataFrame, comparison: Comparison | None, no_comparison: str, *, by: str, seed: int,
    title: str | None, inputs: Sequence[str | Path], command: str | None,
) -> None:  # fmt: skip
    quotes = quotes_of(scores)
    write_table(quotes, work / "quotes.csv")
    write_table(scores, work / "scores.csv")
    pictures = _draw(work / "figures", scores, comparison, by)
    made = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command or "stance.report()",
        "inputs": [{"file": Path(p).name, "sha256": file_hash(Path(p))} for p in inputs if Path(p).is_file()],
        "articles": scores.attrs.get("articles", []), **scores.attrs.get("provenance", {}),
        "comparison": {"by": by, "seed": seed} if comparison is None else
        {"a": comparison.summary["group_a"].iloc[0], "b": comparison.summary["group_b"].iloc[0], "by": by,
         "measure": comparison.measure, "seed": seed, "resamples": comparison.resamples},
        "files": {p.relative_to(work).as_posix(): file_hash(p) for p in sorted(work.rglob("*.csv"))},
    }  # fmt: skip
    (work / "provenance.json").write_text(json.dumps(made, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    page = _page(scores, quotes, comparison, no_comparison, pictures, made, by, title)
    (work / "index.html").write_text(page, encoding="utf-8")


def quotes_of(scores: pd.DataFrame) -> pd.DataFrame:
    """The quotes table that a scores table was made from."""
    columns = [c for c in scores.columns if c not in SCORE_COLUMNS]
    quotes = scores.drop_duplicates("quote_id")[columns].reset_index(drop=True)
    quotes.attrs = {key: value for key, value in scores.attrs.items() if key != "provenance"}
    return quotes


def _draw(folder: Path, scores: pd.DataFrame, comparison: Comparison | None, by: str) -> list[dict[str, str]]:
    """Draws and saves every figure; returns name, caption and the SVG as a data address."""
    import matplotlib.pyplot as plt

    folder.mkdir()
    wanted: list[tuple[str, str, Any]] = []
    if comparison is not None:
        wanted.append(
            ("comparison", "Means of the two groups on each frame", lambda ax: plot_comparison(comparison, ax=ax))
        )
    wanted.append(("quotes", "Every quote's support for each frame", lambda ax: plot_quotes(scores, by=by, ax=ax)))
    if scores["frame"].nunique() > 1 and "speaker" in scores and scores["speaker"].notna().any():
        wanted.append(
            ("plane", "Speakers on the plane of the first two frames", lambda ax: plot_plane(scores, by=by, ax=ax))
        )
    out = []
    for name, caption, draw in wanted:
        with plt.rc_context({"svg.hashsalt": "stance", "svg.fonttype": "path"}):
            ax: Axes = draw(None)
            figure = ax.get_figure(root=True)
            assert figure is not None
            figure.savefig(folder / f"{name}.png", dpi=200, bbox_inches="tight", metadata={"Software": None})
            buffer = io.BytesIO()
            figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
            plt.close(figure)
        (folder / f"{name}.svg").write_bytes(buffer.getvalue())
        data = base64.b64encode(buffer.getvalue()).decode()
        out.append({"name": name, "caption": caption, "data": f"data:image/svg+xml;base64,{data}"})
    return out


def _page(
    scores: pd.DataFrame, quotes: pd.DataFrame, comparison: Comparison | None, no_comparison: str,
    pictures: list[dict[str, str]], made: dict[str, Any], by: str, title: str | None,
) -> str:  # fmt: skip
    from jinja2 import Environment

    template = (importlib.resources.files("stance") / "data/report.html.j2").read_text(encoding="utf-8")
    names = [str(g) for g in quotes[by].dropna().unique()] if by in quotes else []
    left = ledger(scores)
    counts = left.groupby(["stage", "reason"], sort=False).size().reset_index(name="n") if len(left) else left
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["num"] = lambda v: "–" if v is None or v != v else f"{v:.2f}"
    environment.filters["signed"] = lambda v: "–" if v is None or v != v else f"{v:+.2f}"
    return environment.from_string(template).render(
        title=title or "Who said what, and in which frame", by=by, made=made, pictures=pictures,
        cards=_cards(scores, quotes, by), frames=list(dict.fromkeys(scores["frame"])),
        comparison=comparison, rows=[] if comparison is None else comparison.summary.to_dict("records"),
        notes=[no_comparison] if comparison is None else comparison.notes,
        plain=_in_words(comparison), style=group_style([*names, UNKNOWN]), unknown=UNKNOWN,
        counts=counts.to_dict("records"), left=left.to_dict("records"), n_quotes=len(quotes),
        n_attributed=int(quotes["speaker"].notna().sum()), n_party=int(quotes[by].notna().sum()) if by in quotes else 0,
        codebook=made.get("codebook", {}), fictional="synthetic" in scores and bool(scores["synthetic"].any()),
    )  # fmt: skip


def _in_words(comparison: Comparison | None) -> list[str]:
    """The comparison in sentences that say no more than the statistics."""
    if comparison is None:
        return []
    out = []
    for row in rows_of(comparison.summary):
        higher = row.group_a if row.difference > 0 else row.group_b
        text = (f"On {row.frame}, the quotes of {row.group_a} score {row.mean_a:.2f} on average and those of "
                f"{row.group_b} {row.mean_b:.2f}; {higher}'s are higher by {abs(row.difference):.2f}")  # fmt: skip
        if row.low == row.low:
            text += f" (95% interval of the difference {row.low:+.2f} to {row.high:+.2f}, p = {row.p_value:.3f})"
        out.append(text + ".")
    return out


def _cards(scores: pd.DataFrame, quotes: pd.DataFrame, by: str) -> list[dict[str, Any]]:
    """What the page shows of each quote."""
    measured = {key: part.to_dict("records") for key, part in scores.groupby("quote_id", sort=False)}
    cards = []
    for quote in quotes.to_dict("records"):
        known = {
            key: (None if not isinstance(value, list) and pd.isna(value) else value) for key, value in quote.items()
        }
        spans = known.get("spans")
        cards.append({
            **{column: known.get(column) for column in COLUMNS}, "group": known.get(by),
            "date": pd.Timestamp(quote["date"]).date() if known.get("date") is not None else None,
            "place": ", ".join(f"{start}–{end}" for start, end in spans) if spans else None,
            "context": _marked(known.get("context"), quote["text"]), "scores": measured[quote["quote_id"]],
        })  # fmt: skip
    return cards


def _marked(context: str | None, text: str) -> tuple[str, str, str] | None:
    """The context as what stands before, the quote, and what stands after, where the quote is in it in one piece."""
    if not context or context.strip() == text:
        return None
    before, found, after = context.partition(text)
    return (before, text, after) if found else (context, "", "")
