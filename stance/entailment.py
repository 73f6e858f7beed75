"""The zero-shot transformer: (premise, hypothesis) pairs -> probabilities.

Any Hugging Face sequence-classification model trained for natural language inference will do: three-way
(entailment, neutral, contradiction) or two-way (entailment, not entailment). Weights are read from safetensors
only, and no code that comes with a model is run.

Method: Yin, Hay & Roth (2019), "Benchmarking zero-shot text classification", EMNLP.
"""

import hashlib
import importlib.resources
import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from stance.errors import InputError, ModelError
from stance.quotes import file_hash

Pair = tuple[str, str]
TOKENS_A_BATCH = 4096
LONGEST_WINDOW = 512  # tokens, premise and hypothesis together, for models that say no number of their own
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9£$€])|\n+\s*")
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


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open character ranges of the sentences; together they hold every character that is not blank.

    >>> sentence_spans("One. Two!")
    [(0, 4), (5, 9)]
    """
    cuts = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    spans = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, start + len(piece.rstrip())))
    return spans


class EntailmentModel:
    """A loaded NLI model.

    Attributes:
        name: as given to :func:`load_model`.
        max_tokens: most tokens of premise and hypothesis together.
        three_way: whether the model tells neutral from contradiction.
    """

    def __init__(self, network: Any, tokenizer: Any, name: str, files: Sequence[Path] = ()) -> None:
        self.name = name
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
        if len(tokens) <= budget:
            return [(0, len(text))]
        pieces: list[tuple[int, int, int]] = []  # start, end, number of tokens
        at = 0
        for _, end in sentence_spans(text):
            first = at
            while at < len(tokens) and tokens[at][0] < end:
                at += 1
            for cut in range(first, at, budget):
                last = min(cut + budget, at)
                pieces.append((tokens[cut][0], tokens[last - 1][1], last - cut))
        spans: list[tuple[int, int]] = []
        used = 0
        for start, end, size in pieces:
            if spans and used + size <= budget:
                spans[-1] = (spans[-1][0], end)
                used += size
            else:
                spans.append((start, end))
                used = size
        return spans

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


# --- loading ------------------------------------------------------------------------------------


def bundled_folder() -> Path:
    """The folder of the model that comes with the package, in an installed wheel and in a checkout."""
    package = Path(str(importlib.resources.files("stance")))
    for folder in (package / "models" / "nli", package.parent / "models" / "nli"):
        if (folder / "config.json").is_file():
            return folder
    raise ModelError("the bundled model is missing from this installation; install stance-toolkit again")


BUNDLED = "bundled"


def load_model(name: str | Path | None = None, *, device: str = "cpu") -> EntailmentModel:
    """Loads an NLI model: the bundled one, a folder, or a Hugging Face model by name.

    A Hub model is taken from the local cache where it is there, and fetched otherwise.

    Args:
        name: nothing or "bundled", a path, or a name such as "MoritzLaurer/deberta-v3-large-zeroshot-v2.0".
        device: "cpu", "cuda", …

    Raises:
        ModelError: not found, incomplete, no safetensors, needs code of its own, or not an NLI model.
    """
    return _load(str(name or BUNDLED), device)


@lru_cache(maxsize=2)
def _load(name: str, device: str) -> EntailmentModel:
    folder = bundled_folder() if name == BUNDLED else Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        network, tokenizer = _from_pretrained(str(folder), name, local=True)
        files = sorted(folder.glob("*.safetensors"))
    elif folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: no such folder; give a model folder, or a Hub name such as "
                         "'MoritzLaurer/deberta-v3-large-zeroshot-v2.0'")  # fmt: skip
    else:
        network, tokenizer = _from_hub(name)
        files = _cached_weights(name)
    return EntailmentModel(network.to(device), tokenizer, name, files)


def _check_folder(folder: Path) -> None:
    """One clear error for what is missing, before transformers tries and guesses."""
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{folder}: not a model folder, config.json is missing")
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder}/config.json is damaged: {error}; copy the model again") from error
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt")))
        why = f"only {pickled[0]}, a pickle, which stance does not load; convert it" if pickled else "no weights"
        raise ModelError(f"{folder}: {why}; stance reads model.safetensors")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model")):
        raise ModelError(f"{folder}: the tokenizer is missing (tokenizer.json); copy all files of the model")


def _from_pretrained(path: str, name: str, *, local: bool) -> tuple[Any, Any]:
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=local, trust_remote_code=False)
        label_columns(config.id2label, name)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local, trust_remote_code=False)
        network, report = AutoModelForSequenceClassification.from_pretrained(
            path, config=config, local_files_only=local, trust_remote_code=False, use_safetensors=True,
            dtype=torch.float32, output_loading_info=True,
        )  # fmt: skip
    except ModelError:
        raise
    except OSError:
        raise
    except Exception as error:  # transformers, safetensors and tokenizers raise many kinds for a damaged model
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{name}: the model cannot be loaded: {reason}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(f"{name}: weights are missing ({missing[0]} and {len(missing) - 1} more): this is not a "
                         "finished sequence-classification model")  # fmt: skip
    return network, tokenizer


def _from_hub(name: str) -> tuple[Any, Any]:
    try:
        return _from_pretrained(name, name, local=True)
    except OSError:
        pass  # not in the cache, or not wholly; try to fetch it
    try:
        return _from_pretrained(name, name, local=False)
    except OSError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{name}: neither in the local cache nor to be had from the Hub ({reason}). Check the name and the "
            "connection, or fetch it on another machine and give its folder; the bundled model needs no network"
        ) from error


def _cached_weights(name: str) -> list[Path]:
    from transformers.utils.hub import cached_file

    single = cached_file(name, "model.safetensors", local_files_only=True, _raise_exceptions_for_missing_entries=False)
    if single:
        return [Path(single)]
    index = cached_file(name, "model.safetensors.index.json", local_files_only=True)
    parts = set(json.loads(Path(str(index)).read_text(encoding="utf-8"))["weight_map"].values())
    return [Path(str(cached_file(name, part, local_files_only=True))) for part in sorted(parts)]
