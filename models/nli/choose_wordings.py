"""Chooses the codebook's wordings for a model, on the half "choose" of tests/data/frames-dev.jsonl; prints them.

    python models/nli/choose_wordings.py [--model FOLDER] [--write]

Every candidate (candidates.yaml) is scored once. From each facet the search begins with the three wordings that rank
the quotes of the frame best alone; then it swaps, adds and drops wordings (never fewer than three a facet) and whole
facets as long as that raises the mean of AUC and macro-F1 of support / oppose / neither by 0.002 or more, so that
chance alone does not lengthen the codebook. With --write the wordings go into
stance/data/codebooks/enforcement-deterrence.yaml, whose other fields stay.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from data import HERE, political_pairs, read_jsonl
from evaluate import ROOT, best_rule, decide
from rapidfuzz import fuzz, process
from sklearn.metrics import f1_score, roc_auc_score

from stance.codebook import load_codebook
from stance.entailment import load_model

BOOK = ROOT / "stance" / "data" / "codebooks" / "enforcement-deterrence.yaml"
LEAST_GAIN = 0.002
FEWEST = 3


def entailment_table(model, texts: list[str], hypotheses: list[str]) -> pd.DataFrame:
    """(quotes, hypotheses) P(entailment)."""
    found = model.predict([(text, hypothesis) for text in texts for hypothesis in hypotheses], progress=False)[:, 0]
    return pd.DataFrame(found.reshape(len(texts), len(hypotheses)), columns=hypotheses)


class Search:
    """Hill climbing over which wordings stand in which facet of one frame."""

    def __init__(self, table: pd.DataFrame, gold: np.ndarray, frame) -> None:
        self.table, self.gold = table, gold
        self.facets = {
            side: {facet.name: list(facet.hypotheses) for facet in getattr(frame, side)}
            for side in ("supports", "opposes")
        }

    def side(self, chosen: dict[str, list[str]]) -> np.ndarray:
        return np.max([self.table[wordings].mean(axis=1) for wordings in chosen.values()], axis=0)

    def value(self, chosen: dict[str, dict[str, list[str]]]) -> float:
        support, oppose = self.side(chosen["supports"]), self.side(chosen["opposes"])
        auc = roc_auc_score(self.gold == "support", support)
        rule = best_rule(self.gold, support, oppose)
        return float(auc + f1_score(self.gold, decide(support, oppose, *rule), average="macro")) / 2

    def begin(self) -> dict[str, dict[str, list[str]]]:
        out = {}
        for side, label in (("supports", "support"), ("opposes", "oppose")):
            rank = lambda w, label=label: roc_auc_score(self.gold == label, self.table[w])  # noqa: E731
            out[side] = {n: sorted(ws, key=rank, reverse=True)[:FEWEST] for n, ws in self.facets[side].items()}
        return out

    def neighbours(self, chosen):
        for side, facets in chosen.items():
            for name, wordings in facets.items():
                others = [w for w in self.facets[side][name] if w not in wordings]
                changed = [[*(w for w in wordings if w != old), new] for old in wordings for new in others]
                changed += [[*wordings, new] for new in others]
                if len(wordings) > FEWEST:
                    changed += [[w for w in wordings if w != old] for old in wordings]
                for new in changed:
                    yield chosen | {side: facets | {name: new}}
                if len(facets) > 2:
                    yield chosen | {side: {n: w for n, w in facets.items() if n != name}}

    def run(self):
        chosen, value = self.begin(), self.value(self.begin())
        while True:
            best = max(self.neighbours(chosen), key=self.value)
            if self.value(best) < value + LEAST_GAIN:
                return chosen, value
            chosen, value = best, self.value(best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    book = load_codebook(HERE / "candidates.yaml")
    known = [h.casefold() for h in {row["hypothesis"] for row in political_pairs()}]
    for hypothesis in book.hypotheses:
        if process.extractOne(hypothesis.casefold(), known, scorer=fuzz.ratio, score_cutoff=90):
            raise SystemExit(f"{hypothesis!r} is nearly in a training pair; reword it")
    rows = [row for row in read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl") if row["half"] == "choose"]
    table = entailment_table(load_model(args.model), [row["text"] for row in rows], list(book.hypotheses))
    raw = yaml.safe_load(BOOK.read_text(encoding="utf-8"))
    for frame, target in zip(book.frames, raw["frames"], strict=True):
        search = Search(table, np.array([row[frame.name] for row in rows]), frame)
        chosen, value = search.run()
        print(f"{frame.name}: (AUC + macro-F1) / 2 = {value:.3f} on {len(rows)} quotes")
        for side in ("supports", "opposes"):
            target[side] = [{"name": name, "hypotheses": wordings} for name, wordings in chosen[side].items()]
    print(yaml.safe_dump(raw["frames"], sort_keys=False, width=110, allow_unicode=True))
    if args.write:
        text = yaml.safe_dump(raw, sort_keys=False, width=110, allow_unicode=True)
        Path(BOOK).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
