import multiprocessing
import sqlite3

import numpy as np
import pytest

from stance.cache import ScoreCache, default_cache
from stance.cli import app
from stance.entailment import load_model
from stance.entailment.model import COMPUTATION
from stance.errors import InputError
from tests.test_cli import run

PAIRS = [("the gangs", "the boats"), ("the gangs", "the speaker"), ("x", "y")]
VALUES = np.array([[0.1, 0.2, 0.7], [0.5, np.nan, 0.5], [1 / 3, 1 / 3, 1 / 3]])


def test_what_is_put_is_found_to_the_last_bit(tmp_path):
    cache = ScoreCache(tmp_path)
    assert not cache.get("a", PAIRS)[1].any()
    cache.put("a", PAIRS, VALUES)
    values, found = ScoreCache(tmp_path).get("a", [*PAIRS, ("other", "pair")])
    assert found.tolist() == [True, True, True, False]
    np.testing.assert_array_equal(values[:3], VALUES)
    assert not cache.get("b", PAIRS)[1].any()
    assert cache.info()["entries"] == 3


def test_a_pair_is_not_another_cut_of_the_same_characters(tmp_path):
    cache = ScoreCache(tmp_path)
    cache.put("a", [("ab", "c")], VALUES[:1])
    assert not cache.get("a", [("a", "bc")])[1].any()


def test_more_keys_than_a_query_takes(tmp_path):
    cache = ScoreCache(tmp_path)
    pairs = [(f"premise {i}", "h") for i in range(3000)]
    values = np.random.default_rng(0).random((3000, 3))
    cache.put("a", pairs, values)
    np.testing.assert_array_equal(cache.get("a", pairs)[0], values)


def test_the_oldest_make_room(tmp_path):
    cache = ScoreCache(tmp_path, limit=200_000)
    for block in range(20):
        cache.put("a", [(f"{block} {i}", "h") for i in range(300)], np.zeros((300, 3)))
    assert cache.info()["bytes"] < 300_000
    assert not cache.get("a", [("0 0", "h")])[1].any()
    assert cache.get("a", [("19 299", "h")])[1].all()


def hammer(folder, seed):
    """Reads and writes the same few keys as the other process; every value read must be the one that belongs."""
    cache = ScoreCache(folder)
    rng = np.random.default_rng(seed)
    for _ in range(60):
        numbers = rng.integers(0, 500, 50)
        pairs = [(f"premise {n}", "h") for n in numbers]
        values, found = cache.get("a", pairs)
        assert (values[found] == np.repeat(numbers[found, None], 3, axis=1)).all()
        cache.put("a", pairs, np.repeat(numbers[:, None].astype(float), 3, axis=1))
    assert not cache._broken


def test_two_processes_on_one_cache(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=hammer, args=(tmp_path, seed)) for seed in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with sqlite3.connect(tmp_path / "scores.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_cache_warns_and_is_not_used(tmp_path):
    (tmp_path / "scores.sqlite").write_bytes(b"not a database at all" * 500)
    cache = ScoreCache(tmp_path)
    with pytest.warns(RuntimeWarning, match="stance cache clear"):
        assert not cache.get("a", PAIRS)[1].any()
    cache.put("a", PAIRS, VALUES)
    with pytest.raises(InputError, match="cannot be read"):
        ScoreCache(tmp_path).info()
    assert ScoreCache(tmp_path).clear() > 0
    fresh = ScoreCache(tmp_path)
    fresh.put("a", PAIRS, VALUES)
    assert fresh.info()["entries"] == 3


def test_the_model_asks_the_cache_first(tiny_model, tmp_path):
    cache = ScoreCache(tmp_path / "cache")
    model = load_model(tiny_model(), precision="exact").with_cache(cache)
    first = model.predict(PAIRS)
    assert cache.info()["entries"] == 3
    np.testing.assert_array_equal(model.predict(PAIRS), first)
    np.testing.assert_allclose(model.with_cache(None).predict(PAIRS), first, atol=1e-5)
    cache.put(f"{model.fingerprint}:float32:cpu:{COMPUTATION}", [("new", "pair")], np.array([[0.25, 0.5, 0.25]]))
    assert model.predict([("new", "pair")]).tolist() == [[0.25, 0.5, 0.25]]
    assert (model.with_cache(None).predict([("new", "pair")]) != [[0.25, 0.5, 0.25]]).any()


def test_models_of_the_same_weights_and_other_labels_do_not_meet(tiny_model, tmp_path):
    cache = ScoreCache(tmp_path / "cache")
    plain = load_model(tiny_model(name="a")).with_cache(cache).predict(PAIRS)
    labels = {0: "contradiction", 1: "neutral", 2: "entailment"}
    turned = load_model(tiny_model(labels, name="b")).with_cache(cache).predict(PAIRS)
    np.testing.assert_allclose(turned, plain[:, ::-1], atol=1e-6)


def test_the_environment_says_where_and_whether(monkeypatch, tmp_path):
    monkeypatch.setenv("STANCE_CACHE_DIR", str(tmp_path))
    assert default_cache().path == tmp_path / "scores.sqlite"
    monkeypatch.setenv("STANCE_CACHE_MB", "none")
    with pytest.raises(InputError, match="STANCE_CACHE_MB='none'"):
        default_cache()
    monkeypatch.setenv("STANCE_CACHE", "0")
    assert default_cache() is None
    assert "off" in run(app, ["cache", "info"]).output


def test_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("STANCE_CACHE_DIR", str(tmp_path))
    default_cache().put("a", PAIRS, VALUES)
    assert "3 pairs" in run(app, ["cache", "info"]).output
    assert "freed" in run(app, ["cache", "clear"]).output
    assert "0 pairs" in run(app, ["cache", "info"]).output


def test_a_cache_travels_to_another_process(tmp_path):
    import pickle

    cache = ScoreCache(tmp_path, 1 << 20)
    cache.put("scope", [("p", "h")], np.array([[0.5, 0.25, 0.25]]))
    values, found = pickle.loads(pickle.dumps(cache)).get("scope", [("p", "h")])
    assert found.all()
    assert values.tolist() == [[0.5, 0.25, 0.25]]


def test_embeddings_are_found_again_to_the_last_bit(tmp_path, monkeypatch):
    texts = ["We will arrest the smugglers.", "Nobody should drown.", "We will arrest the smugglers."]
    model = load_model().with_cache(ScoreCache(tmp_path))
    first = model.embed(texts)
    assert model.cache.info()["entries"] == 2
    np.testing.assert_array_equal(first[0], first[2])
    monkeypatch.setattr(model, "_vectors", lambda texts: pytest.fail("computed again"))
    np.testing.assert_array_equal(model.embed(texts), first)
    monkeypatch.undo()
    np.testing.assert_array_equal(model.with_cache(None).embed(texts), first)
    assert model.embed(["Something new.", *texts]).shape == (4, first.shape[1])
