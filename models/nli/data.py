"""Training data of the NLI model: which pairs go in, and how they become batches.

Three kinds of rows, all ``{"premise", "hypothesis", "label", …}``:

- general NLI: ``nli/nli-train.jsonl.gz`` (121,463 pairs, with "source") under the data folder;
- political pairs: ``political.jsonl`` and ``grids.jsonl`` beside this file (with "area", "phenomenon", "part");
- labelled quotes (``models/heads/quotes-2.jsonl``, ``-4`` and ``-6``) with the hypotheses of ``stances.yaml``; the
  other files there are kept for the head, which has to learn how sure this model is of quotes that it has not seen.
"""

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

HERE = Path(__file__).parent
QUOTES = [HERE.parent / "heads" / f"quotes-{number}.jsonl" for number in (2, 4, 6)]
LABELS = ["entailment", "neutral", "contradiction"]
MIGRATION = "irregular migration and border security"
NO_LABEL = -2  # only a teacher's probabilities
NOT_ENTAILMENT = -1  # a two-way label: the loss is -log(1 - P(entailment))

# Pairs taken from each general source for one pass. JOCI's graded likelihoods and MED's single-word
# edits are sampled lightly; Perspectrum, the only source about positions, is taken whole.
GENERAL_SHARE = {
    "lingnli": 0.70, "snli": 0.50, "mnli": 1.0, "conjnli": 0.55, "perspectrum": 1.0,
    "joci": 0.30, "med": 0.50, "scitail": 1.0, "commitment_bank": 1.0,
}  # fmt: skip

PARTIES = ["Labour", "Conservative", "Liberal Democrat", "Reform UK", "SNP", "Green", "Plaid Cymru"]
_PARTY = re.compile(
    r"\b(Labour|Conservatives?|Tory|Tories|Liberal Democrats?|Lib Dems?|Reform UK|SNP|Greens?|Plaid Cymru)\b"
)


def read_jsonl(path: Path) -> list[dict]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def label_id(label: str | None) -> int:
    if label is None:
        return NO_LABEL
    return NOT_ENTAILMENT if label == "not_entailment" else LABELS.index(label)


def general_pairs(data: Path, seed: int, most: int | None = None) -> list[dict]:
    """A seeded sample of the general pairs, by GENERAL_SHARE; then at most ``most``, Perspectrum and MultiNLI first."""
    rng = random.Random(seed)
    rows = read_jsonl(data / "nli" / "nli-train.jsonl.gz")
    rows = [row for row in rows if rng.random() < GENERAL_SHARE[row["source"]]]
    if most is not None and most < len(rows):
        rng.shuffle(rows)
        first = {"perspectrum": 0.25, "mnli": 0.5}
        wanted = {source: int(share * most) for source, share in first.items()}
        picked = [row for source, n in wanted.items() for row in [r for r in rows if r["source"] == source][:n]]
        others = [row for row in rows if row["source"] not in first]
        rows = picked + others[: most - len(picked)]
    return rows


def grid_pairs(path: Path = HERE / "grids.jsonl") -> list[dict]:
    """The groups of ``grids.jsonl`` as pairs: every premise of a group with every hypothesis of it."""
    names = {label[0]: label for label in LABELS}
    return [
        {"premise": premise["text"], "hypothesis": hypothesis, "label": names[letter], "area": group["area"],
         "phenomenon": premise["phenomenon"], "part": f"grid-{group['part']}", "topic": group["topic"]}
        for group in read_jsonl(path)
        for premise, letters in zip(group["premises"], group["labels"], strict=True)
        for hypothesis, letter in zip(group["hypotheses"], letters, strict=True)
    ]  # fmt: skip


def thinned(rows: Sequence[dict], rng: random.Random, most: float = 0.4) -> list[dict]:
    """The rows, but of the groups' pairs only so many neutral ones, drawn at random, that they are ``most`` of them.

    A premise is silent on most of what its group asks; a model that saw them all would call too much neutral.
    """
    sided = sum(row["part"].startswith("grid") and row["label"] != "neutral" for row in rows)
    quiet = [i for i, row in enumerate(rows) if row["part"].startswith("grid") and row["label"] == "neutral"]
    dropped = set(rng.sample(quiet, max(0, len(quiet) - round(sided * most / (1 - most)))))
    return [row for i, row in enumerate(rows) if i not in dropped]


def political_pairs() -> list[dict]:
    """The political corpus: single pairs (political.jsonl) and groups (grids.jsonl)."""
    return read_jsonl(HERE / "political.jsonl") + grid_pairs()


def labelled_quotes() -> list[dict]:
    """Quotes with what they say of each measure: ``{"text", "enforcement", "deterrence"}``, each 1 (supports), 0 or -1
    (rejects), and "measures", the same for the finer ones that the quote takes a position on."""
    return [row for path in QUOTES for row in read_jsonl(path)]


# The finer measures of each frame; those of no frame stand under "".
MEASURES = {
    "enforcement": ["pursue", "cooperate", "seize", "powers"],
    "deterrence": ["incentive", "third", "return", "detain", "rights"],
    "": ["routes", "backlog", "causes", "welcome"],
}


def quote_pairs(rng: random.Random, quotes: Sequence[dict] | None = None) -> list[dict]:
    """About eight pairs a quote: two hypotheses on each frame, and some on finer measures.

    A hypothesis for a measure is entailed where the quote supports it, contradicted where it rejects it and neutral
    where it is silent; one against it, the other way round. Of the finer measures of a frame that a quote takes a
    position on, those that it does not name are left alone: supporting the whole may well imply them.
    """
    bank = yaml.safe_load((HERE / "stances.yaml").read_text(encoding="utf-8"))
    label_of = {1: "entailment", 0: "neutral", -1: "contradiction"}
    pairs = []
    for quote in labelled_quotes() if quotes is None else quotes:
        positions = quote["measures"]
        asked = [(frame, quote[frame]) for frame in ("enforcement", "deterrence") for _ in range(2)]
        asked += list(positions.items())
        silent = [m for frame, names in MEASURES.items() if not quote.get(frame) for m in names]
        asked += [(m, 0) for m in rng.sample(sorted(set(silent) - set(positions)), 2)]
        used = set()
        for measure, position in asked:
            side = rng.choice(["for", "against"])
            hypothesis = rng.choice(bank[measure][side])
            if hypothesis not in used:
                used.add(hypothesis)
                label = label_of[position if side == "for" else -position]
                pairs.append({"premise": quote["text"], "hypothesis": hypothesis, "label": label, "area": MIGRATION})
    return pairs


def distillation_pairs(data: Path, seed: int, held_out: set[str], unlabelled: int) -> list[dict]:
    """What the teacher labels: the political training pairs, their party-cue copies, and ``unlabelled`` new pairs.

    A new pair joins a political premise with a hypothesis of another premise: half of the time of the same area (which
    is where telling support from rejection is hard), else of any other; every third joins a labelled quote with a
    hypothesis on migration.
    """
    rng = random.Random(seed + 1)
    kept = [row for row in political_pairs() if row["area"] not in held_out]
    rows = kept + with_party_cues(kept, share=0.12, rng=random.Random(seed))
    by_area = defaultdict(list)
    for row in kept:
        by_area[row["area"]].append(row["hypothesis"])
    hypotheses = [row["hypothesis"] for row in kept]
    premises = [(row["premise"], row["area"]) for row in {row["premise"]: row for row in kept}.values()]
    quotes = [(row["text"], MIGRATION) for row in labelled_quotes()]
    known = {(row["premise"], row["hypothesis"]) for row in rows}
    while unlabelled > 0:
        third = unlabelled % 3 == 0
        premise, area = rng.choice(quotes if third else premises)
        hypothesis = rng.choice(by_area[area] if third or rng.random() < 0.5 else hypotheses)
        if (premise, hypothesis) not in known:
            known.add((premise, hypothesis))
            rows.append({"premise": premise, "hypothesis": hypothesis, "area": area})
            unlabelled -= 1
    rng.shuffle(rows)
    return rows


def swap_party(text: str, rng: random.Random) -> str:
    """The same text with each party named in it replaced, one for one, by another party.

    >>> swap_party("Labour blames the Tories.", random.Random(0)) != "Labour blames the Tories."
    True
    """
    found = sorted({match.group(0) for match in _PARTY.finditer(text)})
    others = [party for party in PARTIES if party not in found]
    swap = dict(zip(found, rng.sample(others, len(found)), strict=True)) if len(found) <= len(others) else {}
    return _PARTY.sub(lambda match: swap.get(match.group(0), match.group(0)), text)


def with_party_cues(rows: Sequence[dict], share: float, rng: random.Random) -> list[dict]:
    """Copies of a share of the premises (all pairs of each), with a party's name changed or put before.

    The label stays: who says a thing does not change what is said. A premise that names a party gets
    another one in its place, hypotheses too; any other is prefixed with its speaker's party, as
    transcripts and captions do.
    """
    copies = []
    for pairs in _by_premise(rows):
        if _names_party(pairs) or rng.random() < share:
            copies += [{**row, "premise": p, "hypothesis": h, "cue": True} for row, (p, h) in _cued(pairs, rng)]
    return copies


def with_twins(rows: Sequence[dict], share: float, rng: random.Random) -> list[dict]:
    """The rows; those of a share of the premises, and of all that name a party, with a "twin": (premise, hypothesis).

    The twin says the same of another party, so a model must answer both alike. Half of the premises that name no
    party get one party before the row's own text and another before the twin's, the others only before the twin's.
    """
    out = []
    for pairs in _by_premise(rows):
        if not (named := _names_party(pairs)) and rng.random() >= share:
            out += pairs
            continue
        if not named and rng.random() < 0.5:
            first, second, form = *rng.sample(PARTIES, 2), rng.choice(_FORMS)
            for row in pairs:
                texts = [form.format(p=party, t=row["premise"]) for party in (first, second)]
                out.append({**row, "premise": texts[0], "twin": (texts[1], row["hypothesis"])})
        else:
            out += [{**row, "twin": twin} for row, twin in _cued(pairs, rng)]
    return out


_FORMS = ["{p}: {t}", "{p} MP: {t}", "({p}) {t}", "A {p} spokesperson said: {t}"]


def _by_premise(rows: Sequence[dict]) -> list[list[dict]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row["premise"]].append(row)
    return list(groups.values())


def _names_party(pairs: Sequence[dict]) -> bool:
    return bool(_PARTY.search(pairs[0]["premise"]))


def _cued(pairs: Sequence[dict], rng: random.Random) -> Iterable[tuple[dict, tuple[str, str]]]:
    """Each pair of one premise with its (premise, hypothesis) for another party."""
    if _names_party(pairs):
        state = rng.getrandbits(32)
        for row in pairs:
            joined = f"{row['premise']}\n{row['hypothesis']}"
            premise, hypothesis = swap_party(joined, random.Random(state)).split("\n", 1)
            yield row, (premise, hypothesis)
    else:
        party = rng.choice(PARTIES)
        form = rng.choice(_FORMS)
        for row in pairs:
            yield row, (form.format(p=party, t=row["premise"]), row["hypothesis"])


def batches(lengths: Sequence[int], size: int, rng: random.Random, pool: int = 40) -> Iterable[list[int]]:
    """Shuffled batches of about equal length: sorted inside pools of ``pool`` batches, then shuffled."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    out = []
    for start in range(0, len(order), size * pool):
        block = sorted(order[start : start + size * pool], key=lengths.__getitem__)
        out += [block[i : i + size] for i in range(0, len(block), size)]
    rng.shuffle(out)
    return out
