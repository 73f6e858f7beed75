"""The token classifier that marks source, cue and content, and scores which belong together.

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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertModel

from stance.attribution.typography import Segment, find_segments

LABELS = ("O", "B-content", "I-content", "B-cue", "I-cue", "B-source", "I-source")
SHAPES = 6  # lower, Capitalised, CAPITALS, with digits, punctuation, other
PLACES = 4  # outside quotation marks, inside, opening mark, closing mark
GAPS = 4  # joined to the token before, after a blank, after a line end, first of the text
LINK = 128  # width of the linking vectors
DISTANCES = 32  # buckets of signed distance between two tokens


class MarkingNetwork(nn.Module):
    """Encoder, label head and two pointers.

    Shapes: ids, mask (batch, tokens); features (batch, tokens, 3).
    """

    def __init__(self, config: BertConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = BertModel(config, add_pooling_layer=False)
        width = config.hidden_size
        self.features = nn.ModuleList([nn.Embedding(n, width) for n in (SHAPES, PLACES, GAPS)])
        self.dropout = nn.Dropout(dropout)
        self.label = nn.Linear(width, len(LABELS))
        # What a content asks, what a cue answers; what a cue asks, what a source answers.
        self.vectors = nn.ModuleList([nn.Linear(width, LINK) for _ in range(4)])
        self.distance = nn.Embedding(DISTANCES, 2)
        self.nothing = nn.Parameter(torch.zeros(2, LINK))  # "my cue is not in this window", "no source"
        for table in (*self.features, self.distance):
            nn.init.zeros_(table.weight)

    def words(self, ids: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The encoder's input, (batch, tokens, width): each token's vector and those of its features."""
        words: torch.Tensor = self.encoder.embeddings.word_embeddings(ids)
        for which, table in enumerate(self.features):
            words = words + table(features[..., which])
        return words

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Label scores (batch, tokens, 7) and four times (batch, tokens, LINK) vectors."""
        words = self.words(ids, features)
        hidden = self.encoder(inputs_embeds=words, attention_mask=mask).last_hidden_state
        hidden = self.dropout(hidden)
        return self.label(hidden), *(torch.nn.functional.gelu(layer(hidden)) for layer in self.vectors)


def distance_bucket(distance: Any) -> Any:
    """Signed distances in tokens -> 0 to DISTANCES - 1: exact up to 4, then by powers of about 1.5."""
    half = DISTANCES // 2
    library = torch if isinstance(distance, torch.Tensor) else np
    size = library.abs(distance)
    grown = library.log(library.clip(size, 4, None) / 4.0) / np.log(1.45) + 4
    bucket = library.clip(library.where(size <= 4, size * 1.0, grown), 0, half - 1)
    whole = bucket.long() if isinstance(bucket, torch.Tensor) else bucket.astype(np.int64)
    return whole + half * (distance > 0)


def link_scores(network: MarkingNetwork, which: int, asks: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """How well each token answers each other (0: content -> cue, 1: cue -> source).

    Args:
        which: 0 or 1.
        asks, answers: (batch, tokens, LINK) float32.

    Returns:
        (batch, tokens, 1 + tokens) scores; the first column is "nothing".
    """
    scale = LINK**-0.5
    tokens = torch.arange(asks.shape[1])
    near = network.distance.weight[distance_bucket(tokens[None, :] - tokens[:, None]), which]
    product = asks @ answers.transpose(1, 2) * scale + near
    return torch.cat([(asks @ network.nothing[which].to(asks.dtype) * scale)[..., None], product], dim=2)


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
