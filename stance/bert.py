"""The layers of BERT on a CPU, without what the result does not need.

The numbers are those of transformers to rounding. What is saved: the last layer's work on every token but the first,
where that one alone is read; the last layer's keys and values too, since ``q . (W x) = (W' q) . x`` and the mean of
``W x`` is W times the mean of x; attention over widths that no vector register fills; and, in bfloat16, the time of the
matrix products and of all that reads and writes what is between them.

In bfloat16, states are kept less their mean over a sample of texts. A constant that is taken off and put into the next
product's bias changes nothing, but rounding is relative to what is rounded, so what is smaller is rounded less. What is
rounded in the first layers passes through all the others: there, sums and norms may be kept in float32.

Devlin et al. (2019), "BERT", NAACL.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention, softmax

MULTIPLE = 16  # attention is over a multiple of this many tokens: over other widths it takes up to twice the time
TOKENS = 1536  # a batch's, for which oneDNN lays out the weights

Weights = tuple[torch.Tensor, torch.Tensor]  # weight, bias
Centres = Sequence[tuple[torch.Tensor, torch.Tensor]]  # a layer's: of its input, and of its state after attention


def native_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 matrices faster than float32 ones.

    Asked of torch where it knows; measured otherwise (Arm, older torch).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    ask = getattr(torch.cpu, "get_capabilities", None)
    known = ask() if ask else {}
    if "amx_bf16" in known or "avx512_bf16" in known:
        return bool(known.get("amx_bf16") or known.get("avx512_bf16"))
    return _seconds(torch.bfloat16) * 1.5 < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """The best of five products of (512, 384) and (384, 1536) matrices."""
    a, b = torch.ones(512, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return best


def rounded_up(number: int, step: int) -> int:
    """The first multiple of a step that is not below a number."""
    return -(-number // step) * step


class Product:
    """x -> x W' + b by torch, for a weight (out, in), a bias (out,) and x (..., in), which gives (..., out).

    ``gelu`` takes GELU of it and ``plus`` adds ``other`` (..., out) to it; x and other have the product's dtype.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> None:
        self._weights = weight.to(dtype), bias.to(dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return linear(x, *self._weights)

    def gelu(self, x: torch.Tensor) -> torch.Tensor:
        return gelu(linear(x, *self._weights))

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return linear(x, *self._weights).add_(other)


class PackedProduct:
    """The same by oneDNN, with the weights laid out once and what follows in the same pass, rounded once."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.to(dtype).contiguous(), TOKENS)
        self._bias = bias.float().contiguous()
        self._rounded = bias.to(dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return found

    def gelu(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "gelu", [], "none")
        return found

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, self._weight, self._rounded, "add")
        return found


def product(weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> Product | PackedProduct:
    """In bfloat16 oneDNN's, where it runs; float32 gains nothing by it."""
    packed = dtype == torch.bfloat16 and packs_bfloat16()
    return (PackedProduct if packed else Product)(weight, bias, dtype)


@cache
def packs_bfloat16() -> bool:
    """Whether oneDNN lays out and multiplies bfloat16 matrices here: without AVX-512 it refuses, in some builds torch
    does not have it."""
    try:
        PackedProduct(torch.ones(16, 16), torch.zeros(16), torch.bfloat16)(torch.ones(1, 16, dtype=torch.bfloat16))
    except (AttributeError, RuntimeError):
        return False
    return True


class Layer(NamedTuple):
    """One layer's products, and its norms in float32."""

    qkv: Product | PackedProduct
    context: Product | PackedProduct
    up: Product | PackedProduct
    down: Product | PackedProduct
    norm: Weights
    last_norm: Weights


class Encoder:
    """BERT's layers on a CPU.

    Args:
        config: transformers' configuration, or whatever has its attributes.
        weights: by the names of ``BertModel``.
        prefix: what stands before those names.
        dtype: of products and, after the first layers, of states; norms and attention's weights are computed in float32
            in either case.
        centres: by :meth:`means` of a float32 encoder; none are taken off if not given.
        unrounded: in how many of the first layers states are kept in float32.

    Raises:
        KeyError: a weight is missing.
        ValueError: positions of another number than the configuration says.
    """

    def __init__(self, config: Any, weights: Mapping[str, torch.Tensor], prefix: str = "bert.",
                 dtype: torch.dtype = torch.float32, centres: Centres | None = None,
                 unrounded: int = 0) -> None:  # fmt: skip
        self.dtype = dtype
        self._unrounded = unrounded
        self.positions = int(config.max_position_embeddings)  # most tokens of a text
        self._hidden = int(config.hidden_size)
        self._heads = int(config.num_attention_heads)
        self._eps = float(config.layer_norm_eps)
        tables = f"{prefix}embeddings"
        self.words = weights[f"{tables}.word_embeddings.weight"].detach()
        places = weights[f"{tables}.position_embeddings.weight"].detach()
        types = weights[f"{tables}.token_type_embeddings.weight"].detach()
        if places.shape != (self.positions, self._hidden):
            raise ValueError(f"{tables}.position_embeddings.weight is {tuple(places.shape)}, "
                             f"not {(self.positions, self._hidden)}")  # fmt: skip
        self._places = (types[:, None] + places).view(-1, self._hidden)  # of each type in turn, every position
        names = [f"{prefix}encoder.layer.{i}" for i in range(int(config.num_hidden_layers))]
        zero = torch.zeros(self._hidden)
        wanted = centres or [(zero, zero)] * len(names)
        exact = [_exact(weights, name) for name in names]
        # The biases that carry a centre are rounded, so the centre is what makes them round numbers.
        befores = [_round(layer.context[1] + centre, dtype) - layer.context[1]
                   for layer, (centre, _) in zip(exact, wanted, strict=True)]  # fmt: skip
        afters = [_round(layer.down[1] + centre, dtype) - layer.down[1]
                  for layer, (_, centre) in zip(exact, wanted, strict=True)]  # fmt: skip
        weight, bias = linear_weights(weights, f"{tables}.LayerNorm")
        self._norm = weight, bias - befores[0]
        self._layers = [_layer(layer, before, after, following, dtype) for layer, before, after, following in
                        zip(exact, befores, afters, [*befores[1:], zero], strict=True)]  # fmt: skip
        self._last, self._last_centre = exact[-1], befores[-1]

    def embed(self, words: torch.Tensor, types: torch.Tensor | None = None) -> torch.Tensor:
        """The first layer's input.

        Args:
            words: (texts, width, hidden) float32 embeddings of the tokens; at most ``positions`` wide.
            types: (texts, width) token types; 0 if not given.

        Returns:
            (texts, width, hidden) float32.
        """
        width = words.shape[1]
        places = self._places[:width] if types is None else self._places[types * self.positions + torch.arange(width)]
        return self._normed(words + places, self._norm)

    @torch.inference_mode()
    def __call__(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The last hidden states.

        Args:
            states: (texts, width, hidden), by :meth:`embed`.
            lengths: (texts,) tokens of each text; what stands beyond is padding.

        Returns:
            (texts, width, hidden) in the encoder's dtype.
        """
        mask = self._mask(states, lengths)
        for number, layer in enumerate(self._layers):
            states = self._after(self._kept(states, number), layer, mask)
        return states.to(self.dtype)

    @torch.inference_mode()
    def first(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(texts, hidden) float32 last hidden state of each text's first token; arguments as of a call."""
        mask = self._mask(states, lengths)
        for number, layer in enumerate(self._layers[:-1]):
            states = self._after(self._kept(states, number), layer, mask)
        (weight, bias), context_weights, up, down, norm, last_norm = self._last
        states = states.float() + self._last_centre  # float32 from here on
        texts, width, hidden = states.shape
        _, answer, give = weight.view(3, self._heads, -1, hidden)
        first = states[:, 0]
        query = linear(first, weight[:hidden], bias[:hidden]).view(texts, self._heads, -1)
        asked = torch.einsum("thd,hdc->thc", query, answer) / query.shape[-1] ** 0.5  # (texts, heads, hidden)
        likeness = torch.bmm(asked, states.transpose(1, 2))  # the key's bias changes all of them alike
        if mask is not None:
            likeness += mask[:, 0, :, :width]
        seen = torch.bmm(softmax(likeness, dim=-1), states)  # (texts, heads, hidden)
        context = torch.einsum("thc,hdc->thd", seen, give).reshape(texts, hidden) + bias[2 * hidden :]
        first = self._normed(first + linear(context, *context_weights), norm)
        return self._normed(first + linear(gelu(linear(first, *up)), *down), last_norm)

    @torch.inference_mode()
    def means(self, states: torch.Tensor, lengths: torch.Tensor) -> Centres:
        """Of each layer the mean, over all tokens, of its input and of the state after attention.

        Args:
            states, lengths: as of a call; of float32.

        Returns:
            For each layer two vectors (hidden,) float32.
        """
        mask = self._mask(states, lengths)
        kept = torch.arange(states.shape[1]) < lengths[:, None]
        found = []
        for layer in self._layers:
            attended = self._attended(states, layer, mask)
            found.append((states[kept].mean(dim=0), attended[kept].mean(dim=0)))
            states = self._after(states, layer, mask)
        return found

    def _kept(self, states: torch.Tensor, layer: int) -> torch.Tensor:
        """A layer's input as it is kept, in float32 or rounded."""
        return states if layer < self._unrounded else states.to(self.dtype)

    def _mask(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor | None:
        """(texts, 1, 1, width): 0 for a token, -inf beyond; wide enough for attention. None where all are tokens."""
        width = rounded_up(states.shape[1], MULTIPLE)  # of the keys, not of the states
        if int(lengths.min()) == width:
            return None
        beyond = torch.arange(width) >= lengths[:, None]
        return torch.zeros(beyond.shape, dtype=self.dtype).masked_fill_(beyond, -torch.inf)[:, None, None]

    def _attended(self, states: torch.Tensor, layer: Layer, mask: torch.Tensor | None) -> torch.Tensor:
        texts, width, hidden = states.shape
        wide = width if mask is None else mask.shape[-1]
        joined = layer.qkv(self._padded(states, wide))
        # (3, texts, heads, wide, hidden / heads)
        query, key, value = joined.view(texts, wide, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(query[:, :, :width], key, value, attn_mask=mask)
        context = found.transpose(1, 2).reshape(texts, width, hidden)
        return self._normed(_sum(layer.context, context, states), layer.norm)

    def _padded(self, states: torch.Tensor, wide: int) -> torch.Tensor:
        """(texts, width, hidden) -> (texts, wide, hidden) in the encoder's dtype, nothing beyond the width."""
        texts, width, hidden = states.shape
        if wide == width:
            return states.to(self.dtype)
        out = torch.empty(texts, wide, hidden, dtype=self.dtype)
        out[:, :width] = states
        out[:, width:] = 0
        return out

    def _after(self, states: torch.Tensor, layer: Layer, mask: torch.Tensor | None) -> torch.Tensor:
        """(texts, width, hidden) -> the same after one layer."""
        attended = self._attended(states, layer, mask)
        inner = layer.up.gelu(attended.to(self.dtype))
        return self._normed(_sum(layer.down, inner, attended), layer.last_norm)

    def _normed(self, states: torch.Tensor, weights: Weights) -> torch.Tensor:
        return layer_norm(states, (self._hidden,), *weights, self._eps)


def _sum(product: Product | PackedProduct, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """A product and a sum, in the dtype of what is added."""
    return product.plus(x, other) if other.dtype == x.dtype else product(x).float().add_(other)


class _Exact(NamedTuple):
    """One layer's weights as they are stored."""

    qkv: Weights
    context: Weights
    up: Weights
    down: Weights
    norm: Weights
    last_norm: Weights


def _exact(weights: Mapping[str, torch.Tensor], name: str) -> _Exact:
    own = (linear_weights(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
    qkv = tuple(torch.cat(parts) for parts in zip(*own, strict=True))
    others = ("attention.output.dense", "intermediate.dense", "output.dense", "attention.output.LayerNorm",
              "output.LayerNorm")  # fmt: skip
    context, up, down, norm, last_norm = (linear_weights(weights, f"{name}.{part}") for part in others)
    return _Exact((qkv[0], qkv[1]), context, up, down, norm, last_norm)


def _layer(exact: _Exact, before: torch.Tensor, after: torch.Tensor, following: torch.Tensor,
           dtype: torch.dtype) -> Layer:  # fmt: skip
    """A layer whose input is less ``before``, whose state after attention is less ``after``, and whose output is less
    ``following``; (hidden,) each."""

    def moved(weights: Weights, centre: torch.Tensor) -> Product | PackedProduct:
        return product(weights[0], weights[1] + weights[0] @ centre, dtype)

    context = product(exact.context[0], exact.context[1] + before, dtype)
    down = product(exact.down[0], exact.down[1] + after, dtype)
    norms = (exact.norm[0], exact.norm[1] - after), (exact.last_norm[0], exact.last_norm[1] - following)
    return Layer(moved(exact.qkv, before), context, moved(exact.up, after), down, *norms)


def _round(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return values.to(dtype).float()


def linear_weights(weights: Mapping[str, torch.Tensor], name: str) -> Weights:
    """A linear map's or a layer norm's weight and bias."""
    return weights[f"{name}.weight"].detach(), weights[f"{name}.bias"].detach()
