import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import stance
from stance.bert import MULTIPLE
from stance.entailment import label_columns, load_model, sentence_spans
from stance.entailment.bert import BertEngine
from stance.entailment.choice import BOUND, SMALL_JOB, quick_engine
from stance.entailment.encoding import PairEncoder
from stance.entailment.engine import PaddedEngine, TokenBudget
from stance.entailment.loading import bundled_folder
from stance.errors import InputError, ModelError

PAIRS = [("the gangs", "the boats"), ("a longer premise with more words in it", "the speaker"), ("x", "y")]


def test_labels_are_read_whatever_their_order_and_spelling():
    assert label_columns({0: "CONTRADICTION", 1: "neutral", 2: "Entailment"}) == [2, 1, 0]
    assert label_columns({0: "entailment", 1: "not_entailment"}) == [0, None, 1]
    assert label_columns({0: "Not Entailment", 1: "entailed"}) == [1, None, 0]
    for labels in ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, {0: "positive", 1: "negative"}, {0: "entailment"}):
        with pytest.raises(ModelError, match="not an NLI model"):
            label_columns(labels)


def test_probabilities_do_not_depend_on_order_or_company(tiny_model):
    model = load_model(tiny_model())
    together = model.predict(PAIRS)
    assert together.shape == (3, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    assert together.std() > 0.01
    np.testing.assert_allclose(model.predict(PAIRS[::-1])[::-1], together, atol=1e-5)
    alone = np.vstack([model.predict([pair]) for pair in PAIRS])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    np.testing.assert_array_equal(model.predict([PAIRS[0]] * 3), np.repeat(model.predict([PAIRS[0]]), 3, axis=0))


def test_a_large_job_is_done_some_pairs_at_a_time(tiny_model, monkeypatch):
    model = load_model(tiny_model(), precision="exact", cache=False)
    pairs = [(f"We will do it {'again ' * (n % 7)}.", f"They said {n % 5}.") for n in range(60)]
    whole = model.predict(pairs)
    sizes = []
    compute = model._compute
    monkeypatch.setattr(model, "_compute", lambda engine, some, *rest: sizes.append(len(some)) or compute(
        engine, some, *rest))  # fmt: skip
    monkeypatch.setattr("stance.entailment.model.PAIRS_AT_ONCE", 16)
    np.testing.assert_allclose(model.predict(pairs), whole, atol=1e-6)
    assert sizes == [16, 16, 3]  # of 35 that differ


def test_a_text_is_cut_to_the_same_tokens_in_any_company():
    tokenizer = load_model()._tokenizer
    texts = ["Stop the boats.", "We will go after the gangs. " * 3, "word " * 200]
    together = tokenizer.ids(texts, special=True, most=16)
    assert [len(row) for row in together] == [6, 16, 16]
    for row, text in zip(together, texts, strict=True):
        assert row.tolist() == tokenizer.ids([text], special=True, most=16)[0].tolist()
        assert row[-1] == tokenizer.ids(["x"], special=True)[0][-1]


def test_the_order_of_labels_is_respected(tiny_model):
    plain = load_model(tiny_model(name="a")).predict(PAIRS)
    turned = load_model(tiny_model({0: "contradiction", 1: "neutral", 2: "entailment"}, name="b")).predict(PAIRS)
    np.testing.assert_allclose(turned, plain[:, ::-1], atol=1e-6)


def test_two_way_models_have_no_neutral(tiny_model):
    model = load_model(tiny_model({0: "not_entailment", 1: "entailment"}))
    found = model.predict(PAIRS)
    assert not model.three_way
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_allclose(found[:, 0] + found[:, 2], 1, atol=1e-6)


def test_temperature_is_applied(tiny_model):
    cold = load_model(tiny_model(name="a")).predict(PAIRS)
    warm = load_model(tiny_model(name="b", stance_temperature=2.0)).predict(PAIRS)
    logits = np.log(cold) / 2
    np.testing.assert_allclose(warm, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), atol=1e-5)


def test_long_premises_go_in_windows_of_whole_sentences(tiny_model):
    model = load_model(tiny_model())
    text = " ".join(f"The gangs and boats {i} ." for i in range(40)).replace(" .", ".") + " " + "boats " * 150
    windows = model.windows(text, ["the speaker"])
    assert len(windows) > 3
    assert all(a[1] <= b[0] for a, b in pairwise(windows))
    kept = "".join(text[start:end] for start, end in windows).replace(" ", "")
    assert kept == text.replace(" ", "")  # nothing is cut away
    assert text[windows[0][0] : windows[0][1]].endswith(".")
    model.predict([(text[start:end], "the speaker") for start, end in windows])
    with pytest.raises(InputError, match="longer than the 64"):
        model.predict([(text, "the speaker")])


def test_sentences():
    text = "Mr Roe said so. “Yes!” he said.\nIt cost 3.5 million? No."
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "Mr Roe said so.",
        "“Yes!” he said.",
        "It cost 3.5 million?",
        "No.",
    ]


def damage(folder, what):
    if what == "weights":
        (folder / "model.safetensors").unlink()
    elif what == "config":
        (folder / "config.json").unlink()
    elif what == "tokenizer":
        (folder / "tokenizer.json").unlink()
    elif what == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif what == "cut":
        content = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    elif what == "json":
        (folder / "config.json").write_text("{", encoding="utf-8")
    elif what == "labels":
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["id2label"] = {"0": "a", "1": "b", "2": "c"}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("weights", "model.safetensors"), ("config", "config.json is missing"), ("tokenizer", "tokenizer is missing"),
        ("pickle", "a pickle"), ("cut", "cannot be loaded"), ("json", "damaged"), ("labels", "not an NLI model"),
    ],
)  # fmt: skip
def test_a_damaged_folder_gets_one_clear_error(tiny_model, what, words):
    folder = tiny_model(name=f"damaged-{what}")
    damage(folder, what)
    with pytest.raises(ModelError, match=words):
        load_model(folder)


def test_a_hub_name_without_network_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="neither in the local cache nor"):
        load_model("nobody/no-such-model")
    with pytest.raises(ModelError, match="no such folder"):
        load_model("./nowhere/model")


def test_the_bundled_model_reads_entailment_and_is_small():
    model = load_model()
    assert model.three_way
    assert len(model.sha256) == 64
    folder = stance.entailment.bundled_folder()
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) < 50_000_000
    good, bad = model.predict(
        [("We will arrest the smugglers.", "The speaker supports arrests."),
         ("We will arrest the smugglers.", "The speaker opposes arrests.")]
    )[:, 0]  # fmt: skip
    assert good > bad + 0.3


def test_precision_is_auto_or_exact(tiny_model):
    folder = tiny_model()
    model = load_model(folder, precision="exact")
    assert model.precision == "exact"
    assert load_model(folder).precision == "auto"
    assert model.with_precision("auto").precision == "auto"
    np.testing.assert_allclose(model.with_precision("auto").predict(PAIRS), model.predict(PAIRS), atol=0.005)
    with pytest.raises(InputError, match="precision='half'"):
        load_model(folder, precision="half")
    made = stance.score(["the gangs"], model=model, precision="auto").attrs["provenance"]
    assert made["model"]["precision"] == "auto"


def words(rng, longest):
    return " ".join(rng.choice(["the", "gangs", "boats", "speaker", "x", "!", "unknown"], rng.integers(1, longest)))


def test_the_engine_gives_what_the_network_gives(tiny_model):
    """The BERT engine, the padded engine, and transformers itself, on pairs of many lengths."""
    rng = np.random.default_rng(0)
    pairs = [(words(rng, 30), words(rng, 12)) for _ in range(60)]
    model = load_model(tiny_model(), precision="exact", cache=False)
    network = AutoModelForSequenceClassification.from_pretrained(model.name, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(model.name)
    assert type(model._engine(1)).__name__ == "BertEngine"
    with torch.inference_mode():
        whole = [network(**tokenizer(p, h, return_tensors="pt")).logits[0].softmax(-1).numpy() for p, h in pairs]
    np.testing.assert_allclose(model.predict(pairs), whole, atol=1e-5)
    np.testing.assert_allclose(model.with_batches(100).predict(pairs), whole, atol=1e-5)
    texts = [premise for premise, _ in pairs[:40]]
    packed = model.embed(texts)
    padded = stance.EntailmentModel(network, tokenizer, "padded", precision="exact")
    padded._engines["exact"] = PaddedEngine(network, padded._tokenizer)
    np.testing.assert_allclose(padded.predict(pairs), whole, atol=1e-5)
    np.testing.assert_allclose(padded.embed(texts), packed, atol=1e-5)


def test_a_batch_as_wide_as_the_model_allows(tiny_model):
    """Widths are rounded up, but never beyond the positions that the model has."""
    model = load_model(tiny_model(), precision="exact", cache=False)
    longest = len(model._network.state_dict()["bert.embeddings.position_embeddings.weight"])
    encoded = model._encode([("gangs " * (longest - 6), "the boats"), ("gangs", "the boats")])
    assert 0 <= longest - encoded.lengths.max() < MULTIPLE
    expected = PaddedEngine(model._network, model._tokenizer).logits(encoded, [0, 1])
    for dtype, atol in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
        np.testing.assert_allclose(BertEngine(model._network, dtype).logits(encoded, [0, 1]), expected, atol=atol)


def test_auto_stays_within_its_bound_or_does_without(tiny_model):
    rng = np.random.default_rng(0)
    pairs = [(words(rng, 30), words(rng, 12)) for _ in range(SMALL_JOB + 50)]
    model = load_model(tiny_model(), precision="auto", cache=False)
    np.testing.assert_allclose(model.predict(pairs), model.with_precision("exact").predict(pairs), atol=BOUND)


def test_a_quick_engine_that_moves_scores_is_refused(tiny_model, monkeypatch):
    model = load_model(tiny_model(), cache=False)
    monkeypatch.setattr("stance.entailment.choice.native_bfloat16", lambda device: True)
    exact = model._engine(1)
    parts = (model._network, model._tokenizer, model._encode)
    monkeypatch.setattr("stance.entailment.choice.BOUND", 1.0)
    assert quick_engine(*parts, 1.0, model.max_tokens, exact).arithmetic == "bfloat16"
    monkeypatch.setattr("stance.entailment.choice.BOUND", 0.0)
    assert quick_engine(*parts, 1.0, model.max_tokens, exact) is exact


def test_tokens_are_joined_as_the_tokenizer_joins_them(tiny_model):
    for folder in (tiny_model(), bundled_folder()):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        encoder = PairEncoder(load_model(folder)._tokenizer)
        assert encoder.joins
        pairs = [("“The boats!” – he said… naïve", "The speaker supports arrests."), ("", "x"), ("x" * 40, "the the")]
        mine, whole = encoder(pairs), tokenizer([p for p, _ in pairs], [h for _, h in pairs])
        assert [row.tolist() for row in mine.ids] == whole["input_ids"]
        if mine.types is not None:
            assert [row.tolist() for row in mine.types] == whole["token_type_ids"]


def test_the_bundled_model_is_read_without_transformers_and_gives_what_transformers_gives():
    folder = bundled_folder()
    network = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    theirs = stance.EntailmentModel(network, AutoTokenizer.from_pretrained(folder), "theirs", precision="exact")
    ours = load_model(precision="exact", cache=False)
    assert (ours.max_tokens, ours.temperature, ours._columns) == (
        theirs.max_tokens,
        theirs.temperature,
        theirs._columns,
    )
    pairs = [("We will jail the smugglers — naïve, I know.", "The speaker is for it."), ("no " * 700, "x")]
    theirs._engines["exact"] = PaddedEngine(network, theirs._tokenizer)
    np.testing.assert_allclose(ours.predict(pairs[:1]), theirs.predict(pairs[:1]), atol=1e-5)
    np.testing.assert_allclose(ours.embed([p for p, _ in pairs]), theirs.embed([p for p, _ in pairs]), atol=1e-5)
    loaded = "[name for name in ('transformers', 'sklearn') if name in sys.modules]"
    code = f"import stance, sys; stance.score('Jail them.'); print({loaded})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_budget_settles_on_the_quickest_size():
    budget = TokenBudget()
    for _ in range(8):
        size = budget()
        budget.report(size, size, 1.0 if size == 2048 else 5.0)
    assert budget() == 2048
    assert TokenBudget(77)() == 77
    assert TokenBudget(most=700)() == 768  # a small job, of which every thread is to have its share
    assert TokenBudget(77, most=10)() == 77


def test_a_models_fingerprint_does_not_depend_on_what_it_did(tiny_model):
    model = load_model(tiny_model())
    before = model.fingerprint
    model.embed(["the gangs", "the boats and the gangs"])  # pads and truncates
    assert model.with_precision("exact").fingerprint == before


def test_another_model_in_the_same_place_is_another_model(tiny_model):
    """A notebook trains its model anew and loads it again: neither numbers nor hash may be the old one's."""
    from safetensors.torch import load_file, save_file

    folder = tiny_model()
    old = load_model(folder, cache=False)
    path = folder / "model.safetensors"
    weights = {name: weight * 1.5 for name, weight in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    new = load_model(folder, cache=False)
    assert not np.allclose(old.predict(PAIRS), new.predict(PAIRS))
    assert old.sha256 != new.sha256
    assert old.fingerprint != new.fingerprint == load_model(folder, cache=False).fingerprint


def test_a_model_for_which_every_probe_is_too_long_computes_in_float32(tiny_model, monkeypatch):
    monkeypatch.setattr("stance.entailment.choice.native_bfloat16", lambda device: True)
    model = load_model(tiny_model(), cache=False)
    model.max_tokens = 8
    assert model.arithmetic == "float32"


def test_with_fixed_batches_the_arithmetic_does_not_depend_on_the_number_of_pairs(tiny_model, monkeypatch):
    monkeypatch.setattr("stance.entailment.choice.native_bfloat16", lambda device: True)
    monkeypatch.setattr("stance.entailment.choice.BOUND", 10.0)
    model = load_model(tiny_model(), cache=False)
    assert (model._engine(1).arithmetic, model.arithmetic) == ("float32", "bfloat16")
    assert model.with_batches(4096)._engine(1).arithmetic == "bfloat16"
    vectors = model.embed(["the gangs"])
    assert (model.with_batches(4096).embed(["the gangs"]) == vectors).all()
