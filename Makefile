# `make` alone lists what there is. Everything runs in a virtual environment of its own.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
CONSTRAINTS ?= constraints.txt
# Most of a test's time is Python that traces graphs, on one core: two processes share
# the files.
PYTEST = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# TensorFlow's greeting says nothing to a reader of these outputs.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export KERAS_BACKEND := tensorflow
# The environment alone decides what is imported.
unexport PYTHONPATH PYTHONHOME

.PHONY: help demo test test-slow test-oldest test-newest lint format docs links dist \
	installed benchmark clean
.DELETE_ON_ERROR:

help:  ## this list
	@echo "make TARGET [PYTHON=python3.11] [VENV=.venv] [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

demo: $(VENV)/ready  ## train a symmetric VAE on handwritten digits: a few minutes
	$(BIN)/python -m reproductions.demo $(ARGS)

test: $(VENV)/ready  ## the quick tests; ARGS="-k game" for some of them
	$(PYTEST) $(ARGS)

test-slow: $(VENV)/ready  ## the tests that take minutes
	$(PYTEST) -m slow $(ARGS)

test-oldest:  ## the quick tests, with the oldest versions that setup.cfg allows
	$(MAKE) VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt test

# An empty file constrains nothing.
test-newest:  ## the quick tests, with the newest versions that setup.cfg allows
	$(MAKE) VENV=.venv-newest CONSTRAINTS=/dev/null test

lint: $(VENV)/ready-dev  ## style and types, as CI checks them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/ready-dev  ## mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/ready-dev  ## docs/_build/html/index.html, warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -E -b html -d docs/_build/doctrees \
		docs docs/_build/html

links: $(VENV)/ready-dev  ## ask whether the pages' addresses answer; needs a network
	$(BIN)/python -m sphinx -W --keep-going -b linkcheck -d docs/_build/doctrees \
		docs docs/_build/links

# Without --wheel the wheel is made from the source archive, so both are tried.
dist: $(VENV)/ready-dev  ## dist/: the wheel and the source archive
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

installed: dist  ## try dist/ in empty environments; ARGS="tests/x.py" for these tests
	PYTHON=$(PYTHON) .ci/installed dist/*.whl $(ARGS)
	PYTHON=$(PYTHON) .ci/installed dist/*.tar.gz

benchmark: $(VENV)/ready  ## time training steps beside PyTorch's (installs it apart)
	$(BIN)/python -m reproductions.benchmarks.training $(ARGS)

clean:  ## remove what building leaves; environment and runs stay
	rm -rf build dist *.egg-info docs/_build .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# ---- Environment: made once, and again when its files change ------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Expected Python 3.11, 3.12 or 3.13; received: no command '$(PYTHON)'." \
		"Name one with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Expected Python 3.11, 3.12 or 3.13 (TensorFlow has no other);" \
		"received: $$($(PYTHON) --version 2>&1) as '$(PYTHON)'." \
		"Name another with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Expected the modules venv and ensurepip; received: a Python without." \
		"On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Build tools come pinned too, so nothing is built in an isolated, unpinned place.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint $(CONSTRAINTS)

$(VENV)/ready: setup.cfg $(filter-out /dev/null,$(CONSTRAINTS)) pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): once, a few minutes"
	$(PIP_INSTALL) pip setuptools wheel
	$(PIP_INSTALL) --no-build-isolation --editable '.[test]'
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	$(PIP_INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@
