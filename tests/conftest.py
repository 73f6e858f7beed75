"""What several tests need: a toy scorer, tiny models, and the research data where it is there."""

import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

matplotlib.use("Agg")
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
LONGEST = ("test_notebooks.py", "test_reporting.py", "test_accuracy.py", "test_attribution_model.py")
THREE_WAY = {0: "entailment", 1: "neutral", 2: "contradiction"}


def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that processes that share the files end together."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """The user's cache is neither read nor written; commands that tests start inherit the setting."""
    os.environ["STANCE_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data" / "articles").is_dir():
        pytest.skip("the research data (../shared/data) is not on this machine")
    return SHARED / "data"


def toy(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """P(entailment) = share of the hypothesis's long words that stand in the premise: no model, no weights."""
    out = []
    for premise, hypothesis in pairs:
        words = {word.strip(".,").lower() for word in hypothesis.split() if len(word) > 5}
        hit = sum(word in premise.lower() for word in words) / max(1, len(words))
        out.append([hit, (1 - hit) / 2, (1 - hit) / 2])
    return np.array(out)


@pytest.fixture
def toy_scorer():
    return toy


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *[chr(c) for c in range(33, 127)], "the", "speaker", "gangs", "boats"]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=64,
    )  # fmt: skip


@pytest.fixture
def tiny_model(tmp_path):
    """A maker of randomly initialised BERT classifiers in a folder, with the labels one asks for."""

    def make(id2label=THREE_WAY, seed=0, name="tiny", **settings) -> Path:
        torch.manual_seed(seed)
        folder = tmp_path / name
        tokenizer = tiny_tokenizer()
        config = BertConfig(
            vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=64, num_labels=len(id2label), id2label=id2label,
            label2id={label: i for i, label in id2label.items()}, initializer_range=0.5, **settings,
        )  # fmt: skip
        BertForSequenceClassification(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make
