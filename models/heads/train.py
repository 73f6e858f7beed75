"""Fits the head of the default question, and prints it beside zero-shot on quotes that it was not fitted on.

    python models/heads/train.py [--also FILE ...] [--model FOLDER] [--out models/heads/enforcement-deterrence.json]

Fitted on: models/heads/quotes-1.jsonl, -3 and -5, which no entailment model learned from, the half "choose" of
tests/data/frames-dev.jsonl, and the files of ``--also``. Reported on: the half "report" of frames-dev.jsonl, of which
nothing is fitted or chosen but one thing: a frame's head becomes the default only where its mean AUC of support and
oppose there is higher than zero-shot's. The file is bound to the model's SHA-256: run this again after a new model.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from stance.codebook import load_codebook
from stance.entailment import load_model
from stance.head import StanceScorer
from stance.scoring import entail

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORDS = {"support": 1, "neither": 0, "oppose": -1}
FRAMES = ("enforcement", "deterrence")


def read(path: Path) -> pd.DataFrame:
    rows = pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()])
    for frame in FRAMES:
        rows[frame] = rows[frame].map(lambda value: WORDS.get(value, value)).astype(float)
    return rows


def figures(gold: np.ndarray, support: np.ndarray, oppose: np.ndarray, said: np.ndarray) -> dict[str, float]:
    return {
        "AUC support": roc_auc_score(gold == 1, support),
        "AUC oppose": roc_auc_score(gold == -1, oppose),
        "average precision": average_precision_score(gold == 1, support),
        "macro-F1": f1_score(gold, said, average="macro"),
        "Brier support": float(np.mean((support - (gold == 1)) ** 2)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=HERE / "enforcement-deterrence.json")
    args = parser.parse_args()
    model, book = load_model(args.model), load_codebook("enforcement-deterrence")
    dev = read(ROOT / "tests" / "data" / "frames-dev.jsonl")
    report = dev[dev["half"] == "report"].reset_index(drop=True)
    files = [*sorted(HERE.glob("quotes-[135].jsonl")), *args.also]
    parts = [dev[dev["half"] == "choose"], *(read(path) for path in files)]
    train = pd.concat(parts, ignore_index=True).drop_duplicates("text")
    train = train[~train["text"].isin(report["text"])].reset_index(drop=True)
    sources = {"frames-dev.jsonl (choose)": len(parts[0])} | {
        p.name: len(t) for p, t in zip(files, parts[1:], strict=True)
    }
    print(f"{model!r}, SHA-256 {model.sha256}")
    print(f"fitted on {len(train)} quotes: {sources}; reported on {len(report)}")
    scorer = StanceScorer(book, model).fit(entail(train[["text"]], book, model), train[list(FRAMES)])
    print(scorer.report_.round(3).to_string(index=False))
    found = entail(report[["text"]], book, model)
    plain, fitted = StanceScorer._zero_shot(found), scorer.probabilities(found)
    said = {"fitted": scorer.predict(found), "zero-shot": _unfitted(scorer).predict(found)}
    rows, default = [], []
    for at, frame in enumerate(FRAMES):
        gold = report[frame].to_numpy()
        both = {name: figures(gold, *scores[frame], said[name][:, at])
                for name, scores in (("zero-shot", plain), ("fitted", fitted))}  # fmt: skip
        rows += [{"frame": frame, "scores": name, "n": len(gold), **values} for name, values in both.items()]
        means = [np.mean([values["AUC support"], values["AUC oppose"]]) for values in both.values()]
        if frame in scorer.heads_ and means[1] > means[0]:
            default.append(frame)
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    print(f"default: {', '.join(default) or 'none; zero-shot stays'}")
    about = {"fitted_on": sources, "reported_on": f"frames-dev.jsonl (report), {len(report)} quotes",
             "figures": json.loads(table.round(4).to_json(orient="records")), "model": model.name}  # fmt: skip
    scorer.save(args.out, name=book.name, frames=default, about=about)
    print(f"{args.out.name}: {args.out.stat().st_size / 1000:.0f} kB")


def _unfitted(scorer: StanceScorer) -> StanceScorer:
    out = StanceScorer(scorer.codebook, scorer.model)
    out.codebook_, out.model_sha256_, out.heads_ = scorer.codebook_, scorer.model_sha256_, {}
    return out


if __name__ == "__main__":
    main()
