# A fresh machine needs Python 3.11+ and make; everything else is installed into .venv, from lock files with hashes.

VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 3
# The first of these that exists and is new enough makes the virtual environment; name another with PYTHON=…
PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))

# A stamp's name holds a digest of what it stands for, so that a changed lock installs again and an unchanged one never does.
digest = $(shell cat $(1) packages/*/pyproject.toml | cksum | cut -d' ' -f1)
RUNTIME := $(VENV)/.runtime-$(call digest,requirements.lock)
DEV := $(VENV)/.dev-$(call digest,requirements-dev.lock)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The locks are complete, so pip has nothing to resolve; compiling all modules ahead costs more than the few that run. The two packages come from this checkout and build with the locked backend.
INSTALL_LOCK := $(PIP) install --no-deps --no-compile --require-hashes --requirement
INSTALL_PACKAGES := $(PIP) install --no-deps --no-build-isolation --editable packages/sdk --editable packages/factbook
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-package factbook --no-emit-package factbook-sdk

.DEFAULT_GOAL := help
.PHONY: help demo cluster test check bench docs lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(RUNTIME) ## set up and show the main job on real data (SERVE=0: end by itself)
	@$(BIN)/factbook demo $(if $(filter 0,$(SERVE)),--no-serve)

cluster: $(DEV) ## run two servers and two workers on PostgreSQL and NATS (CLUSTER_SECONDS=N: end by itself)
	@$(BIN)/python -m tools.cluster

test: $(DEV) ## set up and run all tests (SERVICES=postgres,sqlite: on fewer servers; ARGS=…: more for pytest)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: $(DEV) ## check format, lint, types, import contracts and freshness of the docs
	@$(BIN)/python tools/check.py

bench: $(DEV) ## measure, keep the results in bench/results and print them (long)
	@$(BIN)/python -m bench $(ARGS)

docs: $(DEV) ## regenerate the reference pages and the tables of measured numbers
	@$(BIN)/python tools/generate_docs.py
	@$(BIN)/python tools/bench_table.py

lock: $(DEV) ## compile the lock files again (UPGRADE=1: to the newest versions allowed)
	@$(PIP) install 'uv==0.13.8'
	@env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL $(LOCK) $(if $(UPGRADE),--upgrade) \
		requirements.in --output-file requirements.lock
	@env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL $(LOCK) $(if $(UPGRADE),--upgrade) \
		--constraint requirements.lock requirements.in --group dev --output-file requirements-dev.lock

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'Factbook needs Python 3.11 or newer, and none was found. Name one: make PYTHON=/path/to/python3.12'; exit 1; }
	@echo 'Making $(VENV) with $(PYTHON) …'
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): | $(BIN)/python
	@echo 'Installing Factbook and its pinned libraries into $(VENV) (once, about a minute) …'
	@$(INSTALL_LOCK) requirements.lock
	@$(INSTALL_PACKAGES)
	@rm -f $(VENV)/.runtime-* && touch $@

# requirements-dev.lock holds all of requirements.lock, so it stands for both.
$(DEV): | $(BIN)/python
	@echo 'Installing Factbook, its pinned libraries and the test tools into $(VENV) (once, about a minute or two) …'
	@$(INSTALL_LOCK) requirements-dev.lock
	@$(INSTALL_PACKAGES)
	@rm -f $(VENV)/.runtime-* $(VENV)/.dev-* && touch $@ $(RUNTIME)
