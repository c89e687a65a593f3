# Everything here sets itself up: a Python 3.11 or newer, git and make are enough.
# PYTHON=/path/to/python makes a new .venv with that; ARGS='…' goes to pytest or the benchmark.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: .dev help demo test lint lint-format lint-code lint-imports types check bench format clean

bin := .venv/bin
export PYTHON

# In CI a test that is skipped is a test that was not run, and fails. The plugin's folder alone
# goes on the path: with the root there, `schemas` would shadow `cxrcat.schemas`.
ifeq ($(CI),true)
pytest := PYTHONPATH=tests/plugins $(bin)/python -m pytest -p no_skips
else
pytest := $(bin)/python -m pytest
endif

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## set up, and export the subset pneumothorax into ./pneumothorax
	@scripts/venv run
	$(bin)/cxrcat export --subset pneumothorax --force

# A file's tests stay together, and with them the servers that they start; the slow ones come first.
test: ## set up, and run the tests on all cores
	@scripts/venv test
	@scripts/test-tools
	@$(pytest) -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: lint-format lint-code lint-imports ## check the format, the code and the direction of imports

lint-format lint-code lint-imports types: .dev

.dev:
	@scripts/venv dev

lint-format:
	$(bin)/ruff format --check .

lint-code:
	$(bin)/ruff check .

lint-imports:
	$(bin)/lint-imports --no-logo

# mypy cannot follow the mapping of folders to packages; a link shows it the same tree.
types: ## check the types
	@mkdir -p .types && ln -sfn .. .types/cxrcat
	MYPYPATH=.types $(bin)/mypy -p cxrcat.schemas -p cxrcat.catalog -p cxrcat.cli

check: ## run all that CI runs
	@bash .ci/run

bench: ## time the commands that people wait for
	@scripts/venv bench
	$(bin)/python benchmarks/run.py $(ARGS)

format: ## bring the code into its format
	@scripts/venv dev
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

clean: ## remove what these targets made, except exports and the catalog
	rm -rf .venv .venvs .types build dist cxrcat.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find catalog cli schemas scripts tests -name __pycache__ -prune -exec rm -rf {} +
