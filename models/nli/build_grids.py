"""Adds the authors' sheets of groups, FOLDER/LETTER-NNN.txt, to grids.jsonl; they replace what an author has there.

    python models/nli/build_grids.py --sheets FOLDER

A group has one narrow topic, six premises, six hypotheses and the label of every premise with every hypothesis, so that
neither the topic nor the hypothesis gives the label away:

    # area | topic
    P1 [phenomenon; register] text … P6
    H1 text … H6
    G1 e n c c n e … G6        (entailment, neutral, contradiction of premise 1 with the hypotheses in order)

Groups that are not whole are refused. A hypothesis that is in the bundled codebook, word for word or nearly (rapidfuzz
ratio of 90 or more), is left out with its column and counted.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

from data import HERE, grid_pairs, read_jsonl
from rapidfuzz import fuzz, process

from stance.codebook import load_codebook

SIZE = 6  # premises and hypotheses a group
PREMISE = re.compile(r"\[([a-z_]+);\s*([^\]]+)\]\s*(.+)")
FIRST_LETTERS = {"e": "entailment", "n": "neutral", "c": "contradiction"}


def read_groups(path: Path) -> list[dict]:
    groups: list[dict] = []
    lines: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            area, topic = (part.strip() for part in line[1:].split("|", 1))
            lines = {"P": [], "H": [], "G": []}
            groups.append({"area": area, "topic": topic, "part": path.stem.split("-")[0], "lines": lines})
        elif match := re.match(r"([PHG])\d\s+(.*\S)", line):
            lines[match.group(1)].append(match.group(2))
    return [whole(group, path) for group in groups]


def whole(group: dict, path: Path) -> dict:
    """The group with its premises parsed; refuses one that is not complete."""
    lines = group.pop("lines")
    premises = [PREMISE.match(line) for line in lines["P"]]
    rows = [row.split() for row in lines["G"]]
    if not (
        len(premises) == len(lines["H"]) == len(rows) == SIZE
        and all(premises)
        and all(len(row) == SIZE and set(row) <= FIRST_LETTERS.keys() for row in rows)
    ):
        raise SystemExit(f"{path}: the group {group['topic']!r} is not {SIZE} premises by {SIZE} hypotheses; mend it")
    return group | {
        "premises": [{"phenomenon": m[1], "register": m[2].strip(), "text": m[3]} for m in premises if m],
        "hypotheses": lines["H"],
        "labels": ["".join(row) for row in rows],
    }


def without(group: dict, near: set[str]) -> dict:
    keep = [i for i, hypothesis in enumerate(group["hypotheses"]) if hypothesis not in near]
    return group | {
        "hypotheses": [group["hypotheses"][i] for i in keep],
        "labels": ["".join(row[i] for i in keep) for row in group["labels"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", type=Path, required=True)
    args = parser.parse_args()
    groups = [group for path in sorted(args.sheets.glob("*.txt")) for group in read_groups(path)]
    measured = [h.casefold() for h in load_codebook().hypotheses]
    wordings = {hypothesis for group in groups for hypothesis in group["hypotheses"]}
    near = {w for w in wordings if process.extractOne(w.casefold(), measured, scorer=fuzz.ratio, score_cutoff=90)}
    added = {group["part"] for group in groups}
    known = [group for group in read_jsonl(HERE / "grids.jsonl") if group["part"] not in added]
    groups = known + [without(group, near) for group in groups]
    with open(HERE / "grids.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(group, ensure_ascii=False) + "\n" for group in groups)
    rows = grid_pairs()
    premises = {row["premise"] for row in rows}
    print(
        f"{len(groups)} groups, {len(rows)} pairs, {len(premises)} premises; {len(near)} wordings too near the codebook"
    )
    for key in ("label", "part", "phenomenon"):
        print(key, dict(Counter(row[key] for row in rows)))


if __name__ == "__main__":
    main()
