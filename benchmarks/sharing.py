"""Can the work on a premise be shared between its hypotheses? How far scores move, and what it would save.

    python benchmarks/sharing.py [--quick]

In a cross-encoder a premise's tokens see the hypothesis from the first layer on, so nothing above the first layer's
projections can be shared exactly. Here the premise is kept from seeing the hypothesis in the first K layers (the
hypothesis still sees the premise), so that K layers of it could be shared; the change of P(entailment) is what that
costs without training the model for it.
"""

from typing import Any

import numpy as np
import torch
from common import Pair, hypotheses, machine, options, premises
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import stance
from stance.entailment import bundled_folder


@torch.inference_mode()
def entailed(model: Any, network: Any, tokenizer: Any, pair: Pair, blind: int) -> float:
    """P(entailment) of one pair with the premise blind to the hypothesis in the first ``blind`` layers."""
    inputs = tokenizer(*pair, return_tensors="pt")
    kinds = inputs["token_type_ids"][0]
    hidden = (kinds[:, None] == 0) & (kinds[None, :] == 1)  # (from, to)
    mask = torch.zeros(1, 1, len(kinds), len(kinds)).masked_fill(hidden, float("-inf"))
    states = network.bert.embeddings(input_ids=inputs["input_ids"], token_type_ids=inputs["token_type_ids"])
    for number, layer in enumerate(network.bert.encoder.layer):
        out = layer(states, attention_mask=mask if number < blind else None)
        states = out[0] if isinstance(out, tuple) else out
    logits = network.classifier(network.bert.pooler(states))[0].double() / model.temperature
    return float(torch.softmax(logits, dim=-1)[model._columns[0]])


def main() -> None:
    args = options(__doc__ or "").parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    model = stance.load_model(precision="exact", cache=False)
    texts, claims = (premises(4), hypotheses(4)) if args.quick else (premises(50), hypotheses(16))
    pairs = [(p, h) for p in texts for h in claims]
    network = AutoModelForSequenceClassification.from_pretrained(bundled_folder(), dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(bundled_folder())
    share = np.mean([len(tokenizer(p)["input_ids"]) / len(tokenizer(p, h)["input_ids"]) for p, h in pairs])
    plain = np.array([entailed(model, network, tokenizer, pair, 0) for pair in pairs])
    agree = np.abs(plain - model.predict(pairs, progress=False)[:, 0]).max()
    print(f"{len(pairs)} pairs; the premise is {share:.0%} of the tokens; unmasked, the largest difference from "
          f"model.predict is {agree:.1e}")  # fmt: skip
    for blind in range(1, network.config.num_hidden_layers + 1):
        moved = np.abs(np.array([entailed(model, network, tokenizer, pair, blind) for pair in pairs]) - plain)
        saved = share * blind / network.config.num_hidden_layers
        print(f"first {blind} layers shared: saves at most {saved:.0%}; P(entailment) moves {moved.mean():.3f} on "
              f"average, {moved.max():.3f} at most")  # fmt: skip


if __name__ == "__main__":
    main()
