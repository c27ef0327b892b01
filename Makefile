# Each target sets up its own environment in .venv, on a fresh machine too.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: ask test test-all lint bench clean

ask: .venv/run.stamp  ## answer a first question from the collection that ships
	@$(BIN)/frugally "What is the capital of Australia?"

test: .venv/dev.stamp  ## the tests
	@$(BIN)/python -m pytest

test-all: .venv/dev.stamp  ## the tests, with the long forms of crash, fuzz and scale tests
	@$(BIN)/python -m pytest -m "long or not long"

lint: .venv/dev.stamp  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench.stamp  ## every table of docs/benchmarks.md; needs FRUGALLY_DATA
	$(BIN)/python -m benchmarks.retrieval --work runs/bench
	$(BIN)/python -m benchmarks.tuning --work runs/bench
	$(BIN)/python -m benchmarks.scale --work runs/bench
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.weighing --collection runs/bench/frugally
	$(BIN)/python -m benchmarks.asking --collection runs/bench/frugally
	$(BIN)/python -m benchmarks.choosing --collection runs/bench/frugally
	$(BIN)/python -m benchmarks.robustness
	$(BIN)/frugally index $(FRUGALLY_DATA)/wiki/simplewiki-2021.jsonl.xz --into runs/simplewiki
	$(BIN)/python -m benchmarks.distant --collection runs/simplewiki
	$(BIN)/python -m benchmarks.language
	$(BIN)/python -m benchmarks.tagging
	$(BIN)/python -m benchmarks.ablation
	$(BIN)/python -m benchmarks.budgets
	$(BIN)/python -m benchmarks.segmenting --work runs/segmenting
	$(BIN)/python -m benchmarks.spaceless --work runs/segmenting
	$(BIN)/python -m benchmarks.classifying
	$(BIN)/python -m benchmarks.clusters
	$(BIN)/python -m benchmarks.learning_curves
	$(BIN)/python -m benchmarks.images.imagenette
	$(BIN)/python -m benchmarks.images.cifar
	$(BIN)/python -m benchmarks.images.jpeg
	$(BIN)/python -m benchmarks.images.shufflenet
	$(BIN)/python -m benchmarks.images.training_speed
	$(BIN)/python -m benchmarks.images.latency
	$(BIN)/python -m benchmarks.images.mixing
	$(BIN)/python -m benchmarks.images.converting
	$(BIN)/python -m benchmarks.images.teaching
	$(BIN)/python -m benchmarks.images.frontier
	$(BIN)/python -m benchmarks.architecture correlation strategies times blocks winner transfer groups repeated --minutes 600
	$(BIN)/python -m benchmarks

.venv/run.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fit]'
	@touch $@ .venv/run.stamp

.venv/bench.stamp: .venv/dev.stamp
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

clean:
	rm -rf .venv build dist
