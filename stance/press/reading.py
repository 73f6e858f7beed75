"""Articles in bulk: from folders, lists of addresses, RSS and Atom feeds, and JSONL."""

import datetime
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from stance.articles import Article, article_from_bytes, as_date, decode, read_article
from stance.errors import NetworkError, ReadError, StanceError
from stance.hansard import is_parlparse
from stance.quotes import left_out
from stance.web import Answer, PoliteClient

PAGES = (".txt", ".text", ".md", ".html", ".htm", ".xhtml")
FEEDS = (".xml", ".rss", ".atom", ".rdf")
DEBATES = "debates' XML, for read_parlparse"
FEWEST_WORDS = 60  # in a feed's entry; below, the page itself is fetched
_FEED_START = re.compile(rb"<(?:rss|feed|rdf:RDF)\b")
_ADDRESS = re.compile(r"https?://\S+$", re.IGNORECASE)


@dataclass
class Found:
    """Articles read, and the ledger of what was not."""

    articles: list[Article] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    first: StanceError | None = None

    def skip(self, source: str, reason: object) -> None:
        self.first = self.first or (reason if isinstance(reason, StanceError) else ReadError(f"{source}: {reason}"))
        self.notes.append(left_out("reading", f"not read: {reason}", source=source))


def read_press(
    paths: str | Path | Iterable[str | Path], *, date: Any = None, client: PoliteClient | None = None,
    cache: str | Path | bool | None = None, rate: float = 1.0, progress: bool = True, may_be_none: bool = False,
) -> Found:  # fmt: skip
    """Reads many articles; one that cannot be read goes to the ledger and does not stop the rest.

    Args:
        paths: any of: text and HTML files; folders of them (with all folders inside); addresses of pages; ``.txt``
            files that hold one address a line (``#`` starts a comment); RSS and Atom feeds, as files or addresses;
            ``.jsonl`` files with one article a line (``text``, and where known ``title``, ``date``, ``url``,
            ``publisher``, ``source``).
        date: the day of publication of all of them, whatever they say themselves; if not given, each one's own.
        client: a client of your own, in place of ``cache`` and ``rate``.
        cache: where fetched pages are kept; None for the user's cache folder, False to keep none.
        rate: pages a second.
        progress: a bar, once it has taken two seconds.
        may_be_none: where nothing could be read, return the ledger alone.

    Returns:
        ``articles``, each with its own ``source``, and ``notes`` for the ledger.

    Raises:
        ReadError: nothing could be read; the message says why of the first.

    >>> len(stance.read_press(["stories/", "addresses.txt", "feed.xml"]).articles)    # doctest: +SKIP
    412
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    found = Found()
    tasks = [task for path in several for task in _expand(path, found)]
    needed = any(_ADDRESS.match(str(path)) or Path(path).suffix.lower() in FEEDS for path, _ in tasks)
    own = PoliteClient(rate=rate, cache=cache) if client is None and needed else None
    try:
        for path, name in tqdm(tasks, desc="reading", unit=" files", delay=2, disable=not progress):
            for article in _read(path, name, date, client or own, found, progress):
                found.articles.append(article)
    finally:
        if own:
            own.__exit__(None, None, None)
    _own_sources(found)
    if not found.articles and not may_be_none:
        raise found.first or ReadError(f"{', '.join(map(str, several))}: no text, HTML, feed or JSONL among the inputs")
    return found


def _expand(path: str | Path, found: Found) -> Iterator[tuple[str | Path, str]]:
    """Files and addresses with their names as sources; folders and lists of addresses opened."""
    if _ADDRESS.match(str(path)):
        yield str(path), str(path)
        return
    path = Path(path)
    if path.is_dir():
        for inside in sorted(p for p in path.rglob("*") if p.is_file()):
            name = inside.relative_to(path).as_posix()
            if any(part.startswith(".") for part in Path(name).parts) or name.endswith(".meta.json"):
                continue
            if inside.suffix.lower() == ".xml" and is_parlparse(inside):
                found.skip(name, DEBATES)
            elif inside.suffix.lower() in (*PAGES, *FEEDS, ".jsonl"):
                yield from ((p, name if p == inside else n) for p, n in _expand(inside, found))
            else:
                found.skip(name, f"{inside.suffix or 'no suffix'!r} is not text, HTML, a feed or JSONL")
        return
    addresses = _addresses(path) if path.suffix.lower() == ".txt" and path.is_file() else []
    if addresses:
        yield from ((address, address) for address in addresses)
    else:
        yield path, str(path)


def _addresses(path: Path) -> list[str]:
    """The addresses in a file that holds nothing else; of any other file, none."""
    with open(path, "rb") as stream:
        if not re.match(rb"(?:\xef\xbb\xbf)?(?:\s*#[^\n]*\n|\s+)*https?://", stream.read(4096), re.IGNORECASE):
            return []
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys(lines)) if all(_ADDRESS.match(line) for line in lines) else []


def _own_sources(found: Found) -> None:
    """Gives each article a source of its own: a page given twice is read once, two files of one name are told apart."""
    seen: dict[str, Article] = {}
    kept: list[Article] = []
    for article in found.articles:
        before = seen.get(article.source)
        if before and _same(before, article):
            found.notes.append(left_out("reading", "the same page or file, given twice", source=article.source))
            continue
        source, number = article.source, 1
        while source in seen:
            number += 1
            source = f"{article.source} ({number})"
        article = article if source == article.source else replace(article, source=source)
        seen[source] = article
        kept.append(article)
    found.articles = kept


def _same(one: Article, other: Article) -> bool:
    """Two readings of one page or file, and not two stories under one name."""
    return one.text == other.text or bool(one.url and one.url == other.url)


# --- one file or page ---------------------------------------------------------------------------


def _read(
    path: str | Path, name: str, date: Any, client: PoliteClient | None, found: Found, progress: bool
) -> Iterator[Article]:
    suffix = "" if isinstance(path, str) else path.suffix.lower()
    try:
        if isinstance(path, str):
            assert client is not None
            answer = client.get(path)
            if _FEED_START.search(answer.content[:2000]):
                if answer.from_cache:  # pages stay as they are, a feed does not
                    answer = client.get(path, fresh=True)
                yield from _feed(answer.content, name, date, client, found, progress)
            else:
                yield _page(answer, name, date)
        elif suffix == ".jsonl":
            yield from _jsonl(path, date, found)
        elif suffix in FEEDS:
            assert client is not None
            yield from _feed(path.read_bytes(), name, date, client, found, progress)
        else:
            yield read_article(path, date=date, source=name)
    except FileNotFoundError:
        found.skip(name, "no such file")
    except (ReadError, NetworkError) as error:
        found.skip(name, error)


def _page(answer: Answer, name: str, date: Any) -> Article:
    return article_from_bytes(answer.content, name, date, url=answer.url, encoding=answer.encoding, html=True)


def _jsonl(path: Path, date: Any, found: Found) -> Iterator[Article]:
    for number, line in enumerate(decode(path.read_bytes(), path.name).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                raise ReadError("needs an object with a 'text'")
            if {"quote_id", "spans"} & set(row):
                raise ReadError("a row of a quotes table, not an article; give the table to `stance score`")
            url = row.get("url")
            yield Article(row["text"], str(row.get("source") or url or place), date or row.get("date"),
                          row.get("title"), url, row.get("publisher"))  # fmt: skip
        except ValueError as error:  # ReadError is one too
            found.skip(place, error if isinstance(error, ReadError) else f"no JSON: {error}")


def _feed(
    content: bytes, name: str, date: Any, client: PoliteClient, found: Found, progress: bool
) -> Iterator[Article]:
    """The entries of a feed: their full text where the feed has it, else the page that each points to."""
    import feedparser

    feed = feedparser.parse(io.BytesIO(content))
    if not feed.version:
        raise ReadError(f"{name}: neither RSS nor Atom; if it is debates' XML, it must begin with <publicwhip>")
    if not feed.entries:
        raise ReadError(f"{name}: the feed has no entries")
    publisher = feed.feed.get("title")
    for number, entry in enumerate(
        tqdm(feed.entries, desc=name[:40], unit=" entries", delay=2, disable=not progress), 1
    ):
        link = entry.get("link")
        place = link or f"{name}, entry {number}"
        day = as_date(date) or _day_of(entry)
        try:
            html = max((part.get("value", "") for part in entry.get("content", [])), key=len, default="")
            text = _plain(html)
            if len(text.split()) >= FEWEST_WORDS:
                yield Article(text, place, day, entry.get("title"), link, publisher)
            elif link:
                article = _page(client.get(link), place, date)
                yield replace(article, date=article.date or day, date_from=article.date_from or "feed",
                              publisher=article.publisher or publisher)  # fmt: skip
            else:
                found.skip(place, "the entry has neither its text nor an address")
        except (ReadError, NetworkError) as error:
            found.skip(place, error)


def _day_of(entry: Any) -> datetime.date | None:
    """The day that an entry writes down; what feedparser makes of it is in UTC, and may be the day before."""
    for name in ("published", "updated"):
        written = str(entry.get(name) or "")
        if re.match(r"\d{4}-\d{2}-\d{2}", written):
            try:
                return as_date(written[:10])
            except ReadError:
                continue
        try:
            return parsedate_to_datetime(written).date()
        except (TypeError, ValueError):
            pass
        parsed = entry.get(f"{name}_parsed")
        if parsed:
            return datetime.date(parsed.tm_year, parsed.tm_mon, parsed.tm_mday)
    return None


def _plain(html: str) -> str:
    """Text of a piece of HTML, a paragraph a line."""
    if not html.strip():
        return ""
    from lxml import html as lxml_html

    root = lxml_html.fragment_fromstring(html, create_parent="div")
    for extra in root.xpath(".//script | .//style | .//figure"):
        extra.drop_tree()
    for block in root.xpath(".//p | .//div | .//br | .//li | .//blockquote | .//h1 | .//h2 | .//h3"):
        block.tail = "\n" + (block.tail or "")
    lines = (" ".join(line.split()) for line in root.text_content().split("\n"))
    return "\n".join(line for line in lines if line)
