"""What the token classifier sees and says: labels, windows, and each token's features.

It marks source, cue and content, and scores which belong together; the network itself is in ``model.py``, and what
trains it in ``models/attribution``.

A text is cut into overlapping windows of tokens. For every token the network gives seven label scores (outside; begin
and inside of content, cue and source) and four vectors. The product of a content token's vector and a cue's says how
likely the two belong together; so does that of a cue's and a source's (a biaffine pointer, Dozat & Manning 2017, "Deep
biaffine attention for neural dependency parsing"). Corpus: PolNeAR (Newell, Margolin & Ruths 2018).

The encoder is uncased and does not see line ends, so each token also carries what it loses: the shape of the word,
where it stands to the quotation marks, and what separates it from the token before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from stance.attribution.typography import Segment, find_segments

LABELS = ("O", "B-content", "I-content", "B-cue", "I-cue", "B-source", "I-source")
SHAPES = 6  # lower, Capitalised, CAPITALS, with digits, punctuation, other
PLACES = 4  # outside quotation marks, inside, opening mark, closing mark
GAPS = 4  # joined to the token before, after a blank, after a line end, first of the text
LINK = 128  # width of the linking vectors
DISTANCES = 32  # buckets of signed distance between two tokens


def distance_bucket(distance: NDArray[np.int64]) -> NDArray[np.int64]:
    """Signed distances in tokens -> 0 to DISTANCES - 1: exact up to 4, then by powers of about 1.5."""
    half = DISTANCES // 2
    size = np.abs(distance)
    grown = np.log(np.clip(size, 4, None) / 4.0) / np.log(1.45) + 4
    bucket = np.clip(np.where(size <= 4, size * 1.0, grown), 0, half - 1)
    found: NDArray[np.int64] = bucket.astype(np.int64) + half * (distance > 0)
    return found


# --- text -> tokens -------------------------------------------------------------------------------


@dataclass
class Tokens:
    """A text's tokens: ids (n,), features (n, 3), spans (n, 2) half-open character ranges."""

    ids: NDArray[np.int64]
    features: NDArray[np.int64]
    spans: NDArray[np.int64]


_LINE_END = re.compile("[\n\r\u2028\u2029]")
_APOSTROPHES = re.compile("[’‘ʼ`]")


def canonical(text: str, segments: Sequence[Segment]) -> str:
    """The text with every quotation mark that encloses a quote as “ and ”, and apostrophes as ', length unchanged."""
    out = list(_APOSTROPHES.sub("'", text))
    for segment in segments:
        opening, closing = segment.marks
        if opening is not None:
            out[opening] = "“"
        if closing is not None:
            out[closing] = "”"
    return "".join(out)


@lru_cache(maxsize=1 << 16)
def _shape(word: str) -> int:
    if not word:
        return 5
    if word.islower():
        return 0
    if any(c.isdigit() for c in word):
        return 3
    if not any(c.isalpha() for c in word):
        return 4
    if word.isupper() and len(word) > 1:
        return 2
    return 1 if word[0].isupper() else 5


def tokenize(text: str, tokenizer: Tokenizer) -> Tokens:
    """Tokens of a text with their features and exact spans."""
    segments, _ = find_segments(text)
    encoded = tokenizer.encode(canonical(text, segments), add_special_tokens=False)
    spans = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
    ids = np.array(encoded.ids, dtype=np.int64)
    place = np.zeros(len(text) + 1, dtype=np.int64)
    for segment in segments:
        place[segment.start : segment.end] = 1
        opening, closing = segment.marks
        if opening is not None:
            place[opening] = 2
        if closing is not None:
            place[closing] = 3
    starts, ends = spans.T
    features = np.zeros((len(ids), 3), dtype=np.int64)
    features[:, 0] = [_shape(text[start:end]) for start, end in encoded.offsets]
    features[:, 1] = place[starts]
    # From one token's end to the next one's start: nothing, blanks, or a line's end among them.
    lines = np.array([match.start() for match in _LINE_END.finditer(text)], dtype=np.int64)
    before = np.concatenate([[0], ends[:-1]])[: len(ids)]
    features[:, 2] = starts > before
    features[np.searchsorted(lines, starts) > np.searchsorted(lines, before), 2] = 2
    features[:1, 2] = 3
    return Tokens(ids, features, spans)


def windows(count: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open ranges of at most ``size`` tokens that cover ``count``; neighbours share ``overlap`` or more."""
    if count <= size:
        return [(0, count)] if count else []
    number = 1 + -(-(count - size) // (size - overlap))
    starts = np.linspace(0, count - size, number).round().astype(int)
    return [(int(start), int(start) + size) for start in starts]
