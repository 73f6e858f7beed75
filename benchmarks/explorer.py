"""How long the explorer takes from a filter's change to the new list, in the kernel, at 10,000 quotes.

    python benchmarks/explorer.py [--quotes 10000] [--repeats 15]

Prints, for each filter, the median and the largest of the repeats in milliseconds, and what is sent to the browser.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import stance


def made_scores(quotes: int, seed: int = 0) -> pd.DataFrame:
    """A scores table of that size: random scores of numbered speakers, texts of 30 words."""
    rng = np.random.default_rng(seed)
    words = np.array("we will break the gangs and stop boats police courts borders people deal law chance".split())
    texts = [" ".join(rng.choice(words, 30)) for _ in range(quotes)]
    one = pd.DataFrame({
        "quote_id": [f"q{i}" for i in range(quotes)], "text": texts,
        "speaker": [f"Speaker {i}" for i in rng.integers(0, 400, quotes)],
        "party": rng.choice(["Labour", "Conservative", "SNP"], quotes),
        "date": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 900, quotes), unit="D"),
        "source": "made", "speaker_confidence": rng.random(quotes), "synthetic": True,
    })  # fmt: skip
    frames = [one.assign(frame=f, support=rng.random(quotes), oppose=rng.random(quotes)) for f in ("one", "two")]
    out = pd.concat(frames).sort_values(["quote_id", "frame"], ignore_index=True)
    return out.assign(stance=out["support"] - out["oppose"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quotes", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=15)
    settings = parser.parse_args()
    scores = made_scores(settings.quotes)
    start = time.perf_counter()
    view = stance.explore(scores)
    print(f"{settings.quotes} quotes; opened in {1000 * (time.perf_counter() - start):.0f} ms")
    actions: dict[str, Callable[[int], object]] = {
        "party": lambda k: setattr(view.groups, "value", (("Labour",), ("SNP",))[k % 2]),
        "speaker": lambda k: setattr(view.speaker, "value", f"Speaker {k}"),
        "words": lambda k: setattr(view.words, "value", ("gangs", "law", "boats")[k % 3]),
        "confidence": lambda k: setattr(view.confidence, "value", 0.2 + 0.05 * (k % 10)),
        "date": lambda k: setattr(view.since, "value", pd.Timestamp(2023, 1 + k % 12, 1).date()),
        "frame": lambda k: setattr(view.frame, "value", ("one", "two")[k % 2]),
        "box in the plot": lambda k: setattr(view.plot, "box", [0.1, 0.5 + 0.01 * k, 0.2, 0.9]),
    }
    every = []
    for name, action in actions.items():
        view.filter(groups=[], speaker="", words="", confidence=0, box=[])
        took = []
        for k in range(settings.repeats):
            start = time.perf_counter()
            action(k + 1)
            took.append(1000 * (time.perf_counter() - start))
        every += took
        sent = len(view.plot.mask) + len(view._list.value) + (len(view.plot.points) if name == "frame" else 0)
        print(
            f"{name:16} median {statistics.median(took):6.1f} ms   largest {max(took):6.1f} ms   {sent / 1000:.0f} kB"
        )
    print(f"all              median {statistics.median(every):6.1f} ms   largest {max(every):6.1f} ms")


if __name__ == "__main__":
    main()
