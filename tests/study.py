"""A made-up study with known truth: clustered speakers, unequal numbers of quotes, errors that differ by party."""

import numpy as np
import pandas as pd

from stance.codebook import parse_codebook

TOY_BOOK = parse_codebook("""
name: toy
title: Toy
frames:
  - name: x
    definition: The speaker speaks for x.
    supports: [{name: one, hypotheses: [x1, x2, x3]}]
    opposes: [{name: two, hypotheses: [y1, y2, y3]}]
  - name: z
    definition: The speaker speaks for z.
    supports: [{name: three, hypotheses: [z1, z2, z3]}]
""")


def made_up_study(speakers=12, per=8, seed=0, frames=("x", "z")):
    """Scores (long) and the true codes, one row a quote and frame: quote_id, frame, code."""
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    for party, share, invents, misses in (("A", 0.6, 0.8, 0.02), ("B", 0.3, 0.05, 0.5)):
        for s in range(speakers):
            leaning = rng.beta(5 * share, 5 * (1 - share))
            for q in range(1 + rng.poisson(per - 1)):
                for frame in frames:
                    code = int(rng.random() < leaning)
                    flip = rng.random() < (invents if code == 0 else misses)
                    seen = code ^ int(flip)
                    support = float(rng.beta(12, 2) if seen else rng.beta(2, 12))
                    quote = f"{party}{s}-{q}"
                    rows.append(
                        {"quote_id": quote, "text": f"={quote} says, \"{frame}\"", "speaker": f"{party} {s}",
                         "party": party, "date": pd.Timestamp("2025-01-15") + pd.Timedelta(days=30 * (q % 4)),
                         "source": f"paper {q % 5}", "frame": frame, "support": support, "oppose": 0.0,
                         "stance": support, "spread": 0.1, "facet": "one", "window": [0, 5]}
                    )  # fmt: skip
                    truth.append({"quote_id": quote, "frame": frame, "code": code})
    return pd.DataFrame(rows), pd.DataFrame(truth)


def coded(truth, quotes, probability=1.0, coder="Ada Finch"):
    """Codes of these quotes, without error."""
    out = truth[truth["quote_id"].isin(quotes)].assign(coder=coder, probability=probability)
    return out.reset_index(drop=True)
