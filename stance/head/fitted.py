"""Fitted heads: reading them from a file and using them, without scikit-learn, which takes a second to import."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.codebook import Codebook
from stance.errors import ModelError
from stance.scoring import Entailed

Floats = NDArray[np.float64]
Sides = tuple[Floats, Floats]  # (quotes,) support, (quotes,) oppose
FORMAT = 1


@dataclass(frozen=True)
class FrameHead:
    """One frame's classifier.

    Attributes:
        classes: of the codes -1, 0, 1 those that it was fitted on, ascending.
        weights: (classes, features) and bias: (classes,), of the raw features.
        temperature: what the logits are divided by.
    """

    classes: tuple[int, ...]
    weights: Floats
    bias: Floats
    temperature: float

    def probabilities(self, features: Floats) -> Floats:
        """(quotes, 3) probability of the codes -1, 0 and 1; a code that was not fitted has none."""
        out = np.zeros((len(features), 3))
        out[:, [c + 1 for c in self.classes]] = softmax((features @ self.weights.T + self.bias) / self.temperature)
        return out


def softmax(logits: Floats) -> Floats:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def features_of(found: Entailed) -> tuple[Floats, int]:
    """(quotes, features), and how many of the first are the hypotheses'.

    The hypotheses' are the log-odds of entailment, and of contradiction where the model knows it, each the largest over
    the quote's windows; the others are the mean of the windows' embeddings, where the model has one.
    """
    starts = found.starts
    columns = [0] if np.isnan(found.probabilities[:, :, 1]).any() else [0, 2]
    parts = []
    for column in columns:
        p = np.clip(np.maximum.reduceat(found.probabilities[:, :, column], starts, axis=0), 1e-4, 1 - 1e-4)
        parts.append(np.log(p / (1 - p)))
    size = sum(part.shape[1] for part in parts)
    if found.embeddings is not None:
        counts = np.diff(np.r_[starts, len(found.places)])[:, None]
        parts.append(np.add.reduceat(found.embeddings, starts, axis=0) / counts)
    return np.concatenate(parts, axis=1), size


def head_scores(found: Entailed, heads: Mapping[str, FrameHead], zero_shot: Mapping[str, Sides]) -> dict[str, Sides]:
    """frame -> support and oppose of every frame that has a head; oppose stays NaN where the codebook has none."""
    if not heads:
        return {}
    features, _ = features_of(found)
    codes = {name: head.probabilities(features) for name, head in heads.items()}
    return {name: (p[:, 2], np.where(np.isnan(zero_shot[name][1]), np.nan, p[:, 0])) for name, p in codes.items()}


def heads_hash(heads: Mapping[str, FrameHead]) -> str:
    """SHA-256 of what the heads compute: classes, weights, biases and temperatures, by frame."""
    content = [
        [name, list(head.classes), head.weights.tolist(), head.bias.tolist(), float(head.temperature)]
        for name, head in sorted(heads.items())
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def head_path(name: str) -> Path | None:
    """The file of a head: a path, or a bundled name, in an installed wheel and in a checkout."""
    package = Path(__file__).parent.parent
    places = [Path(name), *(f / "models" / "heads" / f"{name}.json" for f in (package, package.parent))]
    return next((place for place in places if place.is_file()), None)


def read_head(name: str) -> dict[str, Any]:
    """The content of a head's file.

    Raises:
        ModelError: no such head, or a damaged file.
    """
    path = head_path(name)
    if path is None:
        raise ModelError(f"{name!r} is neither a head's file nor a bundled head")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or not {"heads", "model_sha256", "codebook_sha256", "default"} <= set(content):
            raise ValueError(f"format {content['format']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a head written by this version of stance ({error})") from error
    return content


def misfit(content: dict[str, Any], model_sha256: str | None, book: Codebook) -> str | None:
    """Why a head does not fit a model and a codebook, if so."""
    if content["codebook_sha256"] != book.sha256:
        return f"it was fitted on another version of the codebook {content['codebook']!r}"
    if model_sha256 is None or content["model_sha256"] != model_sha256:
        return f"it was fitted on another model (SHA-256 {str(content['model_sha256'])[:12]}…)"
    return None


def heads_in(content: Mapping[str, Any]) -> dict[str, FrameHead]:
    """The heads of a file's content, by frame."""
    return {
        frame: FrameHead(tuple(head["classes"]), np.array(head["weights"]), np.array(head["bias"]), head["temperature"])
        for frame, head in content["heads"].items()
    }


def default_head(found: Entailed) -> tuple[dict[str, FrameHead] | None, dict[str, Any]]:
    """The bundled heads for these entailments, if there are some that fit, and what the provenance says of them."""
    name = found.codebook.name
    if head_path(name) is None:
        return None, {"used": False, "why": "no head is bundled for this codebook"}
    content = read_head(name)
    reason = misfit(content, found.model.get("sha256"), found.codebook)
    if reason is None and not content["default"]:
        reason = "on quotes that it was not fitted on it was no better than zero-shot"
    if reason:
        return None, {"used": False, "name": name, "why": reason}
    heads = {frame: head for frame, head in heads_in(content).items() if frame in content["default"]}
    return heads, {"used": True, "name": name, "frames": list(heads), "sha256": heads_hash(heads)}
