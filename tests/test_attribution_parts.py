"""The parts of the attribution room, each without the bundled model."""

import importlib.util
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import BertConfig

from stance.articles import Article
from stance.attribution import extract_quotes
from stance.attribution.linking import Scores, Window, best_labels, link_probabilities, marks_of, ranges_of
from stance.attribution.marking import (
    LABELS,
    LINK,
    Tokens,
    canonical,
    distance_bucket,
    tokenize,
    windows,
)
from stance.attribution.marks import Mark
from stance.attribution.model import AttributionModel, load_attribution_model
from stance.attribution.shaping import shape
from stance.attribution.transcripts import find_turns
from stance.attribution.typography import find_segments, paragraphs_of
from stance.errors import InputError, ModelError
from tests.conftest import ROOT, tiny_tokenizer

TOKENIZER = tiny_tokenizer().backend_tokenizer
ANY_TEXT = st.text(
    st.characters(blacklist_categories=("Cs",))
    | st.sampled_from(list("“”‘’\"'\n\r \u2028\u00ad\u200b\ufeff😀 said Finch:,.")),
    min_size=1, max_size=200,
)  # fmt: skip


def shaped(text, *contents, **more):
    marks = [Mark(content=content if isinstance(content[0], tuple) else (content,), **more) for content in contents]
    found, notes = shape(text, marks, find_segments(text)[0], paragraphs_of(text))
    return [[text[a:b] for a, b in mark.content] for mark in found], [mark.kind for mark in found], notes


def at(text, words):
    start = text.index(words)
    return start, start + len(words)


# --- labels and links -----------------------------------------------------------------------------


def test_the_best_labels_are_well_formed():
    rng = np.random.default_rng(0)
    labels = [LABELS[i] for i in best_labels(rng.normal(size=(500, 7)).astype(np.float32) * 3)]
    for before, label in pairwise(["O", *labels]):
        assert not label.startswith("I-") or before[2:] == label[2:]
    assert "I-content" in labels


def test_the_best_labels_are_the_best_of_all_sequences():
    """Also where the search is cut at tokens that are outside for certain: outside leads by more in every second."""
    length, rng = 5, np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*[range(7)] * length, indexing="ij"), axis=-1).reshape(-1, length)
    before = np.concatenate([np.zeros((len(grid), 1), dtype=int), grid[:, :-1]], axis=1)
    inside = np.isin(grid, [i for i, name in enumerate(LABELS) if name.startswith("I-")])
    fine = grid[~(inside & (before != grid) & (before != grid - 1)).any(axis=1)]
    for number in range(200):
        scores = rng.normal(size=(length, 7)).astype(np.float32)
        scores[:, 0] += number % 2
        best = fine[scores[range(length), fine].sum(axis=1).argmax()]
        assert best_labels(scores).tolist() == best.tolist()


def test_ranges_split_where_a_span_begins_again():
    labels = np.array([LABELS.index(name) for name in ("B-content", "I-content", "B-content", "O", "B-cue")])
    assert ranges_of(labels) == {"content": [(0, 2), (2, 3)], "cue": [(4, 5)], "source": []}


def test_distance_buckets_grow_with_distance_and_tell_the_sides_apart():
    found = distance_bucket(np.arange(-300, 301))
    assert found.min() == 0
    assert found.max() < 32
    assert (np.diff(found[:301]) <= 0).all()
    assert not set(found[:300]) & set(found[301:])


@pytest.mark.parametrize(
    ("count", "size", "overlap"), [(0, 10, 3), (9, 10, 3), (10, 10, 3), (11, 10, 3), (1000, 190, 64)]
)
def test_windows_cover_every_token_and_overlap(count, size, overlap):
    found = windows(count, size, overlap)
    assert sorted({i for a, b in found for i in range(a, b)}) == list(range(count))
    assert all(b - a <= size for a, b in found)
    assert all(before[1] - after[0] >= overlap for before, after in pairwise(found))


def vectors_that_point(count, pairs):
    """Linking vectors by which token i answers token j best, for (which, i, j)."""
    out = np.zeros((4, count, LINK), dtype=np.float32)
    for place, (which, asks, answers) in enumerate(pairs):
        out[2 * which, asks, place] = 40
        out[2 * which + 1, answers, place] = 40
    return out


def scores_of(text, roles, pairs):
    """Scores that mark words ("B-content" …, one a word) and link them."""
    spans = [(m[0], m[1]) for m in words_of(text)]
    labels = np.full((len(spans), 7), -9, dtype=np.float32)
    for i, role in enumerate(roles):
        labels[i, LABELS.index(role)] = -0.01
    tokens = Tokens(np.zeros(len(spans), int), np.zeros((len(spans), 3), int), np.array(spans))
    links = {"distance": np.zeros((32, 2), np.float32), "nothing": np.zeros((2, LINK), np.float32)}
    return Scores(tokens, labels, [Window(0, len(spans), vectors_that_point(len(spans), pairs))], links)


def words_of(text):
    out, start = [], 0
    for word in text.split(" "):
        out.append((start, start + len(word)))
        start += len(word) + 1
    return out


def test_contents_that_point_to_one_cue_are_one_quote():
    text = "Go , she said , now . Finch urged calm"
    roles = ["B-content", "O", "B-source", "B-cue", "O", "B-content", "O", "B-source", "B-cue", "B-content"]
    pairs = [(0, 0, 3), (0, 5, 3), (1, 3, 2), (0, 9, 8), (1, 8, 7)]
    first, second = marks_of(text, scores_of(text, roles, pairs), {})
    assert [text[a:b] for a, b in first.content] == ["Go", "now"]
    assert text[slice(*first.cue)] == "said"
    assert [text[a:b] for a, b in first.source] == ["she"]
    assert [text[a:b] for a, b in second.content] == ["calm"]
    assert [text[a:b] for a, b in second.source] == ["Finch"]
    assert min(first.link_confidence, second.link_confidence) > 0.9


def test_a_cue_with_a_source_and_no_content_is_no_quote():
    text = "Finch spoke and then sat down"
    roles = ["B-source", "B-cue", "O", "O", "O", "O"]
    assert marks_of(text, scores_of(text, roles, [(1, 1, 0)]), {}) == []


def test_link_probabilities_average_the_windows():
    scores = scores_of("a b c d", ["B-content", "B-cue", "B-cue", "O"], [(0, 0, 1)])
    scores.windows.append(Window(0, 4, vectors_that_point(4, [(0, 0, 2)])))
    found = link_probabilities(scores, 0, [np.array([0])], np.array([1, 2]))
    assert found.shape == (1, 3)
    assert found[0] == pytest.approx([0, 0.5, 0.5], abs=0.01)


# --- tokens ---------------------------------------------------------------------------------------


def test_the_marks_that_enclose_a_quote_look_alike_whatever_the_typography():
    wanted = "Ada said: “It's late.” Bo's out."
    for text in (
        "Ada said: \"It's late.\" Bo's out.",
        "Ada said: ‘It’s late.’ Bo’s out.",
        "Ada said: “It’s late.” Bo’s out.",
    ):
        assert canonical(text, find_segments(text)[0]) == wanted


@given(ANY_TEXT)
@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_tokens_lie_in_the_text(text):
    tokens = tokenize(text, TOKENIZER)
    assert len(tokens.ids) == len(tokens.features) == len(tokens.spans)
    assert all(0 <= a <= b <= len(text) for a, b in tokens.spans.tolist())
    assert all(before[0] <= after[0] for before, after in pairwise(tokens.spans.tolist()))


# --- shaping --------------------------------------------------------------------------------------


def test_an_edge_near_a_quotation_mark_moves_onto_it():
    text = 'She said: "We will go at once, and stay." Then she left.'
    assert shaped(text, at(text, "will go at once, and stay"), cue=at(text, "said"))[:2] == (
        [["We will go at once, and stay."]], ["direct"])  # fmt: skip


def test_a_quote_over_paragraphs_keeps_its_parts():
    text = "Ada Finch said:\n“One paragraph goes on.\n“The next one ends.”"
    assert shaped(text, (text.index("“"), len(text)))[:2] == (
        [["One paragraph goes on.", "The next one ends."]], ["direct"])  # fmt: skip


def test_kinds():
    text = "She said “we will go home now”. She said that they “will go” soon. She said that they went home."
    for words, kind in (
        ("“we will go home now”", "mixed"),
        ("they “will go” soon", "mixed"),
        ("they went home", "indirect"),
    ):
        assert shaped(text, at(text, words), cue=at(text, "said"))[1] == [kind]


def test_marks_inside_a_mixed_quote_stay():
    text = "She called the plan “a gimmick” that “will fail” soon."
    assert shaped(text, at(text, "“a gimmick” that “will fail”"), cue=(4, 10))[0] == [["“a gimmick” that “will fail”"]]


def test_scraps_are_left_out_and_noted():
    text = "Regarding these deaths, Finch criticised the plan and said that it would cost a great deal of money."
    found, _, notes = shaped(
        text, (at(text, "these deaths"), at(text, "it would cost a great deal of money")), at(text, "plan"),
        cue=at(text, "said"),
    )  # fmt: skip
    assert found == [["it would cost a great deal of money"]]
    assert [reason for reason, _ in notes] == [
        "fragment beside a quote", "fragment of a few words, not in quotation marks"]  # fmt: skip


def test_a_negation_beside_a_quote_stays():
    text = "Never, Finch said, would her council sell the harbour to a company from abroad."
    found, _, _ = shaped(
        text, (at(text, "Never"), at(text, "would her council sell the harbour to a company from abroad")),
        at(text, "Finch"), cue=at(text, "said"),
    )  # fmt: skip
    assert found == [["Never", "would her council sell the harbour to a company from abroad"]]


def test_two_marks_on_one_quotation_are_one_row():
    text = "Ada Finch said: “It is late, and we must go.”"
    whole = at(text, "“It is late, and we must go.”")
    nearly = at(text, "It is late, and we must go")
    table = extract_quotes(
        Article(text, "t"), marker=lambda texts: [[Mark((whole,), (10, 14)), Mark((nearly,), (10, 14))] for _ in texts]
    )
    assert table["text"].tolist() == ["It is late, and we must go."]
    assert table.attrs["left_out"][0]["reason"] == "the same words marked twice"


@st.composite
def text_and_marks(draw):
    text = draw(ANY_TEXT)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    spans = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]
    size = draw(st.integers(1, 3))
    groups = [tuple(spans[i : i + size]) for i in range(0, len(spans), size)]
    return text, [Mark(content=group, cue=group[0], source=(group[-1],)) for group in groups]


@given(text_and_marks())
@settings(max_examples=200, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_offsets_are_exact_whatever_the_text_and_the_marks(case):
    text, marks = case
    try:
        article = Article(text, "t", date="2024-09-06")
    except InputError:
        return  # nothing but blanks
    table = extract_quotes(article, marker=lambda texts: [marks])
    assert table["quote_id"].is_unique
    for _, row in table.iterrows():
        assert row["text"] == " ".join(text[start:end] for start, end in row["spans"])
        assert all(a[1] <= b[0] for a, b in pairwise(row["spans"]))
        assert row["spans"][0][0] >= 0
        assert row["spans"][-1][1] <= len(text)


# --- transcripts ----------------------------------------------------------------------------------

TRANSCRIPT = """Interview with the Northby Mail
ADA FINCH: Thank you for having me. It is good to be here.
BO REED (Northby Mail): Will you stand again?
ADA FINCH: I said "never again" and I meant it.
It was a hard year for all of us.
[Laughter]
BO REED: Thank you."""


def test_a_transcript_is_read_as_speech():
    table = extract_quotes(Article(TRANSCRIPT, "t"), marker=lambda texts: [[Mark((at(TRANSCRIPT, "never again"),))]])
    assert table["kind"].tolist() == ["speech"] * 4
    assert [TRANSCRIPT[a:b] for a, b in table["speaker_span"]] == ["ADA FINCH", "BO REED", "ADA FINCH", "BO REED"]
    assert table["text"][2] == 'I said "never again" and I meant it. It was a hard year for all of us.'


def test_a_reporters_lines_between_the_turns_are_nobodys_speech():
    text = (
        "Ada Finch: We will build it, and we will build it soon.\nBo Reed: With whose money will you build it?\n"
        "Reed is plainly rattled by the plan.\nAda Finch: With that of the county.\nIt will be enough.\n"
        "Afterwards Una Hale told reporters that the mayor had given in."
    )
    said = [[text[a:b] for a, b in turn.content] for turn in find_turns(text, paragraphs_of(text))]
    assert [len(turn) for turn in said] == [1, 1, 2]
    assert said[2] == ["With that of the county.", "It will be enough."]


@pytest.mark.parametrize("text", [
    "Ada Finch said: we must go.\nBo Reed said: not yet.\nThe council said: too late.",
    "Note: this story was updated.\nIt was a long day in Northby, and nobody came to speak.\nThe end.",
    "Ada Finch: The former mayor promised a bridge.\nBo Reed: He would rather have a ferry.\nCy Hale: She has no plan.",
    "Price: 10\nDate: today\nPlace: Northby\nHost: nobody\nMusic: none\nFood: none\nEntry: free\nAge: any",
])  # fmt: skip
def test_other_lines_with_colons_are_no_transcript(text):
    assert find_turns(text, paragraphs_of(text)) == []


# --- the model's folder ---------------------------------------------------------------------------


ENCODER = {"vocab_size": TOKENIZER.get_vocab_size(), "hidden_size": 16, "num_hidden_layers": 2,
           "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64,
           "layer_norm_eps": 1e-12}  # fmt: skip
SETTINGS = {"model_type": "stance-attribution", "labels": LABELS, "window": 40, "overlap": 10, "encoder": ENCODER}


@pytest.fixture(scope="module")
def network():
    """The network as models/attribution/train.py makes it, not trained."""
    spec = importlib.util.spec_from_file_location("attribution_network", ROOT / "models" / "attribution" / "network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    made = module.MarkingNetwork(BertConfig(**ENCODER)).eval()
    for weight in made.parameters():  # what begins as nothing or one is no test
        weight.data += torch.randn_like(weight) * 0.1
        weight.data = weight.data.half().float()  # as it is stored
    return made


def write_folder(path, weights, settings=SETTINGS):
    (path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    save_file({name: weight.half() for name, weight in weights.items()}, path / "model.safetensors")
    TOKENIZER.save(str(path / "tokenizer.json"))
    return path


@pytest.fixture
def folder(tmp_path, network):
    return write_folder(tmp_path, network.state_dict())


def test_the_model_says_what_the_network_says_that_was_trained(folder, network):
    text = "the speaker said the gangs: “the boats” X1 ABC the\nspeaker"
    (found,) = load_attribution_model(folder, precision="exact").scores([text])
    cls, sep = (TOKENIZER.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    ids = torch.tensor([[cls, *found.tokens.ids, sep]])
    features = torch.zeros(*ids.shape, 3, dtype=torch.long)
    features[0, 1:-1] = torch.from_numpy(found.tokens.features)
    assert features[0].unique(dim=0).shape[0] > 5
    with torch.inference_mode():
        labels, *vectors = network(ids, torch.ones_like(ids), features)
    assert found.labels == pytest.approx(torch.log_softmax(labels, dim=-1)[0, 1:-1].numpy(), abs=1e-4)
    expected = torch.stack(vectors)[:, 0, 1:-1].numpy()
    assert found.windows[0].vectors == pytest.approx(expected, abs=1e-4)
    assert found.links["distance"] == pytest.approx(network.distance.weight.detach().numpy())
    assert found.links["nothing"] == pytest.approx(network.nothing.detach().numpy())


@pytest.mark.parametrize(("name", "weight"), [
    ("label.weight", torch.zeros(5, 16)),
    ("label.weight", torch.full((7, 16), torch.nan)),
    ("vectors.2.bias", torch.zeros(7)),
    ("features.1.weight", torch.zeros(2, 16)),
    ("features.1.weight", torch.zeros(9, 16)),
    ("nothing", torch.zeros(1, LINK)),
    ("distance.weight", torch.zeros(30, 2)),
    ("distance.weight", None),
    ("encoder.embeddings.word_embeddings.weight", torch.zeros(20, 16)),
    ("encoder.embeddings.position_embeddings.weight", torch.zeros(30, 16)),
    ("encoder.encoder.layer.1.output.dense.weight", torch.zeros(16, 31)),
    ("encoder.encoder.layer.1.output.dense.weight", None),
])  # fmt: skip
def test_weights_that_do_not_fit_are_one_clear_error(folder, network, name, weight):
    weights = network.state_dict() | {name: weight}
    write_folder(folder, {name: weight for name, weight in weights.items() if weight is not None})
    with pytest.raises(ModelError, match="copy the folder again"):
        load_attribution_model(folder, precision="exact")


def test_a_model_marks_many_texts_as_it_marks_one(folder):
    model = load_attribution_model(folder, precision="exact")
    texts = ["the speaker said the gangs " * n for n in (1, 30, 3, 12)] + ["x"]
    together = list(model.scores(texts))
    for text, found in zip(texts, together, strict=True):
        (alone,) = model.scores([text])
        assert found.labels == pytest.approx(alone.labels, abs=1e-5)
    assert [len(marks) for marks in model(texts)] == [len(model([text])[0]) for text in texts]
    assert model([]) == []


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_damaged_folder_is_one_clear_error(folder, file, damage):
    path = folder / file
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    with pytest.raises(ModelError, match="copy"):
        load_attribution_model(folder)


def test_another_model_is_refused(folder, network):
    (folder / "config.json").write_text('{"model_type": "bert", "labels": []}', encoding="utf-8")
    with pytest.raises(ModelError, match="'bert'"):
        load_attribution_model(folder)
    with pytest.raises(InputError, match="precision='half'"):
        AttributionModel(network.state_dict(), TOKENIZER, SETTINGS, "toy", precision="half")
