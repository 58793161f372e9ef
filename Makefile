# Everything runs from .venv, which the targets create themselves: they need only make and Python >= 3.11 with venv.
PYTHON ?= python3
# test processes beside each other: many tests wait more than they work
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
RUNTIME_STAMP := $(VENV)/.installed-runtime
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Build tools come first and are pinned too: nothing is built in an isolated environment with whatever is newest.
PINNED := $(PIP) install --require-hashes --no-build-isolation --requirement
# Two tools of the tests come without what they ask for. httpbin asks for greenlet<3 on Python 3.11, which contradicts
# Locust's gevent, and runs well without it; its other needs are in the dev extra. Of check-jsonschema only the files
# are read: the JSON Schemas of GitHub Actions and GitLab CI.
ALONE := $(PIP) install --require-hashes --no-deps --requirement
# The project itself comes last and without dependencies: pip refuses hashes beside an editable install.
EDITABLE := $(PIP) install --no-deps --no-build-isolation --editable .

.PHONY: demo check lint types layers test docs accuracy bench soak fmt constraints clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

demo: $(RUNTIME_STAMP)
	@$(BIN)/hybridcheck demo

# cheap first
check: lint types layers test

lint: $(DEV_STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(DEV_STAMP)
	@$(BIN)/mypy hybridcheck tests $(sort $(dir $(wildcard locustfiles/*.py benchmarks/*.py docs/*.py)))

layers: $(DEV_STAMP)
	@$(BIN)/lint-imports --no-logo

# what needs the machine for itself, then the others beside each other
test: $(DEV_STAMP)
	@$(BIN)/python -m pytest tests/alone
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# the generated part of docs/: a test of `make check` says when it is not current
docs: $(DEV_STAMP)
	@$(BIN)/python docs/generate.py

accuracy: $(DEV_STAMP)
	@$(BIN)/python benchmarks/accuracy.py

bench: $(DEV_STAMP)
	@$(BIN)/python benchmarks/run.py $(if $(WRITE),--write)

soak: $(DEV_STAMP)
	@$(BIN)/python benchmarks/soak.py $(if $(RUNS),--runs $(RUNS)) $(if $(KILLS),--kills $(KILLS)) $(if $(WRITE),--write)

fmt: $(DEV_STAMP)
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

# Resolves the newest allowed versions anew (constraints/dev-no-deps.txt is raised by hand). Nothing that it writes names a host.
COMPILE := $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
constraints: $(DEV_STAMP)
	@$(PIP) install pip-tools
	@$(COMPILE) --output-file constraints/dev.txt --extra dev pyproject.toml
	@$(COMPILE) --constraint constraints/dev.txt --output-file constraints/runtime.txt pyproject.toml
	@$(COMPILE) --constraint constraints/dev.txt --output-file constraints/build.txt constraints/build.in
	@sed -i.orig '/^#/d; /^$$/d' constraints/dev.txt constraints/runtime.txt constraints/build.txt
	@rm -f constraints/*.orig

clean:
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache hybridcheck-results
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hybridcheck needs Python 3.11 or newer: make PYTHON=python3.12")'
	@echo 'setting up $(VENV) (once)'
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME_STAMP): constraints/build.txt constraints/runtime.txt pyproject.toml | $(BIN)/python
	@$(PINNED) constraints/build.txt
	@$(PINNED) constraints/runtime.txt
	@$(EDITABLE)
	@touch $@

$(DEV_STAMP): constraints/build.txt constraints/dev.txt constraints/dev-no-deps.txt pyproject.toml | $(BIN)/python
	@$(PINNED) constraints/build.txt
	@$(PINNED) constraints/dev.txt
	@$(ALONE) constraints/dev-no-deps.txt
	@$(EDITABLE)
	@touch $@ $(RUNTIME_STAMP)
