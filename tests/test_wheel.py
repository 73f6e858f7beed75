"""The installed package, away from the checkout: what a user gets from the wheel."""

import os
import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT

CODE = """
import stance
print(stance.__file__)
quotes = stance.extract_quotes(stance.sample_article())
scores = stance.score(quotes)
print(scores.attrs["provenance"]["model"]["name"], len(scores))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )  # fmt: skip
    (path,) = folder.glob("stance_toolkit-*.whl")
    return path


def test_the_wheel_runs_away_from_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "elsewhere").mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    out = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    where, model = out.stdout.strip().splitlines()
    assert where.startswith(str(tmp_path / "installed"))
    assert model.startswith("bundled")


def test_the_wheel_holds_models_and_data_and_no_pickle(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"stance/models/nli/model.safetensors", "stance/models/nli/README.md", "stance/data/roster/roster.csv",
            "stance/data/codebooks/enforcement-deterrence.yaml", "stance/py.typed"} <= names  # fmt: skip
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl", ".joblib"))]
    assert wheel.stat().st_size < 120e6
