"""Articles -> the quotes table."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rapidfuzz import fuzz
from tqdm.auto import tqdm

from stance.articles import Article
from stance.attribution import speakers
from stance.attribution.marks import Mark, Span, Speaker
from stance.attribution.model import AttributionModel, Marker, load_attribution_model
from stance.attribution.shaping import shape
from stance.attribution.transcripts import find_turns
from stance.attribution.typography import find_segments, paragraphs_of, visible
from stance.errors import InputError
from stance.people import Roster, add_parties, roster
from stance.quotes import COLUMNS, as_quotes, left_out, make_quote_id

_CONTEXT = 1000  # characters of the paragraph kept on each side of a quote


def extract_quotes(
    articles: Article | Iterable[Article],
    *,
    people: Roster | None = None,
    precision: str = "auto",
    marker: Marker | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """The quotes of one or several articles: who said what, from which party, and where it stands.

    Args:
        articles: what :func:`read_article` returns.
        people: another roster than the bundled one.
        precision: "auto" computes in bfloat16 where the processor has it, "exact" in float32.
        marker: another way to find quotes than the bundled model: any callable from texts to each text's marks,
            such as another folder's :func:`load_attribution_model`.
        progress: a bar, once it has taken two seconds.

    Returns:
        A quotes table (see :mod:`stance.quotes`), one row a quote, in the order of the text; empty, with the
        columns, where nothing is quoted. A speaker or party that stays open is null, and the ledger says why.

    Raises:
        InputError: something that is no Article, or two with one source.

    >>> stance.extract_quotes(stance.read_article("article.html"))[["speaker", "party"]]    # doctest: +SKIP
              speaker         party
    0   Yvette Cooper        Labour
    """
    several = [articles] if isinstance(articles, Article | str | Path) else list(articles)
    people = people or roster()
    rows: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for article in several:
        if not isinstance(article, Article):
            raise InputError(f"{str(article)[:60]!r} is not an Article: read one by stance.read_article(path or "
                             "address), or make one of a text by stance.Article(text, source)")  # fmt: skip
        seen[article.source] = seen.get(article.source, 0) + 1
    twice = [source for source, count in seen.items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]!r} is the source of {seen[twice[0]]} articles; give each its own (source=)")
    marker = marker or load_attribution_model(precision=precision)
    texts = [article.text for article in several]
    marked = marker(texts, progress=progress) if isinstance(marker, AttributionModel) else marker(texts)
    pairs = zip(several, marked, strict=True)
    for article, marks in tqdm(
        pairs, total=len(several), desc="speakers", unit=" articles", delay=2, disable=not progress
    ):
        found, left = _quotes_of(article, marks, people)
        rows += found
        notes += left
    if not rows:
        table = pd.DataFrame({column: pd.Series(dtype="object") for column in COLUMNS})
        table["date"] = table["date"].astype("datetime64[us]")
    else:
        table = add_parties(as_quotes(pd.DataFrame(rows, columns=list(COLUMNS))), people, surnames=False)
    table.attrs["left_out"] = [*notes, *table.attrs.get("left_out", [])]
    table.attrs["articles"] = [
        {"source": a.source, "sha256": a.sha256, "date": str(a.date) if a.date else None, "date_from": a.date_from,
         "title": a.title, "url": a.url, "precision": precision} for a in several
    ]  # fmt: skip
    return table


def _quotes_of(
    article: Article, marks: Sequence[Mark], people: Roster
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    text = visible(article.text)  # what is read; what is written comes from the article as it is
    segments, broken = find_segments(text)
    notes = [left_out("attribution", note["reason"], source=article.source, where=note["where"], text=note["text"])
             for note in broken]  # fmt: skip
    paragraphs = paragraphs_of(text)
    turns = find_turns(text, paragraphs)
    shaped, scraps = shape(text, [*turns, *outside(marks, turns)], segments, paragraphs)
    notes += [left_out("attribution", reason, source=article.source, where=f"{start}–{end}", text=text[start:end])
              for reason, (start, end) in scraps]  # fmt: skip
    named = list(zip(shaped, speakers.resolve(replace(article, text=text), shaped, people), strict=True))
    rows = []
    for quote, speaker in named:
        spans = [[start, end] for start, end in quote.content]
        words = " ".join(article.text[start:end] for start, end in spans)
        start, last = _paragraphs_around(paragraphs, spans[0][0], spans[-1][1])
        echo = _echo(text, (start, last), quote, named)
        where = f"{spans[0][0]}–{spans[-1][1]}"
        if echo:
            notes.append(left_out("attribution", f"heading that repeats a quote of {echo}", source=article.source,
                                  where=where, text=words))  # fmt: skip
            continue
        if speaker.name is None and quote.cue is None and quote.kind != "speech" and len(words.split()) <= 3:
            notes.append(left_out("attribution", "a word or two in quotation marks, without a reporting clause",
                                  source=article.source, where=where, text=words))  # fmt: skip
            continue
        if speaker.name is None:
            notes.append(left_out("speaker", speaker.reason, source=article.source, where=where, text=words))
        rows.append({
            "quote_id": make_quote_id(article.source, spans, words), "text": words, "speaker": speaker.name,
            "speaker_type": speaker.type, "party": None, "date": article.date, "kind": quote.kind,
            "source": article.source, "spans": spans,
            "speaker_span": list(quote.source[0]) if quote.source else None,
            "cue_span": list(quote.cue) if quote.cue else None,
            "confidence": quote.confidence,
            "speaker_confidence": min(speaker.confidence, quote.link_confidence) if speaker.name else None,
            "context": article.text[max(start, spans[0][0] - _CONTEXT) : min(last, spans[-1][1] + _CONTEXT)],
        })  # fmt: skip
    return rows, notes


def outside(marks: Sequence[Mark], turns: Sequence[Mark]) -> list[Mark]:
    """The marks that stand in no turn of a transcript: what somebody quotes there is part of the turn."""
    taken = sorted(span for turn in turns for span in turn.content)
    starts = [start for start, _ in taken]

    def inside(start: int, end: int) -> bool:
        at = bisect.bisect_left(starts, end) - 1
        return at >= 0 and taken[at][1] > start

    return [mark for mark in marks if not any(inside(*span) for span in mark.content)]


def _paragraphs_around(paragraphs: Sequence[Span], start: int, end: int) -> Span:
    """From the start of the paragraph that holds ``start`` to the end of that which holds ``end``."""
    first = max(0, bisect.bisect_right(paragraphs, start, key=lambda p: p[0]) - 1)
    last = max(first, bisect.bisect_right(paragraphs, end - 1, key=lambda p: p[0]) - 1)
    return paragraphs[first][0], paragraphs[last][1]


def _echo(text: str, paragraph: Span, quote: Mark, named: Sequence[tuple[Mark, Speaker]]) -> str | None:
    """The speaker whose words a quoted heading repeats, if it is one."""
    if paragraph[1] - paragraph[0] > 200:
        return None
    line = text[paragraph[0] : paragraph[1]]
    first, end = quote.content[0]
    if len(line.split()) > 14 or first - paragraph[0] > 1 or paragraph[1] - end > 1:
        return None
    words = text[first:end].casefold()
    for other, speaker in named:
        if other is not quote and speaker.name:
            said = " ".join(text[a:b] for a, b in other.content).casefold()
            if fuzz.partial_ratio(words, said) >= 85:
                return speaker.name
    return None
