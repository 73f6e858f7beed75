"""Prints the card's figures of a model folder; writes nothing.

    python models/nli/evaluate.py --data DATA [--model FOLDER] [--parts dev,areas,question,cues,baselines]
    python models/nli/evaluate.py --data DATA --parts cv,curve --general FOLDER     (trains: about half an hour)

dev        MultiNLI and Perspectrum (nli-dev.jsonl.gz; the temperature was fitted on them)
areas      the political pairs of the areas that no training stage saw (train.HELD_OUT), by phenomenon and author,
           with the calibration error of P(entailment)
question   tests/data/frames-dev.jsonl, the half "report", and political/frames-labels.jsonl ("others"): AUC of support,
           macro-F1 of support / oppose / neither by the rule chosen on the half "choose"; beside the untouched
           encoder's cosine
cues       mean |change of support| when one party's name before a quote is swapped for another, or taken away
baselines  of the left-out areas: the hypothesis alone, bags of words, the encoder's cosine
cv         the political corpus by cross-validation over policy areas: folds of areas, and all of migration left out
curve      accuracy on the left-out areas after 1,000 to all political training pairs

``cv`` and ``curve`` train from FOLDER, what the stage ``general`` of train.py made, which has seen no political pair.
"""

import argparse
import random
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
from data import PARTIES, political_pairs, read_jsonl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from train import DEFAULTS, HELD_OUT, encoder_folder, nli_dev, train

from stance.codebook import load_codebook
from stance.entailment import load_model
from stance.scoring import score

ROOT = Path(__file__).parent.parent.parent
LABELS = ["entailment", "neutral", "contradiction"]


def pair_figures(model, rows) -> tuple[np.ndarray, np.ndarray]:
    probabilities = model.predict([(row["premise"], row["hypothesis"]) for row in rows], progress=False)
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


def best_rule(gold: np.ndarray, support: np.ndarray, oppose: np.ndarray) -> tuple[float, float]:
    """The threshold and margin of :func:`decide` with the best macro-F1."""
    names = np.array(["neither", "oppose", "support"])
    known = np.searchsorted(names, gold)

    def macro_f1(rule: tuple[float, float]) -> float:  # scikit-learn's takes a millisecond, and a search has many rules
        found = np.searchsorted(names, decide(support, oppose, *rule))
        table = np.bincount(3 * known + found, minlength=9).reshape(3, 3)
        sums = table.sum(axis=0) + table.sum(axis=1)
        return float((2 * table.diagonal() / np.maximum(sums, 1)).mean())

    return max([(t, m) for t in np.arange(0.1, 0.95, 0.05) for m in np.arange(-0.2, 0.45, 0.05)], key=macro_f1)


def embedder():
    """texts -> (texts, 384) unit vectors of the untouched encoder."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, encoder = AutoTokenizer.from_pretrained(encoder_folder()), AutoModel.from_pretrained(encoder_folder())

    @torch.inference_mode()
    def embed(texts):
        out = []
        for start in range(0, len(texts), 32):
            inputs = tokenizer(texts[start : start + 32], padding=True, truncation=True, return_tensors="pt")
            hidden = encoder(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None]
            out.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1))
        return torch.cat(out).numpy()

    return embed


def cosine_support(texts, book) -> dict[str, np.ndarray]:
    """The untouched encoder's largest mean cosine to a frame's supporting facets."""
    embed = embedder()
    quotes = embed(texts)
    return {
        frame.name: np.max([(quotes @ embed(list(f.hypotheses)).T).mean(axis=1) for f in frame.supports], axis=0)
        for frame in book.frames
    }


def held_out_rows() -> list[dict]:
    return [row for row in political_pairs() if row["area"] in HELD_OUT]


def areas(model) -> None:
    rows = held_out_rows()
    probabilities, gold = pair_figures(model, rows)
    print(line("political, left-out areas", probabilities, gold))
    print(f"calibration error of P(entailment) there: {calibration_error(probabilities[:, 0], gold == 0):.3f}")
    for key in ("phenomenon", "part"):
        for value in sorted({row[key] for row in rows}):
            which = np.array([row[key] == value for row in rows])
            print(line(f"  {key} {value}", probabilities[which], gold[which]))


def scored(model, texts: list[str], book) -> pd.DataFrame:
    ids = [str(i) for i in range(len(texts))]
    return score(pd.DataFrame({"text": texts, "quote_id": ids}), book, model, head=False, progress=False)


def question(model, data: Path) -> None:
    """The default question on the half "report", and on quotes that others labelled; the rule is that of "choose"."""
    words = {1: "support", 0: "neither", -1: "oppose"}
    dev = pd.DataFrame(read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl"))
    others = pd.DataFrame(read_jsonl(data / "political" / "frames-labels.jsonl")).assign(half="others")
    rows = pd.concat([dev, others], ignore_index=True)
    book = load_codebook()
    scores = scored(model, rows["text"].tolist(), book)
    cosine = cosine_support(rows["text"].tolist(), book)
    half = rows["half"].to_numpy()
    for frame in book.frames:
        part = scores[scores["frame"] == frame.name]
        support, oppose = part["support"].to_numpy(), part["oppose"].to_numpy()
        gold = rows[frame.name].replace(words).to_numpy()
        choose = half == "choose"
        rule = best_rule(gold[choose], support[choose], oppose[choose])
        found = decide(support, oppose, *rule)
        for name in ("report", "others"):
            which = half == name
            f1 = f1_score(gold[which], found[which], average="macro")
            auc, stance, base = (
                roc_auc_score(gold[which] == "support", value[which])
                for value in (support, support - oppose, cosine[frame.name])
            )
            print(
                f"question, {frame.name}, {name}: n {which.sum()}  AUC of support {auc:.3f}  of stance {stance:.3f}  "
                f"cosine {base:.3f}  macro-F1 {f1:.3f} (threshold {rule[0]:.2f}, margin {rule[1]:.2f})"
            )
        for phenomenon in sorted(set(dev["phenomenon"])):
            which = (half == "report") & (rows["phenomenon"] == phenomenon).to_numpy()
            print(f"    {phenomenon:22s} n {which.sum():3d}  right {(found == gold)[which].mean():.3f}")


def cues(model) -> None:
    rows = pd.DataFrame(read_jsonl(ROOT / "tests" / "data" / "frames-dev.jsonl"))
    texts = rows.loc[rows["half"] == "report", "text"].tolist()
    book, rng = load_codebook(), random.Random(0)
    pairs = [rng.sample(PARTIES, 2) for _ in texts]
    plain, one, other = (
        scored(model, changed, book)["support"].to_numpy()
        for changed in (texts, *([f"{pair[i]} MP: {t}" for pair, t in zip(pairs, texts, strict=True)] for i in (0, 1)))
    )
    between, against = np.abs(one - other).mean(), np.abs(one - plain).mean()
    change = f"{between:.3f} between parties, {against:.3f} against none"
    print(f"party cue on {len(texts)} quotes: mean |change of support| {change}")


def baselines() -> None:
    kept = [row for row in political_pairs() if row["area"] not in HELD_OUT]
    rows = held_out_rows()
    gold = np.array([row["label"] for row in rows])
    commonest = pd.Series(gold).value_counts(normalize=True).iloc[0]
    print(f"baselines on the {len(rows)} left-out pairs: the commonest label {commonest:.3f}")

    def bag(text_of, train_rows, test_rows):
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        fitted = LogisticRegression(max_iter=2000, C=2.0).fit(
            words.fit_transform([text_of(row) for row in train_rows]), [row["label"] for row in train_rows]
        )
        found = fitted.predict(words.transform([text_of(row) for row in test_rows]))
        return (found == np.array([row["label"] for row in test_rows])).mean()

    hypothesis = lambda row: row["hypothesis"]  # noqa: E731
    both = lambda row: " ".join([*(f"p:{w}" for w in row["premise"].split()), row["hypothesis"]])  # noqa: E731
    alone, pair = bag(hypothesis, kept, rows), bag(both, kept, rows)
    print(f"  bag of words, hypothesis alone {alone:.3f}; with the premise {pair:.3f}")
    rng = random.Random(0)
    for name in ("pairs", "groups"):
        part = [row for row in kept if row["part"].startswith("grid") == (name == "groups")]
        keys = sorted({row.get("topic", row["premise"]) for row in part})
        test = set(rng.sample(keys, len(keys) // 5))
        sides = [[row for row in part if (row.get("topic", row["premise"]) in test) == side] for side in (False, True)]
        print(f"  hypothesis alone, a fifth of the {name}: {bag(hypothesis, *sides):.3f} of {len(sides[1])}, commonest "
              f"{pd.Series([r['label'] for r in sides[1]]).value_counts(normalize=True).iloc[0]:.3f}")  # fmt: skip
    embed = embedder()
    cosine = (embed([r["premise"] for r in rows]) * embed([r["hypothesis"] for r in rows])).sum(axis=1)
    print(f"  cosine of premise and hypothesis: AUC of entailment {roc_auc_score(gold == 'entailment', cosine):.3f}")


def trained(args, rows, test: list[dict], name: str) -> dict[str, float]:
    """Accuracy on ``test`` after the stage ``political`` on ``rows``, from the general model."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "start": args.general, "out": folder, "seed": args.seed, "stage": "political", "epochs": args.epochs,
            "dropout": 0.0, "gold_share": 1.0, "warm": 0.06, "freeze": 0, "floor": 0.02, "every": 10**9,
            "drop_longer": False,
        }  # fmt: skip
        return train(Namespace(**(DEFAULTS["political"] | settings)), rows, {name: test})[name]


def cross_validation(args) -> None:
    rows = political_pairs()
    names = sorted({row["area"] for row in rows})
    migration = "irregular migration and border security"
    others = [name for name in names if name != migration]
    random.Random(args.seed).shuffle(others)
    folds = [{migration}, *(set(others[i :: args.folds]) for i in range(args.folds))]
    total = right = binary = 0.0
    for fold in folds:
        test = [row for row in rows if row["area"] in fold]
        rest = [row for row in rows if row["area"] not in fold]
        rest = random.Random(args.seed).sample(rest, min(len(rest), args.most))
        found = trained(args, rest, test, "fold")
        name = "migration" if migration in fold else f"{len(fold)} areas"
        print(f"left out {name:12s} trained on {len(rest)}, n {len(test)}: {found}", flush=True)
        if migration not in fold:
            total, right = total + len(test), right + found["three_way"] * len(test)
            binary += found["entailment_v_rest"] * len(test)
    print(f"cross-validation over areas, migration aside: n {total:.0f}  three-way {right / total:.3f}  "
          f"entailment v. rest {binary / total:.3f}")  # fmt: skip


def curve(args) -> None:
    kept = [row for row in political_pairs() if row["area"] not in HELD_OUT]
    random.Random(args.seed).shuffle(kept)
    for size in (1000, 3000, 6000, 12000, len(kept)):
        print(f"{size:6d} political pairs: {trained(args, kept[:size], held_out_rows(), 'areas')}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--parts", default="dev,areas,question,cues,baselines")
    parser.add_argument("--general", default=None, help="cv, curve: the model that the stage general made")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--most", type=int, default=10**9, help="cv: at most so many training pairs a fold")
    parser.add_argument("--epochs", type=int, default=1, help="cv, curve")
    parser.add_argument("--seed", type=int, default=20240906)
    args = parser.parse_args()
    parts = args.parts.split(",")
    if {"dev", "areas", "question", "cues"} & set(parts):
        model = load_model(args.model)
        print(model, model.sha256)
    if "dev" in parts:
        for name, rows in nli_dev(args.data).items():
            print(line(name, *pair_figures(model, rows)))
    if "areas" in parts:
        areas(model)
    if "question" in parts:
        question(model, args.data)
    if "cues" in parts:
        cues(model)
    if "baselines" in parts:
        baselines()
    if "cv" in parts:
        cross_validation(args)
    if "curve" in parts:
        curve(args)


if __name__ == "__main__":
    main()
