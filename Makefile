PYTHON ?= .venv/bin/python

.PHONY: install lint format types test slow foreign recipes hardening docs release all

install:
	python3 -m venv .venv && $(PYTHON) -m pip install -e ".[dev]"

lint:
	$(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check

format:
	$(PYTHON) -m ruff check --fix && $(PYTHON) -m ruff format

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

slow:
	$(PYTHON) -m pytest -m "slow or browser"

foreign:
	$(PYTHON) -m pip install -q "timm>=1.0.20"
	$(PYTHON) benchmarks/foreign_networks.py

recipes: # every recipe as it is, without flags; about 15 minutes on two cores
	$(PYTHON) benchmarks/recipes.py

hardening: # every fuzzer, 50 full disks and 100 kills
	GANBLOCKS_RECORD=1 GANBLOCKS_FAULTS=50 GANBLOCKS_KILLS=100 $(PYTHON) -m pytest -n 0 -m "slow or not slow" tests/hardening

docs:
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build

release: # builds, checks and tests the wheel; uploads nothing
	PYTHON=$(PYTHON) bash .ci/release

all: lint types docs test slow
