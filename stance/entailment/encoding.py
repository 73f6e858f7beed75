"""Pairs of texts -> token ids. Each premise and each hypothesis is tokenised once; their ids are joined."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, str]
_PROBE = ("One of them said: no.", "The speaker agrees, (2) at least.")


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

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._typed = "token_type_ids" in tokenizer.model_input_names
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
        rows = self._tokenizer(unique, add_special_tokens=False, return_attention_mask=False,
                               return_token_type_ids=False, verbose=False)["input_ids"]  # fmt: skip
        return {text: np.array(row, dtype=np.int64) for text, row in zip(unique, rows, strict=True)}

    def _whole(self, pairs: Sequence[Pair]) -> Encoded:
        found = self._tokenizer([p for p, _ in pairs], [h for _, h in pairs], verbose=False)
        types = [np.array(row, dtype=np.int64) for row in found["token_type_ids"]] if self._typed else None
        return Encoded([np.array(row, dtype=np.int64) for row in found["input_ids"]], types)

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
