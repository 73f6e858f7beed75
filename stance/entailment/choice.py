"""Which engine runs a network in which precision, and the check that a quick one keeps the scores."""

import copy
from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from stance.entailment.bert import BertEngine, runs_here
from stance.entailment.encoding import Encoded, FastTokenizer, PairEncoder
from stance.entailment.engine import Engine, PaddedEngine, TokenBudget, batches, native_bfloat16
from stance.errors import InputError

Precision = Literal["auto", "exact"]
BOUND = 0.005  # largest change of a probability that "auto" may make
_MARGIN = 2.0  # the probe is small, so it must keep well within the bound
SMALL_JOB = 128  # pairs; fewer are done in float32 sooner than a quick engine is made and checked
_PREMISES = (
    "We will go after the gangs who run this trade, seize their boats and put them in prison.",
    "It is not a deterrent if nobody believes it will ever happen, and nobody does.",
    "The minister refused to say when the new centre would open.",
    "People who come here illegally will be sent back within weeks, and word will get round.",
    "Schools need teachers, not slogans. I have said so for ten years and I will say it again, whoever is in office, "
    "because every child in this town has lost lessons this winter.",
    "Taxes must rise.",
    "The council has closed two libraries, and the third one opens only on Tuesdays.",
    "I never promised that; what I said was that we would look at the costs first and decide in the spring.",
)
_HYPOTHESES = (
    "The speaker supports arresting the smugglers.",
    "The speaker thinks that the policy will put people off.",
    "The speaker opposes the plan.",
    "The speaker wants the government to spend more money on this.",
)


def check_precision(precision: str) -> Precision:
    """Raises: InputError for anything but "auto" and "exact"."""
    if precision not in get_args(Precision):
        raise InputError(f"precision={precision!r}; it must be 'auto' (fastest that keeps the scores) or 'exact'")
    return precision  # type: ignore[return-value]


def exact_engine(network: Any, tokenizer: FastTokenizer) -> Engine:
    """The engine in float32."""
    return BertEngine(network) if runs_here(network) else PaddedEngine(network, tokenizer)


def quick_engine(
    network: Any, tokenizer: FastTokenizer, encoder: PairEncoder, temperature: float, exact: Engine
) -> Engine:
    """The fastest engine whose probabilities on a fixed set of pairs stay within half of :data:`BOUND` of float32's.

    The choice depends on the model and the processor alone, so it is the same in every run.
    """
    if not native_bfloat16(next(network.parameters()).device):
        return exact
    probe = encoder([(premise, hypothesis) for premise in _PREMISES for hypothesis in _HYPOTHESES])
    expected = softmax(exact, probe, temperature)
    for quick in _quick_engines(network, tokenizer):
        if np.abs(softmax(quick, probe, temperature) - expected).max() <= BOUND / _MARGIN:
            return quick
    return exact


def _quick_engines(network: Any, tokenizer: FastTokenizer) -> Iterator[Engine]:
    """The candidates, quickest first."""
    if runs_here(network):
        yield BertEngine(network, torch.bfloat16)
        yield BertEngine(network, torch.bfloat16, mixed=True)
    else:
        yield PaddedEngine(copy.deepcopy(network).to(torch.bfloat16), tokenizer, torch.bfloat16)


def softmax(engine: Engine, encoded: Encoded, temperature: float) -> NDArray[np.float64]:
    """(pairs, labels) probabilities in the network's order of labels."""
    parts, order = [], []
    for batch in batches(encoded.lengths, TokenBudget(4096)):
        parts.append(probabilities(engine, encoded, batch, temperature))
        order += batch
    out: NDArray[np.float64] = np.concatenate(parts)[np.argsort(order)]
    return out


def probabilities(engine: Engine, encoded: Encoded, batch: list[int], temperature: float) -> NDArray[np.float64]:
    """(batch, labels) probabilities; the softmax is taken in float64."""
    logits = engine.logits(encoded, batch).double() / temperature
    found: NDArray[np.float64] = torch.softmax(logits, dim=-1).numpy()
    return found
