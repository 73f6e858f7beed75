"""A loaded NLI model: premises in windows, pairs -> probabilities."""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from stance.cache import ScoreCache
from stance.entailment.choice import SMALL_JOB, Precision, check_precision, exact_engine, probabilities, quick_engine
from stance.entailment.encoding import Encoded, FastTokenizer, PairEncoder
from stance.entailment.engine import Engine, TokenBudget, mapping, run
from stance.entailment.windows import runs
from stance.errors import InputError, ModelError
from stance.quotes import file_hash

Pair = tuple[str, str]
COMPUTATION = 3  # counted up when the same weights give other last digits: the cache must not mix them
PAIRS_A_WRITE = 1000  # to the cache: what an interrupt may lose
PAIRS_AT_ONCE = 1 << 16  # that are tokenised and sorted together: minutes of work, some 40 MB
LONGEST_WINDOW = 512  # tokens, premise and hypothesis together, for models that say no number of their own
_NOT_ENTAILED = {"notentailment", "nonentailment", "notentailed", "noentailment", "unentailed"}


def label_columns(id2label: dict[int, str], model: str = "the model") -> list[int | None]:
    """Which of a model's outputs are entailment, neutral and contradiction, in that order.

    A two-way model has no neutral (None), and its "not entailment" stands in the third place.

    >>> label_columns({0: "CONTRADICTION", 1: "neutral", 2: "Entailed"})
    [2, 1, 0]

    Raises:
        ModelError: the labels are not those of an NLI model.
    """
    found: dict[str, int] = {}
    for index, label in id2label.items():
        word = re.sub(r"[^a-z]", "", str(label).lower())
        if word in _NOT_ENTAILED:
            found["not"] = int(index)
        elif word.startswith("entail"):
            found["entailment"] = int(index)
        elif word.startswith("neutral"):
            found["neutral"] = int(index)
        elif word.startswith("contradict"):
            found["contradiction"] = int(index)
    if len(id2label) == 3 and {"entailment", "neutral", "contradiction"} <= found.keys():
        return [found["entailment"], found["neutral"], found["contradiction"]]
    if len(id2label) == 2 and "entailment" in found and ("not" in found or "contradiction" in found):
        return [found["entailment"], None, found.get("not", found.get("contradiction"))]
    labels = ", ".join(map(str, id2label.values()))
    raise ModelError(
        f"{model} is not an NLI model: its labels are {labels}; stance needs entailment, neutral and contradiction, "
        "or entailment and not_entailment (set id2label in its config.json if they merely lack names)"
    )


class EntailmentModel:
    """A loaded NLI model.

    Attributes:
        name: as given to :func:`load_model`.
        precision: "auto" or "exact"; see :func:`load_model`.
        cache: where probabilities are remembered, or None.
        tokens_a_batch: a fixed number of tokens a batch, or None to find the quickest at run time.
        max_tokens: most tokens of premise and hypothesis together.
        three_way: whether the model tells neutral from contradiction.
    """

    def __init__(
        self, network: Any, tokenizer: Any, name: str, files: Sequence[Path] = (), precision: str = "auto"
    ) -> None:
        self.name = name
        self.precision: Precision = check_precision(precision)
        self._network = network  # ready to compute: on its device, in evaluation mode
        self._tokenizer = tokenizer if isinstance(tokenizer, FastTokenizer) else FastTokenizer.of(tokenizer, name)
        self._files = tuple(files)
        self._columns = label_columns(network.config.id2label, name)
        self._device = next(network.parameters()).device
        config = network.config
        self.temperature = float(getattr(config, "stance_temperature", 1.0))
        if not self.temperature > 0:
            raise ModelError(f"{name}: stance_temperature in config.json is {self.temperature}; it must be above 0")
        positions = int(getattr(config, "max_position_embeddings", 0) or LONGEST_WINDOW)
        if config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
            positions -= 2  # their positions are counted from the padding index on
        limit = min(positions, self._tokenizer.longest or positions)
        self.max_tokens = limit
        self.cache: ScoreCache | None = None
        self.tokens_a_batch: int | None = None
        self._encode = PairEncoder(self._tokenizer)
        self._asked: tuple[tuple[str, ...], int] = ((), 0)  # hypotheses, tokens of the longest
        self._engines: dict[str, Engine] = {}  # by precision; shared by the model's siblings
        self._window_tokens = min(limit, int(getattr(config, "stance_window_tokens", LONGEST_WINDOW)))

    def with_precision(self, precision: str) -> "EntailmentModel":
        """The same model in another precision; weights and cache are shared.

        Raises:
            InputError: not "auto" or "exact".
        """
        if check_precision(precision) == self.precision:
            return self
        other = copy.copy(self)
        other.precision = check_precision(precision)
        return other

    def with_cache(self, cache: ScoreCache | None) -> "EntailmentModel":
        """The same model with another cache, or none; weights are shared."""
        if cache is self.cache:
            return self
        other = copy.copy(self)
        other.cache = cache
        return other

    def with_batches(self, tokens: int | None) -> "EntailmentModel":
        """The same model with a fixed number of tokens a batch: the same bits in every run on one machine."""
        other = copy.copy(self)
        other.tokens_a_batch = tokens
        return other

    @property
    def three_way(self) -> bool:
        return self._columns[1] is not None

    @property
    def arithmetic(self) -> str:
        """What a large job is computed in on this processor: "float32" or "bfloat16"."""
        return self.arithmetic_of(SMALL_JOB)

    def arithmetic_of(self, pairs: int) -> str:
        """What a job of so many distinct pairs is computed in."""
        return self._engine(pairs).arithmetic

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights' file; of the concatenated hashes where there are several."""
        hashes = [file_hash(path) for path in self._files]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that a probability depends on: weights, configuration, tokenizer. Empty without files."""
        if not self._files:
            return ""
        config = self._network.config
        read = getattr(config, "to_json_string", None)  # transformers' own configurations hold more than what they read
        settings = read(use_diff=False) if read else json.dumps(vars(config), sort_keys=True)
        content = [self.sha256, settings, self._tokenizer.backend.to_str()]
        return hashlib.sha256("\0".join(content).encode()).hexdigest()

    def __deepcopy__(self, memo: Any) -> "EntailmentModel":
        return self  # nothing in it changes; scikit-learn's clone() would else copy the weights

    def __repr__(self) -> str:
        kind = "three-way" if self.three_way else "two-way"
        size = sum(weight.numel() for weight in self._network.parameters())
        return f"EntailmentModel({self.name!r}, {kind}, {size / 1e6:.1f} M parameters)"

    def _longest(self, hypotheses: tuple[str, ...]) -> int:
        """Tokens of the longest hypothesis; asked anew for every quote, so the last answer is kept."""
        if self._asked[0] != hypotheses:
            rows = self._tokenizer.ids(hypotheses, special=True)
            self._asked = hypotheses, max(map(len, rows), default=0)
        return self._asked[1]

    def windows(self, text: str, hypotheses: Sequence[str]) -> list[tuple[int, int]]:
        """Splits a premise into runs of whole sentences that fit beside the longest hypothesis.

        Returns:
            Half-open character ranges, in order, one where all fits. Every token of the text is in one. A single
            sentence that is too long is cut between words.
        """
        longest = self._longest(tuple(hypotheses))
        budget = self._window_tokens - longest - self._tokenizer.backend.num_special_tokens_to_add(is_pair=True)
        if budget < 8:
            raise InputError(
                f"{self.name}: a hypothesis of {longest} tokens leaves no room for the premise; shorten it"
            )
        tokens: list[tuple[int, int]] = self._tokenizer.backend.encode(text, add_special_tokens=False).offsets
        return runs(text, tokens, budget)

    def predict(self, pairs: Sequence[Pair], *, progress: bool = True) -> NDArray[np.float64]:
        """Probabilities of (premise, hypothesis) pairs.

        Args:
            pairs: n pairs of texts; the same pair is computed once however often it stands there.
            progress: a bar, once it has taken two seconds.

        Returns:
            (n, 3) array: P(entailment), P(neutral), P(contradiction), each in [0, 1]. For a two-way model
            P(neutral) is NaN and the third column is P(not entailment).

        Raises:
            InputError: a pair has more tokens than the model takes; split its premise with :meth:`windows`.

        >>> model.predict([("We will arrest the smugglers.", "The speaker supports arrests.")])    # doctest: +SKIP
        array([[0.97, 0.02, 0.01]])
        """
        place: dict[Pair, int] = {}
        for pair in pairs:
            place.setdefault(pair, len(place))
        unique = list(place)
        engine = self._engine(len(unique))
        scope = f"{self.fingerprint}:{engine.arithmetic}:{self._device.type}:{COMPUTATION}"
        cache = self.cache if self.fingerprint else None
        out, known = np.full((len(unique), 3), np.nan), np.zeros(len(unique), dtype=bool)
        if cache:
            out, known = cache.get(scope, unique)
        todo = np.flatnonzero(~known)
        if len(todo):
            with tqdm(total=len(todo), unit=" pairs", desc="entailment", delay=2, disable=not progress) as bar:
                for first in range(0, len(todo), PAIRS_AT_ONCE):
                    some = todo[first : first + PAIRS_AT_ONCE]
                    out[some] = self._compute(engine, [unique[i] for i in some], cache, scope, bar)
        return out[[place[pair] for pair in pairs]]

    def __call__(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        return self.predict(pairs)

    def _exact(self) -> Engine:
        if "exact" not in self._engines:
            self._engines["exact"] = exact_engine(self._network, self._tokenizer)
        return self._engines["exact"]

    def _engine(self, pairs: int) -> Engine:
        """The engine of this precision. A small job is done in float32, which is within the bound of "auto" too, but
        not where batches are fixed: there the numbers must not depend on how many pairs come together."""
        exact = self._exact()
        if self.precision == "exact" or (pairs < SMALL_JOB and self.tokens_a_batch is None):
            return exact
        if "auto" not in self._engines:
            self._engines["auto"] = quick_engine(
                self._network, self._tokenizer, self._encode, self.temperature, self.max_tokens, exact
            )
        return self._engines["auto"]

    def _compute(
        self, engine: Engine, pairs: Sequence[Pair], cache: ScoreCache | None, scope: str, bar: Any
    ) -> NDArray[np.float64]:
        """(n, 3) probabilities of n distinct pairs; the cache is told as the work goes on."""
        encoded = self._encode(pairs)
        if encoded.lengths.max() > self.max_tokens:
            worst = int(encoded.lengths.argmax())
            raise InputError(
                f"a pair of {encoded.lengths[worst]} tokens is longer than the {self.max_tokens} that {self.name} "
                f"takes (premise {pairs[worst][0][:60]!r}…); split the premise with model.windows()"
            )
        out = np.full((len(pairs), 3), np.nan)
        done: list[int] = []
        share = int(encoded.lengths.sum()) // torch.get_num_threads() if engine.threaded else None
        budget = TokenBudget(self.tokens_a_batch, self._device.type, share)

        def work(batch: list[int]) -> NDArray[np.float64]:
            return probabilities(engine, encoded, batch, self.temperature)

        for batch, found in run(work, engine, encoded.lengths, budget):
            for place, column in enumerate(self._columns):
                if column is not None:
                    out[batch, place] = found[:, column]
            done += batch
            if cache and len(done) >= PAIRS_A_WRITE:
                cache.put(scope, [pairs[i] for i in done], out[done])
                done = []
            bar.update(len(batch))
        if cache:
            cache.put(scope, [pairs[i] for i in done], out[done])
        return out

    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The encoder's view of texts, for a classifier on top (:class:`stance.StanceScorer`).

        Args:
            texts: n texts; tokens beyond ``max_tokens`` do not count, so split long ones with :meth:`windows`.

        Returns:
            (n, hidden) mean of the last hidden states over a text's tokens, scaled to length one; float32 throughout.
        """
        if not texts:
            return np.empty((0, 0))
        unique = list(dict.fromkeys(texts))
        place = {text: i for i, text in enumerate(unique)}
        scope = f"{self.fingerprint}:embedding:{self._device.type}:{COMPUTATION}"
        cache = self.cache if self.fingerprint else None
        keys = [(text, "") for text in unique]
        width = int(self._network.config.hidden_size)
        out, known = np.empty((len(unique), width)), np.zeros(len(unique), dtype=bool)
        if cache:
            out, known = cache.get(scope, keys, width, "<f4")
        todo = np.flatnonzero(~known).tolist()
        if todo:
            out[todo] = self._vectors([unique[i] for i in todo])
            if cache:
                cache.put(scope, [keys[i] for i in todo], out[todo], "<f4")
        found: NDArray[np.float64] = out[[place[text] for text in texts]]
        return found

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n, hidden) embeddings, rounded to float32 as the cache keeps them."""
        encoded = Encoded(self._tokenizer.ids(texts, special=True, most=self.max_tokens), None)
        engine = self._exact()
        order = np.argsort(-encoded.lengths, kind="stable").tolist()
        cut = [order[first : first + 32] for first in range(0, len(order), 32)]
        parts = mapping(engine)(lambda batch: engine.means(encoded, batch).numpy(), cut)
        vectors = np.concatenate(list(parts))[np.argsort(order)]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors.astype(np.float32), dtype=np.float64)


Scorer = Callable[[Sequence[Pair]], Any]
"""What scoring needs of a model: any callable from pairs to an (n, 3) array will do."""
