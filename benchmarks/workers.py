"""Two local workers of one thread against one, and that the scores are the same.

    python benchmarks/workers.py [--quick]

Both clusters are up and have loaded the model before the clock starts; they take turns, nine times each, and the one
whose turn it is not is stopped meanwhile, since idle workers take some 3% of a core. Beside it, what two processes
without a scheduler reach: cores that share their arithmetic units do not give twice the speed.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import torch
from common import machine, options, premises, ratio

import stance
from stance.cluster import connect


def alone(texts: Sequence[str]) -> None:
    """What each bare process does with its share."""
    torch.set_num_threads(1)
    stance.score(texts, cache=False, progress=False)


def bare(texts: Sequence[str], rounds: int) -> str:
    """The ratio of one process to two, each with its model loaded."""
    context = multiprocessing.get_context("spawn")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with context.Pool(1) as one, context.Pool(2) as two:
        for number in range(-1, rounds):
            for count, pool in ((1, one), (2, two)):
                start = time.perf_counter()
                pool.map(alone, [texts[i::count] for i in range(count)], chunksize=1)
                if number >= 0:
                    seconds[count].append(time.perf_counter() - start)
    return ratio(seconds[1], seconds[2])


def workers_of(client: Any) -> list[psutil.Process]:
    """The processes of a cluster's workers."""
    return [psutil.Process(pid) for pid in client.run(os.getpid).values()]


@contextmanager
def stopped(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """They take no processor time meanwhile."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def main() -> None:
    args = options(__doc__ or "").parse_args()
    print(machine())
    texts = premises(8 if args.quick else 60)
    rounds = 2 if args.quick else 9
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as place, connect("local:1") as one, connect("local:2") as two:
        folder = Path(place)
        source = folder / "quotes.parquet"
        pd.DataFrame({"quote_id": [f"q{i}" for i in range(len(texts))], "text": texts}).to_parquet(source)
        found = {}
        processes = {1: workers_of(one), 2: workers_of(two)}
        for number in range(-1, rounds):
            for count, client in ((1, one), (2, two)):
                with stopped(processes[3 - count]):
                    start = time.perf_counter()
                    done = stance.score_stream(source, folder / f"{number}-{count}", chunk=max(1, len(texts) // 16),
                                               client=client, progress=False)  # fmt: skip
                    took = time.perf_counter() - start
                if number >= 0:  # the first round loads the model on each worker
                    seconds[count].append(took)
                found[count] = done.read()["support"].to_numpy()
        same = bool((found[1] == found[2]).all())
    print(f"{len(texts)} quotes: one worker {min(seconds[1]):.1f} s, two {min(seconds[2]):.1f} s (best); "
          f"ratio {ratio(seconds[1], seconds[2])}; the same scores to the last bit: {same}")  # fmt: skip
    print(f"two processes without a scheduler against one: {bare(texts, rounds)}")


if __name__ == "__main__":
    main()
