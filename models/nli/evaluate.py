"""Prints the card's figures of a model folder; writes nothing.

    python models/nli/evaluate.py --data DATA [--model FOLDER]

- dev pairs: MultiNLI and Perspectrum (``nli-dev.jsonl.gz``; the temperature was fitted on them);
- left-out areas: the political pairs of the areas that no training stage saw (train.HELD_OUT), by phenomenon;
- the default question: tests/data/frames-dev.jsonl, the half marked "report": AUC of support, macro-F1 of support /
  oppose / neither with one threshold chosen on the half marked "choose"; beside the untouched encoder's cosine;
- party cue: mean |change of support| when a party's name is put before the quotes, another one each time.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import pandas as pd
from data import PARTIES, political_pairs, read_jsonl
from sklearn.metrics import f1_score, roc_auc_score
from train import HELD_OUT, nli_dev

from stance.codebook import load_codebook
from stance.entailment import load_model
from stance.scoring import score

ROOT = Path(__file__).parent.parent.parent
LABELS = ["entailment", "neutral", "contradiction"]


def pair_figures(model, rows) -> tuple[np.ndarray, np.ndarray]:
    probabilities = model.predict([(row["premise"], row["hypothesis"]) for row in rows])
    return probabilities, np.array([LABELS.index(row["label"]) for row in rows])


def line(name, probabilities, gold) -> str:
    three = (probabilities.argmax(axis=1) == gold).mean()
    binary = ((probabilities[:, 0] > 0.5) == (gold == 0)).mean()
    return f"{name:28s} n {len(gold):5d}  three-way {three:.3f}  entailment v. rest {binary:.3f}"


def calibration_error(p: np.ndarray, hit: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of P(entailment) over equal-width bins."""
    which = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs(p[which == b].mean() - hit[which == b].mean()) * (which == b).mean() for b in set(which)))


def decide(support: np.ndarray, oppose: np.ndarray, threshold: float, margin: float) -> np.ndarray:
    """support where it is above the threshold and oppose is not larger by the margin; else oppose, else neither."""
    out = np.where(support >= threshold, "support", "neither")
    return np.where((oppose >= threshold) & (oppose - support >= margin), "oppose", out)


def cosine_support(texts, book) -> dict[str, np.ndarray]:
    """The untouched encoder's largest mean cosine to a frame's supporting facets."""
    import torch
    from train import encoder_folder
    from transformers import AutoModel, AutoTokenizer

    tokenizer, encoder = AutoTokenizer.from_pretrained(encoder_folder()), AutoModel.from_pretrained(encoder_folder())

    @torch.inference_mode()
    def embed(batch):
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        hidden = encoder(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None]
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)

    quotes = torch.cat([embed(texts[i : i + 32]) for i in range(0, len(texts), 32)])
    return {
        frame.name: torch.stack(
            [(quotes @ embed(list(facet.hypotheses)).T).mean(dim=1) for facet in frame.supports]
        ).max(dim=0).values.numpy()
        for frame in book.frames
    }  # fmt: skip


def default_question(model) -> None:
    rows = pd.DataFrame(read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl"))
    book = load_codebook()
    scores = score(pd.DataFrame({"text": rows["text"], "quote_id": rows.index.astype(str)}), book, model)
    cosine = cosine_support(rows["text"].tolist(), book)
    choose, reported = (rows["half"] == "choose").to_numpy(), (rows["half"] == "report").to_numpy()
    for frame in book.frames:
        part = scores[scores["frame"] == frame.name]
        support, oppose = part["support"].to_numpy(), part["oppose"].to_numpy()
        gold = rows[frame.name].to_numpy()
        grid = [(t, m) for t in np.arange(0.1, 0.95, 0.05) for m in np.arange(-0.2, 0.45, 0.05)]
        best = max(grid, key=lambda g: f1_score(gold[choose], decide(support, oppose, *g)[choose], average="macro"))
        f1 = f1_score(gold[reported], decide(support, oppose, *best)[reported], average="macro")
        auc = roc_auc_score(gold[reported] == "support", support[reported])
        auc_stance = roc_auc_score(gold[reported] == "support", (support - oppose)[reported])
        base = roc_auc_score(gold[reported] == "support", cosine[frame.name][reported])
        print(
            f"question, {frame.name}: n {reported.sum()}  AUC of support {auc:.3f}  of stance {auc_stance:.3f}  "
            f"cosine {base:.3f}  macro-F1 {f1:.3f} (threshold {best[0]:.2f}, margin {best[1]:.2f})"
        )
    rng = random.Random(0)
    sample = rows[reported].sample(80, random_state=0)
    shifts = []
    plain = score(sample[["text"]].assign(quote_id=sample.index.astype(str)), book, model)["support"].to_numpy()
    cued = [f"{rng.choice(PARTIES)} MP: {text}" for text in sample["text"]]
    other = score(pd.DataFrame({"text": cued, "quote_id": sample.index.astype(str)}), book, model)["support"].to_numpy()
    again = [f"{rng.choice(PARTIES)} MP: {text}" for text in sample["text"]]
    third = score(pd.DataFrame({"text": again, "quote_id": sample.index.astype(str)}), book, model)[
        "support"
    ].to_numpy()
    shifts = [np.abs(other - third).mean(), np.abs(other - plain).mean()]
    print(f"party cue: mean |change of support| {shifts[0]:.3f} between parties, {shifts[1]:.3f} against none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None)
    args = parser.parse_args()
    model = load_model(args.model)
    print(model, model.sha256)
    for name, rows in nli_dev(args.data).items():
        probabilities, gold = pair_figures(model, rows)
        print(line(name, probabilities, gold))
    rows = [row for row in political_pairs() if row["area"] in HELD_OUT]
    probabilities, gold = pair_figures(model, rows)
    print(line("political, left-out areas", probabilities, gold))
    print(f"calibration error of P(entailment) there: {calibration_error(probabilities[:, 0], gold == 0):.3f}")
    for phenomenon in sorted({row["phenomenon"] for row in rows}):
        which = np.array([row["phenomenon"] == phenomenon for row in rows])
        print(line(f"  {phenomenon}", probabilities[which], gold[which]))
    default_question(model)


if __name__ == "__main__":
    main()
