# Everything sets itself up from a bare Python >= 3.11. PYTHON=... chooses another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two cores are the smallest machine we promise to run on; more are used when there are more.
export OMP_NUM_THREADS ?= 2

.PHONY: install demo live test lint docs bench soak clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mindleaf needs Python 3.11 or newer; run make PYTHON=python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[all,dev]"
	touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/mindleaf demo --out runs/demo

# The page of a live decoder on a generated listener; the address is printed. Ctrl-C ends it.
live: install
	$(BIN)/mindleaf live --source synthetic

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	touch $@

# Fails on a broken link, a name of the reference that is gone, and on anything that a page would fetch from outside.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "open build/site/index.html; it works offline"

bench: install
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

soak: install
	$(BIN)/python -m pytest -m slow

clean:
	rm -rf $(VENV) runs build dist src/*.egg-info
