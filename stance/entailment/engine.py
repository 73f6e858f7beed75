"""How a network is run: which arithmetic, and batches of how many tokens.

An engine takes encoded pairs and gives logits. :class:`PaddedEngine` runs any network's own forward on padded batches;
``bert.BertEngine`` runs the same computation for BERT without what the result does not need.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stance.bert import rounded_up
from stance.entailment.encoding import Encoded, FastTokenizer

# Tokens a batch and thread, tried in turn. A core's caches hold no more: in float32 4096 take a fifth longer than 2048.
BUDGETS = (1024, 1536, 2048)
WIDE_BUDGETS = (4096, 16384, 65536)  # on a GPU
MOST_THREADS = 4  # for which batches grow
TRIALS = 2  # batches of each size before one is chosen
STEP = 4  # tokens between the widths of bfloat16 batches: oneDNN keeps code for every shape, so these must be few


class Engine(Protocol):
    """What runs a network."""

    arithmetic: str  # "float32", "bfloat16"

    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(pairs, labels) float32 on the CPU, for the pairs of a batch, longest first."""
        ...

    def means(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        """(texts, hidden) float64 on the CPU: mean of the last hidden states over each text's tokens."""
        ...


class PaddedEngine:
    """Any network, by its own forward."""

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
        threads: that compute on a CPU.
    """

    def __init__(self, fixed: int | None = None, device: str = "cpu", threads: int = 1) -> None:
        self._fixed = fixed
        sizes = [size * min(threads, MOST_THREADS) for size in BUDGETS] if device == "cpu" else WIDE_BUDGETS
        self._speeds: dict[int, list[float]] = {size: [] for size in sizes}

    def __call__(self) -> int:
        if self._fixed is not None:
            return self._fixed
        for size, speeds in self._speeds.items():
            if len(speeds) < TRIALS:
                return size
        return max(self._speeds, key=lambda size: max(self._speeds[size]))

    def report(self, size: int, tokens: int, seconds: float) -> None:
        """Tells how long a batch took; batches that are far from full say nothing of their size."""
        if size in self._speeds and tokens > size / 2:
            self._speeds[size].append(tokens / max(seconds, 1e-9))


def batches(lengths: NDArray[np.int64], budget: TokenBudget) -> Iterator[list[int]]:
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
        start = time.perf_counter()
        yield batch
        budget.report(size, int(lengths[batch].sum()), time.perf_counter() - start)
        at += len(batch)
