.DEFAULT_GOAL := help
PYTHON ?= python3

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/installed: requirements-dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

setup: .venv/installed  ## the environment with the locked requirements

test: .venv/installed  ## the whole suite
	.venv/bin/python -m pytest -q

.PHONY: help setup test
