"""The scikit-learn estimator: zero-shot entailments and codes in, scores out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from stance.codebook import Codebook, load_codebook
from stance.errors import CodebookError, InputError, ModelError
from stance.head.fitted import FORMAT, Floats, FrameHead, features_of, head_scores, heads_in, misfit, read_head
from stance.head.learning import learn
from stance.quotes import whole_file
from stance.scoring import Entailed, entail, score


class StanceScorer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scores texts on a codebook's frames, and learns from codes; a scikit-learn estimator for texts.

    Args:
        codebook, model: as in :func:`stance.score`.
        folds: of the cross-validation over speakers.

    Attributes:
        heads_: frame -> FrameHead, where it beat zero-shot.
        report_: one row a frame: frame, n, speakers, zero_shot, fitted (the mean AUC of support and oppose, the
            latter cross-validated), used, why.

    >>> scorer = StanceScorer().fit(quotes, codes)    # doctest: +SKIP
    >>> scorer.report_.round(2)    # doctest: +SKIP
             frame    n  speakers  zero_shot  fitted  used            why
    0  enforcement  120        31       0.78    0.86  True  fitted better
    """

    def __init__(self, codebook: Any = None, model: Any = None, *, folds: int = 5) -> None:
        self.codebook = codebook
        self.model = model
        self.folds = folds

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags

    # --- learning -------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, groups: Any = None) -> "StanceScorer":  # noqa: N803
        """Learns from codes.

        Args:
            X: n texts, a quotes table, or what :func:`stance.entail` returned.
            y: (n, frames) codes 1, 0, -1 in the codebook's order of frames, NaN where nobody coded; (n,) with one
            frame. groups: (n,) speakers; the table's column ``speaker`` if not given, else every text stands alone.

        Raises:
            InputError: shapes that do not fit, or a value that is no code.
        """
        found = self._entailed(X, load_codebook(self.codebook))
        self.codebook_ = found.codebook
        codes = self._codes(y, len(found.table))
        speakers = self._groups(found, groups)
        features, self.hypothesis_features_ = features_of(found)
        self.n_features_ = features.shape[1]
        self.model_sha256_ = found.model.get("sha256")
        plain = self._zero_shot(found)
        self.heads_: dict[str, FrameHead] = {}
        rows = []
        for at, frame in enumerate(self.codebook_.frames):
            known = ~np.isnan(codes[:, at])
            row, head = learn(features[known], codes[known, at].astype(int), speakers[known],
                               tuple(values[known] for values in plain[frame.name]), self.hypothesis_features_,
                               int(self.folds))  # fmt: skip
            rows.append({"frame": frame.name, **row})
            if head is not None:
                self.heads_[frame.name] = head
        self.report_ = pd.DataFrame(rows)
        return self

    def _codes(self, y: Any, n: int) -> Floats:
        frames = [frame.name for frame in self.codebook_.frames]
        if isinstance(y, pd.DataFrame) and set(frames) <= set(y.columns):
            y = y[frames]
        try:
            codes = np.asarray(y, dtype="float64")
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the codes are not numbers ({error}); write 1, 0, -1, or NaN where nobody coded"
            ) from error
        if codes.ndim == 1 and len(frames) == 1:
            codes = codes[:, None]
        if codes.shape != (n, len(frames)):
            raise InputError(f"y has the shape {codes.shape}; {n} texts and the frames {', '.join(frames)} need "
                             f"({n}, {len(frames)})")  # fmt: skip
        strange = codes[~np.isnan(codes) & ~np.isin(codes, [-1, 0, 1])]
        if len(strange):
            raise InputError(f"{strange[0]:g} is not a code: write 1 (supports), 0 (neither) or -1 (rejects)")
        return codes

    @staticmethod
    def _groups(found: Entailed, groups: Any) -> NDArray[Any]:
        n = len(found.table)
        if groups is None:
            speakers = found.table["speaker"]
            alone = pd.Series([f"text {i}" for i in range(n)], index=speakers.index)
            return np.asarray(pd.factorize(speakers.astype(object).where(speakers.notna(), alone))[0])
        given = np.asarray(groups)
        if given.shape != (n,):
            raise InputError(f"groups has the shape {given.shape}; {n} texts need ({n},)")
        return np.asarray(pd.factorize(given)[0])

    # --- scoring --------------------------------------------------------------------------------

    def transform(self, X: Any) -> Floats:  # noqa: N803
        """(n, 2 x frames): support and oppose of each frame, in [0, 1]; oppose is NaN where the frame has none."""
        check_is_fitted(self, "heads_")
        found = self._entailed(X, self.codebook_, fitted=True)
        scores = self.probabilities(found)
        return np.column_stack([column for frame in self.codebook_.frames for column in scores[frame.name]])

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """(n, frames) the likeliest code, 1, 0 or -1; without a fitted head, from 0.5 on."""
        check_is_fitted(self, "heads_")
        found = self._entailed(X, self.codebook_, fitted=True)
        features, plain = (features_of(found)[0] if self.heads_ else None), self._zero_shot(found)
        out = np.zeros((len(found.table), len(self.codebook_.frames)), dtype=np.int64)
        for at, frame in enumerate(self.codebook_.frames):
            if frame.name in self.heads_ and features is not None:
                out[:, at] = self.heads_[frame.name].probabilities(features).argmax(axis=1) - 1
            else:
                support, oppose = plain[frame.name][0], np.nan_to_num(plain[frame.name][1])
                out[:, at] = np.select([(support >= 0.5) & (support >= oppose), oppose >= 0.5], [1, -1], 0)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        check_is_fitted(self, "heads_")
        names = [f"{frame.name}_{side}" for frame in self.codebook_.frames for side in ("support", "oppose")]
        return np.array(names, dtype=object)

    def probabilities(self, found: Entailed) -> dict[str, tuple[Floats, Floats]]:
        """frame -> (n,) support and (n,) oppose."""
        plain = self._zero_shot(found)
        return plain | head_scores(found, self.heads_, plain)

    @staticmethod
    def _zero_shot(found: Entailed) -> dict[str, tuple[Floats, Floats]]:
        scores = score(found, found.codebook, head=False)
        return {str(name): (part["support"].to_numpy("float64"), part["oppose"].to_numpy("float64"))
                for name, part in scores.groupby("frame", sort=False)}  # fmt: skip

    def _entailed(self, X: Any, book: Codebook, *, fitted: bool = False) -> Entailed:  # noqa: N803
        if isinstance(X, Entailed):
            if fitted and (X.codebook.sha256 != book.sha256 or X.model.get("sha256") != self.model_sha256_):
                raise ModelError("the entailments are of another model or codebook than this was fitted on; entail "
                                 "again, or fit again")  # fmt: skip
            return X
        if not isinstance(X, pd.DataFrame):
            texts = np.asarray(X, dtype=object)
            if texts.ndim != 1 or not len(texts):
                raise InputError(f"X has the shape {texts.shape}; give a list of one or more texts, or a quotes table")
            X = pd.DataFrame({"text": texts})  # noqa: N806
        if "text" not in X:
            raise InputError(f"X has no column 'text' (columns: {', '.join(map(str, X.columns))})")
        blank = [i for i, text in enumerate(X["text"]) if not isinstance(text, str) or not text.strip()]
        if blank:
            raise InputError(
                f"text {blank[0]} is not a text or is blank: {X['text'].iloc[blank[0]]!r}; drop it and its code"
            )
        return entail(X, book, self.model, progress=False)

    # --- files ----------------------------------------------------------------------------------

    def save(self, path: str | Path, *, name: str, frames: Sequence[str] | None = None, about: Any = None) -> Path:
        """Writes the fitted heads as JSON.

        Args:
            name: of the file's content, for the provenance.
            frames: those on which :func:`stance.score` uses it by default; all that beat zero-shot if not given.
            about: anything more to keep, such as the report.
        """
        check_is_fitted(self, "heads_")
        path, wanted = Path(path), list(self.heads_) if frames is None else list(frames)
        content = {
            "format": FORMAT, "name": name, "model_sha256": self.model_sha256_, "default": wanted,
            "codebook": self.codebook_.name, "codebook_sha256": self.codebook_.sha256,
            "codebook_content": self.codebook_.model_dump(mode="json"),
            "features": [self.n_features_, self.hypothesis_features_], "about": about,
            "report": json.loads(self.report_.to_json(orient="records")),
            "heads": {
                frame: {"classes": list(head.classes), "temperature": _short(head.temperature),
                        "bias": [_short(x) for x in head.bias],
                        "weights": [[_short(x) for x in row] for row in head.weights]}
                for frame, head in self.heads_.items()
            },
        }  # fmt: skip
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def pretrained(cls, name: str = "enforcement-deterrence", model: Any = None) -> "StanceScorer":
        """A fitted scorer from a file, or one of the bundled ones by name.

        Raises:
            ModelError: no such head, a damaged file, or one that was fitted on another model or codebook.

        >>> StanceScorer.pretrained("enforcement-deterrence").predict(["Jail the smugglers."])    # doctest: +SKIP
        array([[1, 0]])
        """
        from stance.entailment import load_model

        content = read_head(name)
        loaded = load_model(model) if model is None or isinstance(model, str | Path) else model
        book = _codebook_of(content)
        reason = misfit(content, getattr(loaded, "sha256", None), book)
        if reason:
            raise ModelError(f"the head {name!r} cannot be used: {reason}")
        return _from_content(content, book, loaded)


def _codebook_of(content: dict[str, Any]) -> Codebook:
    """The bundled codebook that a head names, or else the one that it was saved with."""
    try:
        return load_codebook(content["codebook"])
    except CodebookError:
        if "codebook_content" not in content:
            raise
        return Codebook.model_validate(content["codebook_content"])


def _short(x: float) -> float:
    return float(f"{x:.5g}")


def _from_content(content: dict[str, Any], book: Codebook, model: Any) -> StanceScorer:
    out = StanceScorer(book, model)
    out.codebook_, out.model_sha256_ = book, content["model_sha256"]
    out.n_features_, out.hypothesis_features_ = content["features"]
    out.report_ = pd.DataFrame(content["report"])
    out.heads_ = heads_in(content)
    return out
