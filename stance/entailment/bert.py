"""BERT's forward pass without what the result does not need.

The numbers are those of ``BertForSequenceClassification`` to rounding. What is saved: padding (pairs stand one behind
the other in one long row of tokens, and attention takes runs of pairs of one length), the last layer's work on every
token but the first (the classifier reads that one alone), and, in bfloat16, the time of the matrix products. Sums,
layer norms, the last layer's first token and the classifier stay in float32 in either arithmetic; with ``mixed`` the
special tokens' and the hypothesis's products do too: they are the fewer tokens, and the score hangs on them most.

Devlin et al. (2019), "BERT", NAACL.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from stance.entailment.encoding import Encoded

Weights = tuple[torch.Tensor, torch.Tensor]  # weight, bias


class Layer(NamedTuple):
    """One layer: products in the engine's arithmetic, norms in float32, and the four products' weights in float32."""

    qkv: Weights
    context: Weights
    up: Weights
    down: Weights
    norm: Weights
    last_norm: Weights
    exact: tuple[Weights, Weights, Weights, Weights]


class Run(NamedTuple):
    """Pairs of one length that stand together: they begin at token ``start``."""

    start: int
    pairs: int
    length: int


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
        mixed: the tokens that are not the premise's are computed in float32 whatever ``dtype`` is.
    """

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32, *, mixed: bool = False) -> None:
        config, weights = network.config, network.state_dict()
        self.arithmetic = str(dtype).removeprefix("torch.") + ("+float32" if mixed else "")
        self._mixed = mixed
        self._dtype = dtype
        self._width = int(config.hidden_size)
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
        states, runs, starts, exact = self._embedded(encoded, batch)
        for layer in self._layers[:-1]:
            states = self._whole_layer(states, layer, runs, exact)
        first = self._last_layer(states, self._layers[-1], runs, starts)
        pooled = torch.tanh(linear(first, *self._pooler))
        return linear(pooled, *self._classifier)

    @torch.inference_mode()
    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(texts, width) mean of the last hidden states over the tokens of each text of a batch, longest first."""
        states, runs, _, exact = self._embedded(encoded, batch)
        for layer in self._layers:
            states = self._whole_layer(states, layer, runs, exact)
        parts = torch.split(states, encoded.lengths[list(batch)].tolist())
        return torch.stack([part.double().mean(dim=0) for part in parts])

    def _embedded(
        self, encoded: Encoded, batch: Sequence[int]
    ) -> tuple[torch.Tensor, list[Run], torch.Tensor, torch.Tensor | None]:
        """The first layer's input (tokens, width), runs, each pair's first token, and tokens to compute in float32."""
        rows = [encoded.ids[i] for i in batch]
        lengths = [len(row) for row in rows]
        ids = torch.from_numpy(np.concatenate(rows))  # (tokens,)
        positions = torch.from_numpy(np.concatenate([np.arange(length) for length in lengths]))
        types = np.zeros(len(ids), dtype=np.int64)
        if encoded.types is not None:
            types = np.concatenate([encoded.types[i] for i in batch])
        starts = torch.from_numpy(np.cumsum([0, *lengths[:-1]]))  # (pairs,): each pair's first token
        states = self._words[ids]  # (tokens, width)
        states += self._positions[positions]
        states += self._types[torch.from_numpy(types)]
        exact = torch.from_numpy(_not_premise(types, starts.numpy())) if self._mixed else None
        return self._normed(states, self._norm), _runs(lengths), starts, exact

    def _whole_layer(
        self, states: torch.Tensor, layer: Layer, runs: list[Run], exact: torch.Tensor | None
    ) -> torch.Tensor:
        """One layer for every token; the rows ``exact`` go through the products a second time, in float32."""
        to_qkv, to_context, to_up, to_down = layer.exact
        qkv = linear(states.to(self._dtype), *layer.qkv)  # (tokens, 3 x width)
        if exact is not None:
            qkv[exact] = linear(states[exact], *to_qkv).to(self._dtype)
        context = torch.empty(len(states), self._width, dtype=self._dtype)
        for start, pairs, length in runs:
            here = slice(start, start + pairs * length)
            query, key, value = self._split(qkv[here], pairs, length, 3)
            found = scaled_dot_product_attention(query, key, value)  # (pairs, heads, length, width / heads)
            context[here].view(pairs, length, self._heads, -1).copy_(found.transpose(1, 2))
        attended = states + linear(context, *layer.context)
        if exact is not None:
            attended[exact] = states[exact] + linear(context[exact].float(), *to_context)
        attended = self._normed(attended, layer.norm)
        out = attended + linear(gelu(linear(attended.to(self._dtype), *layer.up)), *layer.down)
        if exact is not None:
            rows = attended[exact]
            out[exact] = rows + linear(gelu(linear(rows, *to_up)), *to_down)
        return self._normed(out, layer.last_norm)

    def _last_layer(self, states: torch.Tensor, layer: Layer, runs: list[Run], starts: torch.Tensor) -> torch.Tensor:
        """The last layer for each pair's first token alone, which needs every token's key and value."""
        (weight, bias), context_weights, up, down = layer.exact
        first = states[starts]  # (pairs, width), float32 from here on
        queries = linear(first, weight[: self._width], bias[: self._width])
        memory = linear(states.to(self._dtype), layer.qkv[0][self._width :], layer.qkv[1][self._width :])
        context = torch.empty_like(first)
        row = 0
        for start, pairs, length in runs:
            key, value = self._split(memory[start : start + pairs * length], pairs, length, 2)
            query = queries[row : row + pairs].view(pairs, self._heads, 1, -1)
            found = scaled_dot_product_attention(query, key.float(), value.float())
            context[row : row + pairs] = found.reshape(pairs, self._width)
            row += pairs
        first = self._normed(first + linear(context, *context_weights), layer.norm)
        return self._normed(first + linear(gelu(linear(first, *up)), *down), layer.last_norm)

    def _split(self, joined: torch.Tensor, pairs: int, length: int, parts: int) -> torch.Tensor:
        """(tokens, parts x width) -> (parts, pairs, heads, length, width / heads)."""
        return joined.view(pairs, length, parts, self._heads, -1).permute(2, 0, 3, 1, 4)

    def _normed(self, states: torch.Tensor, weights: Weights) -> torch.Tensor:
        return layer_norm(states, (self._width,), *weights, self._eps)


def _linear(weights: Mapping[str, torch.Tensor], name: str) -> Weights:
    """A linear map's or a layer norm's weight and bias."""
    return weights[f"{name}.weight"].detach(), weights[f"{name}.bias"].detach()


def _not_premise(types: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the tokens that are not the premise's own: the first, the separator after it, and all that follows."""
    rest = types == 1
    rest[:-1] |= rest[1:]
    rest[starts] = True
    return np.flatnonzero(rest)


def _runs(lengths: Sequence[int]) -> list[Run]:
    runs: list[Run] = []
    start = 0
    for length in lengths:
        if runs and runs[-1].length == length:
            runs[-1] = runs[-1]._replace(pairs=runs[-1].pairs + 1)
        else:
            runs.append(Run(start, 1, length))
        start += length
    return runs
