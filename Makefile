# Every target makes .venv when it is missing or older than the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.installed
STAMP := $(VENV)/.package

.PHONY: demo calibrate test lint format properties mutants swarm chaos bench profile microbench loadtest lock proto clean
.DEFAULT_GOAL := test

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "turnout needs Python 3.11 or newer; got $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(LOCKED)

# pyproject.toml names the command and the pytest plugin, which an installation writes down.
$(STAMP): $(LOCKED) pyproject.toml
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(STAMP)

demo: $(STAMP)  ## the article's blue/green rollout on real processes, under load
	$(BIN)/turnout demo

calibrate: $(STAMP)  ## the demo's latencies beside those that the simulator predicts for its load
	$(BIN)/turnout demo --record .calibration
	$(BIN)/turnout simulate .calibration/scenario.yml

test: $(STAMP)  ## every test
	$(BIN)/pytest -n 2 --dist worksteal

properties: $(STAMP)  ## the hypothesis properties and the API's, deep
	HYPOTHESIS_PROFILE=deep SCHEMATHESIS_EXAMPLES=500 $(BIN)/pytest --timeout 3600 \
		tests/properties tests/core tests/control_plane/test_openapi.py

mutants: $(STAMP)  ## plant bugs, one by one, and see each caught
	$(BIN)/python -m tests.mutants $(ARGS)

swarm: $(STAMP)  ## random worlds in the simulator for half an hour, until an invariant breaks
	$(BIN)/turnout simulate --minutes 30 --seed $(or $(SEED),1)

chaos: $(STAMP)  ## kill, stop and restart everything under load for ten minutes, and lose nothing
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

loadtest: $(STAMP)  ## a rollout under locust's load for a minute, with its HTML report
	@mkdir -p loadtests/results
	$(BIN)/python -m loadtests --duration-s 60 --html loadtests/results/report.html

bench: $(STAMP)  ## beside nginx, Envoy, HAProxy, Traefik and other model servers: half an hour
	$(BIN)/python -m loadtests.bench $(ARGS)

profile: $(STAMP)  ## where a request's time goes in the worker, by Linux's perf
	$(BIN)/python -m loadtests.bench.profile $(ARGS)

microbench: $(STAMP)  ## what the core costs, in nanoseconds
	$(BIN)/pytest --benchmark-enable --benchmark-only --benchmark-columns=min,mean,stddev,rounds \
	  --benchmark-group-by=func tests/benchmarks

lint: $(STAMP)  ## ruff (lint and format) and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## what `make lint` would ask for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: $(STAMP)  ## regenerate the stubs in proto/turnout/scoring/v1
	$(BIN)/python proto/generate.py proto

lock: $(STAMP)  ## pin every dependency anew, with hashes and without index addresses
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
	  --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
