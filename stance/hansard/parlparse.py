"""Reads the XML of the ParlParse project (TheyWorkForYou): debates by the day, streamed.

A file is ``<publicwhip>`` with headings and ``<speech>`` elements; see ``docs/real-data.md``. Only one heading's
speeches are held at a time, so a year of debates needs no more memory than a day.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from stance.errors import ReadError
from stance.hansard.members import Members, People, read_people
from stance.hansard.records import Contribution, Paragraph, row_of, table_of
from stance.hansard.roles import is_chair, is_nobody, set_roles
from stance.people import Roster
from stance.quotes import left_out, whole_file

_HEADINGS = ("oral-heading", "major-heading", "minor-heading")
_NAME = re.compile(r"^(?P<kind>.*?)(?P<day>\d{4}-\d{2}-\d{2})(?P<version>[a-z]*)\.xml$", re.IGNORECASE)
_HOUSES = {"debate": "Commons", "lords": "Lords", "westminhall": "Westminster Hall", "standing": "Committee"}
_PLACES = {"debate": "debates", "lords": "lords", "westminhall": "whall"}
_LATEST = re.compile(rb"<publicwhip\b[^>]*\blatest=[\"'](\w+)[\"']")
_IN_THE_CHAIR = re.compile(r"\[\s*(?:Mr |Mrs |Ms |Miss |Dr |Sir |Dame )*(.+?) in the Chair\s*\]", re.IGNORECASE)


def is_parlparse(path: str | Path) -> bool:
    """Whether a file is debates' XML, by its root element."""
    try:
        with open(path, "rb") as stream:
            return b"<publicwhip" in stream.read(8192)
    except OSError:
        return False


def read_parlparse(
    paths: str | Path | Iterable[str | Path], *, people: People | str | Path | None = None,
    roster: Roster | None = None, search: str | None = None, progress: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Debates' XML -> quotes table, one row a contribution (see :mod:`stance.hansard.records` for its columns).

    The Chair, procedure, and what nobody in particular says are left out and counted in the ledger. Of several files
    for one day (a, b, c) the one marked ``latest="yes"`` counts.

    Args:
        paths: files, or folders of files.
        people: a people.json, or what :func:`read_people` returns: the first authority on parties.
        roster: another roster than the bundled one.
        search: only contributions that hold this phrase, in their text or their heading; case does not matter.
        progress: a bar over the files, once it has taken two seconds.

    Raises:
        ReadError: no such file, a file that is cut off or not XML, or XML that is not of this kind.

    >>> stance.read_parlparse("debates2024-07-22a.xml")[["speaker", "party", "contribution"]]    # doctest: +SKIP
         speaker   party contribution
    0  Ada Finch  Labour     question
    """
    notes: list[dict[str, Any]] = []
    rows = list(_rows(paths, people, roster, search, notes, progress))
    return table_of(rows, notes)


def write_parlparse(
    paths: str | Path | Iterable[str | Path], output: str | Path, *, people: People | str | Path | None = None,
    roster: Roster | None = None, search: str | None = None, progress: bool = True,
) -> int:  # fmt: skip
    """As :func:`read_parlparse`, but straight into a Parquet file, in flat memory; returns the number of rows.

    Raises:
        ReadError: as :func:`read_parlparse`; then no file is written.
    """
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    pair = pa.list_(pa.int64())
    special = {"confidence": pa.float64(), "speaker_confidence": pa.float64(), "spans": pa.list_(pair),
               "speaker_span": pair, "cue_span": pair, "quotes_other": pa.list_(pair)}  # fmt: skip
    schema = pa.schema([(name, special.get(name, pa.string())) for name in table_of([], []).columns])
    notes: list[dict[str, Any]] = []
    count = 0
    # Without Arrow's own copy of the schema, which would hide the metadata that is added at the end.
    with whole_file(Path(output)) as temporary, pq.ParquetWriter(temporary, schema, store_schema=False) as writer:
        for batch in _batches(_rows(paths, people, roster, search, notes, progress), 2000):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
        if not count:
            raise ReadError(
                f"no contribution of a member found{f' with {search!r}' if search else ''}; nothing is written"
            )
        # Where pandas looks for a frame's attributes.
        writer.add_key_value_metadata({"PANDAS_ATTRS": json.dumps({"left_out": notes})})
    return count


def _batches(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows(
    paths: str | Path | Iterable[str | Path], people: People | str | Path | None, roster: Roster | None,
    search: str | None, notes: list[dict[str, Any]], progress: bool,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Rows of the quotes table, in the files' order; what is left out goes to ``notes`` on the way."""
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    members = Members(read_people(people) if isinstance(people, str | Path) else people, roster)
    phrase = re.compile(r"\b" + re.escape(search) + r"\b", re.IGNORECASE) if search else None
    seen: set[str] = set()
    bar = tqdm(_latest(_files(several), notes), desc="debates", unit=" files", delay=2, disable=not progress)
    for path in bar:
        for item, party_of in _contributions(path, members, notes):
            if phrase and not (phrase.search(item.text) or phrase.search(item.debate)):
                continue
            if item.id in seen:
                notes.append(left_out("reading", "a contribution read before", source=path.name, where=item.id))
                continue
            seen.add(item.id)
            name, party, party_from, reason = party_of
            if reason:
                notes.append(left_out("party", reason, source=path.name, where=item.id))
            for why, times in item.dropped.items():
                notes += [left_out("reading", why, source=path.name, where=item.id)] * times
            yield row_of(item, name, party, party_from)


def _files(paths: Sequence[str | Path]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
        if not inside:
            raise ReadError(f"{path}: no .xml file in the folder")
        found += inside
    return list(dict.fromkeys(found))


def _latest(paths: Sequence[Path], notes: list[dict[str, Any]]) -> list[Path]:
    """The files without those that a later version of the same day replaces; the rest keep their order."""
    versions: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        match = _NAME.match(path.name)
        key = (match["kind"], match["day"]) if match else (str(path), "")
        versions.setdefault(key, []).append(path)
    kept = []
    for group in versions.values():
        best = max(group, key=lambda path: (_marked_latest(path), _version(path)))
        kept.append(best)
        notes += [left_out("reading", f"replaced by a later version, {best.name}", source=path.name)
                  for path in group if path != best]  # fmt: skip
    return kept


def _marked_latest(path: Path) -> bool:
    try:
        with open(path, "rb") as stream:
            match = _LATEST.search(stream.read(65536))
    except OSError as error:
        raise ReadError(f"{path}: no such file" if not path.exists() else f"{path}: cannot be read: {error}") from error
    return match is None or match.group(1) == b"yes"


def _version(path: Path) -> tuple[int, str]:
    match = _NAME.match(path.name)
    version = match["version"].lower() if match else ""
    return len(version), version


# --- one file -----------------------------------------------------------------------------------

Found = tuple[str | None, str | None, str | None, str | None]


def _contributions(
    path: Path, members: Members, notes: list[dict[str, Any]]
) -> Iterator[tuple[Contribution, Found]]:  # fmt: skip
    """The members' contributions of one file, with what is known of each speaker, heading by heading."""
    section: list[Contribution] = []
    presiding: list[str] = []  # deputies speak under their own names, but only from the Chair
    heading = {"oral": "", "major": "", "minor": "", "id": ""}
    asked = False

    def close() -> Iterator[tuple[Contribution, Found]]:
        kept = []
        for item in section:
            found = members.look_up(item)
            if is_chair(item, found[1]) or (item.name or "").casefold() in presiding:
                notes.append(left_out("reading", "the Chair", source=path.name, where=item.id))
            else:
                kept.append((item, found))
        set_roles([item for item, _ in kept], question_time=asked)
        section.clear()
        del presiding[:-1]
        yield from kept

    for element in _elements(path):
        if element.tag in _HEADINGS:
            yield from close()
            text = _words(element)
            if element.tag == "oral-heading":
                heading = {"oral": text, "major": "", "minor": ""}
                asked = True
            elif element.tag == "major-heading":
                asked = asked and bool(heading["oral"]) and not heading["major"]  # the first under the oral heading
                heading = {"oral": heading["oral"] if asked else "", "major": text, "minor": ""}
            else:
                heading["minor"] = text
            heading["id"] = element.get("id", "")
            continue
        item = _contribution(element, path, heading)
        heading.setdefault("id", item.id)
        procedure = [p.text for p in item.paragraphs if p.what == "procedure"]
        words = " ".join([*procedure, item.text])
        for name in _IN_THE_CHAIR.findall(" ".join([heading["major"], heading["minor"], words])):
            inside = re.search(r"\(([^()]+)\)", name)
            presiding.append((inside.group(1) if inside else name).casefold())
        if is_nobody(item) or element.get("nospeaker") == "true":
            asked = asked or " was asked" in words
            why = "procedure" if item.name is None else "no single member: a witness, or several at once"
            notes.append(left_out("reading", why, source=path.name, where=item.id))
        elif not item.text:
            why = "procedure" if item.dropped else "a contribution with no text"
            notes.append(left_out("reading", why, source=path.name, where=item.id))
        else:
            if not section:
                asked = asked or element.get("oral-qnum") is not None
            section.append(item)
    yield from close()


def _elements(path: Path) -> Iterator[ElementTree.Element]:
    """Headings and speeches as they are read; each is forgotten when the next is asked for."""
    depth = 0
    try:
        with open(path, "rb") as stream:
            parser = ElementTree.iterparse(stream, events=("start", "end"))
            _, root = next(parser)
            if root.tag != "publicwhip":
                raise ReadError(f"{path}: the root is <{root.tag}>, not <publicwhip>; give debates' XML of the "
                                "ParlParse project")  # fmt: skip
            for event, element in parser:
                depth += 1 if event == "start" else -1
                if event == "end" and depth == 0:
                    if element.tag in _HEADINGS or element.tag == "speech":
                        yield element
                    root.clear()
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file") from None
    except (ElementTree.ParseError, StopIteration) as error:
        raise ReadError(f"{path}: cut off or not well-formed XML ({error or 'no element'}); download the file "
                        "again") from error  # fmt: skip


def _contribution(element: ElementTree.Element, path: Path, heading: dict[str, str]) -> Contribution:
    gid = element.get("id", "")
    match = re.match(r"uk\.org\.publicwhip/(\w+)/((\d{4}-\d{2}-\d{2}).*)", gid)
    named = _NAME.match(path.name)
    day = match.group(3) if match else named["day"] if named else None
    if not gid or day is None:
        raise ReadError(f"{path}: a <speech> with the id {gid!r}, from which no date can be told; the id must be such "
                        "as uk.org.publicwhip/debate/2024-07-30a.1149.1")  # fmt: skip
    kind = match.group(1) if match else ""
    speaker = element.get("speakername")
    place = _PLACES.get(kind)
    title = ": ".join(filter(None, (heading["major"], heading["minor"]))) or heading["oral"]
    return Contribution(
        id=gid, date=day, house=_HOUSES.get(kind, kind or "Commons"), debate=title,
        debate_id=heading.get("id") or gid, paragraphs=_paragraphs(element), name=(speaker or "").strip(" :") or None,
        person_id=element.get("person_id") or element.get("speakerid"), office=element.get("speakeroffice"),
        hint=element.get("type", ""),
        url=element.get("url")
        or (f"https://www.theyworkforyou.com/{place}/?id={match.group(2)}" if match and place else None),
    )  # fmt: skip


def _paragraphs(speech: ElementTree.Element) -> list[Paragraph]:
    found: list[Paragraph] = []
    if speech.text and speech.text.strip():
        found.append(Paragraph(speech.text))
    for child in speech:
        words = _words(child)
        if child.tag == "table":
            found.append(Paragraph(words, "table"))
        elif child.tag == "blockquote":
            found.append(Paragraph(words, "quoted"))
        elif child.tag in ("division", "divisioncount", "mplist"):
            found.append(Paragraph(words, "procedure"))
        else:
            # The parser marks every passage set off in small type as a motion's text, read-out quotations too.
            set_off = "indent" in child.get("class", "") or child.get("pwmotiontext") is not None
            before = found[-1] if found else Paragraph("", "procedure")
            if child.get("class") == "italic":
                found.append(Paragraph(words, "procedure"))
            elif set_off and (
                before.what in ("motion", "procedure") or _moves(before.text) or words.startswith("That ")
            ):
                found.append(Paragraph(words, "motion"))
            else:
                found.append(Paragraph(words, "quoted" if set_off else "spoken"))
        if child.tail and child.tail.strip():
            found.append(Paragraph(child.tail))
    return found


def _moves(text: str) -> bool:
    return bool(re.search(r"\bI beg to move,?(?: to leave out .*| an amendment.*)?$", text, re.IGNORECASE))


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())
