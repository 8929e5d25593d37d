# Prerequisites: python3 (3.11 or later), pip and make. Each target installs its own dependencies.

PYTHON ?= python3
VENV ?= .venv
UV := $(or $(UV),$(shell command -v uv || echo .tools/bin/uv))
# May exceed the number of cores: most tests wait for a server or a process.
PYTEST_WORKERS ?= 6
TEST_SECONDS ?= 1500
ARGS ?=

PY := $(VENV)/bin/python
# The shell waits for the command, which stops by itself; its exit code 130 after Ctrl-C is no error for make.
UNTIL_CTRL_C := trap : INT;
PEERS := .peers
PARTICIPANTS := .participants
# Named after the Python version, so that a system upgrade creates a new environment instead of using a stale one.
INSTALLED := $(VENV)/.installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
COMPILE := $(UV) pip compile --universal --generate-hashes --no-header --no-emit-index-url \
	--python-version 3.11 --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up worker test bench bench-check bench-against chaos drill explore mutants participants check lint types schemas architecture format lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED)  ## Install all dependencies into .venv, from the hash-pinned lock files

demo: setup  ## Run orders to every outcome, on a Temporal server and a PostgreSQL started for the demo
	@$(UNTIL_CTRL_C) $(PY) starter.py demo $(ARGS) || [ $$? -eq 130 ]

up: setup  ## Run Temporal, PostgreSQL and a worker until Ctrl-C
	@$(UNTIL_CTRL_C) $(PY) starter.py up $(ARGS) || [ $$? -eq 130 ]

worker: setup  ## Run another worker until Ctrl-C
	@$(UNTIL_CTRL_C) $(PY) worker.py $(ARGS) || [ $$? -eq 130 ]

test: setup  ## Run all tests on a real Temporal server and a real PostgreSQL
	$(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder --session-timeout=$(TEST_SECONDS) $(ARGS)

bench: setup $(PEERS)/.installed  ## Compare with other systems side by side (half an hour; ARGS=--quick for a short run)
	$(PY) -m benchmarks.compare --json .data/bench.json --chart .data/chart.json $(ARGS)
	$(PEERS)/venv/bin/python -m benchmarks.peers.drawing .data/chart.json .data/chart.svg

bench-against: setup  ## Compare with an earlier commit, turn by turn (COMMIT=REVISION ARGS='--of ours --rounds 10')
	rm -rf .data/earlier
	git clone --quiet . .data/earlier
	git -C .data/earlier checkout --quiet $(or $(COMMIT),$(error COMMIT names the commit to compare with))
	cd .data/earlier && env -u MAKEFLAGS make setup
	$(PY) -m benchmarks.against .data/earlier $(ARGS)

bench-check: setup  ## Fail when orders have become slower, relative to a bare workflow in the same run
	$(PY) -m benchmarks.check $(ARGS)

chaos: setup  ## Run orders on processes that are killed, paused and disconnected; check the results (SECONDS=60 SEED=)
	$(PY) -m tests.faults.chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(ARGS)

drill: setup  ## Take the card provider away, and end the incident with the advised commands (ARGS='--seconds 600')
	$(PY) -m tests.faults.drill $(ARGS)

explore: setup  ## Run an order for each step × point × fault; check the results (ARGS='--quick', '--apart', '--case ID')
	$(PY) -m tests.faults.explore $(ARGS)

mutants: setup  ## Check that each seeded bug is found in a copy of the code (ARGS=NAME for one bug)
	$(PY) -m tests.faults.mutants $(ARGS)

participants: $(PARTICIPANTS)/payments-ts/.built  ## Install and build the payments participant in TypeScript (examples/payments-ts)

check: lint types schemas architecture  ## Run every check that needs no server

lint: setup  ## Check style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: setup  ## Check types, strictly
	$(PY) -m mypy

schemas: setup  ## Check the participants' schemas, the compose file, the Dockerfile, the workflows and the scripts
	$(PY) -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(PY) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/hadolint Dockerfile
	$(PY) -m docs.participants.generate --check
	bash -n .ci/run
	for script in deploy/*.sh; do sh -n "$$script" || exit 1; done

architecture: setup  ## Check the import rules and the packaging rules
	$(PY) -m pytest -q tests/architecture tests/test_packaging.py

format: setup  ## Fix style and formatting
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: $(UV)  ## Resolve the dependencies again (ARGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml $(ARGS) --output-file requirements.txt
	$(COMPILE) pyproject.toml --group embedded --group dev --constraint requirements.txt $(ARGS) \
		--output-file requirements-dev.txt
	$(COMPILE) --group bootstrap $(ARGS) --output-file requirements-uv.txt
	$(COMPILE) benchmarks/peers/requirements.in $(ARGS) --output-file benchmarks/peers/requirements.txt
	for folder in benchmarks/peers examples/payments-ts; do (cd $$folder && npm update --package-lock-only \
		--omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent) || exit 1; done

clean:  ## Remove all installed, built and stored files: .venv, .tools, .data, the benchmarks' peers, the participants and caches
	@for lock in $(wildcard .data/lease .data/*.lock); do \
		$(PYTHON) -c 'import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$$lock" 2>/dev/null \
		|| { echo 'clean: .data is in use; stop the processes that use it first' >&2; exit 1; }; done
	rm -rf $(VENV) .tools .data $(PEERS) $(PARTICIPANTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements-dev.txt | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "setup: Python 3.11 or later is needed, and $(PYTHON) is %d.%d; try make PYTHON=python3.13" % sys.version_info[:2])'
	$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip sync --quiet --python $(PY) --require-hashes requirements-dev.txt
	@rm -f $(VENV)/.installed-*
	@touch $@

# In a separate environment, so that the benchmarks' peers add no dependency to the project.
$(PEERS)/.installed: benchmarks/peers/requirements.txt benchmarks/peers/package-lock.json | $(INSTALLED)
	@command -v npm >/dev/null || { echo 'bench: npm is needed to install the Restate server' >&2; exit 1; }
	$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(PEERS)/venv
	$(UV) pip sync --quiet --python $(PEERS)/venv/bin/python --require-hashes benchmarks/peers/requirements.txt
	cp benchmarks/peers/package.json benchmarks/peers/package-lock.json $(PEERS)
	npm ci --prefix $(PEERS) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Built outside of the sources, whose folders the checks of style and language read.
$(PARTICIPANTS)/payments-ts/.built: $(PARTICIPANTS)/payments-ts/.installed $(wildcard examples/payments-ts/*.json examples/payments-ts/src/*)
	rm -rf $(@D)/src $(@D)/dist
	cp -R examples/payments-ts/src examples/payments-ts/tsconfig.json $(@D)
	npm run build --prefix $(@D) --silent
	@touch $@

$(PARTICIPANTS)/payments-ts/.installed: examples/payments-ts/package.json examples/payments-ts/package-lock.json
	@command -v npm >/dev/null || { echo 'participants: npm is needed, and Node.js 20.3 or later' >&2; exit 1; }
	@mkdir -p $(@D)
	cp $^ $(@D)
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# In a separate folder: this works without the venv module, and with an externally managed system Python.
.tools/bin/uv: requirements-uv.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo 'setup: $(PYTHON) has no pip; install pip, or uv' >&2; exit 1; }
	PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 $(PYTHON) -m pip install --quiet --disable-pip-version-check \
		--require-hashes --upgrade --target .tools --requirement requirements-uv.txt
	@touch $@
