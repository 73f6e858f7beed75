import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks

import stance
from stance.errors import InputError, ModelError
from stance.head import FrameHead, StanceScorer, head_path, read_head
from stance.head.fitted import heads_hash, heads_in
from tests.study import TOY_BOOK

RNG = np.random.default_rng(0)


class Toy:
    """Zero-shot scores that know little, and an embedding that knows the code: there is something to learn."""

    name, sha256, max_tokens, temperature = "toy", "a" * 64, 512, 1.0

    def __call__(self, pairs):
        p = np.array([(sum(map(ord, premise + hypothesis)) % 89) / 89 for premise, hypothesis in pairs])
        return np.column_stack([p, (1 - p) / 2, (1 - p) / 2])

    def embed(self, texts):
        return np.array([[t.count("good"), t.count("bad"), len(t) / 50] for t in texts], dtype="float64")


def texts(n=120, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.choice([-1, 0, 1], (n, 2))
    words = {1: "good", 0: "plain", -1: "bad"}
    made = [f"{words[x]} {rng.integers(1000)} is said of it by {words[x]} people" for x, _ in codes]
    return made, codes.astype(float)


def fitted(**settings):
    made, codes = texts()
    return StanceScorer(TOY_BOOK, Toy(), **settings).fit(made, codes, groups=np.arange(120) % 20)


# Of scikit-learn's conformance checks those that do not feed numbers as X, which is a list of texts here;
# check_estimator() itself runs only the first for such estimators.
CHECKS = [
    checks.check_estimator_cloneable, checks.check_estimator_tags_renamed, checks.check_valid_tag_types,
    checks.check_estimator_repr, checks.check_no_attributes_set_in_init, checks.check_parameters_default_constructible,
    checks.check_do_not_raise_errors_in_init_or_set_params, checks.check_mixin_order, checks.check_set_params,
    checks.check_get_params_invariance,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_scikit_learns_checks_that_apply_to_texts(check):
    check("StanceScorer", StanceScorer(TOY_BOOK, Toy()))


def test_check_estimator_and_what_it_leaves_out_for_texts():
    with pytest.warns(checks.SkipTestWarning):
        checks.check_estimator(StanceScorer(TOY_BOOK, Toy()))
    made, codes = texts(40)
    scorer = StanceScorer(TOY_BOOK, Toy())
    assert scorer.fit(made, codes) is scorer  # check_estimators_fit_returns_self
    before = dict(scorer.__dict__)
    scorer.transform(made[:2])
    assert all(scorer.__dict__[key] is value for key, value in before.items())  # check_dict_unchanged
    parameters = scorer.get_params()
    again = clone(scorer)
    assert again.get_params()["folds"] == parameters["folds"]
    assert not hasattr(again, "heads_")
    with pytest.raises(NotFittedError):  # check_estimators_unfitted
        again.transform(["a text"])
    assert list(scorer.get_feature_names_out()) == ["x_support", "x_oppose", "z_support", "z_oppose"]
    with pytest.raises(InputError, match="X has the shape"):
        scorer.transform([])
    with pytest.raises(InputError, match="X has the shape"):
        scorer.transform("one text")


def test_it_learns_what_zero_shot_does_not_know():
    scorer = fitted()
    report = scorer.report_.set_index("frame")
    assert report.loc["x", "fitted"] > 0.95 > report.loc["x", "zero_shot"]
    assert report.loc["x", "speakers"] == 20
    new, codes = texts(60, seed=9)
    assert (scorer.predict(new)[:, 0] == codes[:, 0]).mean() > 0.85
    scores = scorer.transform(new)
    assert scores.shape == (60, 4)
    assert ((scores[:, :2] >= 0) & (scores[:, :2] <= 1)).all()
    assert np.isnan(scores[:, 3]).all()  # z has no opposing facets


def test_the_same_fit_twice_and_in_any_batch():
    new, _ = texts(10, seed=3)
    one, two = fitted().transform(new), fitted().transform(new)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one[:4], fitted().transform(new[:4]))


def test_it_works_in_pipelines_and_cross_validation():
    made, codes = texts()
    pipe = make_pipeline(FunctionTransformer(lambda x: [t.strip() for t in x]), StanceScorer(TOY_BOOK, Toy()))
    assert pipe.fit(made, codes).transform(made[:3]).shape == (3, 4)
    scorer, groups = StanceScorer(TOY_BOOK, Toy()), np.arange(120) % 20
    said = cross_val_predict(scorer, np.array(made, dtype=object), codes, groups=groups, cv=GroupKFold(3))
    assert (said[:, 0] == codes[:, 0]).mean() > 0.85


def test_without_anything_to_learn_zero_shot_is_kept():
    made, codes = texts()
    noise = np.random.default_rng(5).permutation(codes)

    class Knowing(Toy):
        embed = None

        def __call__(self, pairs):
            p = np.array([0.9 if ("good" in a) == (b[0] in "xz") and "plain" not in a else 0.1 for a, b in pairs])
            return np.column_stack([p, 1 - p, 0 * p])

    scorer = StanceScorer(TOY_BOOK, Knowing()).fit(made, codes)
    assert "x" not in scorer.heads_
    assert "zero-shot is kept" in scorer.report_.loc[0, "why"]
    plain = stance.score(made, TOY_BOOK, Knowing(), head=False).query("frame == 'x'")
    np.testing.assert_allclose(scorer.transform(made)[:, 0], plain["support"])
    few = StanceScorer(TOY_BOOK, Toy()).fit(made[:6], noise[:6])
    assert few.heads_ == {}
    assert "too few" in few.report_.loc[0, "why"]


def test_uncoded_frames_and_bad_input():
    made, codes = texts()
    half = codes.copy()
    half[:, 1] = np.nan
    scorer = StanceScorer(TOY_BOOK, Toy()).fit(made, half)
    assert list(scorer.heads_) == ["x"]
    assert scorer.report_.loc[1, "n"] == 0
    for bad, message in (
        (codes[:5], r"y has the shape \(5, 2\)"),
        (codes * 2, "is not a code"),
        (codes.astype(str)[:, :1], "y has the shape"),
    ):
        with pytest.raises(InputError, match=message):
            StanceScorer(TOY_BOOK, Toy()).fit(made, bad)
    with pytest.raises(InputError, match="text 1 is not a text"):
        StanceScorer(TOY_BOOK, Toy()).fit(["a", None], codes[:2])
    with pytest.raises(InputError, match="groups has the shape"):
        StanceScorer(TOY_BOOK, Toy()).fit(made, codes, groups=[1])


def test_a_stream_goes_on_with_the_same_head_only(tmp_path):
    new, _ = texts(8, seed=4)
    table, scorer = pd.DataFrame({"text": new}), fitted()
    settings = {"chunk": 5, "progress": False}
    done = stance.score_stream(table, tmp_path / "scores", TOY_BOOK, Toy(), head=scorer, **settings)
    expected = stance.score(new, TOY_BOOK, Toy(), head=scorer)["support"]
    np.testing.assert_allclose(done.read()["support"], expected)
    stance.score_stream(table, tmp_path / "scores", TOY_BOOK, Toy(), head=fitted(), **settings)
    other = fitted(folds=4)
    assert heads_hash(other.heads_) != heads_hash(scorer.heads_)
    with pytest.raises(InputError, match="was begun with head_sha256"):
        stance.score_stream(table, tmp_path / "scores", TOY_BOOK, Toy(), head=other, **settings)


def test_score_uses_a_fitted_head_and_says_so():
    scorer = fitted()
    new, _ = texts(8, seed=4)
    scores = stance.score(new, TOY_BOOK, Toy(), head=scorer)
    plain = stance.score(new, TOY_BOOK, Toy(), head=False)
    np.testing.assert_allclose(scores.query("frame == 'x'")["support"], scorer.transform(new)[:, 0])
    np.testing.assert_allclose(scores["stance"], scores["support"] - scores["oppose"].fillna(0))
    record = scores.attrs["provenance"]["head"]
    assert record["frames"] == list(scorer.heads_)
    assert record["sha256"] == heads_hash(scorer.heads_) != heads_hash({"z": scorer.heads_["x"]})
    assert plain.attrs["provenance"]["head"] == {"used": False, "why": "switched off"}
    assert not np.allclose(scores["support"], plain["support"])
    other = Toy()
    other.sha256 = "b" * 64
    with pytest.raises(ModelError, match="fitted on another model"):
        stance.score(new, TOY_BOOK, other, head=scorer)
    with pytest.raises(InputError, match="not fitted"):
        stance.score(new, TOY_BOOK, Toy(), head=StanceScorer(TOY_BOOK, Toy()))


def test_a_head_survives_its_file(tmp_path, monkeypatch):
    scorer = fitted()
    path = scorer.save(tmp_path / "head.json", name="toy")
    assert path.stat().st_size < 300_000
    with_its_book = StanceScorer.pretrained(str(path), model=Toy())  # "toy" is no bundled codebook
    assert with_its_book.codebook_.sha256 == TOY_BOOK.sha256
    book = tmp_path / "toy.yaml"
    content = json.loads(path.read_text()) | {"codebook": str(book)}
    path.write_text(json.dumps(content))
    import yaml

    book.write_text(yaml.safe_dump(TOY_BOOK.model_dump(mode="json")))
    again = StanceScorer.pretrained(str(path), model=Toy())
    new, _ = texts(8, seed=4)
    np.testing.assert_allclose(again.transform(new), scorer.transform(new), atol=1e-3)
    np.testing.assert_array_equal(again.predict(new), scorer.predict(new))
    other = Toy()
    other.sha256 = "b" * 64
    with pytest.raises(ModelError, match="fitted on another model"):
        StanceScorer.pretrained(str(path), model=other)
    with pytest.raises(ModelError, match="neither a head's file nor"):
        StanceScorer.pretrained("nowhere", model=Toy())
    path.write_text("{}")
    with pytest.raises(ModelError, match="not a head written by"):
        read_head(str(path))


def test_auto_uses_the_bundled_head_only_for_its_own_model(tmp_path, monkeypatch):
    path = fitted().save(tmp_path / "toy.json", name="toy", frames=["x"])
    monkeypatch.setattr("stance.head.fitted.head_path", lambda name: path if name == "toy" else None)
    new, _ = texts(8, seed=4)
    used = stance.score(new, TOY_BOOK, Toy()).attrs["provenance"]["head"]
    assert used == {
        "used": True,
        "name": "toy",
        "frames": ["x"],
        "sha256": heads_hash(heads_in(json.loads(path.read_text()))),
    }
    stale = Toy()
    stale.sha256, stale.name = "b" * 64, "bundled"
    with pytest.warns(UserWarning, match="is not used: it was fitted on another model"):
        scores = stance.score(new, TOY_BOOK, stale)
    assert scores.attrs["provenance"]["head"]["used"] is False
    fitted().save(path, name="toy", frames=[])
    assert "no better than zero-shot" in stance.score(new, TOY_BOOK, Toy()).attrs["provenance"]["head"]["why"]


def test_probabilities_of_a_head_by_hand():
    head = FrameHead((0, 1), np.array([[0.0], [1.0]]), np.array([0.0, 0.0]), 2.0)
    found = head.probabilities(np.array([[2.0 * np.log(3)]]))
    np.testing.assert_allclose(found, [[0, 0.25, 0.75]])


def test_the_bundled_head_is_whole_small_and_of_the_default_codebook():
    path = head_path("enforcement-deterrence")
    if path is None:
        pytest.skip("no head is fitted for this model yet: run models/heads/train.py")
    content = read_head("enforcement-deterrence")
    assert path.stat().st_size < 300_000
    assert content["codebook_sha256"] == stance.load_codebook().sha256
    assert set(content["default"]) <= set(content["heads"])
    figures = pd.DataFrame(content["about"]["figures"]).set_index(["frame", "scores"])[["AUC support", "AUC oppose"]]
    for frame in content["default"]:  # the default only where it was better on quotes that it was not fitted on
        assert figures.loc[(frame, "fitted")].mean() > figures.loc[(frame, "zero-shot")].mean()


def test_fitted_again_it_takes_the_new_codebook_and_no_others_entailments():
    scorer = fitted()
    made, codes = texts(40, seed=5)
    other = TOY_BOOK.model_copy(update={"name": "other"})
    found = stance.entail(made, other, Toy())
    with pytest.raises(ModelError, match="another model or codebook"):
        scorer.transform(found)
    assert scorer.set_params(codebook=other).fit(made, codes).codebook_.name == "other"
    assert scorer.fit(found, codes).transform(found).shape[0] == 40
    with pytest.raises(InputError, match="no column 'text'"):
        scorer.transform(pd.DataFrame({"words": ["x"]}))
