"""Reads tests/data/british: short articles with fictional people, with every quote, its speaker and party marked.

A file holds a head in YAML, a line ``---``, and the article, in which ⟦n:…⟧ marks what quote n says (twice or more
where it is split) and ⟨n:…⟩ the words that name its speaker.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stance.articles import Article
from stance.people import Roster
from stance.people.roster import OPTIONAL, REQUIRED, _typed

FOLDER = Path(__file__).parent / "data" / "british"
Span = tuple[int, int]


@dataclass(frozen=True)
class Gold:
    number: int
    content: tuple[Span, ...]
    source: Span
    speaker: str | None
    type: str
    party: str | None
    how: str


@dataclass(frozen=True)
class Story:
    name: str
    held_out: bool
    article: Article
    people: Roster
    gold: tuple[Gold, ...]


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = list(dict.fromkeys([*REQUIRED, *OPTIONAL]))
    full = [{column: str(row.get(column, "") or "") for column in columns} for row in rows]
    return _typed(pd.DataFrame(full, columns=columns))


@lru_cache(maxsize=1)
def stories() -> tuple[Story, ...]:
    return tuple(_story(path) for path in sorted(FOLDER.glob("*.txt")))


def _story(path: Path) -> Story:
    head, marked = path.read_text(encoding="utf-8").split("\n---\n", 1)
    meta = yaml.safe_load(head)
    text, content, source = "", {}, {}
    opened: list[tuple[str, int, int]] = []
    for piece in re.split(r"([⟦⟨]\d+:|[⟧⟩])", marked.rstrip("\n")):
        if re.fullmatch(r"[⟦⟨]\d+:", piece):
            opened.append((piece[0], int(piece[1:-1]), len(text)))
        elif piece in {"⟧", "⟩"}:
            kind, number, start = opened.pop()
            assert kind == {"⟧": "⟦", "⟩": "⟨"}[piece], (path.name, number)
            if kind == "⟦":
                content.setdefault(number, []).append((start, len(text)))
            else:
                source[number] = (start, len(text))
        else:
            text += piece
    assert not opened, path.name
    assert sorted(content) == sorted(source) == sorted(meta["quotes"]), path.name
    gold = tuple(
        Gold(n, tuple(content[n]), source[n], q["speaker"], q["type"], q["party"], q["how"])
        for n, q in sorted(meta["quotes"].items())
    )
    offices = [{**row, "party": ""} for row in meta.get("roles", [])]
    people = Roster(_table(meta["people"]), _table(offices))
    return Story(path.stem, meta["held_out"], Article(text, path.stem, date=meta["date"]), people, gold)
