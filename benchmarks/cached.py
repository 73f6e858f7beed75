"""A run that was done before, and two processes on one cache.

    python benchmarks/cached.py [--quick]

First: scoring the same quotes again, in the same process and with the model loaded, against the first time. Then: two
processes that read and write one cache for a minute (ten seconds with --quick); every value read is checked.
"""

import multiprocessing
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import machine, options, premises

import stance
from stance.cache import ScoreCache
from stance.entailment.choice import SMALL_JOB


def hammer(folder: Path, seed: int, seconds: float, out: "multiprocessing.Queue[int]") -> None:
    cache = ScoreCache(folder)
    rng = np.random.default_rng(seed)
    end, calls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        numbers = rng.integers(0, 20_000, 500)
        pairs = [(f"premise {n}", "h") for n in numbers]
        values, found = cache.get("a", pairs)
        assert (values[found] == np.repeat(numbers[found, None], 3, axis=1)).all(), "a value of another pair"
        cache.put("a", pairs, np.repeat(numbers[:, None].astype(float), 3, axis=1))
        assert not cache._broken, "the cache gave up"
        calls += 2
    out.put(calls)


def main() -> None:
    args = options(__doc__ or "").parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STANCE_CACHE_DIR"] = folder
        texts = premises(4 if args.quick else 100)
        model = stance.load_model()
        model.predict([("warm", str(n)) for n in range(SMALL_JOB)], progress=False)  # makes its engine, too
        times = []
        for _ in range(6):
            start = time.perf_counter()
            scores = stance.score(texts, model=model, progress=False)
            times.append(time.perf_counter() - start)
        first, again = times[0], statistics.median(times[1:])
        print(f"{scores.attrs['provenance']['pairs']} pairs: first {first:.2f} s, again {again:.3f} s (median of 5), "
              f"{first / again:.0f} times")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        counts: multiprocessing.Queue[int] = context.Queue()
        seconds = 10 if args.quick else 60
        workers = [context.Process(target=hammer, args=(Path(folder), seed, seconds, counts)) for seed in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with sqlite3.connect(Path(folder) / "scores.sqlite") as connection:
            state = connection.execute("PRAGMA integrity_check").fetchone()[0]
        codes = [worker.exitcode for worker in workers]
        calls = sum(counts.get() for worker in workers if worker.exitcode == 0)
        print(f"two processes, {seconds} s: {calls} calls of 500 keys, exit codes {codes}, integrity {state}")


if __name__ == "__main__":
    main()
