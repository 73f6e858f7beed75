"""PolNeAR's articles as tokens with labels and links, for training and evaluation."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stance.attribution.marking import LABELS, Tokens, tokenize

NONE = -1  # a cue without a source, a content whose cue is not there


@dataclass
class Example:
    """One article: tokens, a label for each (n,), and for each the first token of what it belongs to, or NONE.

    ``to`` is, for a token of a content, its cue's first token; for a cue's first token, its source's first token;
    NONE elsewhere and where there is none.
    """

    doc: str
    tokens: Tokens
    labels: np.ndarray
    to: np.ndarray


def read(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def merged(spans: list[list[int]], text: str) -> list[list[int]]:
    """Spans in order, those with nothing but blanks between them made one (the corpus cuts at "Sen. Cruz")."""
    out: list[list[int]] = []
    for start, end in sorted(spans):
        if out and not text[out[-1][1] : start].strip():
            out[-1] = [out[-1][0], max(end, out[-1][1])]
        else:
            out.append([start, end])
    return out


def example(row: dict, tokenizer) -> Example:
    tokens = tokenize(row["text"], tokenizer)
    labels = np.zeros(len(tokens.ids), dtype=np.int64)
    to = np.full(len(tokens.ids), NONE, dtype=np.int64)
    starts, ends = tokens.spans[:, 0], tokens.spans[:, 1]

    def put(spans, role) -> list[tuple[int, int]]:
        """Labels the tokens of the spans; their token ranges."""
        ranges = []
        for start, end in merged(spans or [], row["text"]):
            first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
            if first < last:
                labels[first:last] = LABELS.index(f"I-{role}")
                labels[first] = LABELS.index(f"B-{role}")
                ranges.append((first, last))
        return ranges

    # Contents first: where a cue or a source overlaps another quote's content (rare), it keeps its words.
    placed = [(put(q["content"], "content"), q) for q in row["quotes"]]
    for contents, quote in placed:
        cues = put(quote["cue"], "cue")
        sources = put(quote["source"], "source")
        if not cues:
            continue
        for first, last in contents:
            to[first:last] = np.where(to[first:last] == NONE, cues[0][0], to[first:last])
        if sources:
            to[cues[0][0]] = sources[0][0]
    return Example(row["doc"], tokens, labels, to)
