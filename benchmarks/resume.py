"""Killed with kill -9 at 20 random moments, the same command goes on to the same folder.

    python benchmarks/resume.py [--quick]

The command is ``stance score quotes.parquet -o scores/`` with the bundled model, in a process of its own each time.
"""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from common import machine, options, premises


def command(source: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "stance.cli", "score", str(source), "-o", str(folder), "--chunk", "8"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name != ".lock"}


def main() -> None:
    args = options(__doc__ or "").parse_args()
    print(machine())
    kills, count = (3, 24) if args.quick else (20, 80)
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = folder / "quotes.parquet"
        pd.DataFrame({"text": premises(count)}).to_parquet(source)
        start = time.perf_counter()
        subprocess.run(command(source, folder / "whole"), check=True, capture_output=True)
        whole = time.perf_counter() - start
        parts = len(list((folder / "whole").glob("part-*")))
        seen = []
        for _ in range(kills):
            process = subprocess.Popen(command(source, folder / "killed"), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)  # fmt: skip
            time.sleep(moments.uniform(0, whole))
            process.send_signal(signal.SIGKILL)
            process.wait()
            seen.append(len(list((folder / "killed").glob("part-*"))))
            if seen[-1] == parts:  # nothing is left to interrupt: once more from nothing
                shutil.rmtree(folder / "killed")
        subprocess.run(command(source, folder / "killed"), check=True, capture_output=True)
        same = content(folder / "whole") == content(folder / "killed")
        print(f"{kills} kills within {whole:.0f} s each, of {parts} parts were there after each {seen}; the folder is "
              f"the same byte for byte: {same}")  # fmt: skip
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
