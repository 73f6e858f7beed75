"""What the benchmarks share: pairs to score, the machine in words, and functions timed in turn."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
Pair = tuple[str, str]


def options(description: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads (1)")
    return parser


def premises(count: int, seed: int = 0) -> list[str]:
    """Statements of the political corpus that the bundled model comes with, drawn without replacement."""
    lines = (ROOT / "models" / "nli" / "political.jsonl").read_text(encoding="utf-8").splitlines()
    known = list(dict.fromkeys(json.loads(line)["premise"] for line in lines))
    return [known[i] for i in np.random.default_rng(seed).permutation(len(known))[:count]]


def hypotheses(count: int) -> list[str]:
    """The first wordings of the default codebook."""
    from stance import load_codebook

    return load_codebook(None).hypotheses[:count]


def machine() -> str:
    """Processor, cores, memory and load, for the head of every result."""
    import psutil
    import torch

    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    extras = [name for name in ("avx512_f", "avx512_bf16", "amx_bf16") if known.get(name)]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{model} ({', '.join(extras) or 'no wide bfloat16'}), {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), load before the run {load}"
    )


def in_turn(
    methods: dict[str, Callable[[Sequence[Pair]], Any]], blocks: Sequence[Sequence[Pair]]
) -> tuple[dict[str, list[float]], dict[str, list[Any]]]:
    """Seconds that each method takes for each block of pairs, and what it gives for it.

    Every block goes through all methods before the next, and ratios are taken within a block, so that what else the
    machine does meets all methods alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    found: dict[str, list[Any]] = {name: [] for name in methods}
    for number, block in enumerate(blocks):
        order = list(methods) if number % 2 == 0 else list(methods)[::-1]
        for name in order:
            start = time.perf_counter()
            result = methods[name](block)
            seconds[name].append(time.perf_counter() - start)
            found[name].append(result)
    return seconds, found


def ratio(slow: Sequence[float], quick: Sequence[float]) -> str:
    """Median of the ratios, and their range."""
    found = [a / b for a, b in zip(slow, quick, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
