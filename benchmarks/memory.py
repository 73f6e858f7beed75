"""Peak memory of a stream of 10,000, 100,000 and 1,000,000 quotes.

    python benchmarks/memory.py [--quick] [--model FOLDER]

Each size runs in a process of its own on a Parquet file of short quotes that are made as they are written. With the
bundled model a million quotes take hours, so the default is a tiny BERT with random weights, made on the spot: memory
is that of the data's way, which is what could grow. --quick stops at 10,000.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import ROOT, machine, options, premises

BOOK = """
name: one
title: One frame
frames:
  - name: arrests
    definition: d
    supports:
      - {name: a, hypotheses: [Arrest them., Jail them., Catch them.]}
"""
WORKER = """
import json, resource, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import stance
from stance.codebook import parse_codebook
source, folder, model, book = sys.argv[1:]
start = time.perf_counter()
done = stance.score_stream(source, folder, parse_codebook(book), model, progress=False)
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss would count what the parent held when it started this process
    lines = status.read_text().splitlines()
    peak = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"quotes": done.quotes, "mb": peak / 1024, "seconds": time.perf_counter() - start}))
"""


def tiny_model(folder: Path) -> Path:
    """BERT of two layers of 32 with random weights, and the bundled tokenizer."""
    import shutil

    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, num_labels=3,
                        id2label={0: "entailment", 1: "neutral", 2: "contradiction"})  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "models" / "nli" / name, folder / name)
    return folder


def write_quotes(path: Path, count: int) -> None:
    """Short statements, each with its number, so that none is like another; 10,000 a row group."""
    texts = [text[:80] for text in premises(500)]
    schema = pa.schema([("quote_id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, 10_000):
            numbers = range(start, min(start + 10_000, count))
            rows = {"quote_id": [f"q{i}" for i in numbers], "text": [f"{texts[i % len(texts)]} {i}" for i in numbers]}
            writer.write_table(pa.table(rows, schema=schema))


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--model", help="a model's folder; a tiny one if not given")
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = args.model or str(tiny_model(folder / "tiny"))
        for count in (10_000,) if args.quick else (10_000, 100_000, 1_000_000):
            source = folder / f"{count}.parquet"
            write_quotes(source, count)
            start = time.perf_counter()
            out = subprocess.run([sys.executable, "-c", WORKER, source, folder / f"scores-{count}", model, BOOK],
                                 capture_output=True, text=True, check=True)  # fmt: skip
            found = json.loads(out.stdout.strip().splitlines()[-1])
            print(f"{found['quotes']:9} quotes: peak {found['mb']:.0f} MB, {found['seconds']:.0f} s "
                  f"(process {time.perf_counter() - start:.0f} s)", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
