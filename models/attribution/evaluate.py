"""Prints the card's figures: PolNeAR dev by the evaluator, by kind, with intervals, and the speed. Writes nothing.

    python models/attribution/evaluate.py --data DATA --evaluator attribution_eval.py [--model FOLDER]

DATA is the folder that holds ``attribution/``; the evaluator is the script that defines the four figures. Intervals are
95% percentile bootstraps over articles. The speed is documents a second on one thread, from texts to the table,
the loading of the model and the roster aside.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from corpus import read

from stance.articles import Article
from stance.attribution import extract_quotes
from stance.attribution.model import load_attribution_model
from stance.attribution.typography import find_segments

KINDS = ("direct", "indirect", "mixed")


def load_evaluator(path: Path):
    spec = importlib.util.spec_from_file_location("attribution_eval", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures(evaluator, gold: list[dict], predicted: list[dict]) -> dict[str, tuple[float, float, float]]:
    """What the evaluator prints, read back: name -> precision, recall, F1."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("gold.jsonl", "predicted.jsonl")]
        for path, rows in zip(paths, (gold, predicted), strict=True):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            evaluator.main(*map(str, paths))
    out = {}
    for line in printed.getvalue().splitlines():
        name, rest = line.split(" P ")
        precision, rest = rest.split("  R ")
        recall, f1 = rest.split("  F1 ")
        out[name.strip()] = (float(precision), float(recall), float(f1))
    return out


def kind_of(text: str, content: list[list[int]], segments) -> str:
    """By the quotation marks: all words inside (direct), none (indirect), or some (mixed)."""
    quoted = np.zeros(len(text) + 1, dtype=bool)
    for segment in segments:
        quoted[segment.start : segment.end] = True
    words = [i for start, end in content for i in range(start, end) if text[i].isalnum()]
    inside = sum(bool(quoted[i]) for i in words)
    return "direct" if words and inside == len(words) else "mixed" if inside else "indirect"


def predictions(model, rows: list[dict]) -> list[dict]:
    """What the quotes table holds of each article, as the evaluator reads it."""
    table = extract_quotes([Article(row["text"], row["doc"]) for row in rows], marker=model, progress=False)
    found: dict[str, list[dict]] = {row["doc"]: [] for row in rows}
    for source, spans, cue, speaker in zip(
        table["source"], table["spans"], table["cue_span"], table["speaker_span"], strict=True
    ):
        found[source].append({"content": spans, "cue": [cue] if cue else [], "source": [speaker] if speaker else []})
    return [{"doc": doc, "quotes": quotes} for doc, quotes in found.items()]


def bootstrap(evaluator, gold: list[dict], predicted: list[dict], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Name -> (2,) low and high F1 over resampled articles."""
    rng = np.random.default_rng(seed)
    seen: dict[str, list[float]] = {}
    for _ in range(draws):
        pick = rng.integers(len(gold), size=len(gold))
        again = [[{**rows[i], "doc": f"{k}"} for k, i in enumerate(pick)] for rows in (gold, predicted)]
        for name, (_, _, f1) in figures(evaluator, *again).items():
            seen.setdefault(name, []).append(f1)
    return {name: np.percentile(values, [2.5, 97.5]) for name, values in seen.items()}


def by_kind(gold: list[dict], predicted: list[dict], evaluator) -> None:
    """Of the gold quotes of a kind, the share found and attributed; of those predicted, the share right."""
    texts = {row["doc"]: row["text"] for row in gold}
    marks = {doc: find_segments(text)[0] for doc, text in texts.items()}
    sides = []
    for rows in (gold, predicted):
        sides.append({
            kind: [{**row, "quotes": [q for q in row["quotes"]
                                      if kind_of(texts[row["doc"]], q["content"], marks[row["doc"]]) == kind]}
                   for row in rows] for kind in KINDS})  # fmt: skip
    for kind in KINDS:
        recall = figures(evaluator, sides[0][kind], predicted)
        precision = figures(evaluator, gold, sides[1][kind])
        count = sum(len(row["quotes"]) for row in sides[0][kind])
        print(f"{kind:9s} n {count:5d}", *(
            f" {name} P {precision[name][0]:.3f} R {recall[name][1]:.3f} "
            f"F1 {2 * precision[name][0] * recall[name][1] / max(1e-9, precision[name][0] + recall[name][1]):.3f}"
            for name in ("content spans", "attributed", "exact")))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--evaluator", type=Path, required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--precision", choices=["auto", "exact"], default="auto")
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20240906)
    args = parser.parse_args()
    torch.set_num_threads(1)
    evaluator = load_evaluator(args.evaluator)
    gold = read(args.data / "attribution" / "polnear-dev.jsonl.gz")
    model = load_attribution_model(args.model, precision=args.precision)
    print(model, model.sha256)
    predictions(model, gold[:1])
    wall, processor = time.perf_counter(), time.process_time()
    predicted = predictions(model, gold)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{len(gold) / wall:.1f} documents a second, {len(gold) / processor:.1f} a second of processor time "
          f"({len(gold)} documents, one thread)")  # fmt: skip
    intervals = bootstrap(evaluator, gold, predicted, args.draws, args.seed) if args.draws else {}
    for name, (precision, recall, f1) in figures(evaluator, gold, predicted).items():
        low, high = intervals.get(name, (float("nan"), float("nan")))
        print(f"{name:14s} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  [{low:.3f}, {high:.3f}]")
    by_kind(gold, predicted, evaluator)


if __name__ == "__main__":
    main()
