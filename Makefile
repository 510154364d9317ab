# make demo     show it at work; PHOTOS=dir takes your own photos (they are only read)
# make test     the whole test suite
# make check    everything a commit must pass: format, lint, types, tests
# make soak     the tests that break things on purpose, long (most of an hour)
# make bench    the benchmarks that need no more than photos, DATA="FOLDER..."
# make format   format the code and mend what the linter can
# make clean    remove what the above made
#
# The first run sets up .venv: what the demo needs is 0.5 GB; tests and benchmarks need torch and more.
# Where pip would take torch's CUDA build (several GB), PIP_FLAGS="--extra-index-url URL" can name its CPU builds.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_FLAGS ?=
PYTEST_FLAGS ?=
# A process for each core, so none needs more threads; modules in their order: what takes long comes early.
# Stores wait for their disk, thousands of them in the suite: it keeps its files in memory where 4 GB are free.
MEMORY = $$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4e6 {print "TMPDIR=/dev/shm"}')
PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
DATA ?=

VENV := .venv
BIN := $(VENV)/bin
PLAIN := $(VENV)/.installed
TESTED := $(VENV)/.tested
# --no-compile: Python compiles what is used, which is less; once, and not in each of hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
# Where Python comes without ensurepip, .venv has no pip of its own and the outer one works for it.
PIP = $$(test -x $(BIN)/pip && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python)
INSTALL = $(PIP) install --disable-pip-version-check --no-warn-conflicts --no-compile --quiet -c constraints.txt $(PIP_FLAGS)

SOAK := tests/faults tests/dedup/actions tests/indexer/sandbox/test_fuzz.py tests/search/filters/test_parser.py tests/store

.PHONY: demo test check soak bench format clean

demo: $(PLAIN)
	@$(BIN)/python tools/demo.py

test: $(TESTED)
	env $(MEMORY) $(PYTEST) $(PYTEST_FLAGS)

check: $(TESTED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	env $(MEMORY) $(PYTEST) $(PYTEST_FLAGS)

soak: $(TESTED)
	LOOKALIKE_SOAK=1 $(PYTEST) $(SOAK) $(PYTEST_FLAGS)

bench: $(TESTED)
	@test -n "$(DATA)" || { echo 'name the folders with photos: make bench DATA="FOLDER..."' >&2; exit 2; }
	$(BIN)/python -m lookalike.benchmarks $(DATA)

format: $(TESTED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# scikit-image is here for the photos in its wheel only; without its dependencies it is 14 MB.
$(PLAIN): pyproject.toml constraints.txt
	@echo "Setting up $(VENV); this fetches packages and takes about a minute."
	@$(PYTHON) -c 'import sys; sys.exit("lookalike needs Python 3.11 or newer: make PYTHON=...") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(INSTALL) -e .
	@$(INSTALL) --no-deps scikit-image
	@touch $@

$(TESTED): $(PLAIN)
	@echo "Adding torch, Ray and what the tests need to $(VENV)."
	@$(INSTALL) -e ".[dev,torch,ray]"
	@touch $@
