# Every target works first thing in a fresh clone that has only python3, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A stand-in for the services that somebody else wrote, for the tests; the newest that was tried.
AIMOCK := 1.43.0
# The engine's and the tests' arithmetic: one thread, as measured best on small machines.
export OPENBLAS_NUM_THREADS ?= 1
# The tests start hundreds of programs, each of which would compile all of ftb anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup start test check bench pictures clean

setup: $(VENV)/.dev

start: $(VENV)/.run
	@$(BIN)/ftb models pull smollm2-135m --if-missing || echo "The app opens without the weights; it can fetch them later."
	@$(BIN)/ftb

# The weights are fetched once into the user's cache; without them the tests that train SmolLM2 are skipped, loudly.
test: check $(VENV)/third_party/.aimock-$(AIMOCK)
	@weights=$$($(BIN)/ftb models pull smollm2-135m --if-missing --print-path) \
	  || echo "No weights: the tests that train SmolLM2 are skipped." >&2; \
	FTB_TEST_WEIGHTS="$$weights" $(BIN)/python -m pytest -n 4 --dist worksteal -q

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

pictures: $(VENV)/.dev
	$(BIN)/python docs/make_pictures.py

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "ftb-tui needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python could not make a virtual environment (on Debian: apt install python3-venv)."; exit 1; }

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	@echo "Installing what ftb needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	@echo "Installing what ftb and its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.run

# Only where npm and the network are there; without it the tests against it are skipped, and say so.
$(VENV)/third_party/.aimock-$(AIMOCK): $(VENV)/bin/python
	@command -v npm >/dev/null || { echo "No npm: the tests against aimock are skipped." >&2; exit 0; }; \
	npm install --prefix $(VENV)/third_party --engine-strict --ignore-scripts --no-audit --no-fund --no-save --silent \
	  --fetch-retries 0 --fetch-timeout 30000 @copilotkit/aimock@$(AIMOCK) \
	  && touch $@ || echo "aimock could not be installed: the tests against it are skipped." >&2
