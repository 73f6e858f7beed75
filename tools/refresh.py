"""Makes again all that is committed and depends on the models: one command after a model or a codebook changed.

    python tools/refresh.py            # notebooks, sample report, pictures, the read-me's output
    python tools/refresh.py 01 report  # some of them

The notebooks are run in place, docs/sample-report and docs/*.png are written anew, and the output of the
read-me's ten lines is printed, to be put there by hand.
"""

import base64
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
BAR = "application/vnd.jupyter.widget-view+json"
KEPT = {"tags", "stance", "slideshow"}  # of a cell's metadata; timings would change with every run


def notebook(path: Path) -> str:
    """Runs a notebook in place; nothing of an earlier run stays."""
    start = time.perf_counter()
    found = nbformat.read(path, as_version=4)
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        found, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs = [smaller(output) for output in cell.outputs if not passing(output)]
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT}
    found.metadata = {key: value for key, value in found.metadata.items() if key in ("kernelspec", "language_info")}
    found.metadata["language_info"] = {"name": "python"}
    nbformat.write(found, path)
    return f"{path.name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB"


def passing(output: dict) -> bool:
    """Progress bars and what libraries say on stderr: of the run, not of the result."""
    return BAR in output.get("data", {}) or output.get("name") == "stderr"


def smaller(output: dict) -> dict:
    """A picture in 64 colours, which is enough for lines and points and a third of the size."""
    from PIL import Image

    if "image/png" in output.get("data", {}):
        with Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))) as image:
            small = io.BytesIO()
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "png", optimize=True)
        output["data"]["image/png"] = base64.b64encode(small.getvalue()).decode() + "\n"
    return output


def sample_report() -> str:
    folder = ROOT / "docs" / "sample-report"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-c", "import sys; from stance.cli import main; sys.argv[0] = 'stance'; main()", "report",
         "stance/data/sample/article.html", "-o", "docs/sample-report", "--a", "Labour", "--b", "Conservative",
         "--title", "A meeting on people smuggling, 6 September 2024"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    files = [p for p in folder.rglob("*") if p.is_file()]
    return f"docs/sample-report: {len(files)} files, {sum(p.stat().st_size for p in files) / 1000:.0f} kB"


def pictures() -> str:
    import matplotlib

    matplotlib.use("Agg")
    import stance

    scores = stance.score(stance.extract_quotes(stance.sample_article()), progress=False)
    stance.plot_plane(scores).figure.savefig(ROOT / "docs" / "plane.png", dpi=110, bbox_inches="tight")
    return "docs/plane.png"


def ten_lines() -> str:
    """The read-me's first Python block, run; what it prints."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    code = code.replace('stance.report(scores, "report/")', "")
    environment = os.environ | {"MPLBACKEND": "Agg"}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    )
    return f"\n--- the read-me's ten lines print:\n{out.stdout}"


def main() -> None:
    wanted = sys.argv[1:]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Two chains, each with one thread: on two cores that is quicker than one after the other with two. Notebook 03
    # comes after 02, whose scores it then has from the cache.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    jobs: dict[str, Callable[[], str]] = {"report": sample_report, "pictures": pictures, "lines": ten_lines}
    jobs |= {path.name[:2]: partial(notebook, path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    chains = [[name for name in sorted(jobs) if name not in ("02", "03")], ["02", "03"]]

    def run(names: list[str]) -> None:
        for name in names:
            if name in jobs and (not wanted or name in wanted):
                print(jobs[name](), flush=True)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(run, chains):
            pass


if __name__ == "__main__":
    main()
