"""How far each arithmetic moves a probability, and the processor time that it takes, with the bundled model.

    python benchmarks/arithmetic.py [--quick] [--threads 1]

Processor time and not the clock's, so that a busy machine disturbs it less; 400 pairs (80 with --quick).
"""

import time
import warnings

import numpy as np
import torch
from common import hypotheses, machine, options, premises
from transformers import AutoModelForSequenceClassification

import stance
from stance.entailment import bundled_folder
from stance.entailment.bert import BertEngine
from stance.entailment.choice import softmax
from stance.entailment.engine import Engine, PaddedEngine


def main() -> None:
    args = options(__doc__ or "").parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    model = stance.load_model(precision="exact", cache=False)
    pairs = [(p, h) for p in premises(16 if args.quick else 80) for h in hypotheses(60)[::7][:5]]
    encoded = model._encode(pairs)
    chosen = model.with_precision("auto")._engine(1000).arithmetic
    print(f"{len(pairs)} pairs, mean {encoded.lengths.mean():.0f} tokens; auto takes {chosen}")
    network = model._network
    whole = AutoModelForSequenceClassification.from_pretrained(bundled_folder(), dtype=torch.float32).eval()
    warnings.simplefilter("ignore")  # torch means to move this elsewhere
    eight = torch.ao.quantization.quantize_dynamic(whole, {torch.nn.Linear}, torch.qint8)
    engines: dict[str, Engine] = {
        "float32": BertEngine(network),
        "bfloat16": BertEngine(network, torch.bfloat16),
        "bfloat16, centred": BertEngine(network, torch.bfloat16, sample=model._encode(pairs[:16])),
        "int8, of torch": PaddedEngine(eight, model._tokenizer),
    }
    expected = softmax(engines["float32"], encoded, model.temperature)
    for name, engine in engines.items():
        start = time.process_time()
        found = softmax(engine, encoded, model.temperature)
        seconds = time.process_time() - start
        moved = np.abs(found - expected)
        print(f"{name:18} {seconds:.2f} s, {len(pairs) / seconds:.0f} pairs a second; moves a probability by "
              f"{moved.max():.5f} at most, {np.sqrt((moved**2).mean()):.5f} root mean square", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
