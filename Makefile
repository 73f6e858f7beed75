# `make demo` and `make test` do everything on a fresh machine with Python 3.11 or newer, git and make.
PYTHON ?= python3
BIN := .venv/bin
REPORT := build/report
# Set-up runs again only when what it installs has changed.
DEMO_READY := .venv/.demo-ready
TEST_READY := .venv/.test-ready
LAB_READY := .venv/.lab-ready
BENCH_READY := .venv/.bench-ready

.PHONY: demo test test-browser lab check bench refresh clean

demo: $(DEMO_READY)
	$(BIN)/stance report stance/data/sample/article.html -o $(REPORT)

# Two processes of one thread each are quicker than one of two. The longest files first (tests/conftest.py); by itself
# xdist begins with those of most tests.
test: $(TEST_READY) check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not browser"

# JupyterLab, the widgets and the report page in a real browser; installs it where that is possible, else skips.
test-browser: $(TEST_READY)
	tools/install-browser.sh
	$(BIN)/python -m pytest -m browser tests/test_browser.py

# All that is committed and made by a model: the notebooks' outputs, the sample report, the pictures in docs/.
refresh: $(TEST_READY)
	$(BIN)/python tools/refresh.py

check: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Every benchmark in full, those of speed with one thread and with two, takes about an hour; BENCH=--quick is some ten
# minutes, to see that they work.
bench: $(BENCH_READY)
	for name in start speed arithmetic sharing cached workers resume memory; do \
		echo "== $$name"; $(BIN)/python benchmarks/$$name.py $(BENCH) || exit 1; \
	done
	for name in speed arithmetic sharing cached; do \
		echo "== $$name --threads 2"; $(BIN)/python benchmarks/$$name.py --threads 2 $(BENCH) || exit 1; \
	done
	for name in coverage explorer records; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done
	if [ -d ../shared/data ]; then for threads in 1 2; do \
		echo "== articles --threads $$threads"; \
		$(BIN)/python benchmarks/articles.py --data ../shared/data --threads $$threads $(BENCH) || exit 1; \
	done; fi

# As root, in a container: make lab LAB=--allow-root
lab: $(LAB_READY)
	$(BIN)/jupyter lab $(LAB) notebooks/

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(DEMO_READY): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(TEST_READY): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@ $(DEMO_READY)

$(LAB_READY): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[notebook]"
	touch $@ $(DEMO_READY)

$(BENCH_READY): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench,scale,notebook]"
	touch $@ $(DEMO_READY)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
