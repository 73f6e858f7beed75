"""A loaded NLI model: premises in windows, pairs -> probabilities."""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from stance.entailment.windows import runs
from stance.errors import InputError, ModelError
from stance.quotes import file_hash

Pair = tuple[str, str]
Precision = Literal["auto", "exact"]
TOKENS_A_BATCH = 4096
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


def check_precision(precision: str) -> Precision:
    """Raises: InputError for anything but "auto" and "exact"."""
    if precision not in get_args(Precision):
        raise InputError(f"precision={precision!r}; it must be 'auto' (fastest that keeps the scores) or 'exact'")
    return precision  # type: ignore[return-value]


class EntailmentModel:
    """A loaded NLI model.

    Attributes:
        name: as given to :func:`load_model`.
        precision: "auto" or "exact"; see :func:`load_model`.
        max_tokens: most tokens of premise and hypothesis together.
        three_way: whether the model tells neutral from contradiction.
    """

    def __init__(
        self, network: Any, tokenizer: Any, name: str, files: Sequence[Path] = (), precision: str = "auto"
    ) -> None:
        self.name = name
        self.precision: Precision = check_precision(precision)
        self._network = network.eval()
        self._tokenizer = tokenizer
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
        limit = min(positions, int(getattr(tokenizer, "model_max_length", positions) or positions))
        self.max_tokens = limit
        self._window_tokens = min(limit, int(getattr(config, "stance_window_tokens", LONGEST_WINDOW)))

    def with_precision(self, precision: str) -> "EntailmentModel":
        """The same model in another precision; the weights in float32 are shared.

        Raises:
            InputError: not "auto" or "exact".
        """
        if check_precision(precision) == self.precision:
            return self
        return EntailmentModel(self._network, self._tokenizer, self.name, self._files, precision)

    @property
    def three_way(self) -> bool:
        return self._columns[1] is not None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights' file; of the concatenated hashes where there are several."""
        hashes = [file_hash(path) for path in self._files]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    def __repr__(self) -> str:
        kind = "three-way" if self.three_way else "two-way"
        size = sum(weight.numel() for weight in self._network.parameters())
        return f"EntailmentModel({self.name!r}, {kind}, {size / 1e6:.1f} M parameters)"

    def windows(self, text: str, hypotheses: Sequence[str]) -> list[tuple[int, int]]:
        """Splits a premise into runs of whole sentences that fit beside the longest hypothesis.

        Returns:
            Half-open character ranges, in order, one where all fits. Every token of the text is in one. A single
            sentence that is too long is cut between words.
        """
        longest = max((len(ids) for ids in self._tokenizer(list(hypotheses))["input_ids"]), default=0)
        budget = self._window_tokens - longest - self._tokenizer.num_special_tokens_to_add(pair=True)
        if budget < 8:
            raise InputError(
                f"{self.name}: a hypothesis of {longest} tokens leaves no room for the premise; shorten it"
            )
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        tokens: list[tuple[int, int]] = encoded["offset_mapping"]
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
        unique = list(dict.fromkeys(pairs))
        place = {pair: i for i, pair in enumerate(unique)}
        out = np.full((len(unique), 3), np.nan)
        if unique:
            encoded = self._tokenizer([p for p, _ in unique], [h for _, h in unique], verbose=False)
            lengths = [len(ids) for ids in encoded["input_ids"]]
            if max(lengths) > self.max_tokens:
                worst = int(np.argmax(lengths))
                raise InputError(
                    f"a pair of {lengths[worst]} tokens is longer than the {self.max_tokens} that {self.name} takes "
                    f"(premise {unique[worst][0][:60]!r}…); split the premise with model.windows()"
                )
            with tqdm(total=len(unique), unit=" pairs", desc="entailment", delay=2, disable=not progress) as bar:
                for batch in self._batches(lengths):
                    out[batch] = self._probabilities(encoded, batch)
                    bar.update(len(batch))
        return out[[place[pair] for pair in pairs]]

    def __call__(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        return self.predict(pairs)

    @staticmethod
    def _batches(lengths: Sequence[int]) -> list[list[int]]:
        """Indices sorted by length, longest first, cut so that a padded batch holds TOKENS_A_BATCH at most."""
        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        out: list[list[int]] = []
        at = 0
        while at < len(order):
            size = max(1, TOKENS_A_BATCH // lengths[order[at]])
            out.append(order[at : at + size])
            at += size
        return out

    @torch.inference_mode()
    def _probabilities(self, encoded: Any, batch: Sequence[int]) -> NDArray[np.float64]:
        rows = {key: [encoded[key][i] for i in batch] for key in encoded if key in self._tokenizer.model_input_names}
        inputs = self._tokenizer.pad(rows, return_tensors="pt").to(self._device)  # (batch, tokens)
        logits = self._network(**inputs).logits.double().cpu() / self.temperature  # (batch, labels)
        found = torch.softmax(logits, dim=-1).numpy()
        columns = [np.full(len(batch), np.nan) if column is None else found[:, column] for column in self._columns]
        return np.stack(columns, axis=1)


Scorer = Callable[[Sequence[Pair]], Any]
"""What scoring needs of a model: any callable from pairs to an (n, 3) array will do."""
