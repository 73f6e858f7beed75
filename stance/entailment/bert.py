"""A BERT classifier on a CPU: the encoder of ``stance.bert``, then the pooler and the classifier, in float32.

Devlin et al. (2019), "BERT", NAACL.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import linear

from stance.bert import Centres, Encoder, linear_weights, rounded_up
from stance.entailment.encoding import Encoded
from stance.entailment.engine import STEP

UNROUNDED = 2  # of six layers: it makes rounding move a score a seventh less, for a twentieth of the time


class StoredBert:
    """A BERT classifier's configuration and weights as they lie in a folder: all that :class:`BertEngine` needs."""

    def __init__(self, config: Any, weights: Mapping[str, torch.Tensor]) -> None:
        self.config = config
        self._weights = {name: weight.float() for name, weight in weights.items()}

    def state_dict(self) -> Mapping[str, torch.Tensor]:
        return self._weights

    def parameters(self) -> Iterator[torch.Tensor]:
        return iter(self._weights.values())


def runs_here(network: Any) -> bool:
    """Whether a network is one that :class:`BertEngine` computes: plain BERT on a CPU."""
    return (
        type(network).__name__ in ("BertForSequenceClassification", "StoredBert")
        and next(network.parameters()).device.type == "cpu"
        and plain(network.config)
    )


def plain(config: Any) -> bool:
    """Whether a configuration is that of a BERT as first published."""
    return bool(
        config.model_type == "bert"
        and config.hidden_act == "gelu"
        and not getattr(config, "is_decoder", False)
        and getattr(config, "position_embedding_type", "absolute") in ("absolute", None)
    )


class BertEngine:
    """``BertForSequenceClassification`` on a CPU.

    Args:
        network: one that :func:`runs_here`.
        dtype: float32, or bfloat16 for the encoder; pooler and classifier are in float32.
        sample: encoded pairs over which states have the means that are taken off before they are rounded to bfloat16;
            nothing is taken off if not given.

    Raises:
        KeyError: a weight is missing.
        ValueError: positions of another number than the configuration says.
    """

    threaded = True

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32, sample: Encoded | None = None) -> None:
        weights = network.state_dict()
        self.arithmetic = str(dtype).removeprefix("torch.")
        self._encoder = Encoder(network.config, weights)
        if dtype != torch.float32:
            centres: Centres | None = None
            if sample is not None:
                centres = self._encoder.means(*self._padded(sample, range(len(sample.ids))))
            self._encoder = Encoder(network.config, weights, dtype=dtype, centres=centres, unrounded=UNROUNDED)
        self._pooler = linear_weights(weights, "bert.pooler.dense")
        self._classifier = linear_weights(weights, "classifier")

    @torch.inference_mode()
    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(pairs, labels) float32 for the pairs of a batch."""
        first = self._encoder.first(*self._padded(encoded, batch))
        return linear(torch.tanh(linear(first, *self._pooler)), *self._classifier)

    @torch.inference_mode()
    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(texts, hidden) float64 mean of the last hidden states over the tokens of each text of a batch."""
        states, lengths = self._padded(encoded, batch)
        rows = zip(self._encoder(states, lengths), lengths.tolist(), strict=True)
        return torch.stack([row[:length].double().mean(dim=0) for row, length in rows])

    @torch.inference_mode()
    def _padded(self, encoded: Encoded, batch: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """The first layer's input (pairs, width, hidden) and the pairs' lengths (pairs,)."""
        lengths = encoded.lengths[list(batch)]
        width = int(lengths.max())
        if self._encoder.dtype != torch.float32:
            width = max(width, min(rounded_up(width, STEP), self._encoder.positions))
        ids = np.zeros((len(batch), width), dtype=np.int64)
        types = np.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, : lengths[row]] = encoded.ids[i]
            if encoded.types is not None:
                types[row, : lengths[row]] = encoded.types[i]
        words = self._encoder.words[torch.from_numpy(ids)]
        return self._encoder.embed(words, torch.from_numpy(types)), torch.from_numpy(lengths)
