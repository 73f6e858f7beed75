"""The figures of the NLI model's card, in the arithmetic that users get: speed may not be bought with accuracy."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import stance
from stance.bert import native_bfloat16
from tests.conftest import ROOT

# AUC of support that the cards report; less 0.005, since other processors round otherwise.
FRAMES = {"enforcement": 0.948 - 0.005, "deterrence": 0.960 - 0.005}
FITTED = {"enforcement": 0.959 - 0.005, "deterrence": 0.968 - 0.005}  # with the head of the default codebook


@pytest.fixture(scope="module")
def coded():
    """The coded quotes on which nothing was chosen."""
    lines = (ROOT / "tests" / "data" / "frames-dev.jsonl").read_text(encoding="utf-8").splitlines()
    rows = pd.DataFrame(map(json.loads, lines))
    rows = rows[rows["half"] == "report"].reset_index(drop=True)
    return rows.assign(quote_id=[f"q{i}" for i in range(len(rows))])


@pytest.fixture(scope="module")
def entailed(coded):
    """All quotes in the default precision."""
    return stance.entail(coded, model=stance.load_model(cache=False), progress=False)


def support(found, head):
    scores = stance.score(found, head=head)
    return {frame: part["support"].to_numpy() for frame, part in scores.groupby("frame")}


@pytest.mark.parametrize(("head", "asked"), [(False, FRAMES), ("auto", FITTED)], ids=["zero-shot", "fitted"])
def test_the_default_question_is_answered_as_well_as_the_card_says(coded, entailed, head, asked):
    found = support(entailed, head)
    auc = {frame: roc_auc_score(coded[frame] == "support", found[frame]) for frame in asked}
    assert {frame: auc[frame] for frame in asked if auc[frame] < asked[frame]} == {}


@pytest.mark.skipif(not native_bfloat16(torch.device("cpu")), reason="the default precision is exact on this processor")
def test_the_default_precision_moves_no_score_beyond_its_bound(coded, entailed):
    some = coded.iloc[::4].reset_index(drop=True)
    exact = stance.entail(some, model=stance.load_model(precision="exact", cache=False), progress=False)
    for head in (False, "auto"):
        quick, slow = support(entailed, head), support(exact, head)
        for frame in slow:
            assert np.abs(quick[frame][::4] - slow[frame]).max() <= 0.005
