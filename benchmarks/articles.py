"""Articles a second of quote attribution on PolNeAR's dev articles (84), one thread.

python benchmarks/articles.py --data ../shared/data [--quick]
"""

import gzip
import json
import statistics
import time
from pathlib import Path

import torch
from common import machine, options

import stance


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--data", type=Path, required=True, help="the research data's folder")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    with gzip.open(args.data / "attribution" / "polnear-dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        articles = [stance.Article(text=json.loads(line)["text"], source=str(i)) for i, line in enumerate(lines)]
    articles = articles[:8] if args.quick else articles
    stance.extract_quotes(articles[:2])  # loads what is loaded once
    rates = []
    for _ in range(2 if args.quick else 5):
        start = time.perf_counter()
        quotes = stance.extract_quotes(articles)
        rates.append(len(articles) / (time.perf_counter() - start))
    print(f"{len(articles)} articles, {len(quotes)} quotes: {statistics.median(rates):.1f} articles a second")


if __name__ == "__main__":
    main()
