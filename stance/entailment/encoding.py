"""Pairs of texts -> token ids. Each premise and each hypothesis is tokenised once; their ids are joined."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from stance.errors import ModelError

Pair = tuple[str, str]
_PROBE = ("One of them said: no.", "The speaker agrees, (2) at least.")


@dataclass(frozen=True)
class FastTokenizer:
    """A tokenizer as the package tokenizers has it, with what transformers keeps beside it.

    Attributes:
        typed: whether the model is told which tokens are the hypothesis's.
        longest: the most tokens that the model takes, if the tokenizer says so.
        pad: the id of the padding token.
        left: whether padding goes before the text.
    """

    backend: Tokenizer
    typed: bool = True
    longest: int | None = None
    pad: int = 0
    left: bool = False
    _cutters: dict[int, Tokenizer] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, tokenizer: Any, name: str) -> "FastTokenizer":
        """That of a tokenizer of transformers.

        Raises:
            ModelError: it is one of those that are not made of the package tokenizers.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(f"{name}: its tokenizer has no fast form (tokenizer.json); stance needs one")
        longest = int(tokenizer.model_max_length or 0)
        return cls(_bare(backend.to_str()), "token_type_ids" in tokenizer.model_input_names,
                   longest if 0 < longest < 10**9 else None, int(tokenizer.pad_token_id or 0),
                   tokenizer.padding_side == "left")  # fmt: skip

    @classmethod
    def stored(cls, folder: Path) -> "FastTokenizer":
        """That of a folder which models/nli/train.py exported.

        Raises:
            ValueError: not a BERT's tokenizer.
        """
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        if settings["tokenizer_class"] != "BertTokenizer":
            raise ValueError(settings["tokenizer_class"])
        return cls(_bare((folder / "tokenizer.json").read_text(encoding="utf-8")), longest=settings["model_max_length"])

    def ids(self, texts: Sequence[str], *, special: bool = False, most: int | None = None) -> list[NDArray[np.int64]]:
        """The tokens of each text, with or without special ones, the first ``most`` of them."""
        if most is None:
            return _encoded(self.backend, texts, special)
        if all(len(text) <= 4 * most for text in texts):  # most are short, and to copy a tokenizer takes a while
            rows = _encoded(self.backend, texts, special)
            if all(len(row) <= most for row in rows):
                return rows
        return _encoded(self._cutting(most), texts, special)

    def _cutting(self, most: int) -> Tokenizer:
        """The same, but it cuts a text after so many tokens; a copy, for another thread may be using the whole one."""
        if most not in self._cutters:
            backend = _bare(self.backend.to_str())
            backend.enable_truncation(most)
            self._cutters[most] = backend
        return self._cutters[most]


def _encoded(backend: Tokenizer, texts: Sequence[str], special: bool) -> list[NDArray[np.int64]]:
    rows = backend.encode_batch(list(texts), add_special_tokens=special)
    return [np.array(row.ids, dtype=np.int64) for row in rows]


def _bare(content: str) -> Tokenizer:
    backend = Tokenizer.from_str(content)
    backend.no_padding()
    backend.no_truncation()
    return backend


class Encoded:
    """n encoded pairs.

    Attributes:
        lengths: (n,) tokens a pair, special tokens included.
    """

    def __init__(self, ids: Sequence[NDArray[np.int64]], types: Sequence[NDArray[np.int64]] | None) -> None:
        self.ids = ids
        self.types = types
        self.lengths = np.array([len(row) for row in ids], dtype=np.int64)


class PairEncoder:
    """Joins a premise's and a hypothesis's tokens in the way of a tokenizer.

    The way (special tokens before, between and after; token types) is read off a pair that the tokenizer itself
    encodes. Where joining does not give what the tokenizer gives, every pair goes through the tokenizer.
    """

    def __init__(self, tokenizer: FastTokenizer) -> None:
        self._tokenizer = tokenizer
        self._frame = self._read_frame()

    @property
    def joins(self) -> bool:
        """Whether tokens are joined; otherwise each pair is tokenised as a whole."""
        return self._frame is not None

    def __call__(self, pairs: Sequence[Pair]) -> Encoded:
        if self._frame is None:
            return self._whole(pairs)
        before, between, after, kinds = self._frame
        parts = self._parts([premise for premise, _ in pairs]), self._parts([hypothesis for _, hypothesis in pairs])
        ids, types = [], []
        for premise, hypothesis in pairs:
            first, second = parts[0][premise], parts[1][hypothesis]
            ids.append(np.concatenate((before, first, between, second, after)))
            if kinds is not None:
                sizes = (len(before), len(first), len(between), len(second), len(after))
                types.append(np.repeat(kinds, sizes))
        return Encoded(ids, types if kinds is not None else None)

    def _parts(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """The tokens of each text, without special ones."""
        unique = list(dict.fromkeys(texts))
        return dict(zip(unique, self._tokenizer.ids(unique), strict=True))

    def _whole(self, pairs: Sequence[Pair]) -> Encoded:
        found = self._tokenizer.backend.encode_batch(list(pairs))
        types = [np.array(row.type_ids, dtype=np.int64) for row in found] if self._tokenizer.typed else None
        return Encoded([np.array(row.ids, dtype=np.int64) for row in found], types)

    def _read_frame(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Any] | None:
        """Special tokens before, between and after, and the token type of each of the five parts."""
        parts = self._parts(_PROBE)
        first, second = parts[_PROBE[0]], parts[_PROBE[1]]
        whole = self._whole([_PROBE])
        ids = whole.ids[0]
        start, middle = _find(ids, first), _find(ids, second)
        if start is None or middle is None or start + len(first) > middle or not len(first) or not len(second):
            return None
        end, stop = start + len(first), middle + len(second)
        kinds = None
        if whole.types is not None:
            edges = [(0, start), (start, end), (end, middle), (middle, stop), (stop, len(ids))]
            sets = [set(whole.types[0][a:b].tolist()) for a, b in edges]
            if any(len(found) > 1 for found in sets):
                return None
            kinds = np.array([min(found, default=0) for found in sets], dtype=np.int64)
        return ids[:start], ids[end:middle], ids[stop:], kinds


def _find(row: NDArray[np.int64], part: NDArray[np.int64]) -> int | None:
    """Where a run of tokens stands in a row, if it stands there."""
    for start in range(len(row) - len(part) + 1):
        if np.array_equal(row[start : start + len(part)], part):
            return start
    return None
