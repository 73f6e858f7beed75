"""Sentences, and the runs of whole sentences that a long text is scored in."""

import re
from collections.abc import Sequence
from itertools import pairwise

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9£$€])|\n+\s*")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open character ranges of the sentences; together they hold every character that is not blank.

    >>> sentence_spans("One. Two!")
    [(0, 4), (5, 9)]
    """
    cuts = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    spans = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, start + len(piece.rstrip())))
    return spans


def runs(text: str, tokens: Sequence[tuple[int, int]], budget: int) -> list[tuple[int, int]]:
    """Half-open character ranges of runs of whole sentences, each of ``budget`` tokens at most.

    Every token is in one range; a single sentence that is too long is cut between tokens.

    Args:
        tokens: the character range of each of the text's tokens, in order.
    """
    if len(tokens) <= budget:
        return [(0, len(text))]
    pieces: list[tuple[int, int, int]] = []  # start, end, number of tokens
    at = 0
    for _, end in sentence_spans(text):
        first = at
        while at < len(tokens) and tokens[at][0] < end:
            at += 1
        for cut in range(first, at, budget):
            last = min(cut + budget, at)
            pieces.append((tokens[cut][0], tokens[last - 1][1], last - cut))
    spans: list[tuple[int, int]] = []
    used = 0
    for start, end, size in pieces:
        if spans and used + size <= budget:
            spans[-1] = (spans[-1][0], end)
            used += size
        else:
            spans.append((start, end))
            used = size
    return spans
