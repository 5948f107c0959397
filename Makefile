# The targets that people use; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := $(shell find supervisor -name '*.py') supervisor/bin/pysupervise pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup test test-container check bench lint format types image zipapp docs servers clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(VENV)/installed ## make the virtual environment with pysupervise and its tools

# The tests run the installed wheel, so a change of the sources builds it anew.
$(VENV)/installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -e $(VENV)/tools || { $(BIN)/python -m pip install --quiet '.[dev]' && touch $(VENV)/tools; }
	rm -rf $(VENV)/wheel && $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(VENV)/wheel .
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps $(VENV)/wheel/*.whl
	touch $@

test: setup ## run the unit and black-box tests (root: PID namespaces)
	$(BIN)/python -m pytest -q tests/unit tests/blackbox

test-container: setup ## build the image and test it under podman
	$(BIN)/python -m pytest -q tests/container

check: setup lint types ## lint, types and all tests: what CI runs
	$(BIN)/python -m pytest -q tests

lint: setup ## ruff, all rules
	$(BIN)/ruff check supervisor tests bench
	$(BIN)/ruff format --check supervisor tests bench

format: setup ## let ruff format the sources
	$(BIN)/ruff format supervisor tests bench

types: setup ## mypy --strict
	$(BIN)/mypy

bench: setup ## compare speed and memory with tini, dumb-init, catatonit and others (root, 5 minutes)
	$(BIN)/python bench/run.py --command $(BIN)/pysupervise --json bench/results.json --svg docs/bench.svg

image: ## build the container image with podman or docker
	$(shell command -v podman || echo docker) build -t pysupervise .

zipapp: ## build dist/pysupervise.pyz, a single file that runs with only a python3
	mkdir -p dist && $(PYTHON) supervisor/build_zipapp.py dist/pysupervise.pyz

docs: setup ## make the generated pages, completions and the manual page anew
	$(BIN)/python docs/generate.py

servers: setup ## check gunicorn, uvicorn, nginx and node for real, and write docs/servers.md (root)
	$(BIN)/python docs/servers.py

clean: ## remove what was made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
