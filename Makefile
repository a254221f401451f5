# The words of this project. `make demo` is the first one to try; `make help` lists them.
# Needs: git, make, Python 3.11 and root on Debian or Ubuntu. Everything else is installed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
# Compiled modules are kept: the tests start many processes, and each would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install pages demo up down check unit test deep long tools test-compose chaos clients crowd bench pictures schema types templates lock clean

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED) ## the Python environment, from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	@container/install.sh $(VENV)
	@touch $@

pages: $(INSTALLED) ## script and style of the pages, from the lock file
	@$(PYTHON) -m container.pages

demo: $(INSTALLED) pages ## from nothing to a finished fine-tuning run on a small real Slurm
	@$(PYTHON) -m container.demo

up: $(INSTALLED) pages ## start the lab cluster, server and worker in the background
	@$(PYTHON) -m container.stack up

down: $(INSTALLED) ## stop them
	@$(PYTHON) -m container.stack down

check: $(INSTALLED) pages ## style, types, imports
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --python-version 3.10 --package packtrain
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pytest -q tests/test_architecture_page.py tests/test_security_page.py

unit: $(INSTALLED) pages ## what one runs after each change: no root, no lab, no PostgreSQL
	$(VENV)/bin/pytest -q -n 3 --ignore=tests/e2e -m "not system and not deep and not long" --hypothesis-profile=quick --dist worksteal

# One process a core; files' tests stay together where they share a lab.
PYTEST := $(VENV)/bin/pytest -q -n 2
test: $(INSTALLED) tools ## all that a change could break: units, queries on PostgreSQL, each promise on the lab
	$(PYTEST) --ignore=tests/e2e -m "not deep" --dist worksteal
	$(PYTEST) tests/e2e -m "not deep" --dist loadfile

deep: $(INSTALLED) tools ## what is left: the API on PostgreSQL, both Slurm versions, every way to train, every attack
	$(PYTEST) --ignore=tests/e2e -m "deep and not clients" --dist worksteal
	$(PYTEST) tests/e2e -m "deep and not crowd and not long" --dist loadfile

long: $(INSTALLED) tools ## kills, a site's faults, a database away, limits of minutes, forecasts beside Slurm's
	$(PYTEST) tests/e2e -m long --dist loadfile

clients: $(INSTALLED) pages ## litellm, instructor, dspy, llama-index and wandb, unchanged, on OpenAI's API
	$(VENV)/bin/pytest -q tests/server/openai/clients -m clients

crowd: $(INSTALLED) tools ## a lab of 30 people, 5 teams and 3,000 jobs on two clusters, with kills in between
	$(VENV)/bin/pytest -q tests/e2e -m crowd

tools: $(INSTALLED) pages
	@container/install-test-tools.sh
	@$(PYTHON) -m container.lab build --profile trixie
	@$(PYTHON) -m container.lab build --profile bookworm
	@$(PYTHON) -m container.image build --variant cpu

test-compose: $(INSTALLED) pages ## docker compose on a real engine, one job through it
	@$(PYTHON) -m container.compose test

chaos: $(INSTALLED) ## 200 trials of kills, cuts, freezes and a site's bad days: every job once
	$(PYTHON) -m tests.chaos

bench: $(INSTALLED) ## the numbers, as ratios of one run
	$(PYTHON) -m tests.bench

pictures: $(INSTALLED) tools ## the pages as the guides show them
	@$(PYTHON) -m tests.pages.pictures

schema: $(INSTALLED) ## the arguments of the training image's LLaMA-Factory, from its own parser
	$(PYTHON) -m container.schema

types: $(INSTALLED) ## the client's types, from the OpenAPI document
	@$(PYTHON) -m container.client_types

templates: $(INSTALLED) ## read LLaMA-Factory's chat templates anew, in the training image
	@$(PYTHON) -m container.templates

lock: ## compile the lock file anew from pyproject.toml
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra service --extra dev --universal --generate-hashes --no-emit-index-url \
		--no-header --python-version 3.11 -o requirements.lock

clean: down ## stop everything and forget what it did
	rm -rf .packtrain
