"""One frame's classifier: features, fit, choice of strength, calibration, and the comparison with zero-shot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold

from stance.head.fitted import Floats, FrameHead, softmax

FEWEST_CODES = 10
STRENGTHS = (0.001, 0.01, 0.1)  # C: small is strong regularisation
EMBEDDING = 0.4  # weight of each embedding dimension beside a hypothesis's: there are hundreds of them


def learn(
    features: Floats, codes: NDArray[np.int64], groups: NDArray[Any], zero_shot: tuple[Floats, ...], hypotheses: int,
    folds: int,
) -> tuple[dict[str, Any], FrameHead | None]:  # fmt: skip
    """What the report says of a frame, and its head where it beat zero-shot."""
    speakers = len(np.unique(groups))
    row: dict[str, Any] = {"n": len(codes), "speakers": speakers, "zero_shot": float("nan"), "fitted": float("nan"),
                           "used": False}  # fmt: skip
    if len(codes) < FEWEST_CODES or speakers < 2 or len(np.unique(codes)) < 2:
        return row | {"why": f"{len(codes)} codes of {speakers} speakers with {len(np.unique(codes))} different "
                             "values: too few to learn from; zero-shot is kept"}, None  # fmt: skip
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    scale[hypotheses:] /= EMBEDDING
    inputs = (features - mean) / scale
    splits = list(GroupKFold(min(folds, speakers)).split(inputs, codes, groups))
    tried = [(strength, _held_out(inputs, codes, splits, strength)) for strength in STRENGTHS]
    losses = [log_loss(codes, softmax(logits), labels=[-1, 0, 1]) for _, logits in tried]
    best = int(np.argmin(losses))
    strength, logits = tried[best]
    temperature = _temperature(logits, codes)
    held_out = softmax(logits / temperature)
    row["fitted"] = _auc(codes, held_out[:, 2], held_out[:, 0])
    row["zero_shot"] = _auc(codes, zero_shot[0], np.nan_to_num(zero_shot[1]))
    row["used"] = bool(row["fitted"] > row["zero_shot"])
    if not row["used"]:
        return row | {"why": "cross-validated, the fit is no better than zero-shot; zero-shot is kept"}, None
    model = _regression(strength).fit(inputs, codes)
    classes, weights, bias = _expanded(model)
    head = FrameHead(classes, weights / scale, bias - (weights / scale) @ mean, temperature)
    return row | {"why": f"fitted better (C {strength:g}, temperature {temperature:.2f})"}, head


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300, tol=1e-3)


def _expanded(model: LogisticRegression) -> tuple[tuple[int, ...], Floats, Floats]:
    """Classes, weights and biases with one row a class, also where there are two."""
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        weights, bias = np.vstack([0 * weights[0], weights[0]]), np.array([0.0, bias[0]])
    return tuple(int(c) for c in model.classes_), weights, bias


def _held_out(inputs: Floats, codes: NDArray[np.int64], splits: Any, strength: float) -> Floats:
    """(quotes, 3) logits from models that did not see the quote's speaker; a class that a fold lacks is unlikely."""
    out = np.full((len(codes), 3), -20.0)
    for train, test in splits:
        if len(np.unique(codes[train])) < 2:
            out[test, codes[train][0] + 1] = 0.0
            continue
        classes, weights, bias = _expanded(_regression(strength).fit(inputs[train], codes[train]))
        logits = inputs[test] @ weights.T + bias
        out[np.ix_(test, [c + 1 for c in classes])] = logits - logits.max(axis=1, keepdims=True)
    return out


def _temperature(logits: Floats, codes: NDArray[np.int64]) -> float:
    """The temperature with the smallest log loss, between 0.3 and 5."""

    def loss(log_temperature: float) -> float:
        return float(log_loss(codes, softmax(logits / np.exp(log_temperature)), labels=[-1, 0, 1]))

    found = optimize.minimize_scalar(loss, bounds=(np.log(0.3), np.log(5)), method="bounded")
    return float(np.exp(found.x))


def _auc(codes: NDArray[np.int64], support: Floats, oppose: Floats) -> float:
    """The mean AUC of support and of oppose, of those codes that there are."""
    targets = [(codes == 1, support), (codes == -1, oppose)]
    found = [roc_auc_score(is_so, value) for is_so, value in targets if 0 < is_so.sum() < len(codes)]
    return float(np.mean(found))
