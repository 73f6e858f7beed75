import re
import subprocess
import sys

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


def test_rooms_import_only_rooms_above_them():
    order = ["errors", "quotes", "articles", "people", "attribution", "codebook", "entailment", "scoring", "comparison",
             "plotting", "reporting", "cli"]  # fmt: skip
    for room in order:
        text = (ROOT / "stance" / f"{room}.py").read_text(encoding="utf-8")
        used = set(re.findall(r"^(?:from|import) stance\.(\w+)", text, re.MULTILINE))
        below = {name for name in used if order.index(name) >= order.index(room)}
        assert not below, f"{room} imports {below}"
