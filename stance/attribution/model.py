"""The bundled attribution model: loading it, and running it over many texts at once."""

import importlib.resources
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn.functional import embedding, linear
from tqdm.auto import tqdm

from stance.attribution.linking import Scores, Window, marks_of
from stance.attribution.marking import DISTANCES, GAPS, LABELS, LINK, PLACES, SHAPES, Tokens, tokenize, windows
from stance.attribution.marks import Mark
from stance.bert import Encoder, linear_weights, native_bfloat16, product
from stance.errors import InputError, ModelError
from stance.quotes import file_hash
from stance.threads import side_by_side

FILES = ("config.json", "model.safetensors", "tokenizer.json")
PRECISIONS = ("auto", "exact")
TOKENS_A_BATCH = 2048
WINDOWS_A_GROUP = 256  # whose vectors are held in memory together, some 130 MB

Marker = Callable[[Sequence[str]], list[list[Mark]]]
"""What finds quotes: from texts to each text's marks."""


class AttributionModel:
    """A loaded model; call it with texts to get each one's marks.

    Args:
        stored: the network's weights in float32, by the names that ``models/attribution/train.py`` gives them.
        settings: what ``config.json`` holds.
        name: the folder, or "bundled".
        weights: the file of the weights.
        precision: "auto" computes in bfloat16 where the processor has instructions for it, else in float32;
            "exact" computes in float32.

    Raises:
        InputError: another precision.
        KeyError, RuntimeError, ValueError: a weight is missing, or has another shape than the settings say.
    """

    def __init__(self, stored: Mapping[str, torch.Tensor], tokenizer: Tokenizer, settings: dict[str, Any], name: str,
                 weights: Path | None = None, precision: str = "auto") -> None:  # fmt: skip
        if precision not in PRECISIONS:
            raise InputError(f"precision={precision!r} is not one of {', '.join(PRECISIONS)}")
        self.name = name
        self.precision = precision
        half = precision == "auto" and native_bfloat16(torch.device("cpu"))
        self._dtype = torch.bfloat16 if half else torch.float32
        hidden = settings["encoder"]["hidden_size"]
        wanted = {"label.weight": (len(LABELS), hidden), "distance.weight": (DISTANCES, 2), "nothing": (2, LINK)}
        wanted |= {f"features.{i}.weight": (size, hidden) for i, size in enumerate((SHAPES, PLACES, GAPS))}
        for part, size in wanted.items():
            if stored[part].shape != size:
                raise ValueError(f"{part} is {tuple(stored[part].shape)}, not {size}")
        self._size = sum(weight.numel() for weight in stored.values())
        self._encoder = Encoder(SimpleNamespace(**settings["encoder"]), stored, "encoder.", self._dtype)
        weight, bias = (torch.cat([stored[f"vectors.{i}.{name}"] for i in range(4)]) for name in ("weight", "bias"))
        self._vectors = product(weight, bias, self._dtype)
        self._label = linear_weights(stored, "label")
        self._links = {"distance": stored["distance.weight"].numpy(), "nothing": stored["nothing"].numpy()}
        # Of a token's three features, every combination: one look-up and one sum in place of three.
        shapes, places, gaps = (stored[f"features.{i}.weight"] for i in range(3))
        self._features = (shapes[:, None, None] + places[:, None] + gaps).flatten(0, 2)
        self._tokenizer = tokenizer
        self._ends = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        self._settings = settings
        self._weights = weights

    def __repr__(self) -> str:
        computing = str(self._dtype).removeprefix("torch.")
        return f"AttributionModel({self.name!r}, {self._size / 1e6:.1f} M parameters, {computing})"

    def check(self) -> None:
        """Computes a text as long as a window, of the last token: what does not fit otherwise raises here.

        Raises:
            IndexError, RuntimeError: weights that do not fit each other, the window or the tokenizer.
            ValueError: weights that give no finite numbers.
        """
        size, last = self._settings["window"], self._tokenizer.get_vocab_size() - 1
        features = np.tile(np.array([SHAPES, PLACES, GAPS]) - 1, (size, 1))
        tokens = Tokens(np.full(size, last), features, np.zeros((size, 2), dtype=np.int64))
        labels, _ = self._forward([tokens], [(0, 0, size)])
        if not np.isfinite(labels).all():
            raise ValueError("its weights give no finite numbers")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights' file."""
        return file_hash(self._weights) if self._weights else ""

    def __call__(self, texts: Sequence[str], *, progress: bool = False) -> list[list[Mark]]:
        """The marks of each text, in the order of the text."""
        return [marks_of(text, scores, self._settings) for text, scores in
                zip(texts, self.scores(texts, progress=progress), strict=True)]  # fmt: skip

    def scores(self, texts: Sequence[str], *, progress: bool = False) -> Iterator[Scores]:
        """Label scores and linking vectors of each text, in order."""
        size, overlap = self._settings["window"], self._settings["overlap"]
        group: list[tuple[Tokens, list[tuple[int, int]]]] = []
        held = 0
        with tqdm(total=len(texts), desc="quotes", unit=" articles", delay=2, disable=not progress) as bar:
            for number, text in enumerate(texts):
                tokens = tokenize(text, self._tokenizer)
                group.append((tokens, windows(len(tokens.ids), size, overlap)))
                held += len(group[-1][1])
                if held >= WINDOWS_A_GROUP or number + 1 == len(texts):
                    yield from self._run(group, bar)
                    group, held = [], 0

    def _run(self, group: Sequence[tuple[Tokens, list[tuple[int, int]]]], bar: Any) -> list[Scores]:
        pieces = [(which, start, end) for which, (_, found) in enumerate(group) for start, end in found]
        pieces.sort(key=lambda piece: (piece[1] - piece[2], piece))  # longest first: little padding
        totals = [np.zeros((len(tokens.ids), len(LABELS)), dtype=np.float32) for tokens, _ in group]
        weights = [np.zeros((len(tokens.ids), 1), dtype=np.float32) for tokens, _ in group]
        done: list[list[Window]] = [[] for _ in group]
        bar.update(sum(not found for _, found in group))
        cut, at = [], 0
        while at < len(pieces):
            longest = pieces[at][2] - pieces[at][1] + 2
            cut.append(pieces[at : at + max(1, TOKENS_A_BATCH // longest)])
            at += len(cut[-1])
        found = side_by_side(lambda batch: self._forward([group[which][0] for which, _, _ in batch], batch), cut)
        for batch, (labels, vectors) in zip(cut, found, strict=True):
            for row, (which, start, end) in enumerate(batch):
                count = len(group[which][0].ids)
                weight = _centrality(start, end, count)
                totals[which][start:end] += labels[row, 1 : end - start + 1] * weight
                weights[which][start:end] += weight
                done[which].append(Window(start, end, vectors[:, row, 1 : end - start + 1]))
                bar.update(len(done[which]) == len(group[which][1]))
        return [
            Scores(
                tokens,
                (total / np.maximum(weight, 1e-9)).astype(np.float32),
                sorted(found, key=lambda w: w.start),
                self._links,
            )
            for (tokens, _), total, weight, found in zip(group, totals, weights, done, strict=True)
        ]

    @torch.inference_mode()
    def _forward(
        self, tokens: Sequence[Tokens], batch: Sequence[tuple[int, int, int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-probabilities (batch, width, 7) and vectors (4, batch, width, LINK)."""
        lengths = torch.tensor([end - start + 2 for _, start, end in batch])
        ids = np.zeros((len(batch), int(lengths.max())), dtype=np.int64)
        features = np.zeros(ids.shape, dtype=np.int64)
        for row, (one, (_, start, end)) in enumerate(zip(tokens, batch, strict=True)):
            size = end - start
            ids[row, : size + 2] = [self._ends[0], *one.ids[start:end], self._ends[1]]
            features[row, 1 : size + 1] = np.ravel_multi_index(tuple(one.features[start:end].T), (SHAPES, PLACES, GAPS))
        words = embedding(torch.from_numpy(ids), self._encoder.words)
        words += embedding(torch.from_numpy(features), self._features)
        hidden = self._encoder(self._encoder.embed(words), lengths)
        labels = torch.log_softmax(linear(hidden.float(), *self._label), dim=-1)
        vectors = self._vectors.gelu(hidden).float().view(*ids.shape, 4, LINK).permute(2, 0, 1, 3)
        return labels.numpy(), vectors.numpy()


def _centrality(start: int, end: int, count: int) -> NDArray[np.float32]:
    """(tokens, 1) weights: how far a token stands from the window's edges; the text's own edges do not count."""
    size = end - start
    left = np.arange(1, size + 1) if start else np.full(size, size)
    right = np.arange(size, 0, -1) if end < count else np.full(size, size)
    weight: NDArray[np.float32] = np.minimum(left, right)[:, None].astype(np.float32)
    return weight


# --- loading --------------------------------------------------------------------------------------


def bundled_folder() -> Path:
    """The folder of the model that comes with the package, in an installed wheel and in a checkout."""
    package = Path(str(importlib.resources.files("stance")))
    for folder in (package / "models" / "attribution", package.parent / "models" / "attribution"):
        if (folder / "config.json").is_file():
            return folder
    raise ModelError("the bundled attribution model is missing from this installation; install stance-toolkit again")


@lru_cache(maxsize=2)
def load_attribution_model(folder: str | Path | None = None, *, precision: str = "auto") -> AttributionModel:
    """Loads the attribution model: the bundled one, or one in a folder that ``models/attribution/train.py`` wrote.

    Args:
        folder: nothing for the bundled one.
        precision: "auto" (bfloat16 where the processor has it, the fast way) or "exact" (float32).

    Raises:
        ModelError: a file is missing or damaged.
        InputError: another precision.

    >>> stance.load_attribution_model()    # doctest: +SKIP
    AttributionModel('bundled', 23.0 M parameters, bfloat16)
    """
    path = Path(folder) if folder is not None else bundled_folder()
    for file in FILES:
        if not (path / file).is_file():
            raise ModelError(f"{path}: {file} is missing; this is not a whole attribution model, copy the folder again")
    try:
        settings = json.loads((path / "config.json").read_text(encoding="utf-8"))
        if settings.get("model_type") != "stance-attribution" or tuple(settings["labels"]) != LABELS:
            raise ModelError(f"{path}/config.json: not a stance attribution model (model_type "
                             f"{settings.get('model_type')!r})")  # fmt: skip
        stored = {name: weight.float() for name, weight in load_file(path / "model.safetensors").items()}
        tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        name = str(folder) if folder is not None else "bundled"
        model = AttributionModel(stored, tokenizer, settings, name, path / "model.safetensors", precision)
        model.check()
    except (InputError, ModelError):
        raise
    except (SafetensorError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError,
            OSError) as error:  # fmt: skip
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"{path}: the attribution model is damaged: {reason}; copy the folder again") from error
    except Exception as error:  # tokenizers raises bare Exception for a damaged file
        if type(error) is not Exception:
            raise
        raise ModelError(f"{path}/tokenizer.json is damaged: {error}; copy the folder again") from error
    return model
