"""Which engine runs a network in which precision, and the check that a quick one keeps the scores."""

import copy
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from stance.bert import native_bfloat16
from stance.entailment.bert import BertEngine, runs_here
from stance.entailment.encoding import Encoded, FastTokenizer, PairEncoder
from stance.entailment.engine import Engine, PaddedEngine, TokenBudget, run
from stance.errors import InputError

Precision = Literal["auto", "exact"]
BOUND = 0.005  # largest change of a score, which is a mean over three wordings or more, that "auto" may make
_MARGIN = 2.0  # the probe is small, so it must keep well within the bound
SMALL_JOB = 256  # pairs; fewer are done in float32 sooner than a quick engine is made and checked
# The last four are statements of models/nli/political.jsonl on which rounding moves scores most, of 70 looked at.
_PREMISES = (
    "We will go after the gangs who run this trade, seize their boats and put them in prison.",
    "It is not a deterrent if nobody believes it will ever happen, and nobody does.",
    "People who come here illegally will be sent back within weeks, and word will get round.",
    "I never promised that; what I said was that we would look at the costs first and decide in the spring.",
    "Let's get back to 0.7, by all means. There must be a dictator somewhere whose third palace still lacks a helipad, "
    "and I'm sure my constituents in Bolsover, with their boarded-up baths, would be tickled pink to chip in.",
    "Whose hospital shuts for the extra brigade? Whose bus, whose library, whose school breakfast? My Green colleagues "
    "and I have asked the minister six times where three per cent will come from, and why a nation bristling with "
    "warheads isn't safe already.",
    "Were the operator to electrify the vessel and guarantee that a third of it is landed at Grangemouth, I might hold "
    "my nose and wave Rosebank through. They've offered neither, so I'm a no, and a cross one.",
    "This is not censorship. Nobody is taking your jokes away. We're telling the men who sell fake pills to teenagers "
    "that the law doesn't stop at the edge of the screen.",
)
_CLAIMS = (
    (
        "The speaker supports arresting the smugglers.",
        "The speaker wants those who run the crossings to be caught.",
        "The author is in favour of police action against the trade.",
    ),
    (
        "The speaker thinks that the policy will put people off.",
        "The speaker wants people to be discouraged from coming.",
        "The author believes that fewer would set out.",
    ),
    (
        "The speaker opposes the plan.",
        "The speaker wants the government to think again.",
        "The author is critical of what is being done.",
    ),
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
    network: Any, tokenizer: FastTokenizer, encoder: PairEncoder, temperature: float, longest: int, exact: Engine
) -> Engine:
    """The network in bfloat16, if its scores of a fixed probe stay within half of :data:`BOUND` of float32's.

    A score is the mean of the probabilities of three wordings of one claim. Premises of the probe that make a pair of
    more than ``longest`` tokens are left out. The choice depends on the model and the
    processor alone, so it is the same in every run.
    """
    if not native_bfloat16(next(network.parameters()).device):
        return exact
    wordings = [wording for claim in _CLAIMS for wording in claim]
    blocks = [[(premise, wording) for wording in wordings] for premise in _PREMISES]
    pairs = [pair for block in blocks if encoder(block).lengths.max() <= longest for pair in block]
    if not pairs:
        return exact
    probe = encoder(pairs)
    if runs_here(network):
        quick: Engine = BertEngine(network, torch.bfloat16, sample=encoder(pairs[:: len(_CLAIMS[0])]))
    else:
        quick = PaddedEngine(copy.deepcopy(network).to(torch.bfloat16), tokenizer, torch.bfloat16)
    moved = softmax(quick, probe, temperature) - softmax(exact, probe, temperature)  # (pairs, labels)
    scores = moved.reshape(-1, len(_CLAIMS[0]), moved.shape[1]).mean(axis=1)
    return quick if np.abs(scores).max() <= BOUND / _MARGIN else exact


def softmax(engine: Engine, encoded: Encoded, temperature: float) -> NDArray[np.float64]:
    """(pairs, labels) probabilities in the network's order of labels."""

    def work(batch: list[int]) -> NDArray[np.float64]:
        return probabilities(engine, encoded, batch, temperature)

    orders, parts = zip(*run(work, engine, encoded.lengths, TokenBudget(2048)), strict=True)
    out: NDArray[np.float64] = np.concatenate(parts)[np.argsort(np.concatenate(orders))]
    return out


def probabilities(engine: Engine, encoded: Encoded, batch: list[int], temperature: float) -> NDArray[np.float64]:
    """(batch, labels) probabilities; the softmax is taken in float64."""
    logits = engine.logits(encoded, batch).double() / temperature
    found: NDArray[np.float64] = torch.softmax(logits, dim=-1).numpy()
    return found
