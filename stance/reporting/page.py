"""The page: the notebook's cells between a summary before them and every quote, the ledger and the record after."""

import base64
import hashlib
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from stance.comparison import name_of
from stance.plotting import UNKNOWN, group_style, is_fictional, persons
from stance.quotes import COLUMNS, ledger
from stance.reporting.run import Figure
from stance.reporting.summary import checklist, group_names, in_words
from stance.scoring import SCORE_COLUMNS

MOST_QUOTES = 1500  # listed on the page; the tables have all
MOST_LEFT = 300


def render(
    scores: pd.DataFrame, results: Mapping[str, Sequence[Mapping[str, Any]]], notebook: Any, figures: Sequence[Figure],
    made: Mapping[str, Any], *, by: str, title: str | None,
) -> str:  # fmt: skip
    """The page as one HTML text that needs nothing beside it."""
    from jinja2 import Environment

    package = importlib.resources.files("stance") / "data"
    template = (package / "report.html.j2").read_text(encoding="utf-8")
    script = (package / "report.js").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["num"] = lambda v: "–" if v is None or v != v else f"{v:.2f}"
    quotes = quotes_of(scores)
    left = ledger(scores)
    counts = left.groupby(["stage", "reason"], sort=False).size().reset_index(name="n") if len(left) else left
    cards = _cards(scores, quotes, by)
    frames = list(dict.fromkeys(scores["frame"]))
    looks = group_style(group_names(scores, by))
    return environment.from_string(template).render(
        title=title or "Who said what, and in which frame", by=by, made=made, frames=frames, unknown=UNKNOWN,
        summary=in_words(results), gold=made["comparison"].get("gold"), sections=_sections(notebook, figures, results),
        cards=cards[:MOST_QUOTES], n_quotes=len(quotes), most=MOST_QUOTES, looks=looks, names=list(looks),
        n_attributed=int((quotes["speaker"].notna() & persons(quotes)).sum()),
        n_others=int((quotes["speaker"].notna() & ~persons(quotes)).sum()),
        n_party=int(quotes[by].notna().sum()) if by in quotes else 0,
        counts=counts.to_dict("records"), left=left.head(MOST_LEFT).to_dict("records"), n_left=len(left),
        codebook=made.get("codebook", {}), fictional=is_fictional(scores), script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        done=checklist(scores, made, results, len(left), by),
        version=made.get("versions", {}).get("stance-toolkit", ""),
    )  # fmt: skip


def quotes_of(scores: pd.DataFrame) -> pd.DataFrame:
    """The quotes table that a scores table was made from."""
    columns = [c for c in scores.columns if c not in SCORE_COLUMNS]
    quotes = scores.drop_duplicates("quote_id")[columns].reset_index(drop=True)
    quotes.attrs = {key: value for key, value in scores.attrs.items() if key != "provenance"}
    return quotes


def _cards(scores: pd.DataFrame, quotes: pd.DataFrame, by: str) -> list[dict[str, Any]]:
    """What the page shows of each quote."""
    frames = [str(name) for name in dict.fromkeys(scores["frame"])]
    empty = {"support": None, "oppose": None, "spread": None, "facet": "no score"}
    measured = {key: {str(row["frame"]): row for row in part.to_dict("records")}
                for key, part in scores.groupby("quote_id", sort=False)}  # fmt: skip
    cards = []
    for quote in quotes.head(MOST_QUOTES).to_dict("records"):
        known = {
            key: (None if not isinstance(value, list) and pd.isna(value) else value) for key, value in quote.items()
        }
        spans = known.get("spans")
        cards.append({
            **{column: known.get(column) for column in COLUMNS},
            "group": name_of(known.get(by)),
            "date": pd.Timestamp(quote["date"]).date() if known.get("date") is not None else None,
            "place": ", ".join(f"{start}–{end}" for start, end in spans) if isinstance(spans, list) else None,
            "context": _marked(known.get("context"), quote["text"]),
            "scores": [measured[quote["quote_id"]].get(frame, {**empty, "frame": frame}) for frame in frames],
        })  # fmt: skip
    return cards


def _marked(context: str | None, text: str) -> tuple[str, str, str] | None:
    """The context as what stands before, the quote, and what stands after, where the quote is in it in one piece."""
    if not context or context.strip() == text:
        return None
    before, found, after = context.partition(text)
    return (before, text, after) if found else (context, "", "")


# --- the notebook's cells -----------------------------------------------------------------------


def _sections(
    notebook: Any, figures: Sequence[Figure], results: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The cells as parts of a page: text, code, tables, figures. The title and the parameters are the page's own."""
    from nbconvert.filters import markdown2html

    drawn = {figure.name: figure for figure in figures}
    parts: list[dict[str, Any]] = []
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & {"settings", "parameters", "injected-parameters", "keep"}:
            continue
        if cell.cell_type == "markdown":
            if cell.source.startswith("# "):
                continue
            html = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(cell.source))
            parts.append({"kind": "text", "html": html})
            continue
        parts.append({"kind": "code", "code": cell.source})
        name = cell.metadata.get("stance", {}).get("figure")
        if name in drawn:
            figure = drawn[name]
            data = base64.b64encode(figure.svg).decode()
            parts.append({"kind": "figure", "data": f"data:image/svg+xml;base64,{data}", "caption": figure.caption,
                          "alt": _alt(figure, results)})  # fmt: skip
        for output in cell.get("outputs", []):
            parts += _output(output)
    # A heading with nothing shown under it but code says that there was nothing to show.
    for at, part in enumerate(parts):
        rest = parts[at + 1 :]
        end = next((i for i, p in enumerate(rest) if p["kind"] == "text"), len(rest))
        last = part["kind"] == "text" and at + end + 1 == len(parts) and not rest
        if part["kind"] == "text" and not last and all(p["kind"] == "code" for p in rest[:end]):
            part["empty"] = bool(rest[:end])
    return parts


def _output(output: Any) -> list[dict[str, Any]]:
    data = output.get("data", {})
    if output.output_type == "stream":
        return (
            [{"kind": "note", "text": output.text.strip()}] if output.name == "stdout" and output.text.strip() else []
        )
    if "image/png" in data or "application/vnd.jupyter.widget-view+json" in data:
        return []  # pictures are figures; a progress bar is nothing on a page
    if "text/html" in data:
        return [{"kind": "table", "html": accessible(str(data["text/html"]))}]
    if "text/plain" in data and output.output_type == "display_data":
        return [{"kind": "note", "text": str(data["text/plain"])}]
    return []


def _alt(figure: Figure, results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A text for the picture that has its main numbers."""
    text = figure.caption
    if figure.name == "comparison":
        for row in results.get("comparison", []):
            if row["mean_a"] is not None and row["mean_b"] is not None:
                text += f". {row['frame']}: {row['group_a']} {row['mean_a']:.2f}, {row['group_b']} {row['mean_b']:.2f}"
    if figure.name == "multiverse":
        for row in results.get("shares", []):
            text += f". {row['frame']}: {row['n']} specifications, from {row['lowest']:+.2f} to {row['highest']:+.2f}"
    return text + ". The numbers are in the tables of this page."


_CELL = re.compile(r"<th(?P<attributes>(?:\s[^>]*)?)>(?P<inside>.*?)</th>", re.DOTALL)


def accessible(html: str) -> str:
    """A data frame's HTML with scopes for its headers, no empty header, and room to scroll."""
    html = re.sub(r"<style[^>]*>.*?</style>", "", html, flags=re.DOTALL)
    html = re.sub(r"<table[^>]*>", '<table class="sortable">', html)
    head, middle, body = html.partition("</thead>")

    def scoped(scope: str) -> Any:
        def one(match: re.Match[str]) -> str:
            inside = match["inside"].strip() or '<span class="hidden">row</span>'
            span = re.search(r'\s(?:col|row)span="\d+"', match["attributes"])
            return f'<th scope="{scope}"{span[0] if span else ""}>{inside}</th>'

        return one

    if middle:
        html = _CELL.sub(scoped("col"), head) + middle + _CELL.sub(scoped("row"), body)
    return re.sub(r"(<table.*?</table>)", r'<div class="scroll">\1</div>', html, flags=re.DOTALL)
