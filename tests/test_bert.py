"""The encoder that both bundled models run on."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from stance.bert import Encoder, PackedProduct, Product, packs_bfloat16, product, rounded_up
from stance.entailment.engine import STEP, TokenBudget, batches


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
                        max_position_embeddings=40, hidden_dropout_prob=0.0)  # fmt: skip
    network = BertModel(config, add_pooling_layer=False).eval()
    for name, weight in network.named_parameters():  # as a trained one: norms and biases that are not one and nothing
        if weight.ndim == 1:
            weight.data += torch.randn_like(weight) * (0.3 if "bias" in name else 0.1)
    return network


@pytest.fixture(scope="module")
def texts():
    lengths = torch.tensor([25, 19, 18, 3])
    ids = torch.randint(1, 50, (4, 25), generator=torch.Generator().manual_seed(1))
    types = (torch.arange(25) > 9).long().repeat(4, 1)
    return ids, types, lengths, torch.arange(25) < lengths[:, None]


def states_of(encoder, texts):
    ids, types, lengths, _ = texts
    return encoder.embed(encoder.words[ids], types), lengths


def test_the_encoder_gives_the_states_of_transformers(network, texts):
    ids, types, _, kept = texts
    encoder = Encoder(network.config, network.state_dict(), "")
    with torch.inference_mode():
        expected = network(input_ids=ids, token_type_ids=types, attention_mask=kept.long()).last_hidden_state
    found = encoder(*states_of(encoder, texts))
    torch.testing.assert_close(found[kept], expected[kept], atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.first(*states_of(encoder, texts)), expected[:, 0], atol=1e-5, rtol=0)


def test_centres_and_sums_in_float32_change_nothing_but_how_much_is_rounded(network, texts):
    exact = Encoder(network.config, network.state_dict(), "")
    centres = exact.means(*states_of(exact, texts))
    expected = exact.first(*states_of(exact, texts))
    centred = Encoder(network.config, network.state_dict(), "", centres=centres)
    torch.testing.assert_close(centred.first(*states_of(centred, texts)), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(centred(*states_of(centred, texts))[:, 0], expected, atol=1e-5, rtol=0)
    moved = []
    for known, unrounded in ((None, 0), (centres, 0), (centres, 2)):
        quick = Encoder(network.config, network.state_dict(), "", torch.bfloat16, known, unrounded)
        moved.append(float((quick.first(*states_of(quick, texts)) - expected).square().mean().sqrt()))
    assert 0 < moved[2] < moved[1] < moved[0] < 0.05


def test_means_leave_padding_out(network, texts):
    ids, types, lengths, _ = texts
    encoder = Encoder(network.config, network.state_dict(), "")
    longer = torch.cat([ids, torch.ones(4, 9, dtype=torch.long)], dim=1)
    more = longer, torch.cat([types, types[:, :9]], dim=1), lengths, None
    for own, padded in zip(encoder.means(*states_of(encoder, texts)), encoder.means(*states_of(encoder, more)),
                           strict=True):  # fmt: skip
        torch.testing.assert_close(own, padded, atol=1e-5, rtol=0)


@pytest.mark.skipif(not packs_bfloat16(), reason="oneDNN has no bfloat16 on this processor")
def test_both_products_say_the_same():
    torch.manual_seed(0)
    weight, bias = torch.randn(24, 16), torch.randn(24)
    x, other = torch.randn(3, 5, 16).bfloat16(), torch.randn(3, 5, 24).bfloat16()
    plain, packed = (kind(weight, bias, torch.bfloat16) for kind in (Product, PackedProduct))
    for found, expected in ((packed(x), plain(x)), (packed.gelu(x), plain.gelu(x)),
                            (packed.plus(x, other), plain.plus(x, other))):  # fmt: skip
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), expected.float(), atol=0.1, rtol=0.02)


def test_a_long_run_meets_few_shapes():
    """oneDNN keeps code for each shape, up to a thousand: memory must not grow with the number of runs."""
    rng = np.random.default_rng(0)
    shapes = []
    for _ in range(300):
        lengths = rng.integers(20, 120, rng.integers(300, 600))
        cut = [batch.pairs for batch in batches(lengths, TokenBudget(2048))]
        assert sorted(i for batch in cut for i in batch) == list(range(len(lengths)))
        assert all(len(batch) * rounded_up(lengths[batch].max(), STEP) <= 2048 for batch in cut)
        shapes.append({(len(batch), rounded_up(lengths[batch].max(), STEP)) for batch in cut})
    early, late = set.union(*shapes[:50]), set.union(*shapes)
    assert len(late) < 120
    assert len(late - early) < 20


def test_where_onednn_refuses_bfloat16_torch_multiplies(monkeypatch):
    def refuses(*_):
        raise RuntimeError("bf16 path needs the cpu support avx_ne_convert or avx512bw, avx512vl and avx512dq")

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", refuses)
    packs_bfloat16.cache_clear()
    try:
        made = product(torch.eye(16), torch.ones(16), torch.bfloat16)
        assert type(made) is Product
        assert made(torch.ones(2, 16, dtype=torch.bfloat16)).tolist() == [[2.0] * 16] * 2
    finally:
        packs_bfloat16.cache_clear()
