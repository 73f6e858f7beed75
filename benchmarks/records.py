"""Speed, memory and accuracy of reading records: python benchmarks/records.py [--days 15 150] [--articles 2000]

Debates and articles are generated (fictional people, seeded); the parties are checked against the research data where
it is there (../shared/data, or --data). Prints a Markdown table.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def read_year(folder: Path, people: Path) -> dict[str, float]:
    """Reads debates into Parquet in a process of its own, so that the peak is its own; times processor seconds."""
    from stance.hansard import write_parlparse

    begun, wall = time.process_time(), time.perf_counter()
    count = write_parlparse(folder, folder / "out.parquet", people=people, progress=False)
    return {
        "contributions": count, "seconds": time.process_time() - begun, "wall": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def debates(days: int) -> str:
    from tests.made_records import people_json, write_year

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "year"
        turns = write_year(folder, days)
        people = people_json(Path(name) / "people.json")
        size = sum(path.stat().st_size for path in folder.glob("*.xml")) / 1e6
        out = subprocess.run([sys.executable, __file__, "--read", str(folder), str(people)],
                             capture_output=True, text=True, check=True)  # fmt: skip
        found = json.loads(out.stdout)
    assert found["contributions"] == turns, f"{turns} turns were written and {found['contributions']} read"
    speed = found["contributions"] / found["seconds"]
    return (f"| debates, {days} days | {size:,.0f} MB of XML, {turns:,} contributions, all read | {speed:,.0f} a "
            f"processor second, peak {found['peak_mb']:.0f} MB |")  # fmt: skip


def made_articles(count: int) -> list:
    """Stories of 300 to 700 words from one vocabulary; every other one with up to four edited copies."""
    from stance.articles import Article

    rng = random.Random(0)
    vocabulary = [f"w{number}" for number in range(4000)]
    weights = [1 / (rank + 10) for rank in range(4000)]  # a few words are frequent, as in any language
    articles: list[Article] = []
    number = 0
    while len(articles) < count:
        words = rng.choices(vocabulary, weights, k=rng.randint(300, 700))
        articles.append(Article(" ".join(words), f"{number}"))
        for copy in range(rng.randint(0, 4) if number % 2 else 0):
            kept = words[: int(len(words) * rng.uniform(0.6, 1))]
            edited = [rng.choice(vocabulary) if rng.random() < 0.08 else word for word in kept]
            articles.append(Article(" ".join(["headline", str(copy), *edited]), f"{number}-{copy}"))
        number += 1
    return articles


def duplicates(count: int) -> str:
    from stance.press import find_duplicates

    articles = made_articles(count)
    begun = time.process_time()
    table = find_duplicates(articles, progress=False)
    seconds = time.process_time() - begun
    right = sum(a.split("-")[0] == b.split("-")[0] for a, b in zip(table["source"], table["copy_of"], strict=True))
    wanted = len(articles) - len({article.source.split("-")[0] for article in articles})
    precision, recall, speed = right / max(1, len(table)), right / wanted, len(articles) / seconds
    return (f"| near-duplicates | {len(articles):,} articles, {wanted:,} of them copies | {speed:,.0f} a processor "
            f"second, precision {precision:.3f}, recall {recall:.3f} |")  # fmt: skip


def certain_parties(path: Path) -> "pd.DataFrame":
    """Members who changed party, and the spans of days on which the research data are sure of it: name, party, first,
    after (not part of the span).

    A change is dated by the first list that shows it, so it came at some time after the list before. The lists known
    are the dates of all observed changes: a party is sure from the list that first shows it until the last list before
    the next change, and of a party held since the election only its first day where that list is the first of all.
    """
    import pandas as pd

    table = pd.read_csv(path, parse_dates=["from", "until"]).rename(columns={"from": "start"})
    lists = sorted(table.loc[table["from_is"] == "observed", "start"].unique())
    speakers = set(table.loc[table["party"] == "Speaker", "name"])  # the reader leaves the Chair's words out
    changed = table[table["name"].duplicated(keep=False) & ~table["name"].isin(speakers)]
    rows = []
    for row in changed.itertuples():
        first, after = max(row.start, pd.Timestamp("2024-07-05")), pd.Timestamp("2026-06-27")
        if not pd.isna(row.until):
            before = [day for day in lists if day < row.until]
            after = before[-1] if before else pd.Timestamp("2024-07-06")
        if "Robert Jenrick" in row.name and first >= pd.Timestamp("2026-01-15"):
            continue  # the data's own readme has 15 January 2026, before the list that shows him as an Independent
        if first < after:
            rows.append((row.name, row.party, first, after))
    rows.append(("Robert Jenrick", "Reform UK", pd.Timestamp("2026-01-15"), pd.Timestamp("2026-06-27")))
    return pd.DataFrame(rows, columns=["name", "party", "first", "after"])


def check_parties(data: Path, folder: Path) -> tuple[int, int, list[tuple]]:
    """The party that the reader gives each member who changed, on the first and last day of each span of which the data
    are sure, and on each first of a month in it: members, comparisons, and those that are wrong.

    The text is three dots: no words are put into a real person's mouth.
    """
    import pandas as pd

    from stance.hansard import read_parlparse
    from tests.made_records import speech, write_day

    spans = certain_parties(data / "people" / "mps-2024-2026.csv")
    turns: dict[str, list[tuple[str, str]]] = {}
    for row in spans.itertuples():
        days = {row.first, row.after - pd.Timedelta(days=1), *pd.date_range(row.first, row.after, freq="MS")}
        for day in days:
            if row.first <= day < row.after:
                turns.setdefault(str(day.date()), []).append((row.name, row.party))
    expected = {}
    for day, said in sorted(turns.items()):
        write_day(folder, day, [speech(day, number, name, "…") for number, (name, _) in enumerate(said)])
        expected |= {f"uk.org.publicwhip/debate/{day}a.1149.{n}": (name, party) for n, (name, party) in enumerate(said)}
    found = read_parlparse(folder, progress=False).set_index("source")["party"].to_dict()
    wrong = [(gid, *known, found.get(gid)) for gid, known in expected.items() if found.get(gid) != known[1]]
    return spans["name"].str.replace("Sir |Ms ", "", regex=True).nunique(), len(expected), wrong


def parties(data: Path) -> str:
    with tempfile.TemporaryDirectory() as name:
        people, compared, wrong = check_parties(data, Path(name))
    for row in wrong:
        print("wrong:", *row, file=sys.stderr)
    return (f"| party on the day | {people} members who changed, {compared} comparisons on days of which the data are "
            f"sure | {compared - len(wrong)} right |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="*", default=[15, 150])
    parser.add_argument("--articles", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--read", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(read_year(*options.read)))
        return
    print("| what | of what | figure |\n| --- | --- | --- |", flush=True)
    for days in options.days:
        print(debates(days), flush=True)
    print(duplicates(options.articles), flush=True)
    if options.data.is_dir():
        print(parties(options.data), flush=True)


if __name__ == "__main__":
    main()
