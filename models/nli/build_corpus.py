"""Makes political.jsonl from the authors' sheets: FOLDER/LETTER/*.txt, and the first 3,300 pairs as JSON lines.

    python models/nli/build_corpus.py --sheets FOLDER --first political-stance.jsonl

A sheet has blocks "@ area | phenomenon", "P: premise", then "E:", "N:" or "C:" with a hypothesis each. Pairs whose
hypothesis is in the bundled codebook, word for word or nearly (rapidfuzz ratio >= 90), are left out and counted.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from data import HERE, read_jsonl
from rapidfuzz import fuzz, process

from stance.codebook import load_codebook

LABEL = {"E": "entailment", "N": "neutral", "C": "contradiction"}


def read_sheet(path: Path) -> list[dict]:
    rows: list[dict] = []
    area = phenomenon = premise = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line.startswith("@"):
            area, phenomenon = (part.strip() for part in line[1:].split("|"))
        elif line.startswith("P:"):
            premise = line[2:].strip()
        elif line[:2] in {"E:", "N:", "C:"}:
            rows.append({"premise": premise, "hypothesis": line[2:].strip(), "label": LABEL[line[0]],
                         "area": area, "phenomenon": phenomenon, "part": path.parent.name})  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", type=Path, required=True)
    parser.add_argument("--first", type=Path, required=True)
    args = parser.parse_args()
    rows = read_jsonl(args.first)
    for path in sorted(args.sheets.glob("?/*.txt")):
        rows += read_sheet(path)
    unique = list({(row["premise"], row["hypothesis"]): row for row in rows}.values())
    measured = [h.casefold() for h in load_codebook().hypotheses]
    wordings = list({row["hypothesis"] for row in unique})
    near = {w for w in wordings if process.extractOne(w.casefold(), measured, scorer=fuzz.ratio, score_cutoff=90)}
    kept = [row for row in unique if row["hypothesis"] not in near]
    with open(HERE / "political.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
    print(f"{len(rows)} pairs read, {len(rows) - len(unique)} twice, {len(unique) - len(kept)} too near the codebook")
    print(f"{len(kept)} pairs, {len({r['premise'] for r in kept})} premises, {len({r['area'] for r in kept})} areas")
    for key in ("label", "part", "phenomenon"):
        print(key, dict(Counter(row[key] for row in kept)))


if __name__ == "__main__":
    main()
