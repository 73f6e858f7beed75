"""Compiles stance/data/roster/roster.csv from the two lists of members in DATA/people and from changes.csv.

    python tools/build_roster.py --data DATA

One row a person and period of membership of a party. Members who sat in both parliaments become one person;
the weeks between dissolution (30 May 2024) and election (4 July 2024) are bridged where the party stayed.

The lists date a change of party by the first snapshot that shows it (``from_is`` observed), which may be months
late: the days between the last snapshot that shows the old party and this one get a row with an empty party.
``changes.csv`` holds what is known of the day of a change; it is laid over the lists. An empty party in it means
that the party of these days is not known for certain. roles.csv beside it (offices) is edited by hand.
"""

import argparse
import csv
import re
import sys
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from stance.people.names import as_roster_party, bare_name  # noqa: E402
from stance.people.periods import overlaid  # noqa: E402

OUT = ROOT / "stance" / "data" / "roster" / "roster.csv"
CHANGES = OUT.with_name("changes.csv")
ELECTION, DISSOLVED = "2024-07-04", "2024-05-30"
COLUMNS = ["person", "aliases", "title", "party", "from", "until", "from_is", "constituency", "member_id", "source"]
TITLES = re.compile(r"^((Mr|Mrs|Ms|Miss|Dr|Sir|Dame|Rt Hon|Prof|Professor|Rev)\.? )+")
# The earlier list has some members under formal first names; the name by which the press knows them comes first.
SAME = {
    "Stephen Barclay": "Steve Barclay", "Edward Davey": "Ed Davey", "Tan Dhesi": "Tanmanjeet Singh Dhesi",
    "Rosemary Duffield": "Rosie Duffield", "Timothy Farron": "Tim Farron", "Mary Foy": "Mary Kelly Foy",
    "Daniel Jarvis": "Dan Jarvis", "Michael Kane": "Mike Kane", "Edward Miliband": "Ed Miliband",
    "Mathew Rodda": "Matt Rodda", "Thomas Tugendhat": "Tom Tugendhat", "Elizabeth Truss": "Liz Truss",
    "Matthew Hancock": "Matt Hancock", "Nicholas Brown": "Nick Brown", "Jeffrey M. Donaldson": "Jeffrey Donaldson",
    "Angus Brendan MacNeil": "Angus MacNeil",
}  # fmt: skip
# The short forms by which the press calls people, added as aliases where no other member bears the name.
SHORT = {
    "Alexander": "Alex", "Andrew": "Andy", "Anthony": "Tony", "Benjamin": "Ben", "Catherine": "Cat",
    "Christopher": "Chris", "Daniel": "Dan", "David": "Dave", "Deborah": "Debbie", "Edward": "Ed",
    "Geoffrey": "Geoff", "Gregory": "Greg", "James": "Jim", "Jonathan": "Jon", "Matthew": "Matt", "Michael": "Mike",
    "Nicholas": "Nick", "Nicola": "Nicky", "Patricia": "Pat", "Philip": "Phil", "Rebecca": "Becky", "Robert": "Rob",
    "Stephen": "Steve", "Steven": "Steve", "Stuart": "Stu", "Susan": "Sue", "Thomas": "Tom", "Timothy": "Tim",
    "Victoria": "Vicky", "William": "Will",
}  # fmt: skip
SOURCES = {
    "mps-2019-2024.csv": "House of Commons Library, 2019 general election results",
    "mps-2024-2026.csv": "Department for Education MP lookup; 2024 general election results by candidate",
}


def periods(folder: Path) -> dict[str, list[dict]]:
    people = defaultdict(list)
    for name, source in SOURCES.items():
        with open(folder / name, encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                bare = TITLES.sub("", row["name"])
                person = SAME.get(bare, bare)
                title = row["name"].removesuffix(bare).strip()
                people[person].append({
                    "party": as_roster_party(row["party"]), "from": row["from"], "until": row["until"],
                    "from_is": row["from_is"], "source": source, "title": title,
                    "alias": bare if bare != person else "", "constituency": row["constituency"],
                    "member_id": row.get("member_id", ""),
                })  # fmt: skip
    return people


def merged(rows: list[dict]) -> list[dict]:
    """Periods in order; neighbours of one party and seat made one."""
    out: list[dict] = []
    for row in sorted(rows, key=lambda r: r["from"]):
        last = out[-1] if out else None
        bridged = last and last["party"] == row["party"] and last["until"] in (row["from"], DISSOLVED)
        if bridged and last["constituency"] == row["constituency"]:
            last["until"] = row["until"]
            last["source"] = "; ".join(dict.fromkeys([last["source"], row["source"]]))
            continue
        if bridged:
            last["until"] = row["from"]  # another seat, the same party
        out.append(dict(row))
    return out


def changes() -> dict[str, list[dict]]:
    found = defaultdict(list)
    with open(CHANGES, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found[row["person"]].append(row)
    return found


def honest(rows: list[dict], known: list[dict], snapshots: list[str]) -> list[dict]:
    """The periods with a gap (empty party) before each change whose day only a snapshot tells."""
    out: list[dict] = []
    for row in rows:
        last = out[-1] if out else None
        told = last and any(last["from"] < change["from"] <= row["from"] for change in known)
        if last and row["from_is"] == "observed" and last["until"] == row["from"] and not told:
            before = bisect_left(snapshots, row["from"])
            certain = max(snapshots[before - 1] if before else ELECTION, last["from"])
            if certain < row["from"]:
                gap = {**row, "party": "", "from": certain, "until": row["from"], "from_is": "unknown"}
                last["until"] = certain
                out.append(gap)
        out.append(row)
    return [row for row in out if row["from"] != row["until"]]


def with_changes(rows: list[dict], known: list[dict]) -> list[dict]:
    """The periods with what is known of changes laid over them; seat and name stay those of the day."""
    laid = []
    for change in known:
        there = [r for r in rows if r["from"] <= change["from"] and (r["until"] or "9999") > change["from"]]
        seat = there[-1] if there else rows[0]
        laid.append({**seat, "party": change["party"], "from": change["from"], "until": change["until"],
                     "from_is": "announced" if change["party"] else "unknown", "source": change["source"]})  # fmt: skip
    whole = overlaid(rows, laid)
    out: list[dict] = []
    for row in whole:  # the list's own row of the same party goes on where the change ends
        same = out and out[-1]["party"] == row["party"] and out[-1]["until"] == row["from"]
        if same and out[-1]["constituency"] == row["constituency"]:
            out[-1]["until"] = row["until"]
        else:
            out.append(row)
    return out


def short_forms(people: dict[str, list[dict]]) -> dict[str, str]:
    taken = {bare_name(name).casefold() for name in people}
    wanted: dict[str, list[str]] = defaultdict(list)
    for person in people:
        first, _, rest = person.partition(" ")
        if first in SHORT and rest:
            wanted[f"{SHORT[first]} {rest}"].append(person)
    return {who[0]: name for name, who in wanted.items() if len(who) == 1 and name.casefold() not in taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds people/")
    people = periods(parser.parse_args().data / "people")
    known = changes()
    strangers = sorted(set(known) - set(people))
    if strangers:
        raise SystemExit(f"changes.csv names {strangers[0]!r}, who is in neither list")
    snapshots = sorted({row["from"] for rows in people.values() for row in rows if row["from_is"] == "observed"})
    short = short_forms(people)
    rows = []
    for person in sorted(people, key=lambda name: (name.split()[-1], name)):
        found = people[person]
        title = next((r["title"] for r in reversed(found) if r["title"]), "")
        aliases = sorted({r["alias"] for r in found} - {""}) + ([short[person]] if person in short else [])
        member = next((r["member_id"] for r in found if r["member_id"]), "")
        for row in with_changes(honest(merged(found), known[person], snapshots), known[person]):
            rows.append({**row, "person": person, "aliases": "|".join(aliases), "title": title, "member_id": member})
    with open(OUT, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{OUT.name}: {len(people)} people, {len(rows)} periods")


if __name__ == "__main__":
    main()
