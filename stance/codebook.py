"""Frames, facets and hypotheses, from YAML: what is being measured.

A codebook asks one question. It has frames; a frame has a definition, examples, and facets that support or oppose
it; a facet is one way of taking the frame, worded as three or more hypotheses of the same claim.
"""

import hashlib
import importlib.resources
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from stance.errors import CodebookError
from stance.quotes import whole_file

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Facet(_Strict):
    """One way of supporting or opposing a frame: three or more wordings of the same claim."""

    name: Name
    hypotheses: tuple[Text, ...] = Field(min_length=3)

    @model_validator(mode="after")
    def _no_wording_twice(self) -> "Facet":
        folded = [" ".join(h.casefold().split()) for h in self.hypotheses]
        if len(set(folded)) < len(folded):
            raise ValueError(f"facet {self.name!r} has the same hypothesis twice")
        return self


class Frame(_Strict):
    """A frame: what it is, what it is not, and the facets that support and oppose it."""

    name: Name
    definition: Text
    excludes: tuple[Text, ...] = ()
    examples: tuple[Text, ...] = ()
    supports: tuple[Facet, ...] = Field(min_length=1)
    opposes: tuple[Facet, ...] = ()

    @model_validator(mode="after")
    def _distinct_facets(self) -> "Frame":
        names = [facet.name for facet in (*self.supports, *self.opposes)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"frame {self.name!r} has the facet {sorted(twice)[0]!r} twice")
        return self


class Codebook(_Strict):
    """A question put to quotes: its frames.

    Attributes:
        name, version, title, description: what it is called and asks.
        frames: one or more, with distinct names.
    """

    name: Name
    version: Text = "1"
    title: Text
    description: str = ""
    frames: tuple[Frame, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct_frames(self) -> "Codebook":
        names = [frame.name for frame in self.frames]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"the frame {sorted(twice)[0]!r} stands twice")
        return self

    @property
    def hypotheses(self) -> list[str]:
        """Every hypothesis once, in the codebook's order."""
        facets = [facet for frame in self.frames for facet in (*frame.supports, *frame.opposes)]
        return list(dict.fromkeys(hypothesis for facet in facets for hypothesis in facet.hypotheses))

    @property
    def sha256(self) -> str:
        """A hash of the content: the same for the same frames and wordings, however the file is laid out."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def to_yaml(self) -> str:
        """The codebook as a YAML file holds it: :func:`load_codebook` reads it back with the same hash."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=110))

    def __repr__(self) -> str:
        frames = ", ".join(frame.name for frame in self.frames)
        return f"Codebook({self.name!r}, version {self.version}: {frames}; {len(self.hypotheses)} hypotheses)"

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.name}, version {self.version})", self.description.strip()]
        for frame in self.frames:
            lines += ["", f"FRAME {frame.name}", f"  {frame.definition}"]
            lines += [f"  not: {item}" for item in frame.excludes]
            for side, facets in (("supports", frame.supports), ("opposes", frame.opposes)):
                for facet in facets:
                    lines.append(f"  {side}: {facet.name}")
                    lines += [f"    - {hypothesis}" for hypothesis in facet.hypotheses]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for frame in self.frames:
            for side, facets in (("supports", frame.supports), ("opposes", frame.opposes)):
                for facet in facets:
                    wordings = "<br>".join(map(escape, facet.hypotheses))
                    rows.append(f"<tr><td>{escape(frame.name)}</td><td>{side}</td><td>{escape(facet.name)}</td>"
                                f"<td style='text-align:left'>{wordings}</td></tr>")  # fmt: skip
        head = "<tr><th>frame</th><th>side</th><th>facet</th><th>hypotheses</th></tr>"
        definitions = "".join(f"<p><b>{escape(f.name)}</b>: {escape(f.definition)}</p>" for f in self.frames)
        return f"<h4>{escape(self.title)}</h4>{definitions}<table>{head}{''.join(rows)}</table>"


DEFAULT = "enforcement-deterrence"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


def load_codebook(codebook: "str | Path | Codebook | None" = None) -> Codebook:
    """A codebook from a YAML file, or one of the bundled ones by name; the default question without an argument.

    >>> load_codebook()
    Codebook('enforcement-deterrence', version 1: enforcement, deterrence; 36 hypotheses)

    Raises:
        CodebookError: no such file or name, not YAML, or not a valid codebook; names the file and the line.
    """
    if isinstance(codebook, Codebook):
        return codebook
    name = str(codebook or DEFAULT)
    bundled = importlib.resources.files("stance") / "data/codebooks"
    if not name.endswith((".yaml", ".yml")) and not Path(name).exists():
        entry = bundled / f"{name}.yaml"
        if not entry.is_file():
            known = sorted(item.name.removesuffix(".yaml") for item in bundled.iterdir() if item.name.endswith(".yaml"))
            raise CodebookError(f"{name!r} is neither a YAML file nor a bundled codebook ({', '.join(known)})")
        return _bundled(name)
    path = Path(name)
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CodebookError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CodebookError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return parse_codebook(content, str(path))


@lru_cache(maxsize=8)
def _bundled(name: str) -> Codebook:
    entry = importlib.resources.files("stance") / "data/codebooks" / f"{name}.yaml"
    return parse_codebook(entry.read_text(encoding="utf-8"), f"{name}.yaml")


def parse_codebook(content: str, origin: str = "codebook") -> Codebook:
    """A codebook from YAML text.

    Args:
        origin: what to call it in messages.

    Raises:
        CodebookError: with the line of the first faults.
    """
    try:
        tree = yaml.compose(content, Loader=_LOADER)
        found = yaml.load(content, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise CodebookError(f"{origin}{line}: not YAML: {problem}") from error
    if tree is None:
        raise CodebookError(f"{origin}: the file is empty; a codebook has name, title and frames")
    if twice := _doubled_key(tree):
        raise CodebookError(f"{origin}, line {twice.start_mark.line + 1}: {twice.value!r} stands twice in one place; "
                            "put its items under one of them")  # fmt: skip
    if not isinstance(found, dict):
        raise CodebookError(f"{origin}, line 1: a codebook is a mapping with name, title and frames")
    try:
        return Codebook.model_validate(found)
    except ValidationError as error:
        places = [fault["loc"] for fault in error.errors()]
        # pydantic also reports the lists around a faulty item; the innermost place is the one to mend.
        faults = [
            _fault(origin, tree, dict(fault))
            for fault in error.errors()
            if not any(
                len(place) > len(fault["loc"]) and place[: len(fault["loc"])] == fault["loc"] for place in places
            )
        ]
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise CodebookError("; ".join(faults[:3]) + more) from error


def _doubled_key(node: yaml.Node) -> yaml.Node | None:
    """The second of two equal keys of a mapping, if there is one: YAML would keep the last alone."""
    if isinstance(node, yaml.MappingNode):
        keys: dict[Any, yaml.Node] = {}
        for key, _ in node.value:
            if key.value in keys:
                second: yaml.Node = key
                return second
            keys[key.value] = key
    children = [child for pair in node.value for child in pair] if isinstance(node, yaml.MappingNode) else (
        node.value if isinstance(node, yaml.SequenceNode) else [])  # fmt: skip
    return next((found for child in children if (found := _doubled_key(child))), None)


def _fault(origin: str, tree: yaml.Node, fault: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    line = _line(tree, fault["loc"])
    if fault["type"] == "too_short":
        least, field = fault["ctx"]["min_length"], fault["loc"][-1]
        has = fault["ctx"]["actual_length"]
        message = f"{field} has {has} item{'s' * (has != 1)}; it needs {least} or more"
    elif fault["type"] == "missing":
        message = f"the field {fault['loc'][-1]!r} is missing"
    elif fault["type"] == "extra_forbidden":
        message = f"unknown field {fault['loc'][-1]!r}"
    else:
        message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{origin}, line {line}: {message}" + (f" (at {where})" if where else "")


def _line(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of a place in the YAML tree, counted from 1; the nearest one around it, where it does not exist."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


# --- the lock -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lock:
    """What was fixed before the codes were seen: codebook, model, thresholds, and when.

    Attributes:
        codebook, codebook_sha256, model, model_sha256, thresholds: what was fixed (model None where none was).
        time: ISO, UTC.
        seal: SHA-256 of all the above, so that an edited lock is noticed.
    """

    codebook: str
    codebook_sha256: str
    model: str | None
    model_sha256: str | None
    thresholds: dict[str, float]
    time: str
    seal: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def sealed(self) -> str:
        content = {key: value for key, value in asdict(self).items() if key != "seal"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def is_older_than(self, moment: str | None) -> bool | None:
        """Whether the lock was made before an ISO moment, to the second; None where the moment is not known."""
        return None if moment is None else datetime.fromisoformat(self.time) <= datetime.fromisoformat(moment)

    def of_codes(self, drawn: str | None) -> str:
        """What the lock shows about codes whose sample was drawn at ``drawn``, in a sentence."""
        of = f"the lock of {self.time} (codebook {self.codebook_sha256[:12]}…)"
        older = self.is_older_than(drawn)
        if older:
            return f"The codes were made under {of}, which is older than the code sheet ({drawn}); unchanged since."
        if older is None:
            return (f"The codebook is the same as in {of}; the code sheet does not say when it was drawn, so nothing "
                    "shows that the lock came first.")  # fmt: skip
        return (f"The codebook is the same as in {of}; but the lock is younger than the code sheet ({drawn}), so it "
                "does not show that the codebook was fixed before the codes.")  # fmt: skip

    def __str__(self) -> str:
        model = f", model {self.model} ({(self.model_sha256 or 'no hash')[:12]})" if self.model else ""
        limits = ", ".join(f"{frame} {value:g}" for frame, value in self.thresholds.items())
        return (f"locked {self.time}: codebook {self.codebook} ({self.codebook_sha256[:12]}){model}"
                + (f", thresholds {limits}" if limits else ""))  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def lock(
    codebook: "str | Path | Codebook | None" = None,
    model: Any = None,
    thresholds: dict[str, float] | None = None,
    path: str | Path = "stance-lock.json",
) -> Lock:
    """Fixes the instrument before the codes are seen, in a file with hashes and the time.

    Args:
        codebook: as in :func:`load_codebook`.
        model: a loaded model (anything with ``name`` and ``sha256``), or what :func:`stance.load_model` takes; the
            bundled model if not given.
        thresholds: frame -> threshold.
        path: of the file; it must not exist.

    Returns:
        The :class:`Lock`; :func:`stance.read_codes` checks a sheet against it, and says whether the lock is older than
        the draw of the sample.

    Raises:
        CodebookError: the file exists, or a threshold is of a frame that the codebook lacks.

    >>> stance.lock(path="lock.json")    # doctest: +SKIP
    locked 2026-11-28T14:00:00+00:00: codebook enforcement-deterrence (0d3f…), model bundled (…)
    """
    book, path = load_codebook(codebook), Path(path)
    if path.exists():
        raise CodebookError(f"{path}: is there already; a lock is written once, choose another name for a new one")
    frames = [frame.name for frame in book.frames]
    limits = {str(frame): float(value) for frame, value in (thresholds or {}).items()}
    strange = [frame for frame in limits if frame not in frames]
    if strange:
        raise CodebookError(f"a threshold is given for {strange[0]!r}; the codebook's frames are {', '.join(frames)}")
    if model is None or isinstance(model, str | Path):
        from stance.entailment import load_model  # only a lock needs the weights here

        model = load_model(model)
    name = str(getattr(model, "name", getattr(model, "__qualname__", type(model).__name__)))
    made = datetime.now(UTC).isoformat(timespec="seconds")
    found = Lock(book.name, book.sha256, name, getattr(model, "sha256", None), limits, made)
    found = replace(found, seal=found.sealed())
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(found.as_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return found


def check_lock(path: "str | Path | Lock", sha256: str | None) -> Lock:
    """Reads a lock and holds it against the codebook in use.

    Args:
        sha256: the codebook's; None where it is not known.

    Raises:
        CodebookError: as :func:`read_lock`, or a lock of another codebook.
    """
    found = read_lock(path)
    if sha256 != found.codebook_sha256:
        used = f"{sha256[:12]}…" if sha256 else "not recorded in the scores"
        raise CodebookError(f"{path if not isinstance(path, Lock) else 'the lock'} of {found.time} is of another "
                            f"codebook ({found.codebook} {found.codebook_sha256[:12]}…) than the one used here "
                            f"({used}); give the lock of this one, or the codebook that was locked")  # fmt: skip
    return found


def read_lock(path: "str | Path | Lock") -> Lock:
    """Reads a lock.

    Raises:
        CodebookError: no such file, not a lock, or one that was edited.
    """
    if isinstance(path, Lock):
        return path
    try:
        found = Lock(**json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CodebookError(f"{path}: no such file; stance.lock() writes one") from None
    except (OSError, ValueError, TypeError) as error:
        raise CodebookError(f"{path}: not a lock written by stance ({error})") from error
    if found.seal != found.sealed():
        raise CodebookError(f"{path}: the lock was edited after it was written; its seal does not fit its content")
    return found
