# make demo     show it at work; PHOTOS=dir takes your own photos (they are only read)
# make test     the whole test suite
# make check    everything a commit must pass: format, lint, types, tests
# make soak     the tests that break things on purpose, long (most of an hour)
# make bench    the benchmarks over labelled photos, DATA="FOLDER..."; see --help of each for more
# make format   format the code and mend what the linter can
# make clean    remove what the above made
#
# The first run sets up .venv (1.4 GB, most of it torch); later runs fetch nothing.
# On Linux, plain pip takes torch's CUDA build. For the much smaller CPU build:
#     make PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu" demo

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_FLAGS ?=
PYTEST_FLAGS ?=
# A process for each core, so none needs more threads; modules in their order: what takes long comes early.
PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
# Not these: parts of others, and those that want more than a folder of photos.
APART := asking index_loops index_peers made_store mixed_hashes mixtures neighbor_adapters peer_adapters \
	peer_environments precision precision_engines processes quantizing truth proof edits_recipe peers
BENCHMARKS ?= $(filter-out $(APART:%=benchmarks/%.py),$(wildcard benchmarks/*.py))
DATA ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# Where Python comes without ensurepip, .venv has no pip of its own and the outer one works for it.
PIP = $$(test -x $(BIN)/pip && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python)
INSTALL = $(PIP) install --disable-pip-version-check --quiet -c constraints.txt $(PIP_FLAGS)

SOAK := tests/faults tests/acting tests/indexer/test_fuzz.py tests/search/test_where.py \
	tests/store

.PHONY: demo test check soak bench format clean

demo: $(READY)
	@$(BIN)/python tools/demo.py

test: $(READY)
	$(PYTEST) $(PYTEST_FLAGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) $(PYTEST_FLAGS)

soak: $(READY)
	LOOKALIKE_SOAK=1 $(PYTEST) $(SOAK) $(PYTEST_FLAGS)

bench: $(READY)
	@test -n "$(DATA)" || { echo 'name the folders with photos: make bench DATA="FOLDER..."' >&2; exit 2; }
	@for file in $(BENCHMARKS); do echo "== $$file" && $(BIN)/python "$$file" $(DATA) || exit 1; done

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# scikit-image is here for the photos in its wheel only; without its dependencies it is 14 MB.
$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV); this fetches packages and takes a minute or more."
	@$(PYTHON) -c 'import sys; sys.exit("lookalike needs Python 3.11 or newer: make PYTHON=...") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(INSTALL) -e ".[dev,heif]"
	@$(INSTALL) --no-deps scikit-image
	@touch $@
