"""The network as it is trained; ``stance/attribution/model.py`` computes the same from the weights' file."""

import numpy as np
import torch
from torch import nn
from transformers import BertConfig, BertModel

from stance.attribution.marking import DISTANCES, GAPS, LABELS, LINK, PLACES, SHAPES, distance_bucket


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


def link_scores(network: MarkingNetwork, which: int, asks: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """How well each token answers each other (0: content -> cue, 1: cue -> source).

    Args:
        which: 0 or 1.
        asks, answers: (batch, tokens, LINK) float32.

    Returns:
        (batch, tokens, 1 + tokens) scores; the first column is "nothing".
    """
    scale = LINK**-0.5
    tokens = np.arange(asks.shape[1])
    near = network.distance.weight[torch.from_numpy(distance_bucket(tokens[None, :] - tokens[:, None])), which]
    product = asks @ answers.transpose(1, 2) * scale + near
    return torch.cat([(asks @ network.nothing[which].to(asks.dtype) * scale)[..., None], product], dim=2)
