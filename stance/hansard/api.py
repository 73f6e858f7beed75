"""Reads the Hansard API (hansard-api.parliament.uk): what was said about something, in one call."""

import datetime
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from stance.articles import as_date
from stance.errors import InputError, NetworkError
from stance.hansard.members import PARTIES, Members, People, read_people
from stance.hansard.records import Contribution, Paragraph, row_of, table_of
from stance.hansard.roles import is_chair, is_nobody, role_alone
from stance.people import Roster
from stance.quotes import left_out
from stance.web import PoliteClient

BASE_URL = "https://hansard-api.parliament.uk"
PUBLIC_URL = "https://hansard.parliament.uk"
HOUSES = ("Commons", "Lords")
PAGE = 100  # the most that the server gives at once; a smaller page is taken as it comes
PASSES = 6  # over the pages, where they changed on the way
_SETTLED = 30  # days after which the record of a sitting is taken not to change any more


def read_hansard(
    search: str | None, start: Any, end: Any, *, house: str | None = None, member: int | str | None = None,
    people: People | str | Path | None = None, roster: Roster | None = None, base_url: str = BASE_URL,
    cache: str | Path | bool | None = None, refresh: bool = False, rate: float = 2.0,
    client: PoliteClient | None = None, progress: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Spoken contributions of both Houses, from the Hansard API -> quotes table.

    One request at a time, ``rate`` a second at most; failures that may pass are tried again; answers are kept on disk,
    so that a run that was cut off goes on where it stopped, and the same call later gives the same table.

    Args:
        search: words or a "phrase in quotation marks"; None for everything (then name a member).
        start, end: the first and the last day, ISO.
        house: "Commons" or "Lords"; both if not given.
        member: a member's number in Parliament's register, as in the address of their page at
            members.parliament.uk/member/NUMBER.
        people: a people.json (:func:`read_people`) as the first authority on parties.
        roster: another roster than the bundled one.
        base_url: another address of the same API.
        cache: a folder for the answers; None for the user's cache folder, False to keep none.
        refresh: ask again for what is on disk.
        rate: requests a second.
        client: a client of your own, in place of ``cache`` and ``rate``.
        progress: a bar with the total, once it has taken two seconds.

    Returns:
        One row a contribution (columns in :mod:`stance.hansard.records`), none lost or doubled even where the server
        repeats items or its total changes between pages; the ledger lists what was left out.

    Raises:
        InputError: neither search nor member, a date that is no date, an unknown house.
        NetworkError: the server cannot be reached, says no, or sends something else than the API's JSON.

    >>> stance.read_hansard("small boats", "2024-07-05", "2025-06-30", house="Commons")    # doctest: +SKIP
    """
    first, last = as_date(start), as_date(end)
    if first is None or last is None or first > last:
        raise InputError(f"from {start!r} to {end!r} is not a span of days; give the first day, then the last")
    if house is not None and house.capitalize() not in HOUSES:
        raise InputError(f"house={house!r} is not one of {', '.join(HOUSES)}")
    if not (search and search.strip()) and member is None:
        raise InputError("give words to search for, or a member's number: everything that was said is too much to ask")
    if member is not None and not str(member).isdigit():
        raise InputError(f"member={member!r} is not a number; take it from the address of the member's page at "
                         "members.parliament.uk/member/NUMBER")  # fmt: skip
    query = {"startDate": str(first), "endDate": str(last), "orderBy": "SittingDateAsc"}
    query |= {"searchTerm": search.strip()} if search and search.strip() else {}
    query |= {"house": house.capitalize()} if house else {}
    query |= {"memberId": str(member)} if member is not None else {}
    params = {f"queryParameters.{name}": value for name, value in query.items()}
    known = Members(read_people(people) if isinstance(people, str | Path) else people, roster)
    days = (datetime.date.today() - last).days
    how: dict[str, Any] = {"keep_days": None if days > _SETTLED else 1.0}
    url = base_url.rstrip("/") + "/search/contributions/Spoken.json"
    if client is not None:
        items, notes = _collect(client, url, params, how, refresh, progress)
    else:
        with PoliteClient(rate=rate, cache=cache) as own:
            items, notes = _collect(own, url, params, how, refresh, progress)
    rows = []
    for item in items:
        row, left = _row(item, known)
        notes += left
        rows += [row] if row else []
    rows.sort(key=lambda row: row["date"])
    table = table_of(rows, notes)
    table.attrs["hansard"] = {"url": url, "query": query, "contributions": len(items)}
    return table


# --- pages --------------------------------------------------------------------------------------


def _collect(
    client: PoliteClient, url: str, params: dict[str, str], how: dict[str, Any], refresh: bool, progress: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All distinct items, whatever the pages did meanwhile.

    Pages are numbered by an offset, so an item that is added or taken away between two requests shifts the rest: one
    comes twice and another never. Where the total changed, or fewer distinct items came than it says, the pages are
    read again from the server, until a whole pass is of one piece or brings nothing new.
    """
    found: dict[str, dict[str, Any]] = {}
    total = 0
    for attempt in range(PASSES):
        before = len(found)
        total, steady, received = _pass(client, url, params, {**how, "fresh": refresh or attempt > 0}, found, progress)
        if steady and len(found) >= total:
            break
        if attempt and len(found) == before and received >= total:
            break  # the server counts some item twice, or gives its items in another order each time
    notes = []
    if len(found) < total:
        missing = total - len(found)
        warnings.warn(f"the server announced {total} contributions and gave {len(found)} distinct ones", stacklevel=3)
        notes = [left_out("reading", "announced by the server, but not among its distinct answers", of=total)] * missing
    return list(found.values()), notes


def _pass(
    client: PoliteClient, url: str, params: dict[str, str], how: dict[str, Any], found: dict[str, dict[str, Any]],
    progress: bool,
) -> tuple[int, bool, int]:  # fmt: skip
    """Reads all pages once into ``found``; returns the last total, whether the list stood still, and the items'
    number.

    Each page begins with the last item of the page before: if it does not, the list moved in between.
    """
    totals: set[int] = set()
    total, skip, last, steady = 0, 0, "", True
    with tqdm(desc="Hansard", unit=" contributions", delay=2, disable=not progress) as bar:
        while True:
            overlap = 1 if skip else 0
            asked = {**params, "queryParameters.skip": str(skip - overlap), "queryParameters.take": str(PAGE)}
            total, results = _page(client.get_json(url, asked, **how), url)
            totals.add(total)
            bar.total = total
            keys = [_key(item) for item in results]
            steady = steady and (not overlap or keys[:1] == [last])
            for key, item in zip(keys, results, strict=True):
                found.setdefault(key, item)
            new = len(results) - overlap
            skip += max(0, new)
            bar.update(max(0, new))
            if new <= 0 or skip >= total:
                return total, steady and len(totals) == 1, skip
            last = keys[-1]


def _page(answer: Any, url: str) -> tuple[int, list[dict[str, Any]]]:
    if isinstance(answer, dict):
        for count, items in (("TotalResultCount", "Results"), ("TotalContributions", "Contributions")):
            if isinstance(answer.get(count), int) and isinstance(answer.get(items), list):
                return answer[count], answer[items]
    found = ", ".join(map(str, answer)) if isinstance(answer, dict) else type(answer).__name__
    raise NetworkError(f"{url}: JSON of another shape (found: {found or 'nothing'}); expected TotalResultCount and "
                       "Results: is this the address of the Hansard API?")  # fmt: skip


def _key(item: dict[str, Any]) -> str:
    parts = [item.get("ContributionExtId")] if item.get("ContributionExtId") else [
        item.get(name) for name in ("ItemId", "SittingDate", "MemberId", "OrderInDebateSection", "ContributionTextFull")
    ]  # fmt: skip
    return "\n".join(map(str, parts))


# --- one item -----------------------------------------------------------------------------------


def _row(item: dict[str, Any], known: Members) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The item's row, or None, and what goes to the ledger."""
    said = contribution_of(item)
    if said is None:
        return None, [left_out("reading", "an item without a sitting date", where=_key(item)[:60])]
    if not said.text:
        excerpt = item.get("ContributionText") and not item.get("ContributionTextFull")
        why = "only an excerpt, not the full text" if excerpt else "a contribution with no text"
        return None, [left_out("reading", why, source=said.id, text=item.get("ContributionText"))]
    name, party, party_from, reason = known.look_up(said)
    if is_nobody(said):
        return None, [left_out("reading", "procedure", source=said.id, text=said.text)]
    if is_chair(said, party):
        return None, [left_out("reading", "the Chair", source=said.id, text=said.text)]
    said.role = role_alone(said)
    notes = [left_out("party", reason, source=said.id, text=said.text)] if reason else []
    for why, times in said.dropped.items():
        notes += [left_out("reading", why, source=said.id)] * times
    return row_of(said, name, party, party_from), notes


def contribution_of(item: dict[str, Any]) -> Contribution | None:
    """An item of the API as a contribution; None without a date."""
    date = str(item.get("SittingDate") or "")[:10]
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        return None
    name, office, label = attributed_to(item.get("AttributedTo") or "")
    house, section = str(item.get("House") or "Commons"), item.get("DebateSectionExtId") or ""
    debate = " ".join(str(item.get("DebateSection") or "").split())
    public = str(item.get("ContributionExtId") or "")
    slug = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", debate)) or "debate"
    place = (
        f"{PUBLIC_URL}/{house}/{date}/debates/{section}/{slug}#contribution-{public}" if section and public else None
    )
    hint = " ".join(str(item.get(key) or "") for key in ("HRSTag", "HansardSection"))
    return Contribution(
        id=public or f"hansard-item-{item.get('ItemId')}", date=date, house=house, debate=debate,
        debate_id=str(section or item.get("DebateSectionId") or ""),
        paragraphs=paragraphs_of_html(item.get("ContributionTextFull") or ""),
        name=" ".join(str(item.get("MemberName") or "").split()) or name, office=office, label=label, hint=hint,
        person_id=str(item["MemberId"]) if item.get("MemberId") else None, url=place,
    )  # fmt: skip


def attributed_to(text: str) -> tuple[str | None, str | None, str | None]:
    """Name, office and party code of the words that Hansard prints before a contribution.

    >>> attributed_to("Ada Finch (Testham) (Lab/Co-op)")
    ('Ada Finch', None, 'Lab/Co-op')
    >>> attributed_to("The Secretary of State for Tests (Bo Reed)")
    ('Bo Reed', 'The Secretary of State for Tests', None)
    """
    text = " ".join(text.strip().rstrip(":").split())
    groups = re.findall(r"\(([^()]*)\)", text)
    head = text.split("(")[0].strip() or None
    label = groups[-1] if groups and groups[-1].casefold() in PARTIES else None
    if head and re.match(r"(?:The |Mr Speaker|Madam |Mr Deputy|Minister|Parliamentary )", head):
        return (groups[0] if groups and groups[0] != label else None), head, label
    return head, None, label


def paragraphs_of_html(html: str) -> list[Paragraph]:
    """The paragraphs of a contribution's HTML, each with what it is."""
    if not html.strip():
        return []
    if "<" not in html:
        from html import unescape

        return [Paragraph(unescape(line)) for line in re.split(r"\r?\n", html) if line.strip()]
    from lxml import html as lxml_html

    root = lxml_html.fragment_fromstring(html, create_parent="div")
    for extra in root.xpath(
        './/*[contains(@class,"column-number") or contains(@class,"TimeCode")] | .//script | .//style'
    ):
        extra.drop_tree()
    for end in root.xpath(".//br"):
        end.tail = "\n" + (end.tail or "")
    found: list[Paragraph] = []
    _walk(root, found, "spoken")
    return [paragraph for paragraph in found if paragraph.text.strip()]


_BLOCKS = ("p", "div", "blockquote", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6")


def _walk(element: Any, found: list[Paragraph], what: str) -> None:
    """Appends the element's paragraphs: text that stands directly in it, and each block inside."""
    inline = element.text or ""
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag not in _BLOCKS:
            inline += (child.text_content() if tag else "") + (child.tail or "")
            continue
        found.append(Paragraph(inline, what))
        style = (child.get("class") or "").casefold()
        if tag == "table":
            found.append(Paragraph(child.text_content(), "table"))
        elif "italic" in style or "procedure" in style:
            found.append(Paragraph(child.text_content(), "procedure"))
        else:
            quoted = tag == "blockquote" or any(word in style for word in ("brev", "quot", "indent"))
            _walk(child, found, "quoted" if quoted else what)
        inline = child.tail or ""
    found.append(Paragraph(inline, what))
