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


def parties(data: Path) -> str:
    """The party that the reader gives each member who changed, on days round each change and each month between.

    The text is three dots: no words are put into a real person's mouth. A change that the data date by the first list
    that shows it may have come up to a month before: on those days the roster's own, sourced day counts, or none.
    """
    import pandas as pd

    from stance.hansard import read_parlparse
    from tests.made_records import speech, write_day

    table = pd.read_csv(data / "people" / "mps-2024-2026.csv", parse_dates=["from", "until"])
    changed = table[table["name"].duplicated(keep=False)]
    chair = set(table.loc[table["party"] == "Speaker", "name"])  # the reader leaves the Chair's words out
    marks = {*changed["from"], *changed["until"].dropna()}
    days = {day + pd.Timedelta(days=shift) for day in marks for shift in (-1, 0, 1)}
    days |= set(pd.date_range("2024-08-01", "2026-06-01", freq="MS"))
    first, last = pd.Timestamp("2024-07-05"), pd.Timestamp("2026-06-26")
    sure = doubtful = right = 0
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        expected = {}
        for day in sorted(day for day in days if first <= day <= last):
            iso, parts = str(day.date()), []
            sat = changed[(changed["from"] <= day) & (changed["until"].isna() | (day < changed["until"]))]
            sat = sat[~sat["name"].isin(chair)]
            for number, row in enumerate(sat.itertuples()):
                parts.append(speech(iso, number, row.name, "…"))
                soon = not pd.isna(row.until) and row.until - day <= pd.Timedelta(days=31)
                expected[f"uk.org.publicwhip/debate/{iso}a.1149.{number}"] = (row.party, soon)
            write_day(Path(name), iso, parts)
        found = read_parlparse(name, progress=False).set_index("source")
    for gid, (party, soon) in expected.items():
        if soon:
            doubtful += 1
            continue
        sure += 1
        got = found["party"].get(gid)
        right += got == party
        wrong += [] if got == party else [(found["speaker"].get(gid), gid, got, party)]
    for row in wrong:
        print("wrong:", *row, file=sys.stderr)
    people = changed["name"].nunique() - len(chair & set(changed["name"]))
    return (f"| party on the day | {people} members who changed, {sure} comparisons ({doubtful} within a month before "
            f"an observed change not counted) | {right} of {sure} right |")  # fmt: skip


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
