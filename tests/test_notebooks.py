"""Each notebook is committed with outputs, small, and runs from top to bottom; together within ten minutes on two
cores."""

import json

import nbformat
import papermill
import pytest

import stance
from stance.quotes import write_table
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 300_000  # bytes


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_as_it_should_be(path):
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size < LARGEST
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1, "one cell is tagged parameters"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run from top to bottom, once"
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs), "it has a picture"
    errors = [output for cell in code for output in cell.outputs if output.output_type == "error"]
    assert not errors
    assert "/home/" not in json.dumps(notebook)


@pytest.fixture
def quick(tmp_path):
    """Parameters of the notebooks that score the whole teaching corpus: eight quotes of every third of its speakers.

    Without bfloat16 the whole takes six minutes of one thread; tools/refresh.py runs it.
    """
    corpus = stance.teaching_corpus()
    some = corpus[corpus["speaker"].isin(corpus["speaker"].unique()[::3])].groupby("speaker").head(8)
    write_table(some, tmp_path / "quotes.csv")
    return {
        "02-labour-and-conservative": {"quotes_file": str(tmp_path / "quotes.csv")},
        "03-validation": {"every": 3, "sample_size": 100},
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    papermill.execute_notebook(
        str(path), str(tmp_path / "out.ipynb"), quick.get(path.stem), kernel_name="python3", cwd=str(tmp_path),
        progress_bar=False,
    )  # fmt: skip
