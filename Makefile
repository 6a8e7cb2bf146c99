.DEFAULT_GOAL := help
.PHONY: help setup run test crash simulate lint types bench screenshots

# The first Python that is new enough; PYTHON=... picks another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PORT ?= 8000
# More than the two cores the times are told for: browsers and live processes are mostly waited for.
WORKERS ?= 3
# Two checkouts on two ports keep their sandboxes apart: 8000 has 12111.
SANDBOX_PORT ?= $(shell expr $(PORT) + 4111)
PRODUCT := portal accounts repayments $(wildcard benchmarks)
TEMPLATES = $(shell git ls-files 'templates/*.html' 'stripe_sandbox/templates/*.html')
BIN := .venv/bin
# For the processes that honcho starts.
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.venv/installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@echo "Installing the locked requirements into .venv; this takes a minute or two."
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: .venv/installed  ## make .venv with the locked requirements; the other targets do it by themselves

run: export DEBUG := 1
run: export SITE_URL := http://127.0.0.1:$(PORT)
run: export WEB_ADDRESS := 127.0.0.1:$(PORT)
run: export STRIPE_API_BASE := http://127.0.0.1:$(SANDBOX_PORT)
run: export SANDBOX_PORT := $(SANDBOX_PORT)
run: .venv/installed  ## serve the demo on 127.0.0.1:8000 (PORT=...): web, worker, beat and sandbox; Ctrl-C stops all
	@$(BIN)/python manage.py prepare_demo
	@exec $(BIN)/honcho --env /dev/null start

test: .venv/installed  ## run the whole suite: on SQLite, and on PostgreSQL and Redis with TEST_DATABASE_URL and TEST_REDIS_URL
	env -u DATABASE_URL $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup
ifdef TEST_DATABASE_URL
	DATABASE_URL="$(TEST_DATABASE_URL)" $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup \
		--database-only -m "not browser"
endif

simulate: .venv/installed  ## play seeds of the simulator of money (SEEDS=20000, FIRST=1); DATABASE_URL chooses the engine
	$(BIN)/python -m tests.simulation.run --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1)

crash: .venv/installed  ## kill workers while they seal contracts (ROUNDS=100); DATABASE_URL chooses the engine
	DEBUG=0 SECRET_KEY=crash-only $(BIN)/python -m tests.contracts.crash --rounds $(or $(ROUNDS),100)

lint: .venv/installed  ## check form, layers and security: ruff, djade, typos, import-linter, bandit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	$(BIN)/typos
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PRODUCT) stripe_sandbox

types: .venv/installed  ## check the types with mypy: the product and its tests, then the sandbox
	DEBUG=1 $(BIN)/mypy $(PRODUCT) tests
	$(BIN)/mypy --config-file stripe_sandbox/mypy.ini stripe_sandbox

bench: export DEBUG := 0
bench: .venv/installed  ## measure the close of a day against hand-written SQL, and the import; DATABASE_URL chooses the engine
	SECRET_KEY=benchmarks-only $(BIN)/python -m benchmarks.table

screenshots: .venv/installed  ## take the pictures in docs/screenshots anew; needs Chromium
	$(BIN)/python -m tests.screenshots.take
