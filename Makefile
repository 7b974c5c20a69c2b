# One command each. A fresh clone needs Python 3.11 or newer with venv, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo test check bench docs

help:  ## these lines
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## +/\t/' | expand -t 8

setup: $(INSTALLED)  ## .venv with pinned dependencies, made again when these change

# PyTorch first and by version: left to itself, the resolver may take a newer build with gigabytes of CUDA libraries.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch $@

demo: setup  ## several skills on the built-in model, offline, in minutes
	$(BIN)/mixologist demo

# A worker a core, each with one thread: tiny models have no work for two, which wait for one another for minutes where a
# core is shared.
test: setup  ## all tests: CPU, no network
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

check: setup  ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## training speed against the peers, in under two minutes; prints JSON
	$(BIN)/python -m benchmarks.train_throughput --quick

docs: setup  ## commands, keys, examples and links of the documentation against the code
	$(BIN)/python -m pytest tests/test_docs.py
