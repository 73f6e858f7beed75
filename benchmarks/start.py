"""Seconds from a cold process: ``import stance``, ``stance --help``, the first score, and the first article's quotes.

    python benchmarks/start.py [--quick]

Each is a process of its own, five times; the cache of scores is off. The files of the packages are in the system's file
cache after the first time.
"""

import os
import statistics
import subprocess
import sys
import time

from common import machine, options

CASES = {
    "python alone": ["-c", "pass"],
    "import stance": ["-c", "import stance"],
    "stance --help": ["-m", "stance.cli", "--help"],
    "first score of one quote": ["-c", "import stance; stance.score('We will jail the smugglers.')"],
    "quotes of the sample article": ["-c", "import stance; stance.extract_quotes(stance.sample_article())"],
}


def main() -> None:
    args = options(__doc__ or "").parse_args()
    print(machine())
    environment = {**os.environ, "STANCE_CACHE": "0", "OMP_NUM_THREADS": str(args.threads)}
    for name, words in CASES.items():
        times = []
        for _ in range(2 if args.quick else 6):
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)
            times.append(time.perf_counter() - start)
        print(f"{name:28} {statistics.median(times[1:]):.2f} s (the first time {times[0]:.2f} s)", flush=True)


if __name__ == "__main__":
    main()
