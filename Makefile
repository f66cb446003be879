# Runs with GNU make 3.81 or newer and any /bin/sh, on Linux and macOS. CONTRIBUTING.md has the commands for Windows.

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
RIVALS := $(VENV)/.rivals
PIP := $(BIN)/python -m pip --disable-pip-version-check
USABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-browser parity soak lint bench docs docs-serve dist test-wheel

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1  	\2/p' Makefile

setup: $(STAMP) ## Make .venv and install everything into it (PYTHON=python3.12 names the interpreter)

demo: $(STAMP) ## Restore a photograph, train for two minutes, compare with other methods
	$(BIN)/spikefill demo $(ARGS)

test: $(STAMP) ## Run the tests, in WORKERS=2 processes (ARGS="-k masks" passes arguments to pytest)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup $(ARGS)

test-browser: $(STAMP) ## Run the tests of the web page alone, which need a Chromium
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { echo "make test-browser: there is no Chromium; apt-get install chromium fonts-dejavu-core" >&2; exit 1; }
	$(BIN)/python -m pytest tests/service/page/test_browser*.py $(ARGS)

parity: $(RIVALS) ## Compare the neuron with those of snnTorch, SpikingJelly, Norse and sinabs
	$(BIN)/python -m pytest parity $(ARGS)

soak: $(STAMP) ## Damaged files, pictures of every kind, killed batches, made-up requests (ARGS="--share 0.1" a tenth)
	$(BIN)/python -m pytest soak --share 1 $(ARGS)
	SPIKEFILL_API_CASES=5000 $(BIN)/python -m pytest tests/service/test_openapi.py

lint: $(STAMP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) $(RIVALS) ## Run the benchmarks beside other libraries, print their tables, draw their plots
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(STAMP) ## Build the documentation into build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS)

docs-serve: $(STAMP) ## Show the documentation at http://127.0.0.1:8001 while it is written
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8001 $(ARGS)

dist: $(STAMP) ## Build the wheel and the source archive into build/dist, and check what they say of themselves
	rm -rf build/dist
	$(BIN)/python -m build --no-isolation --outdir build/dist
	$(BIN)/twine check --strict build/dist/*

test-wheel: dist ## Install the wheel alone and restore a photograph with it, without the network
	$(BIN)/python release/try_wheel.py build/dist/*.whl

# The stamp is written last: an installation that was cut off, or whose list has changed, is done again. An
# environment that works is kept, whichever interpreter made it; anything else in its place is made anew.
$(STAMP): requirements.lock pyproject.toml
	@if $(BIN)/python -c 'import pip; $(USABLE)' 2>/dev/null; then exit 0; fi; \
	say() { echo "make setup: $$1" >&2; exit 1; }; \
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo='sudo '; fi; \
	command -v '$(PYTHON)' >/dev/null \
		|| say "there is no $(PYTHON); on Debian and Ubuntu: $${sudo}apt-get install python3 python3-venv"; \
	'$(PYTHON)' -c '$(USABLE)' \
		|| say "Python 3.11 to 3.14 is needed and $(PYTHON) is $$('$(PYTHON)' --version 2>&1); name another one: make setup PYTHON=python3.12"; \
	package=$$('$(PYTHON)' -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	missing="$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: $${sudo}apt-get install $$package"; \
	'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || say "$$missing"; \
	'$(PYTHON)' -m venv --clear $(VENV) || say "$$missing"
	$(PIP) install --prefer-binary -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(RIVALS): requirements-rivals.lock $(STAMP)
	$(PIP) install --prefer-binary --no-deps -r requirements-rivals.lock
	@touch $@
