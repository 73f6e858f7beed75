import re
import subprocess
import sys

import pytest

import stance
from tests.conftest import ROOT


def test_every_public_name_is_there_and_documented():
    assert stance.__all__ == sorted(stance.__all__)
    for name in stance.__all__:
        found = getattr(stance, name)
        assert found.__doc__, f"{name} has no docstring"
        assert found.__module__.startswith("stance.")


def test_the_stub_lists_what_it_imports():
    stub = (ROOT / "stance" / "__init__.pyi").read_text(encoding="utf-8")
    imported = set(re.findall(r"\w+ as (\w+)", stub))
    assert imported == set(stance.__all__)


def test_importing_stance_loads_nothing_heavy():
    code = (
        "import stance, sys; print([m for m in ('torch', 'transformers', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(("call", "without"), [
    ("extract_quotes(stance.sample_article())", ("transformers", "sklearn", "matplotlib")),
    ("score('We will jail the smugglers.')", ("transformers", "sklearn", "matplotlib", "scipy")),
    ("report", ("torch", "transformers", "sklearn", "matplotlib")),
    ("compare", ("torch", "transformers", "sklearn", "matplotlib")),
])  # fmt: skip
def test_only_what_is_needed_is_imported(call, without):
    """The networks of transformers take longer to import than an article takes to read."""
    code = f"import stance, sys; stance.{call}; print([m for m in {without} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


ROOMS = [
    "errors", "web", "threads", "bert", "quotes", "articles", "people", "attribution", "hansard", "press", "codebook",
    "cache", "entailment", "scoring", "groups", "comparison", "validation", "head", "robustness", "words",
    "explanation", "plotting", "widgets", "streams", "cluster", "reporting", "cli",
]  # fmt: skip


def test_rooms_import_only_rooms_above_them():
    """A room is a file or a folder of that name; it may import the rooms before it in the list."""
    package = ROOT / "stance"
    files = {path.stem: [path] for path in package.glob("*.py") if path.stem != "__init__"}
    files |= {path.parent.name: sorted(path.parent.glob("*.py")) for path in package.glob("*/__init__.py")}
    assert set(files) <= set(ROOMS)
    for room, paths in files.items():
        text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
        used = set(re.findall(r"^(?:from|import) stance\.(\w+)", text, re.MULTILINE)) - {room}
        below = {name for name in used if ROOMS.index(name) > ROOMS.index(room)}
        assert not below, f"{room} imports {below}"
