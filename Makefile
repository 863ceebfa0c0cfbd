# Everything sets itself up from a bare Python >= 3.11. PYTHON=... chooses another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two cores are the smallest machine we promise to run on; more are used when there are more.
export OMP_NUM_THREADS ?= 2

.PHONY: install demo test lint bench soak clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mindleaf needs Python 3.11 or newer; run make PYTHON=python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[all,dev]"
	touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/mindleaf demo --out runs/demo

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

soak: install
	$(BIN)/python -m pytest -m slow

clean:
	rm -rf $(VENV) runs build dist src/*.egg-info
