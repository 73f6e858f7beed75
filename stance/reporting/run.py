"""Runs the analysis notebook on a user's tables: papermill in a kernel of this Python, in a folder of its own."""

import base64
import importlib.resources
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stance.errors import InputError, StanceError

NOTEBOOK = "02-labour-and-conservative.ipynb"
KERNEL = "stance-report"
# What a report adds before the notebook's first cell: pictures as vectors too, and file names that do not vary.
SETTINGS = """\
%config InlineBackend.figure_formats = {"png", "svg"}
%config InlineBackend.rc = {"figure.dpi": 110, "svg.hashsalt": "stance", "svg.fonttype": "path"}
import warnings
warnings.simplefilter("ignore", DeprecationWarning)"""


@dataclass(frozen=True)
class Figure:
    """A picture of the notebook: its name, caption, and both formats."""

    name: str
    caption: str
    png: bytes
    svg: bytes


def notebook_path() -> Path:
    """The analysis notebook, in an installed wheel and in a checkout."""
    package = Path(str(importlib.resources.files("stance")))
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / NOTEBOOK).is_file():
            return folder / NOTEBOOK
    raise StanceError("the analysis notebook is missing from this installation; install stance-toolkit again")


def keep_results(folder: str | Path, scores: pd.DataFrame, **tables: pd.DataFrame | None) -> None:
    """Called by the notebook's last cell: writes the scores, and the other tables into ``results.json``.

    Args:
        folder: where to.
        tables: name = table, or None where the analysis has none.
    """
    from stance.quotes import write_table

    write_table(scores, Path(folder) / "scores.csv")
    kept = {name: records(table) for name, table in tables.items() if table is not None}
    (Path(folder) / "results.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as JSON has them: full precision, null for what is missing."""
    found: list[dict[str, Any]] = json.loads(
        table.to_json(orient="records", double_precision=15, date_format="iso", force_ascii=False)
    )
    return found


@contextmanager
def _own_kernel() -> Iterator[None]:
    """A kernel spec for this very Python, whatever kernels the user has installed under the usual names."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "kernels" / KERNEL
        spec.mkdir(parents=True)
        # CRITICAL only: at shutdown jupyter interrupts the kernel, and an idle one logs that as an error. What a cell
        # raises comes back as a message and not by the log.
        content = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=50"],
                   "display_name": KERNEL, "language": "python"}  # fmt: skip
        (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def run_notebook(folder: Path, parameters: Mapping[str, Any]) -> Any:
    """Runs the analysis in ``folder``, without what an earlier run left; returns the notebook with its outputs.

    Raises:
        InputError: a cell failed; says which error.
    """
    import nbformat
    import papermill as pm
    from papermill.exceptions import PapermillExecutionError

    notebook = nbformat.read(notebook_path(), as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    settings = nbformat.v4.new_code_cell(SETTINGS, metadata={"tags": ["settings"]})  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, settings)
    with tempfile.TemporaryDirectory() as scratch, _own_kernel():
        source, target = Path(scratch) / "in.ipynb", Path(scratch) / "out.ipynb"
        nbformat.write(notebook, source)  # type: ignore[no-untyped-call]
        try:
            pm.execute_notebook(
                str(source), str(target), dict(parameters), kernel_name=KERNEL, language="python", cwd=str(folder),
                progress_bar=False, autosave_cell_every=0, request_save_on_cell_execute=False,
            )  # fmt: skip
        except PapermillExecutionError as error:
            raise InputError(f"the analysis stopped: {error.ename}: {error.evalue}") from error
        return nbformat.read(target, as_version=4)  # type: ignore[no-untyped-call]


def figures_of(notebook: Any) -> list[Figure]:
    """The pictures of the cells that name one, in order."""
    found = []
    for cell in notebook.cells:
        about = cell.metadata.get("stance", {})
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and "image/svg+xml" in data and "figure" in about:
                svg = re.sub(r"<metadata>.*?</metadata>", "", data["image/svg+xml"], flags=re.DOTALL)
                png = base64.b64decode(data["image/png"])
                found.append(Figure(about["figure"], about["caption"], png, svg.encode()))
    return found
