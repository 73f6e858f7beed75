"""Pairs a second and scores, side by side with what a user would pick instead, on the same model.

    python benchmarks/speed.py [--quick] [--threads 1]

500 quotes x 16 hypotheses in five blocks; each block goes through all methods in turn, and the ratios are those within
a block. The pipeline of transformers runs at the batch size that was best for it on the first quotes.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Pair, hypotheses, in_turn, machine, options, premises, ratio
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import stance
from stance.entailment import bundled_folder
from stance.entailment.choice import SMALL_JOB

BATCHES = (1, 4, 8, 16, 32, 64)
ROUNDS = 5
ONNX_INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


@cache
def theirs() -> tuple[Any, Any]:
    """The bundled model's network and tokenizer as transformers loads them."""
    folder = bundled_folder()
    network = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    return network, AutoTokenizer.from_pretrained(folder)


def pipeline_of(size: int) -> Callable[[Sequence[Pair]], Any]:
    from transformers import pipeline

    network, tokenizer = theirs()
    run = pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu", top_k=None)
    return lambda pairs: run([{"text": p, "text_pair": h} for p, h in pairs], batch_size=size)


def best_batch(pairs: Sequence[Pair]) -> int:
    """The batch size at which the pipeline is quickest, each the best of two runs."""
    seconds = {}
    for size in BATCHES:
        run = pipeline_of(size)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            run(pairs)
            times.append(time.perf_counter() - start)
        seconds[size] = min(times)
    print("pipeline, pairs a second by batch size:", {k: round(len(pairs) / v, 1) for k, v in seconds.items()})
    return min(seconds, key=lambda size: seconds[size])


def cross_encoder() -> Callable[[Sequence[Pair]], Any]:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(bundled_folder()), device="cpu", model_kwargs={"dtype": torch.float32})
    return lambda pairs: model.predict(list(pairs), batch_size=32, show_progress_bar=False)


def exported(folder: Path) -> Path:
    """The bundled model by torch.onnx.export, in a file in the folder."""
    path = folder / "model.onnx"
    network, tokenizer = theirs()
    sample = dict(tokenizer(["a b"], ["c"], return_tensors="pt"))
    axes = {name: {0: "batch", 1: "tokens"} for name in ONNX_INPUTS}
    torch.onnx.export(network, tuple(sample[name] for name in ONNX_INPUTS), str(path), input_names=ONNX_INPUTS,
                      output_names=["logits"], dynamic_axes=axes, dynamo=False)  # fmt: skip
    return path


def onnx_session(path: Path, threads: int) -> Any:
    """The session of onnxruntime, with its own optimisations."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def onnx(threads: int, folder: Path) -> Callable[[Sequence[Pair]], Any]:
    """Batches of 16 padded by the tokenizer."""
    session, tokenizer = onnx_session(exported(folder), threads), theirs()[1]

    def run(pairs: Sequence[Pair]) -> None:
        for start in range(0, len(pairs), 16):
            part = pairs[start : start + 16]
            inputs = tokenizer([p for p, _ in part], [h for _, h in part], padding=True, return_tensors="np")
            session.run(None, {name: inputs[name].astype("int64") for name in ONNX_INPUTS})

    return run


def products_rate(dtype: torch.dtype) -> float:
    """Operations a second of the product that the network does most: (2048, 384) x (384, 1536)."""
    a, b = torch.randn(2048, 384).to(dtype), torch.randn(1536, 384).to(dtype)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        times.append(time.perf_counter() - start)
    return 2 * 2048 * 384 * 1536 / min(times)


def operations(model: Any, pairs: Sequence[Pair]) -> float:
    """Multiplications and additions of the matrix products that the result needs, padding not counted: all layers for
    every token, but of the last only keys and values."""
    config = model._network.config
    lengths = model._encode(pairs).lengths
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    return float(lengths.sum()) * 2 * ((layers - 1) * (4 * width**2 + 2 * width * inner) + 2 * width**2)


def main() -> None:
    args = options(__doc__ or "").parse_args()
    torch.set_num_threads(args.threads)
    quotes, wordings = (100, 16) if args.quick else (500, 16)
    texts, claims = premises(quotes), hypotheses(wordings)
    blocks = [[(p, h) for p in texts[i::ROUNDS] for h in claims] for i in range(ROUNDS)]
    exact = stance.load_model(precision="exact", cache=False)
    auto = exact.with_precision("auto")
    print(machine())
    print(f"{quotes} quotes x {wordings} hypotheses, mean {exact._encode(blocks[0]).lengths.mean():.0f} tokens a pair")
    # Below this many pairs "auto" is float32 by design; the engine is made before the clock starts.
    quick = auto._engine(1000)
    print("auto computes in", quick.arithmetic)
    size = best_batch(blocks[0][: 64 if args.quick else 320])
    with tempfile.TemporaryDirectory() as folder:
        methods: dict[str, Callable[[Sequence[Pair]], Any]] = {
            f"transformers pipeline, batch {size}": pipeline_of(size),
            "sentence-transformers CrossEncoder": cross_encoder(),
            "onnxruntime": onnx(args.threads, Path(folder)),
            "stance, exact": lambda pairs: exact.predict(pairs, progress=False),
            "stance, auto": lambda pairs: auto.predict(pairs, progress=False),
        }
        for run in methods.values():
            run(blocks[0][:SMALL_JOB])
        seconds, found = in_turn(methods, blocks)
    base = next(iter(methods))
    work = [operations(exact, block) for block in blocks]
    for name, times in seconds.items():
        rate = statistics.median(len(block) / t for block, t in zip(blocks, times, strict=True))
        print(f"{name:40} {rate:8.1f} pairs a second, {ratio(seconds[base], times)} times the pipeline")
    for name, dtype in (("exact", torch.float32), ("auto", getattr(torch, quick.arithmetic.partition("+")[0]))):
        done = statistics.median(w / t for w, t in zip(work, seconds[f"stance, {name}"], strict=True))
        rate = products_rate(dtype)
        print(f"stance, {name}: {done / 1e9:.0f} of {rate / 1e9:.0f} Gop/s measured for the matrix product, "
              f"{done / rate:.0%}")  # fmt: skip
    for name in ("exact", "auto"):
        rate = statistics.median(len(b) / t for b, t in zip(blocks, seconds[f"stance, {name}"], strict=True))
        hours = 1e6 * len(stance.load_codebook(None).hypotheses) / rate / 3600
        print(
            f"at this rate, the default codebook, {name}: a million quotes {hours:.0f} h with these threads, "
            f"{hours / 16:.1f} h on 16 such workers; a hundred million {100 * hours / 160 / 24:.1f} days on 160"
        )
    order = [exact._network.config.id2label[column] for column in exact._columns]
    plain = [{answer["label"]: answer["score"] for answer in answers} for block in found[base] for answers in block]
    reference = np.array([[answer[label] for label in order] for answer in plain])
    if exact.temperature != 1:
        logits = np.log(np.clip(reference, 1e-30, None)) / exact.temperature
        reference = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for name in ("exact", "auto"):
        moved = np.abs(np.concatenate(found[f"stance, {name}"]) - reference)
        print(f"stance, {name}: largest difference of a probability from the pipeline, {len(moved)} pairs: "
              f"{moved.max():.6f}, mean {moved.mean():.6f}")  # fmt: skip
    entailed = [stance.entail(texts, model=model, progress=False) for model in (exact, auto)]
    for head in (False, "auto"):
        tables = [stance.score(part, head=head) for part in entailed]
        moved = np.abs(tables[0][["support", "oppose"]].to_numpy() - tables[1][["support", "oppose"]].to_numpy())
        named = "with the fitted head" if head else "zero-shot"
        print(f"stance, auto: largest difference of a score from exact, {len(texts)} quotes and the default codebook, "
              f"{named}: {moved.max():.6f}, mean {moved.mean():.6f}")  # fmt: skip


if __name__ == "__main__":
    main()
