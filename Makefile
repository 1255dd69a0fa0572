# Every target needs only python3 (3.11 or later) with venv, and a package index.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test slow check fmt bench prove lock clean

PYTHON ?= python3
ARGS ?=
WORKERS ?= 4
# Without the bytecode of the last time, each start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
UV_VERSION := >=0.13,<0.14
VENV ?= .venv
BIN := $(VENV)/bin
UV := env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $(BIN)/uv
INSTALLED := $(VENV)/.installed
TABLES := tests/contract/test_coverage.py tests/contract/test_matrix.py tests/plants/test_table.py

# The tests that measure run afterwards, one by one. Status 1: some failed; 5: none is selected.
define tests
@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --alone never $(1) $(ARGS); one=$$?; \
[ $$one -le 1 ] || [ $$one -eq 5 ] || exit $$one; \
$(BIN)/pytest --alone only $(1) $(ARGS); two=$$?; \
[ $$two -ne 5 ] || exit $$one; \
[ $$two -eq 0 ] || exit $$two; \
exit $$((one == 1))
endef

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## make the environment that the other targets use

run: $(INSTALLED)  ## start everything here; Ctrl-C stops it (ARGS="--port 9000")
	@$(BIN)/linkup run $(ARGS)

test: $(INSTALLED)  ## run the tests (ARGS="-k resend" for some, WORKERS=0 for one by one)
	$(call tests,)

slow: $(INSTALLED)  ## run the tests that take too long for `make test`
	$(call tests,-m slow)

check: $(INSTALLED)  ## format, lint, types, import rules, spelling, what the tables name
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(BIN)/pytest -q $(TABLES)

fmt: $(INSTALLED)  ## format, and fix what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(INSTALLED)  ## measure this machine (ARGS="--against CHECKOUT": two, in turns)
	$(BIN)/python -m tests.bench $(ARGS)

profile: $(INSTALLED)  ## where the CPU time of a message goes, by stage
	$(BIN)/python -m tests.bench.profile $(ARGS)

prove: $(INSTALLED)  ## the long runs: kill, cut, flood, and check every promise
	$(BIN)/pytest -m prove $(ARGS)

lock: $(BIN)/uv  ## resolve the dependencies anew into uv.lock
	$(UV) lock --upgrade

clean:  ## remove the environment and caches; the data stay
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The second try trusts the certificates of the system, among which a company's proxy has its own.
$(INSTALLED): $(BIN)/uv uv.lock pyproject.toml clients/python/pyproject.toml
	@echo "Installing what uv.lock names into $(VENV)"
	@$(UV) sync --locked --quiet 2>/dev/null || UV_SYSTEM_CERTS=1 $(UV) sync --locked --quiet
	@touch $@

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	       "Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || \
	  echo "Note: LinkUp is tested on Python 3.11 to 3.13; this is $$($(PYTHON) -V 2>&1)." >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check 'uv$(UV_VERSION)'
