# whendue. `make` lists what there is to do.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .local/venv
PY := $(VENV)/bin/python
READY := $(VENV)/ready
# The first of these that is 3.11 or newer.
BASE_PYTHON := $(shell for p in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)

export EMULATOR TENANT SCOPES SUBJECT FOLLOW SEED EXAMPLES URL TOKEN SCENARIO DURATION USERS ALLOW_REMOTE TARGET FRESH QUICK QUICK_S \
	TRIALS KILLS MINUTES JOBS PROCESSES THREADS SYSTEMS CONDITIONS PUBLISH
export PYTHONPATH := layers/core/python:.

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

# --- running it ---------------------------------------------------------------------------------

.PHONY: run up down status url environment token link logs demo
run: $(READY)  ## set up, start everything, show real jobs running, stop everything
	@$(PY) -m localstack run
up: $(READY)  ## start the stack and keep it (EMULATOR=ministack or localstack)
	@$(PY) -m localstack up
down: $(READY)  ## stop the stack
	@$(PY) -m localstack down
status: $(READY)  ## say whether the stack is up
	@$(PY) -m localstack status
url: $(READY)  ## print the API's address
	@$(PY) -m localstack url
environment: $(READY)  ## print what a worker process beside the stack needs: eval "$(make -s environment)"
	@$(PY) -m localstack environment
token: $(READY)  ## print a development token (TENANT=demo SCOPES="jobs:read jobs:write" SUBJECT=ada)
	@$(PY) -m localstack token
link: $(READY)  ## print a one-time link to the dashboard (TENANT=demo SCOPES="jobs:read")
	@$(PY) -m localstack link
logs: $(READY)  ## follow what the functions print (FOLLOW=0 just prints it)
	@$(PY) -m localstack logs
demo: $(READY)  ## demonstrate the running stack
	@$(PY) -m localstack demo

# --- checking it --------------------------------------------------------------------------------

.PHONY: test thorough e2e e2e-containers e2e-rest e2e-localstack sim sim-long mutants fuzz load load-smoke growth bench bench-smoke lint types format workflows openapi clients dashboard-check terraform checkov check
test: $(READY)  ## set up and run all the fast tests
	nice $(PY) -m pytest -n 2 --ignore tests/e2e -m "not thorough"
thorough: $(READY)  ## what make test leaves out: every exception at every stage (EXCEPTIONS=3: one of 3), and slow tests
	$(if $(EXCEPTIONS),WHENDUE_ONE_EXCEPTION_OF=$(EXCEPTIONS),WHENDUE_EVERY_CASE=1) nice $(PY) -m pytest -q -n 2 tests/functional -k bulkheads
	WHENDUE_EVERY_CASE=1 nice $(PY) -m pytest -q -n 2 --ignore tests/e2e -m "thorough or sampled"
e2e: $(READY)  ## the whole stack over HTTP on the embedded emulator
	$(PY) -m pytest tests/e2e
e2e-containers: $(READY)  ## the core of it with workers and timer as processes (WHENDUE_E2E_HOME=container make e2e: all of it)
	WHENDUE_E2E_HOME=container $(PY) -m pytest tests/e2e/test_{containers,expiry,history,jobs,killers,metrics,operations,own_queues,schedules,search,timer,unique}.py
e2e-rest: $(READY)  ## the core of it behind a REST API
	WHENDUE_E2E_API=rest $(PY) -m pytest tests/e2e/test_jobs.py tests/e2e/test_dashboard.py -k "not browser"
e2e-localstack: $(READY)  ## contract, deploy, demonstration and core on LocalStack's own runtime (Python 3.13, Java, npm)
	@$(PY) -m tests.localstack_host
sim: $(READY)  ## every single fault, pairs of faults, random worlds (WORLDS=100000; SEED=17 replays one)
	@nice $(PY) -m tests.simulation $(if $(WORLDS),--worlds $(WORLDS)) $(if $(FAULTS),--one-of $(FAULTS))
sim-long: $(READY)  ## every pair of faults, ten million random worlds: a day
	@$(PY) -m tests.simulation --all-pairs --worlds 10000000
mutants: $(READY)  ## take every guard away in turn: a test or the simulator must notice (ONLY=transitions FRESH=1)
	@$(PY) -m tests.simulation.mutation_gate $(ONLY)
fuzz: $(READY)  ## the API over HTTP from its own description, thousands of odd requests (SEED=1 EXAMPLES=10)
	@nice $(PY) -m tests.fuzz
load: $(READY)  ## put load on the stack that is up (SCENARIO=steady DURATION=30 USERS=5; docs/operations/load.md)
	@$(PY) -m tests.load
load-smoke: $(READY)  ## the short form of it, on a stack that it starts and stops itself
	@$(PY) -m tests.load smoke
bench: $(READY)  ## whendue beside Celery, dramatiq and bare calls: hours (TRIALS=1 JOBS=200 SYSTEMS="whendue celery": minutes)
	@$(PY) -m tests.load.bench
growth: $(READY)  ## calls and read units of lists and timer at 1,000, 10,000 and 100,000 jobs, compared with their laws
	@nice $(PY) -m tests.growth
bench-smoke: $(READY)  ## the harness of it, with the floors and few jobs
	@TRIALS=1 JOBS=200 KILLS=1 PROCESSES=1 SYSTEMS="floor-batched floor-single" $(PY) -m tests.load.bench
lint: $(READY)  ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
types: $(READY)  ## mypy --strict
	nice $(PY) -m mypy
format: $(READY)  ## let ruff format and fix
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
workflows: $(READY)  ## lint .github
	@$(PY) -m localstack.venvs workflows
	.local/workflows-venv/bin/jactionlint --strict-exit
	.local/workflows-venv/bin/zizmor --offline --persona pedantic --quiet .github
openapi: $(READY)  ## lint the OpenAPI document with Redocly and Spectral: no warning is left (needs npm)
	@$(PY) -m scripts.lint_openapi
clients: $(READY)  ## test the TypeScript client; generate a Python and a TypeScript client, and submit a job with each (needs npm)
	@nice $(PY) -m tests.clients
dashboard-check: $(READY)  ## types and tests of the dashboard, and that what is committed is built from it (needs npm)
	@nice $(PY) -m tests.dashboard
terraform:  ## infra/terraform: format, validation, tests (needs terraform and its AWS provider)
	terraform -chdir=infra/terraform fmt -check -recursive
	terraform -chdir=infra/terraform init -backend=false -input=false
	terraform -chdir=infra/terraform validate
	terraform -chdir=infra/terraform test
checkov: $(READY)  ## static checks of infra/terraform; each skip has its reason beside it
	@$(PY) -m localstack.venvs checkov
	@nice .local/checkov-venv/bin/checkov -d infra/terraform --framework terraform --compact --quiet --skip-download
# The suites that mostly wait come first: with MAKEFLAGS=-j3 the others run beside them, and give way (nice).
check: e2e e2e-containers test e2e-localstack thorough e2e-rest lint types workflows openapi clients dashboard-check checkov fuzz sim load-smoke  ## everything that CI runs

# --- housekeeping -------------------------------------------------------------------------------

COMPILE = $(PY) -m piptools compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--strip-extras --allow-unsafe --no-header

.PHONY: build dashboard package lock docs clean
build: $(READY)  ## build layers and function zips into .local/build (TARGET=lambda, container or local)
	@$(PY) -m localstack build
dashboard: $(READY)  ## build the dashboard into functions/api/dashboard/static, which is committed (needs npm)
	@$(PY) -m scripts.build_dashboard
package: $(READY)  ## build the Python package into .local/dist
	@rm -rf .local/dist
	@echo "Building the source distribution and the wheel (.local/package.log)..."
	@$(PY) -m build --no-isolation --outdir .local/dist >.local/package.log 2>&1 || { cat .local/package.log >&2; exit 1; }
	@ls .local/dist/*
lock: $(READY)  ## renew the locked requirements (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(UPGRADE) -o requirements/emulator.txt requirements/emulator.in
	# LocalStack's runtime runs on Python 3.13 alone.
	[ -x .local/lock-venv/bin/python ] || $(or $(PYTHON313),python3.13) -m venv .local/lock-venv
	.local/lock-venv/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(COMPILE:$(PY)=.local/lock-venv/bin/python) $(UPGRADE) -o requirements/localstack.txt requirements/localstack.in
	$(COMPILE) $(UPGRADE) -o requirements/checkov.txt requirements/checkov.in
	$(COMPILE) $(UPGRADE) -o requirements/layer.txt requirements/layer.in
	$(COMPILE) $(UPGRADE) -o requirements/image.txt requirements/image.in
	$(COMPILE) $(UPGRADE) -o requirements/containers.txt requirements/containers.in
	$(COMPILE) $(UPGRADE) -o requirements/fuzz.txt requirements/fuzz.in
	$(COMPILE) $(UPGRADE) -o requirements/clients.txt requirements/clients.in
	for folder in api clients/typescript dashboard; do \
	  (cd $$folder && npm $(if $(UPGRADE),update,install) --package-lock-only --ignore-scripts --silent); done
	$(COMPILE) $(UPGRADE) -o requirements/load.txt requirements/load.in
	$(COMPILE) $(UPGRADE) -o requirements/bench.txt requirements/bench.in
	$(COMPILE) $(UPGRADE) -o requirements/workflows.txt requirements/workflows.in
	$(COMPILE) $(UPGRADE) --extra api --extra cli --extra contributing --extra dev --extra local --extra otel --extra server --extra worker -c requirements/layer.txt \
		-o requirements/dev.txt pyproject.toml
docs: $(READY)  ## write the generated parts of the docs, and api/openapi.json
	$(PY) -m scripts.generate_docs
clean:  ## forget everything that was made here
	[ ! -x $(PY) ] || $(PY) -m localstack down || true
	rm -rf .local .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): requirements/dev.txt
	@[ -n "$(BASE_PYTHON)" ] || { echo "whendue needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(BASE_PYTHON) (once)..." >&2
	@rm -rf $(VENV)
	@$(BASE_PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt >&2
	@touch $(READY)
