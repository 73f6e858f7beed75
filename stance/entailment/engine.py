"""How a network is run: which arithmetic, and batches of how many tokens.

An engine takes encoded pairs and gives logits. :class:`PaddedEngine` runs any network's own forward on padded batches;
``bert.BertEngine`` runs the same computation for BERT without what the result does not need.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from stance.bert import rounded_up
from stance.entailment.encoding import Encoded, FastTokenizer
from stance.threads import side_by_side

Result = TypeVar("Result")

# Tokens a batch, tried in turn. Smaller ones wait for weights, larger ones leave the core's caches.
BUDGETS = (1536, 2048, 3072)
WIDE_BUDGETS = (4096, 16384, 65536)  # on a GPU
LEAST = 256  # tokens: a small job is not cut into smaller batches to give each thread one
TRIALS = 2  # batches of each size before one is chosen
STEP = 4  # tokens between the widths of bfloat16 batches: oneDNN keeps code for every shape, so these must be few


class Engine(Protocol):
    """What runs a network."""

    arithmetic: str  # "float32", "bfloat16"
    threaded: bool  # whether batches may be computed side by side, in a thread each

    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(pairs, labels) float32 on the CPU, for the pairs of a batch, longest first."""
        ...

    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(texts, hidden) float64 on the CPU: mean of the last hidden states over each text's tokens."""
        ...


class PaddedEngine:
    """Any network, by its own forward, which need not be fit for several threads."""

    threaded = False

    def __init__(self, network: Any, tokenizer: FastTokenizer, dtype: torch.dtype = torch.float32) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._device = next(network.parameters()).device
        self.arithmetic = str(dtype).removeprefix("torch.")

    @torch.inference_mode()
    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        logits: torch.Tensor = self._network(**self._inputs(encoded, batch)).logits.float().cpu()
        return logits

    @torch.inference_mode()
    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        inputs = self._inputs(encoded, batch)
        states = self._network.base_model(**inputs).last_hidden_state.double()  # (texts, tokens, hidden)
        mask = inputs["attention_mask"][..., None]
        found: torch.Tensor = ((states * mask).sum(dim=1) / mask.sum(dim=1)).cpu()
        return found

    def _inputs(self, encoded: Encoded, batch: Sequence[int]) -> dict[str, torch.Tensor]:
        """What the network takes: (batch, tokens) each, on its device."""
        width = int(encoded.lengths[list(batch)].max())
        ids = np.full((len(batch), width), self._tokenizer.pad, dtype=np.int64)  # (batch, tokens)
        mask = np.zeros_like(ids)
        types = np.zeros_like(ids)
        for row, i in enumerate(batch):
            size = len(encoded.ids[i])
            at = slice(width - size, width) if self._tokenizer.left else slice(0, size)
            ids[row, at] = encoded.ids[i]
            mask[row, at] = 1
            if encoded.types is not None:
                types[row, at] = encoded.types[i]
        inputs = {"input_ids": ids, "attention_mask": mask} | (
            {"token_type_ids": types} if self._tokenizer.typed else {}
        )
        return {name: torch.from_numpy(value).to(self._device) for name, value in inputs.items()}


class TokenBudget:
    """How many tokens a batch holds: the first batches try several sizes, the quickest serves the rest.

    Args:
        fixed: always this many; then the batches, and so the last bits of the results, are the same in every run.
        device: the kind on which they run: "cpu", "cuda", …
        most: never more than this, if not fixed: what gives each thread its share of a small job.
    """

    def __init__(self, fixed: int | None = None, device: str = "cpu", most: int | None = None) -> None:
        self._fixed = fixed
        self._most = max(LEAST, rounded_up(most, LEAST)) if most is not None else None
        self._speeds: dict[int, list[float]] = {size: [] for size in (BUDGETS if device == "cpu" else WIDE_BUDGETS)}

    def __call__(self) -> int:
        if self._fixed is not None:
            return self._fixed
        untried = (size for size, speeds in self._speeds.items() if len(speeds) < TRIALS)
        size = next(untried, None) or max(self._speeds, key=lambda size: max(self._speeds[size]))
        return size if self._most is None else min(size, self._most)

    def report(self, size: int, tokens: int, seconds: float) -> None:
        """Tells how long a batch took; batches that are far from full say nothing of their size."""
        if size in self._speeds and tokens > size / 2:
            self._speeds[size].append(tokens / max(seconds, 1e-9))


class Batch(NamedTuple):
    """Which pairs, longest first, and the size that they were cut to, in tokens."""

    pairs: list[int]
    size: int


def batches(lengths: NDArray[np.int64], budget: TokenBudget) -> Iterator[Batch]:
    """Indices sorted by length, longest first, cut so that a padded batch holds the budget at most.

    The number of pairs depends on the width alone, and what is left at the end is cut into powers of two, so that a
    long run meets few shapes.
    """
    order = np.lexsort((np.arange(len(lengths)), -lengths)).tolist()
    at = 0
    while at < len(order):
        size = budget()
        count = max(1, size // rounded_up(int(lengths[order[at]]), STEP))
        left = len(order) - at
        batch = order[at : at + (count if left >= count else 1 << (left.bit_length() - 1))]
        yield Batch(batch, size)
        at += len(batch)


def run(
    work: Callable[[list[int]], Result], engine: Engine, lengths: NDArray[np.int64], budget: TokenBudget
) -> Iterator[tuple[list[int], Result]]:
    """Does some work for each batch, side by side where the engine allows it.

    Args:
        work: from the indices of a batch to its result.
        engine: what it computes with.
        lengths: (pairs,) tokens of each.
        budget: of the batches; it is told how long each took.

    Returns:
        Indices and result of each batch, longest pairs first.
    """

    def timed(batch: Batch) -> tuple[list[int], Result]:
        start = time.perf_counter()
        found = work(batch.pairs)
        budget.report(batch.size, int(lengths[batch.pairs].sum()), time.perf_counter() - start)
        return batch.pairs, found

    return mapping(engine)(timed, batches(lengths, budget))


def mapping(engine: Engine) -> Callable[..., Iterator[Any]]:
    """``map``, over batches side by side where the engine allows it."""
    return side_by_side if engine.threaded else map
