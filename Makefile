# erpgraph. Needs Python 3.11 or newer (with venv) and make; everything else comes from the lock files.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -qq --no-input
LOCK := $(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --quiet --extra embedded --extra build --extra traces pyproject.toml
MODULES := app core db execution loaders migrations resolvers schema services tests

.DEFAULT_GOAL := help
.PHONY: help serve reset test test-quick test-slow check lint fmt schema explorer test-explorer test-storefront test-clients bench bench-grown bench-aggregates bench-write bench-flood bench-live bench-crowds chaos siege fuzz bench-import lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

serve: $(VENV)/runtime ## Serve the graph on 127.0.0.1:8000 (PORT=…), with PostgreSQL and demo data of its own
	@$(VENV)/bin/erpgraph serve $(if $(PORT),--port $(PORT))

reset: $(VENV)/runtime ## Delete the data of 'make serve', once you say so (YES=1: without asking)
	@$(VENV)/bin/erpgraph db reset $(if $(YES),--yes)

test: $(VENV)/dev ## Run every test but the slow ones, on two processes (ERPGRAPH_DATABASE_URL=… for a server of your own)
	@$(PY) -m pytest -n 2 --dist loadfile -m "not slow" --ignore=tests/storefront $(ARGS)

test-slow: $(VENV)/dev ## The slow tests: that tests find faults which are planted, and the longest accidents
	@$(PY) -m pytest -n 2 --dist loadfile -m slow --ignore=tests/storefront $(ARGS)

QUICK := core architecture loaders resolvers docs schema/test_written_once.py schema/test_modules.py schema/test_contract.py \
	schema/test_one_of.py execution/test_executor.py execution/test_guard.py app/test_requests.py app/test_http_protocol.py

test-quick: $(VENV)/dev ## The tests that take a minute (for another Python: PYTHON=python3.13 VENV=.venv-3.13)
	@$(PY) -m pytest -n 2 --dist loadfile $(addprefix tests/,$(QUICK)) $(ARGS)

check: lint ## Lint, types, import contracts, dependencies, schema and migrations in step with the code
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) -m deptry .
	@$(VENV)/bin/erpgraph schema print | diff -u schema.graphql - \
		|| { echo "schema.graphql is out of step: run 'make schema' and look at the difference"; exit 1; }
	@$(PY) -m tests.clients.breaking
	@$(PY) -m pytest -q tests/db/test_migrate.py

lint: $(VENV)/dev ## Ruff: rules and format
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

fmt: $(VENV)/dev ## Format, and mend what ruff can mend
	@$(PY) -m ruff check --fix-only
	@$(PY) -m ruff format

schema: $(VENV)/dev ## Write schema.graphql anew
	@$(VENV)/bin/erpgraph schema print > schema.graphql.new && mv schema.graphql.new schema.graphql

explorer: ## Build the explorer's page anew, from explorer/ (needs Node and npm)
	@cd explorer && npm install --no-save --no-audit --no-fund --silent && npm run --silent build

test-explorer: $(VENV)/dev ## The explorer in headless Chromium (ERPGRAPH_SCREENSHOTS=… keeps the pictures)
	@$(PY) -m pytest -q tests/explorer $(ARGS)

test-storefront: $(VENV)/dev ## examples/storefront in headless Chromium (needs Node and npm; ERPGRAPH_SCREENSHOTS=…)
	@$(PY) -m pytest -q -o faulthandler_timeout=240 tests/storefront $(ARGS)

test-clients: $(VENV)/dev ## Real clients against a running server, and generated requests (needs Node 20 and npm)
	@ERPGRAPH_CLIENTS=1 $(PY) -m pytest -q -o faulthandler_timeout=0 tests/clients $(ARGS)

bench: $(VENV)/dev ## Reading against hand-written SQL; fails past its bounds (ARGS=--short, ARGS="--size large")
	@$(PY) -m tests.bench.bench_read $(ARGS)

bench-grown: $(VENV)/dev ## What ten times the rows in the tables cost; fails past its bound (loads the large demo: 4 GB, minutes)
	@$(PY) -m tests.bench.bench_grown $(ARGS)

bench-aggregates: $(VENV)/dev ## Sums and groups against the same SQL by hand; fails past its bounds (ARGS=--short, ARGS="--size large")
	@$(PY) -m tests.bench.bench_aggregates $(ARGS)

bench-write: $(VENV)/dev ## Orders per second against the same rows written by hand; fails past its bounds (ARGS=--short)
	@$(PY) -m tests.bench.bench_write $(ARGS)

bench-flood: $(VENV)/dev ## Whether others feel what one tenant's keys send; fails past its bounds (ARGS=--short, ARGS="3a 6a")
	@$(PY) -m tests.bench.bench_flood $(ARGS)

bench-live: $(VENV)/dev ## Subscribers: how soon they are told, and what ten thousand take; the relay; fails past its bounds (ARGS=--short)
	@$(PY) -m tests.bench.bench_live $(ARGS)
	@$(PY) -m tests.bench.bench_relay $(filter --short,$(ARGS))

bench-crowds: $(VENV)/dev ## Ten thousand that connect and go, begin and don't go on, or read nothing; fails past its bounds (ARGS=--short, ARGS="--only half --clients 2000")
	@$(PY) -m tests.bench.bench_crowds $(ARGS)

chaos: $(VENV)/dev ## Faults in the middle of a load: kills, cuts, hangs (RUNS=200 SEED=1)
	@$(PY) -m tests.chaos.run --runs $(or $(RUNS),200) --seed $(or $(SEED),1)

siege: $(VENV)/dev ## Look for requests that cost more than they pay, on a server with a gigabyte (N=20000 SEED=1 ARGS=--keep)
	@$(PY) -m tests.siege.run --number $(or $(N),2000) --seed $(or $(SEED),1) $(ARGS)

fuzz: $(VENV)/dev ## Compare the executors on N generated queries, draw N histories of stock, damage FILES files to import, kill KILLS imports, and draw SUMS histories of sums that are kept, others each time (N=1000 FILES=10000 KILLS=50 SUMS=200)
	@ERPGRAPH_FUZZ=$(or $(N),1000) $(PY) -m pytest -q -o faulthandler_timeout=0 tests/execution/test_fuzz_*.py tests/services/stock/test_stock_machine.py
	@ERPGRAPH_FUZZ_FILES=$(or $(FILES),10000) ERPGRAPH_FUZZ_KILLS=$(or $(KILLS),50) ERPGRAPH_FUZZ_SEED=$$(date +%s)00000 $(PY) -m pytest -q -n 0 -o faulthandler_timeout=0 tests/services/test_import_promise.py tests/services/test_import_kills.py
	@ERPGRAPH_FUZZ_ROLLUPS=$(or $(SUMS),200) ERPGRAPH_FUZZ_SEED=$$(date +%s)000 $(PY) -m pytest -q -n 0 -o faulthandler_timeout=0 tests/schema/writing/test_rollups.py -k whatever

bench-import: $(VENV)/dev ## Import against a bare COPY of the same rows, and its memory; fails past its bounds
	@$(PY) -m tests.bench.bench_import $(ARGS)

lock: $(VENV)/dev ## Bring the lock files in step with pyproject.toml (ARGS=--upgrade: to the newest versions)
	@$(LOCK) $(ARGS) --output-file requirements.lock
	@$(LOCK) $(ARGS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove the environment and the caches; data stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	@find $(MODULES) -name __pycache__ -prune -exec rm -rf {} +

# What serves, and what tests and checks besides. Each is installed when its lock file changes.
$(VENV)/runtime: requirements.lock pyproject.toml | $(PY)
	@echo "Installing (about 20 seconds the first time)"
	@$(PIP) --require-hashes --no-deps --requirement $<
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml | $(PY)
	@echo "Installing (about 30 seconds the first time)"
	@$(PIP) --require-hashes --no-deps --requirement $<
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/runtime

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "erpgraph needs Python 3.11 or newer. Name one: make PYTHON=python3.13 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) has no venv; on Debian: apt-get install python3-venv"; exit 1; }
