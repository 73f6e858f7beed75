"""The political corpus that the bundled model learned from: its size, its balance, and what must not be in it."""

import sys
from collections import Counter, defaultdict

import pytest
import yaml
from rapidfuzz import fuzz, process

from stance.codebook import load_codebook
from tests.conftest import ROOT

NLI = ROOT / "models" / "nli"


@pytest.fixture(scope="module")
def data():
    sys.path.insert(0, str(NLI))
    try:
        import data

        yield data
    finally:
        sys.path.remove(str(NLI))


@pytest.fixture(scope="module")
def pairs(data):
    return data.political_pairs()


@pytest.fixture(scope="module")
def asked():
    """The hypotheses that are joined to the labelled quotes."""
    bank = yaml.safe_load((NLI / "stances.yaml").read_text(encoding="utf-8"))
    return {hypothesis for measure in bank.values() for side in measure.values() for hypothesis in side}


def test_it_is_as_large_and_as_varied_as_the_card_says(pairs):
    assert len(pairs) >= 12_000
    assert len({row["premise"] for row in pairs}) >= 2_500
    assert len({row["area"] for row in pairs}) >= 40
    assert len({row["part"] for row in pairs}) >= 5
    shares = Counter(row["label"] for row in pairs)
    assert min(shares.values()) > 0.2 * len(pairs)


def test_no_pair_stands_twice(pairs):
    assert len({(row["premise"], row["hypothesis"]) for row in pairs}) == len(pairs)


def test_no_hypothesis_of_the_codebook_is_in_it(pairs, asked):
    measured = [hypothesis.casefold() for hypothesis in load_codebook().hypotheses]
    near = {
        found: match[0]
        for found in {row["hypothesis"] for row in pairs} | asked
        if (match := process.extractOne(found.casefold(), measured, scorer=fuzz.ratio, score_cutoff=90))
    }
    assert not near


def test_no_quote_for_testing_the_default_question_is_in_it(data, pairs):
    tested = [row["text"].casefold() for row in data.read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl")]
    quotes = {row["text"] for path in data.QUOTES[0].parent.glob("quotes-*.jsonl") for row in data.read_jsonl(path)}
    premises = [premise.casefold() for premise in {row["premise"] for row in pairs} | quotes]
    nearest = process.cdist(tested, premises, scorer=fuzz.ratio, score_cutoff=85)
    assert nearest.max() == 0


def test_in_a_group_the_hypothesis_alone_does_not_give_the_label_away(data):
    labels = defaultdict(list)
    for row in data.grid_pairs():
        labels[row["part"], row["topic"], row["hypothesis"]].append(row["label"])
    assert all(len(found) == 6 for found in labels.values())
    assert sum(len(set(found)) > 1 for found in labels.values()) > 0.99 * len(labels)


def test_a_quote_entails_what_it_supports_and_contradicts_what_it_rejects(data, asked):
    import random

    quotes = [
        {"text": "for", "enforcement": 1, "deterrence": 0, "measures": {"pursue": 1}},
        {"text": "against", "enforcement": -1, "deterrence": 0, "measures": {"pursue": -1}},
    ]
    bank = yaml.safe_load((NLI / "stances.yaml").read_text(encoding="utf-8"))
    for seed in range(20):
        found = data.quote_pairs(random.Random(seed), quotes)
        assert {row["hypothesis"] for row in found} <= asked
        for row in found:
            about = bank["enforcement"], bank["pursue"]
            side = next((s for m in about for s in ("for", "against") if row["hypothesis"] in m[s]), None)
            agrees = "entailment" if side == row["premise"] else "contradiction"
            assert row["label"] == ("neutral" if side is None else agrees)


def test_quotes_take_no_position_on_a_frame_without_a_measure_of_it(data):
    quotes = data.labelled_quotes()
    assert len(quotes) >= 3_400
    for quote in quotes:
        assert set(quote["measures"]) <= {name for names in data.MEASURES.values() for name in names}
        for frame in ("enforcement", "deterrence"):
            if quote[frame]:
                assert quote[frame] in [quote["measures"].get(name) for name in data.MEASURES[frame]], quote


def test_swapping_a_party_changes_nothing_else(data):
    import random

    text = "Labour voted with the Greens; Labour won."
    swapped = data.swap_party(text, random.Random(1))
    one, other = swapped.removesuffix(" won.").rsplit("; ", 1)[1], swapped.split(" voted with the ")[1].split(";")[0]
    assert swapped == f"{one} voted with the {other}; {one} won."
    assert {one, other}.isdisjoint({"Labour", "Greens"})
    assert one != other


def test_areas_kept_for_testing_are_in_no_training_list(data, shared):
    import train

    rows = data.distillation_pairs(shared, 0, train.HELD_OUT, unlabelled=200)
    assert not {row["area"] for row in rows} & train.HELD_OUT
    assert sum("label" not in row for row in rows) == 200


def test_twins_say_the_same_of_another_party(data):
    import random

    rows = [
        {"premise": "Labour failed.", "hypothesis": "Labour is blamed.", "label": "entailment", "area": "x"},
        *({"premise": f"We will act on {n}.", "hypothesis": "h", "label": "neutral", "area": "x"} for n in range(60)),
    ]
    out = data.with_twins(rows, share=0.5, rng=random.Random(3))
    assert [row["label"] for row in out] == [row["label"] for row in rows]
    premise, hypothesis = out[0]["twin"]
    party = premise.removesuffix(" failed.")
    assert party != "Labour"
    assert hypothesis == f"{party} is blamed."
    twins = [(row["premise"], row["twin"][0]) for row in out[1:] if "twin" in row]
    assert 15 < len(twins) < 45
    prefixed = [pair for pair in twins if not pair[0].startswith("We will")]
    assert 0 < len(prefixed) < len(twins)
    for one, other in twins:
        assert one != other
        assert one[-6:] == other[-6:]
    assert data.with_twins(rows, share=0.5, rng=random.Random(3)) == out


def test_what_twins_disagree_in_is_a_loss(data):
    import torch
    import train

    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [2.0, 0.0, -1.0]], requires_grad=True)
    assert train.disagreement(logits, [0], 2).item() == 0  # the third row is the first one's twin, and agrees
    loss = train.disagreement(logits, [1], 2)
    p, q = (logits[i].softmax(0) for i in (1, 2))
    both = ((p * (p / q).log()).sum() + (q * (q / p).log()).sum()) / 2
    assert loss.item() == pytest.approx(both.item(), abs=1e-6)


def test_a_batch_holds_its_rows_twins_behind_them(data):
    import train
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(NLI)
    rows = [
        {"premise": "a", "hypothesis": "b", "label": "neutral"},
        {"premise": "c", "hypothesis": "d", "label": "entailment", "twin": ("c and more", "d")},
        {"premise": "e", "hypothesis": "f", "label": "contradiction", "twin": ("e and more", "f")},
    ]
    pairs = train.Pairs(rows, tokenizer, 40)
    inputs, labels, soft = pairs.batch([2, 0, 1])
    assert pairs.doubled([2, 0, 1]) == [0, 2]
    assert labels.tolist() == [2, 1, 0, 2, 0]
    assert len(inputs["input_ids"]) == len(soft) == 5
    assert tokenizer.decode(inputs["input_ids"][3], skip_special_tokens=True) == "e and more f"
