"""The political corpus that the bundled model learned from: its size, its balance, and what must not be in it."""

import sys
from collections import Counter, defaultdict

import pytest
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


def test_it_is_as_large_and_as_varied_as_the_card_says(pairs):
    assert len(pairs) >= 12_000
    assert len({row["premise"] for row in pairs}) >= 2_500
    assert len({row["area"] for row in pairs}) >= 40
    assert len({row["part"] for row in pairs}) >= 5
    shares = Counter(row["label"] for row in pairs)
    assert min(shares.values()) > 0.2 * len(pairs)


def test_no_pair_stands_twice(pairs):
    assert len({(row["premise"], row["hypothesis"]) for row in pairs}) == len(pairs)


def test_no_hypothesis_of_the_codebook_is_in_it(pairs):
    measured = [hypothesis.casefold() for hypothesis in load_codebook().hypotheses]
    near = {
        row["hypothesis"]: match[0]
        for row in {row["hypothesis"]: row for row in pairs}.values()
        if (match := process.extractOne(row["hypothesis"].casefold(), measured, scorer=fuzz.ratio, score_cutoff=90))
    }
    assert not near


def test_no_quote_for_testing_the_default_question_is_in_it(data, pairs):
    tested = [row["text"].casefold() for row in data.read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl")]
    premises = [premise.casefold() for premise in {row["premise"] for row in pairs}]
    nearest = process.cdist(tested, premises, scorer=fuzz.ratio, score_cutoff=85)
    assert nearest.max() == 0


def test_in_a_group_the_hypothesis_alone_does_not_give_the_label_away(data):
    labels = defaultdict(list)
    for row in data.grid_pairs():
        labels[row["part"], row["topic"], row["hypothesis"]].append(row["label"])
    assert all(len(found) == 6 for found in labels.values())
    assert sum(len(set(found)) > 1 for found in labels.values()) > 0.99 * len(labels)


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
