"""Reads articles: plain text, an HTML file or a URL -> Article.

HTML goes through trafilatura, which keeps the story and leaves out menus, adverts and comments. The text of an
``Article`` is what every later offset points into, so it is never changed after reading.
"""

import datetime
import hashlib
import importlib.resources
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from stance.errors import NetworkError, ReadError

MAX_BYTES = 50_000_000
_ISO_IN_NAME = re.compile(r"(?<!\d)(20\d\d|19\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")
_HTML_START = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
                         re.IGNORECASE | re.DOTALL)  # fmt: skip


@dataclass(frozen=True)
class Article:
    """A document and what is known of it.

    Attributes:
        text: the story; offsets of quotes are character positions in it.
        source: its id in the tables: the URL, the file's name, or what you give.
        date: the day of publication, or None.
        title, url, publisher: where known.
        date_from: where the date was found: "given", "page", "file name" or None.
        sha256: of the bytes read (of the text, for an article made in code).
    """

    text: str
    source: str = "text"
    date: datetime.date | None = None
    title: str | None = None
    url: str | None = None
    publisher: str | None = None
    date_from: str | None = None
    sha256: str = field(default="")

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise ReadError(f"{self.source}: the article has no text")
        object.__setattr__(self, "date", as_date(self.date))
        if self.date and not self.date_from:
            object.__setattr__(self, "date_from", "given")
        if not self.sha256:
            digest = hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
            object.__setattr__(self, "sha256", digest)

    def __repr__(self) -> str:
        return f"Article({self.title or self.source!r}, date={self.date}, {len(self.text):,} characters)"

    def _repr_html_(self) -> str:
        parts = " · ".join(escape(str(part)) for part in (self.publisher, self.date, self.source) if part)
        body = "".join(f"<p>{escape(line)}</p>" for line in self.text.splitlines()[:4] if line.strip())
        return f"<h4>{escape(self.title or self.source)}</h4><p><small>{parts}</small></p>{body}<p>…</p>"


def as_date(value: Any) -> datetime.date | None:
    """A date from a date, a datetime, a Timestamp or an ISO string; None stays None.

    Raises:
        ReadError: not an ISO date.
    """
    if value is None or value == "" or value != value:  # NaT is not equal to itself
        return None
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ReadError(f"{value!r} is not an ISO date; write it as YYYY-MM-DD") from None


def sample_article() -> Article:
    """The bundled sample: the story of 6 September 2024 from which the project began, told in its own words."""
    with importlib.resources.as_file(importlib.resources.files("stance") / "data/sample/article.html") as path:
        return read_article(path)


def read_article(path: str | Path, *, date: Any = None, source: str | None = None) -> Article:
    """Reads one article from a text file, an HTML file or a URL.

    The date is the one given, else the page's own, else an ISO date in the file's name
    (``cooper-2024-09-06.txt``); else the article has none, and parties stay open for those who changed.

    Args:
        path: a file, or an address that begins with http:// or https://.
        date: the day of publication, ISO.
        source: the id in the tables; the file's name or the URL where not given.

    Raises:
        ReadError: no such file, empty, binary, an unknown encoding, or HTML without an article.
        NetworkError: the page could not be fetched.

    >>> stance.read_article("cooper-2024-09-06.txt")    # doctest: +SKIP
    Article('cooper-2024-09-06.txt', date=2024-09-06, 4,278 characters)
    """
    address = str(path)
    if re.match(r"https?://", address, re.IGNORECASE):
        content, encoding = _fetch(address)
        return article_from_bytes(content, source or address, date, url=address, encoding=encoding, html=True)
    path = Path(path)
    if path.is_dir():
        raise ReadError(f"{path}: is a folder; name the articles in it")
    if not path.is_file():
        raise ReadError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise ReadError(f"{path}: {path.stat().st_size:,} bytes are too many for one article; split the file")
    content = path.read_bytes()
    html = path.suffix.lower() in {".html", ".htm", ".xhtml"} or bool(_HTML_START.match(content[:2000]))
    return article_from_bytes(content, source or path.name, date, html=html, name=path.stem)


def _fetch(url: str) -> tuple[bytes, str | None]:
    import httpx  # only where a page is fetched

    try:
        with httpx.Client(follow_redirects=True, timeout=30, headers={"User-Agent": "stance-toolkit"}) as client:
            response = client.get(url)
            response.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise NetworkError(f"{url}: the server answered {error.response.status_code}; check the address, or save the "
                           "page from your browser and give the file") from error  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NetworkError(f"{url}: could not be fetched ({error or type(error).__name__}); check the connection, or "
                           "save the page from your browser and give the file") from error  # fmt: skip
    if len(response.content) > MAX_BYTES:
        raise ReadError(f"{url}: {len(response.content):,} bytes are too many for one article")
    return response.content, response.charset_encoding


def article_from_bytes(
    content: bytes, source: str, date: Any, *, html: bool, url: str | None = None, encoding: str | None = None,
    name: str = "",
) -> Article:  # fmt: skip
    """One article from the bytes of a page or file, as :func:`read_article` reads them.

    Raises:
        ReadError: empty, binary, an unknown encoding, or HTML without an article.
    """
    if not content.strip(b" \t\r\n\x0b\x0c\xef\xbb\xbf"):
        raise ReadError(f"{source}: the file is empty")
    sha256 = hashlib.sha256(content).hexdigest()
    text = decode(content, source, encoding)
    found: dict[str, Any] = {}
    if html:
        found = _extract(text, source, url)
        text = found["text"]
    page_date = as_date(found.get("date"))
    name_date = _ISO_IN_NAME.search(name)
    if date is not None:
        when, origin = as_date(date), "given"
    elif page_date:
        when, origin = page_date, "page"
    elif name_date:
        when, origin = as_date("-".join(name_date.groups())), "file name"
    else:
        when, origin = None, ""
    return Article(text, source, when, found.get("title"), url or found.get("url"), found.get("publisher"),
                   origin or None, sha256)  # fmt: skip


def decode(content: bytes, source: str, encoding: str | None = None) -> str:
    """Bytes to text: the encoding that is named, else a byte order mark, else UTF-8, else detected.

    Raises:
        ReadError: a binary file, or bytes that fit no encoding.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in content[:4096] or content.startswith((b"%PDF", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff")):
        raise ReadError(f"{source}: a binary file, not text or HTML; save the article as text, or export it as HTML")
    for candidate in filter(None, (encoding, "utf-8-sig")):
        try:
            return content.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
    from charset_normalizer import from_bytes  # slow to import, rarely needed

    best = from_bytes(content).best()
    if best is None:
        raise ReadError(f"{source}: the text is in no encoding that could be recognised; save it as UTF-8")
    return str(best)


def _extract(html: str, source: str, url: str | None) -> dict[str, Any]:
    import trafilatura  # half a second, needed for HTML only

    try:
        document = trafilatura.bare_extraction(
            html, url=url, with_metadata=True, include_comments=False, include_tables=False, favor_recall=True
        )
        date = _declared_date(html, url)
    except Exception as error:  # trafilatura and lxml raise many kinds on broken pages; each means the same to a user
        raise ReadError(f"{source}: the page cannot be parsed as HTML ({error}); save the article as text") from error
    text = (getattr(document, "text", None) or "").strip()
    if len(text) < 80 or len(text.split()) < 12:
        raise ReadError(f"{source}: no article found in the HTML; if the page builds its text with scripts, save the "
                        "story as text and give that file")  # fmt: skip
    assert document is not None
    return {"text": text, "title": document.title, "date": date, "url": document.url,
            "publisher": document.sitename}  # fmt: skip


def _declared_date(html: str, url: str | None) -> str | None:
    """The day of publication that a page declares: in its head, its data for search engines, a time element, or its
    address. Dates in the text are not looked at: a copyright's year or a day that the story tells is not the page's.
    """
    from htmldate import find_date
    from lxml import html as lxml_html

    tree = lxml_html.document_fromstring(html)
    kept = lxml_html.document_fromstring("<html><head></head><body></body></html>")
    for element in tree.xpath("//head/* | //body//meta | //body//script[contains(@type, 'json')]"):
        kept.head.append(element)
    for element in tree.xpath("//body//time | //body//abbr[@title] | //*[@itemprop='datePublished']"):
        kept.body.append(element)
    found: str | None = find_date(kept, extensive_search=False, original_date=True, url=url)
    return found
