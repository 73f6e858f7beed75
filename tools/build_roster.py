"""Compiles stance/data/roster/roster.csv from the two lists of members in DATA/people.

    python tools/build_roster.py --data DATA

One row a person and period of membership of a party. Members who sat in both parliaments become one person;
the weeks between dissolution (30 May 2024) and election (4 July 2024) are bridged where the party stayed.
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

OUT = Path(__file__).parent.parent / "stance" / "data" / "roster" / "roster.csv"
TITLES = re.compile(r"^((Mr|Mrs|Ms|Miss|Dr|Sir|Dame|Rt Hon|Prof|Professor|Rev)\.? )+")
PARTIES = {
    "Labour and Co-operative": "Labour", "Scottish National Party": "SNP", "Sinn Fein": "Sinn Féin",
    "Social Democratic and Labour Party": "SDLP", "Social Democratic & Labour Party": "SDLP",
    "Democratic Unionist Party": "DUP", "Traditional Unionist Voice": "TUV", "Green": "Green Party",
    "Ulster Unionist Party": "UUP",
}  # fmt: skip
# The earlier list has some members under formal first names; the name by which the press knows them comes first.
SAME = {
    "Stephen Barclay": "Steve Barclay", "Edward Davey": "Ed Davey", "Tan Dhesi": "Tanmanjeet Singh Dhesi",
    "Rosemary Duffield": "Rosie Duffield", "Timothy Farron": "Tim Farron", "Mary Foy": "Mary Kelly Foy",
    "Daniel Jarvis": "Dan Jarvis", "Michael Kane": "Mike Kane", "Edward Miliband": "Ed Miliband",
    "Mathew Rodda": "Matt Rodda", "Thomas Tugendhat": "Tom Tugendhat", "Elizabeth Truss": "Liz Truss",
}  # fmt: skip
SOURCES = {
    "mps-2019-2024.csv": "House of Commons Library, 2019 general election results",
    "mps-2024-2026.csv": "Department for Education MP lookup; 2024 general election results by candidate",
}
# Dates that the lists give only by their first snapshot, known to the day from the news of that day.
KNOWN = {("Robert Jenrick", "Conservative"): "2026-01-15", ("Robert Jenrick", "Reform UK"): "2026-01-15"}


def periods(folder: Path) -> dict[str, list[dict]]:
    people = defaultdict(list)
    for name, source in SOURCES.items():
        with open(folder / name, encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                bare = TITLES.sub("", row["name"])
                person = SAME.get(bare, bare)
                title = row["name"].removesuffix(bare).strip()
                people[person].append({
                    "party": PARTIES.get(row["party"], row["party"]), "from": row["from"], "until": row["until"],
                    "from_is": row["from_is"], "source": source, "title": title,
                    "alias": bare if bare != person else "", "constituency": row["constituency"],
                    "member_id": row.get("member_id", ""),
                })  # fmt: skip
    return people


def merged(rows: list[dict]) -> list[dict]:
    """Periods in order, neighbours of one party made one."""
    out: list[dict] = []
    for row in sorted(rows, key=lambda r: r["from"]):
        last = out[-1] if out else None
        bridged = last and last["party"] == row["party"] and last["until"] in (row["from"], "2024-05-30")
        if bridged:
            last["until"] = row["until"]
            last["constituency"] = row["constituency"]
            last["source"] = "; ".join(dict.fromkeys([last["source"], row["source"]]))
        else:
            out.append(dict(row))
    return out


def exact(person: str, rows: list[dict]) -> list[dict]:
    """The periods with the changes that are known to the day."""
    left = KNOWN.get((person, rows[0]["party"]))
    if left is None:
        return rows
    kept = [r for r in rows if r is rows[0] or (person, r["party"]) in KNOWN]
    kept[0]["until"], kept[-1]["from"], kept[-1]["from_is"] = left, left, "announced"
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds people/")
    people = periods(parser.parse_args().data / "people")
    rows = []
    for person in sorted(people, key=lambda name: (name.split()[-1], name)):
        found = people[person]
        title = next((r["title"] for r in reversed(found) if r["title"]), "")
        aliases = sorted({r["alias"] for r in found} - {""})
        member = next((r["member_id"] for r in found if r["member_id"]), "")
        for row in exact(person, merged(found)):
            rows.append([person, "|".join(aliases), title, row["party"], row["from"], row["until"], row["from_is"],
                         row["constituency"], member, row["source"]])  # fmt: skip
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with open(OUT, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["person", "aliases", "title", "party", "from", "until", "from_is",
                         "constituency", "member_id", "source"])  # fmt: skip
        writer.writerows(rows)
    print(f"{OUT.name}: {len(people)} people, {len(rows)} periods")


if __name__ == "__main__":
    main()
