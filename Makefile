# `make run` on a machine with Python >= 3.11 and make: environment, simulation, table, report.

VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= runs/quickstart
PYTEST_ARGS ?= -n auto --maxprocesses 4

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$p" && break; done)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run test check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## install into .venv, run the quickstart crash, print its table and the report's path
	@$(BIN)/spillover run quickstart --out $(OUT) --force

test: $(VENV)/.installed-test ## install with the test tools, run the whole suite
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.installed-dev ## format, lint, types and layers
	@failed=0; for tool in "ruff format --check ." "ruff check ." mypy lint-imports; do \
		echo "-- $$tool"; $(BIN)/$$tool || failed=1; done; exit $$failed

clean: ## remove the environment, caches and the quickstart folder; other runs stay
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find sim agents protocols experiments tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/bin/python:
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Spillover needs Python 3.11 or newer, found: $(or $(PYTHON),none). Try: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) and installing (about a minute, once)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(INSTALL) -e '.[test]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	@$(INSTALL) -e '.[dev]'
	@touch $@
