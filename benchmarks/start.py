"""Seconds from a cold process: ``import stance``, ``stance --help``, the first score, and the first article's quotes.

    python benchmarks/start.py [--quick]

Each is a process of its own, five times; the cache of scores is off. The files of the packages are in the system's file
cache after the first time. A result's time is that at which the process prints it; Python then takes up to a second to
take torch apart.
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
    "first score of one quote": ["-c", "import stance; print(stance.score('We will jail the smugglers.'), flush=True)"],
    "quotes of the sample article": [
        "-c",
        "import stance; print(stance.extract_quotes(stance.sample_article()), flush=True)",
    ],
}


def main() -> None:
    args = options(__doc__ or "").parse_args()
    print(machine())
    environment = {**os.environ, "STANCE_CACHE": "0", "OMP_NUM_THREADS": str(args.threads)}
    for name, words in CASES.items():
        printed, ended = zip(*(run(words, environment) for _ in range(2 if args.quick else 6)), strict=True)
        print(f"{name:28} {statistics.median(printed[1:]):.2f} s (the first time {printed[0]:.2f} s), "
              f"the process {statistics.median(ended[1:]):.2f} s", flush=True)  # fmt: skip


def run(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until the process has printed its first line (or has ended, if it prints none), and until its end."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=environment) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        printed = time.perf_counter() - start
        process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{words} ended with {process.returncode}")
    return printed, time.perf_counter() - start


if __name__ == "__main__":
    main()
