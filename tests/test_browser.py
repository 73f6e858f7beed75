"""JupyterLab, the widgets and the report page in a real browser: Debian's chromium, driven by selenium.

``make test-browser`` runs these alone, after installing the browser where it can; ``make test`` leaves them out. Where
no browser is, they skip. With STANCE_SCREENSHOTS set to a folder, each leaves a picture of what it saw there.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import stance
from tests.conftest import ROOT, toy
from tests.test_plotting import study

pytestmark = pytest.mark.browser
selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

NASTY = "<script>window.hacked = 1</script> & “arrest” 'the' \"smugglers\""
PATIENCE = 240  # seconds; a kernel that imports torch on a busy machine is slow


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,1000",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    found.set_script_timeout(PATIENCE)
    # JupyterLab's current notebook is the one with the focus, which some versions never give a page without a screen.
    found.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield found
    found.quit()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a free port with a token: its folder and the address of a notebook in it.

    Each notebook has a workspace of its own; in a shared one JupyterLab opens the notebooks of earlier tests again, and
    any of them may be the current one.
    """
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "JUPYTER_CONFIG_DIR": str(folder / ".config"), "TQDM_DISABLE": "1",
    }  # fmt: skip
    with open(folder / "lab.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
             "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
             "--LabApp.news_url="],
            stdout=log, stderr=log, env=environment,
        )  # fmt: skip
        try:
            status = f"http://127.0.0.1:{port}/api/status?token={token}"
            for _ in range(PATIENCE * 2):
                try:
                    with urllib.request.urlopen(status, timeout=5) as answer:
                        assert answer.status == 200
                        break
                except OSError:
                    assert server.poll() is None, (folder / "lab.log").read_text(encoding="utf-8")
                    time.sleep(0.5)
            yield folder, lambda name: f"http://127.0.0.1:{port}/lab/workspaces/{name[:-6]}/tree/{name}?token={token}"
        finally:
            server.terminate()
            server.wait(30)


def wait(browser, condition, what, seconds=PATIENCE):
    """Waits until the condition holds; says what it waited for."""
    return WebDriverWait(browser, seconds, 0.3, ignored_exceptions=[Exception]).until(condition, what)


def picture(browser, name):
    folder = os.environ.get("STANCE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


CELLS = "window.jupyterapp.shell.currentWidget.content.widgets.filter((w) => w.model.type === 'code')"
READY = ("const w = window.jupyterapp && window.jupyterapp.shell.currentWidget; return !!(w && w.sessionContext && "
         "w.content.widgets && location.pathname.endsWith(w.context.path) && w.sessionContext.session && "
         "w.sessionContext.session.kernel && w.sessionContext.session.kernel.status === 'idle')")  # fmt: skip


def open_notebook(browser, address):
    browser.get(address)
    wait(browser, lambda b: b.execute_script(READY), "the notebook opens and its kernel is idle")


def run_cell(browser, index):
    """Runs one cell and returns its outputs."""
    browser.execute_script(
        f"const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = n.widgets.indexOf({CELLS}"
        "[arguments[0]]); window.jupyterapp.commands.execute('notebook:run-cell');", index,
    )  # fmt: skip
    return finished(browser, index)


def finished(browser, index):
    ready = f"return {CELLS}[arguments[0]].model.executionCount !== null && {READY.split('return ')[1]}"
    ready = f"const w = window.jupyterapp.shell.currentWidget; {ready}"
    wait(browser, lambda b: b.execute_script(ready, index), f"cell {index} runs to its end")
    outputs = browser.execute_script(f"return {CELLS}[arguments[0]].model.outputs.toJSON()", index)
    errors = [o for o in outputs if o["output_type"] == "error"]
    assert not errors, errors
    return outputs


def write_notebook(path, *cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, path)


def test_the_quickstart_notebook_runs_and_shows_its_plot(browser, lab):
    folder, address = lab
    notebook = nbformat.read(ROOT / "notebooks" / "01-quickstart.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / "quickstart.ipynb")
    open_notebook(browser, address("quickstart.ipynb"))
    browser.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    count = browser.execute_script(f"return {CELLS}.length")
    outputs = [output for index in range(count) for output in finished(browser, index)]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    shown = wait(
        browser, lambda b: [i for i in b.find_elements(By.CSS_SELECTOR, ".jp-OutputArea img") if i.size["width"] > 200],
        "the plot is on the screen",
    )  # fmt: skip
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", shown[0])
    assert browser.execute_script("return arguments[0].naturalWidth", shown[0]) > 200
    picture(browser, "quickstart")


def test_the_explorer_filters_and_returns_a_selection(browser, lab):
    folder, address = lab
    scores = study(20, 10)
    scores.loc[scores.quote_id == "q3-1", "text"] = NASTY
    stance.write_table(scores, folder / "scores.csv")
    write_notebook(
        folder / "explorer.ipynb",
        'import stance\nview = stance.explore(stance.read_table("scores.csv"))\nview',
        'view.selection.to_csv("selected.csv", index=False)',
    )
    open_notebook(browser, address("explorer.ipynb"))
    run_cell(browser, 0)
    canvas = wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, "canvas.stance-scatter"), "the plot is drawn")
    wait(browser, lambda b: "200 of 200 quotes" in b.page_source, "all quotes are listed")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    # Drag a rectangle over the left half of the plot.
    width, height = canvas.size["width"], canvas.size["height"]
    drag = ActionChains(browser).move_to_element_with_offset(canvas, -int(width * 0.38), -int(height * 0.45))
    drag.click_and_hold().move_by_offset(int(width * 0.45), int(height * 0.75)).release().perform()
    wait(browser, lambda b: not re.search(r"<b>200 of 200 quotes", b.page_source), "the rectangle selects")
    picture(browser, "explorer")
    run_cell(browser, 1)
    chosen = pd.read_csv(folder / "selected.csv")
    assert 0 < chosen["quote_id"].nunique() < 200
    inside = chosen[chosen["frame"] == "enforcement"]["support"]
    assert inside.max() < 0.65
    canvas.click()  # without a drag: the rectangle goes
    wait(browser, lambda b: "200 of 200 quotes" in b.page_source, "a click takes the rectangle away")
    field = browser.find_element(By.CSS_SELECTOR, "input[placeholder='words in the quote']")
    field.send_keys("arrest")
    wait(browser, lambda b: "1 of 200 quotes" in b.page_source, "the words filter")
    card = browser.find_element(By.CSS_SELECTOR, ".stance-card")
    assert NASTY in card.text
    assert browser.execute_script("return window.hacked") is None
    run_cell(browser, 1)
    assert pd.read_csv(folder / "selected.csv")["quote_id"].unique().tolist() == ["q3-1"]


def test_the_coding_widget_takes_keys_and_survives_a_restart(browser, lab):
    folder, address = lab
    sample = pd.DataFrame({"quote_id": ["a", "b", "c"], "text": ["Arrest them.", NASTY, "Send them back."]})
    sample.to_csv(folder / "sample.csv", index=False)
    write_notebook(
        folder / "coding.ipynb",
        'import pandas as pd\nimport stance\nstance.code(pd.read_csv("sample.csv"), coder="ada")',
    )
    codes = folder / "codes" / "ada.csv"

    def labels():
        return pd.read_csv(codes)["label"].tolist() if codes.exists() else []

    open_notebook(browser, address("coding.ipynb"))
    run_cell(browser, 0)
    keys = wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, "input.stance-keys"), "the widget shows")
    for number, (key, label) in enumerate([("1", "support"), ("3", "neither"), ("2", "oppose")], 1):
        keys.send_keys(key)
        wait(browser, lambda b, n=number: f"{n} of 6 answers" in b.page_source, f"answer {number} shows")
        assert labels()[-1] == label  # what shows is on the disk
    quote = browser.find_element(By.CSS_SELECTOR, ".stance-quote")
    assert NASTY in quote.text
    assert browser.execute_script("return window.hacked") is None
    picture(browser, "coding")
    browser.execute_async_script(
        "const done = arguments[0]; window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        ".then(() => done());"
    )
    wait(browser, lambda b: b.execute_script(READY), "the kernel is back")
    browser.execute_script(f"{CELLS}[0].model.executionCount = null")
    run_cell(browser, 0)
    wait(browser, lambda b: "3 of 6 answers" in b.page_source, "the answers are there again")
    keys = browser.find_element(By.CSS_SELECTOR, "input.stance-keys")
    keys.send_keys("u")
    wait(browser, lambda b: "2 of 6 answers" in b.page_source, "undo")
    keys.send_keys("1")
    wait(browser, lambda b: "3 of 6 answers" in b.page_source, "another answer")
    assert pd.read_csv(codes, keep_default_na=False)["label"].tolist() == [
        "support",
        "neither",
        "oppose",
        "",
        "support",
    ]
    assert browser.execute_script(f"return {CELLS}.length") == 1  # no key reached JupyterLab's own shortcuts


def test_the_report_page_from_disk(browser, tmp_path):
    quotes = study(6, 2).drop_duplicates("quote_id")[["quote_id", "text", "speaker", "party", "date", "synthetic"]]
    quotes["text"] = [NASTY, "arrest the smugglers", *(f"no right to settle, {i}" for i in range(len(quotes) - 2))]
    scores = stance.score(quotes, model=toy)
    page = stance.report(scores, tmp_path / "report", "Labour", "Conservative")
    browser.get_log("performance")
    start = time.perf_counter()
    browser.get(page.as_uri())
    print(f"report page: {page.stat().st_size / 1000:.0f} kB, loaded in {time.perf_counter() - start:.2f} s")
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
    assert addresses
    assert [a for a in addresses if not a.startswith(("file://", "data:"))] == []
    said = [entry["message"] for entry in browser.get_log("browser") if "report/index.html" in entry["message"]]
    assert said == []  # no fault, nothing that the page's policy had to stop
    rows = "return [...document.querySelectorAll('#quotes-table tbody tr')]"
    texts = browser.execute_script(f"{rows}.map((r) => r.querySelector('blockquote').textContent)")
    assert NASTY in texts
    assert browser.execute_script("return window.hacked") is None
    # Sorting: the first frame's column, once up and once down.
    column = "th:nth-child(5) button"
    value = f"{rows}.map((r) => parseFloat(r.cells[4].dataset.value))"
    browser.find_element(By.CSS_SELECTOR, f"#quotes-table {column}").click()
    up = browser.execute_script(value)
    browser.find_element(By.CSS_SELECTOR, f"#quotes-table {column}").click()
    down = browser.execute_script(value)
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert up[0] < up[-1]
    browser.find_element(By.ID, "filter-words").send_keys("hacked")
    assert browser.find_element(By.ID, "filter-count").text == f"1 of {len(texts)} quotes shown"
    visible = browser.execute_script(f"{rows}.filter((r) => r.offsetParent).length")
    assert visible == 1
    picture(browser, "report")
    # On a telephone nothing is wider than the screen; on paper it has pages.
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True})  # fmt: skip
    browser.get(page.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.execute_script("document.getElementById('quotes').scrollIntoView()")
    picture(browser, "report-telephone")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert len(printed) > 20_000
