"""How far each arithmetic moves a probability, and the processor time that it takes, with the bundled model.

    python benchmarks/arithmetic.py [--quick] [--threads 1]

Processor time and not the clock's, so that a busy machine disturbs it less; 400 pairs (80 with --quick).
"""

import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import hypotheses, machine, options, premises
from onnxruntime.quantization import QuantType, quantize_dynamic
from speed import ONNX_INPUTS, exported, onnx_session, theirs

import stance
from stance.entailment.bert import BertEngine
from stance.entailment.choice import softmax
from stance.entailment.encoding import Encoded, FastTokenizer
from stance.entailment.engine import Engine, PaddedEngine


class OnnxEngine(PaddedEngine):
    """The bundled model by a session of onnxruntime."""

    def __init__(self, session: Any, tokenizer: FastTokenizer) -> None:
        super().__init__(theirs()[0], tokenizer)
        self._session = session

    def logits(self, encoded: Encoded, batch: Sequence[int]) -> torch.Tensor:
        inputs = {name: value.numpy() for name, value in self._inputs(encoded, batch).items() if name in ONNX_INPUTS}
        return torch.from_numpy(self._session.run(None, inputs)[0])


def eight_bits(threads: int) -> Any:
    """A session of the bundled model in onnxruntime's dynamic int8."""
    with tempfile.TemporaryDirectory() as folder:
        path = exported(Path(folder))
        quantize_dynamic(path, path.with_name("int8.onnx"), weight_type=QuantType.QInt8)
        return onnx_session(path.with_name("int8.onnx"), threads)


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
    warnings.simplefilter("ignore")  # torch means to move these elsewhere
    eight = torch.ao.quantization.quantize_dynamic(theirs()[0], {torch.nn.Linear}, torch.qint8)
    engines: dict[str, Engine] = {
        "float32": BertEngine(network),
        "bfloat16, not centred": BertEngine(network, torch.bfloat16),
        "bfloat16, as auto": BertEngine(network, torch.bfloat16, sample=model._encode(pairs[:16])),
        "int8, of torch": PaddedEngine(eight, model._tokenizer),
        "int8, of onnxruntime": OnnxEngine(eight_bits(args.threads), model._tokenizer),
    }
    expected = softmax(engines["float32"], encoded, model.temperature)
    for name, engine in engines.items():
        start = time.process_time()
        found = softmax(engine, encoded, model.temperature)
        seconds = time.process_time() - start
        moved = np.abs(found - expected)
        print(f"{name:22} {seconds:.2f} s, {len(pairs) / seconds:.0f} pairs a second; moves a probability by "
              f"{moved.max():.5f} at most, {np.sqrt((moved**2).mean()):.5f} root mean square", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
