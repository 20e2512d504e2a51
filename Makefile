# make demo: install into .venv and replay a capture of a Xen host. make test: everything that CI checks without root.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := captures/xen-3.0.0-domu-router

.PHONY: help demo test test-long test-thorough lint bench notebooks docs comparison clean

help:
	@echo "make demo   install into $(VENV) and replay $(DEMO)"
	@echo "make test   format check, lint, type check, tests"
	@echo "make test-long  what takes longer: the running kernel, tshark on every capture, every tap, the report in Chromium"
	@echo "make test-thorough  property tests with twenty times as many examples, every walk (about an hour)"
	@echo "make lint   the first three of these"
	@echo "make bench  measure beside tcpdump and tshark (several minutes)"
	@echo "make notebooks  execute the notebooks and compare what they show"
	@echo "make docs   write the generated pages of docs/ anew"
	@echo "make comparison  write docs/comparison.md anew (needs tshark and tcpdump)"
	@echo "make clean  remove $(VENV) and caches"

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("csumlab needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + " (make PYTHON=python3.12 ...)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tested: pyproject.toml | $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

# Findings give exit status 1, and the demo is there to show some; 2 means that something is broken.
demo: $(VENV)/.installed
	@$(BIN)/csumlab replay $(DEMO)/traffic.pcapng --topology $(DEMO)/topology.toml || test $$? -eq 1

lint: $(VENV)/.tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest -n auto --dist loadfile

test-long: $(VENV)/.tested
	$(BIN)/pytest -n auto --dist loadfile -m long

test-thorough: $(VENV)/.tested
	CSUMLAB_THOROUGH=20 $(BIN)/pytest -n auto --dist load -m "long or not long" $$(grep -l "TIMES" tests/test_*.py)

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/run.py --topology benchmarks/router.toml

notebooks: $(VENV)/.tested
	$(BIN)/python notebooks/run.py --check

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

comparison: $(VENV)/.installed
	$(BIN)/python docs/compare.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
