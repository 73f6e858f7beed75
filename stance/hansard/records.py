"""A contribution to a debate, and how it becomes a row of the quotes table.

=============== =======================================================================
column          content (besides those of the quotes table; ``kind`` is always "speech")
=============== =======================================================================
contribution    "speech", "intervention", "question" or "answer"
house           "Commons", "Lords", "Westminster Hall" or "Committee"
debate          str; the heading that it stands under
debate_id       str; the record's id of that heading: a unit to resample, beside the speaker
person_id       str or null; the record's id of the speaker
party_from      "people" (people.json), "roster", "record" (printed beside the name) or null
url             str or null; the contribution in public
quotes_other    list of [start, end), ranges of ``text`` that read out somebody else's words, or null
=============== =======================================================================

``source`` is the contribution's own id, and its text is what the member said: paragraphs divided by a line end,
without tables, motions, procedure and the reporters' notes in square brackets, which the ledger counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from stance.quotes import COLUMNS, as_quotes, left_out, make_quote_id

RECORD_COLUMNS = ("contribution", "house", "debate", "debate_id", "person_id", "party_from", "url", "quotes_other")
FEWEST_QUOTED_WORDS = 5  # fewer are a term in quotation marks, not somebody's words
_NOTE = re.compile(
    r"\s*\[(?:(?:Interruption|Laughter|Applause|HON\. MEMBERS|Hon\. Members|An? hon\. Member|"
    r"Several hon\. Members|Official Report)\b[^\]]*|[^\]]* in the Chair)\]", re.IGNORECASE)  # fmt: skip
_QUOTED = re.compile(r"“([^”]+)”|(?<![\w\"])\"([^\"]+)\"(?!\w)")
_OWN_WORDS = re.compile(r"\b(?:I|we)\s+(?:\w+\s+)?(?:said|say|told|asked|wrote|argued|warned|repeat)\b[^.?!”]{0,60}$")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph and what it is: "spoken", "quoted" (set off, read out), "motion", "procedure" or "table"."""

    text: str
    what: str = "spoken"


@dataclass
class Contribution:
    """One member's turn as the record prints it; see the module for the meaning of the fields."""

    id: str
    date: str
    house: str
    debate: str
    debate_id: str
    paragraphs: Sequence[Paragraph]
    name: str | None = None  # as printed, without office, constituency and party
    person_id: str | None = None
    office: str | None = None  # "The Secretary of State for …", where the record prints one
    label: str | None = None  # the party code printed beside the name
    hint: str = ""  # what the record itself calls it ("Start Question")
    url: str | None = None
    role: str = "speech"
    text: str = field(default="", init=False)
    quoted: list[list[int]] = field(default_factory=list, init=False)
    dropped: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        pieces: list[str] = []
        at = 0
        for paragraph in self.paragraphs:
            words = " ".join(paragraph.text.split())
            what = paragraph.what
            if what in ("spoken", "quoted"):
                words, notes = _NOTE.subn("", words)
                words = words.strip()
                if notes:
                    self._count("a reporter's note inside a contribution", notes)
                if words:
                    if what == "quoted":
                        self.quoted.append([at, at + len(words)])
                    pieces.append(words)
                    at += len(words) + 1
            elif words:
                self._count(f"{what} inside a contribution", 1)
        self.text = "\n".join(pieces)
        self.quoted = merged([*self.quoted, *quoted_ranges(self.text)])

    def _count(self, reason: str, times: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + times

    @property
    def words(self) -> int:
        return len(self.text.split())


def quoted_ranges(text: str) -> list[list[int]]:
    """Half-open ranges of ``text`` in quotation marks, of five words or more, that are not the speaker's own words.

    >>> quoted_ranges('The Minister wrote: “We shall do it by the end of May.”')
    [[20, 54]]
    """
    found = []
    for match in _QUOTED.finditer(text):
        group = 1 if match.group(1) else 2
        own = _OWN_WORDS.search(text, max(0, match.start() - 90), match.start())
        if len(match.group(group).split()) >= FEWEST_QUOTED_WORDS and not own:
            found.append([match.start(group), match.end(group)])
    return found


def merged(ranges: Sequence[Sequence[int]]) -> list[list[int]]:
    """Ranges in order, those that touch or overlap made one."""
    out: list[list[int]] = []
    for start, end in sorted((int(a), int(b)) for a, b in ranges):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def row_of(item: Contribution, name: str | None, party: str | None, party_from: str | None) -> dict[str, Any]:
    """The contribution as a row of the quotes table."""
    spans = [[0, len(item.text)]]
    return {
        "quote_id": make_quote_id(item.id, spans, item.text), "text": item.text, "speaker": name,
        "speaker_type": "person" if name else None, "party": party, "date": item.date, "kind": "speech",
        "source": item.id, "spans": spans, "speaker_span": None, "cue_span": None, "confidence": 1.0,
        "speaker_confidence": 1.0 if name else None, "context": None, "contribution": item.role, "house": item.house,
        "debate": item.debate, "debate_id": item.debate_id, "person_id": item.person_id, "party_from": party_from,
        "url": item.url, "quotes_other": item.quoted or None,
    }  # fmt: skip


def table_of(rows: Sequence[dict[str, Any]], notes: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A checked quotes table of the rows, with the ledger; empty, with its columns, where there are none."""
    columns = [*COLUMNS, *RECORD_COLUMNS]
    if rows:
        table = as_quotes(pd.DataFrame(rows, columns=columns), origin="the record")
        for column in RECORD_COLUMNS[:-1]:
            table[column] = table[column].astype("str")
    else:
        table = pd.DataFrame({column: pd.Series(dtype="object") for column in columns})
        table["date"] = table["date"].astype("datetime64[us]")
    table.attrs["left_out"] = list(notes)
    return table


def own_words(quotes: pd.DataFrame) -> pd.DataFrame:
    """The speeches without what they read out of somebody else's words (``quotes_other``).

    Reading out an opponent's sentence is not taking its side, but a model scores the sentence all the same. What is
    left of ``text`` is joined by a space and ``spans`` point to it; a speech that is quotation throughout goes to the
    ledger. The input is not changed.

    >>> stance.own_words(quotes)["text"]    # doctest: +SKIP
    """
    out = quotes.reset_index(drop=True).copy()
    out.attrs = dict(quotes.attrs)
    notes, keep = [], []
    texts, spans = out["text"].tolist(), out["spans"].astype(object).tolist()
    for i, ranges in enumerate(_as_ranges(out["quotes_other"])):
        if not ranges:
            keep.append(i)
            continue
        text, offset = texts[i], spans[i][0][0] if spans[i] is not None else 0
        pieces, at = [], 0
        for start, end in [*ranges, [len(text), len(text)]]:
            piece = text[at:start].rstrip('“" \n')
            left = at + len(piece) - len(piece.lstrip('”" \n.,;'))
            if re.search(r"\w", piece):
                pieces.append([left, at + len(piece)])
            at = end
        if not pieces:
            notes.append(left_out("reading", "nothing but somebody else's words", source=out["source"].iloc[i],
                                  where=out["quote_id"].iloc[i], text=text, of=len(out)))  # fmt: skip
            continue
        keep.append(i)
        texts[i] = " ".join(text[a:b] for a, b in pieces)
        spans[i] = [[a + offset, b + offset] for a, b in pieces]
    out["text"] = texts
    out["spans"] = pd.Series(spans, index=out.index, dtype=object)
    out["quotes_other"] = pd.Series([None] * len(out), index=out.index, dtype=object)
    attrs = out.attrs
    out = out.iloc[keep].reset_index(drop=True)
    out.attrs = {**attrs, "left_out": [*attrs.get("left_out", []), *notes]}
    return out


def _as_ranges(values: "pd.Series[Any]") -> list[list[list[int]]]:
    """The column as lists, whether it comes from memory, Parquet (arrays) or CSV (JSON)."""
    import json

    out = []
    for value in values:
        if isinstance(value, str):
            value = json.loads(value) if value else []
        missing = value is None or (not hasattr(value, "__len__") and pd.isna(value))
        out.append([] if missing else [[int(a), int(b)] for a, b in value])
    return out
