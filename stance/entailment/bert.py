"""BERT's forward pass without what the result does not need.

The numbers are those of ``BertForSequenceClassification`` to rounding. What is saved: most padding (a batch
holds pairs of about one length), the last layer's work on every token but the first (the classifier reads that one
alone), and, in bfloat16, the time of the matrix products. Sums, layer norms, the last layer's first token and the
classifier stay in float32 in either arithmetic.

Devlin et al. (2019), "BERT", NAACL.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from stance.entailment.encoding import Encoded

MULTIPLE = 16  # in bfloat16 a batch's width is one of these: attention over other widths takes up to twice the time

Weights = tuple[torch.Tensor, torch.Tensor]  # weight, bias


class Layer(NamedTuple):
    """One layer: the products in the engine's arithmetic, the norms in float32, and the products in float32."""

    qkv: Weights
    context: Weights
    up: Weights
    down: Weights
    norm: Weights
    last_norm: Weights
    exact: tuple[Weights, Weights, Weights, Weights]


class Batch(NamedTuple):
    """Pairs padded to one width."""

    states: torch.Tensor  # (pairs, width, hidden) float32: the first layer's input
    mask: torch.Tensor | None  # (pairs, 1, 1, width): 0 for a token, -inf for padding; None without padding
    lengths: torch.Tensor  # (pairs,)


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
    """``BertForSequenceClassification`` on a CPU."""

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32) -> None:
        config, weights = network.config, network.state_dict()
        self.arithmetic = str(dtype).removeprefix("torch.")
        self._dtype = dtype
        self._multiple = 1 if dtype == torch.float32 else MULTIPLE
        self._hidden = int(config.hidden_size)
        self._heads = int(config.num_attention_heads)
        self._eps = float(config.layer_norm_eps)
        tables = "bert.embeddings"
        self._words = weights[f"{tables}.word_embeddings.weight"]
        self._positions = weights[f"{tables}.position_embeddings.weight"]
        self._types = weights[f"{tables}.token_type_embeddings.weight"]
        self._norm = _linear(weights, f"{tables}.LayerNorm")
        self._layers = [self._layer(weights, f"bert.encoder.layer.{i}") for i in range(int(config.num_hidden_layers))]
        self._pooler = _linear(weights, "bert.pooler.dense")
        self._classifier = _linear(weights, "classifier")

    def _layer(self, weights: Mapping[str, torch.Tensor], name: str) -> Layer:
        own = (_linear(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        qkv = tuple(torch.cat(parts) for parts in zip(*own, strict=True))
        products = ("attention.output.dense", "intermediate.dense", "output.dense")
        context, up, down = (_linear(weights, f"{name}.{part}") for part in products)
        exact = ((qkv[0], qkv[1]), context, up, down)
        quick = [(weight.to(self._dtype), bias.to(self._dtype)) for weight, bias in exact]
        norms = [_linear(weights, f"{name}.{part}.LayerNorm") for part in ("attention.output", "output")]
        return Layer(quick[0], quick[1], quick[2], quick[3], norms[0], norms[1], exact)

    @torch.inference_mode()
    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        padded = self._padded(encoded, batch)
        states = padded.states
        for layer in self._layers[:-1]:
            states = self._whole_layer(states, layer, padded.mask)
        first = self._last_layer(states, self._layers[-1], padded.mask)
        pooled = torch.tanh(linear(first, *self._pooler))
        return linear(pooled, *self._classifier)

    @torch.inference_mode()
    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(texts, hidden) float64 mean of the last hidden states over the tokens of each text of a batch."""
        padded = self._padded(encoded, batch)
        states = padded.states
        for layer in self._layers:
            states = self._whole_layer(states, layer, padded.mask)
        return torch.stack([rows[:n].double().mean(dim=0) for rows, n in zip(states, padded.lengths, strict=True)])

    def _padded(self, encoded: Encoded, batch: Sequence[int]) -> Batch:
        lengths = np.array([len(encoded.ids[i]) for i in batch])
        longest = int(lengths.max())
        width = max(longest, min(-(-longest // self._multiple) * self._multiple, len(self._positions)))
        ids = np.zeros((len(batch), width), dtype=np.int64)
        types = np.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, : lengths[row]] = encoded.ids[i]
            if encoded.types is not None:
                types[row, : lengths[row]] = encoded.types[i]
        states = self._words[torch.from_numpy(ids)]
        states += self._positions[:width]
        states += self._types[torch.from_numpy(types)]
        mask = None
        if lengths.min() < width:
            beyond = np.where(np.arange(width) < lengths[:, None], 0.0, -np.inf).astype(np.float32)
            mask = torch.from_numpy(beyond[:, None, None]).to(self._dtype)
        return Batch(self._normed(states, self._norm), mask, torch.from_numpy(lengths))

    def _whole_layer(self, states: torch.Tensor, layer: Layer, mask: torch.Tensor | None) -> torch.Tensor:
        """(pairs, width, hidden) -> the same after one layer."""
        query, key, value = self._split(linear(states.to(self._dtype), *layer.qkv), 3)
        found = scaled_dot_product_attention(query, key, value, attn_mask=mask)  # (pairs, heads, width, hidden / heads)
        context = found.transpose(1, 2).reshape(states.shape)
        attended = self._normed(states + linear(context, *layer.context), layer.norm)
        raised = gelu(linear(attended.to(self._dtype), *layer.up))
        return self._normed(attended + linear(raised, *layer.down), layer.last_norm)

    def _last_layer(self, states: torch.Tensor, layer: Layer, mask: torch.Tensor | None) -> torch.Tensor:
        """(pairs, hidden): the last layer for the first token alone, which needs every token's key and value."""
        (weight, bias), context_weights, up, down = layer.exact
        first = states[:, 0]  # float32 from here on
        queries = linear(first, weight[: self._hidden], bias[: self._hidden])
        query = queries.view(len(states), self._heads, 1, -1)
        memory = linear(states.to(self._dtype), layer.qkv[0][self._hidden :], layer.qkv[1][self._hidden :])
        key, value = self._split(memory, 2)
        mask = mask if mask is None else mask.float()
        context = scaled_dot_product_attention(query, key.float(), value.float(), attn_mask=mask)
        first = self._normed(first + linear(context.reshape(first.shape), *context_weights), layer.norm)
        return self._normed(first + linear(gelu(linear(first, *up)), *down), layer.last_norm)

    def _split(self, joined: torch.Tensor, parts: int) -> torch.Tensor:
        """(pairs, width, parts x hidden) -> (parts, pairs, heads, width, hidden / heads)."""
        pairs, width, _ = joined.shape
        return joined.view(pairs, width, parts, self._heads, -1).permute(2, 0, 3, 1, 4)

    def _normed(self, states: torch.Tensor, weights: Weights) -> torch.Tensor:
        return layer_norm(states, (self._hidden,), *weights, self._eps)


def _linear(weights: Mapping[str, torch.Tensor], name: str) -> Weights:
    """A linear map's or a layer norm's weight and bias."""
    return weights[f"{name}.weight"].detach(), weights[f"{name}.bias"].detach()
