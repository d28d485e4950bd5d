# `make` lists the commands. All begin with `make setup`, which needs nothing but Python and make.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
UV_VERSION := 0.13.9
BIN := .venv/bin
# Tests start many processes, and each would compile every module that it imports.
export PYTHONDONTWRITEBYTECODE :=
EXPORT = $(UV) export --locked --quiet --no-header --no-annotate --no-emit-workspace
OTHER_PYTHON ?= 3.13

.PHONY: help
help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- Try it

.PHONY: setup demo run sandbox
setup: .venv/.synced ## Create .venv from uv.lock.

.venv/.synced: pyproject.toml sandbox/pyproject.toml uv.lock
	@.ci/require "make setup" python
	@command -v $(UV) >/dev/null || { python3 -m venv .uv && .uv/bin/pip install --quiet uv==$(UV_VERSION); }
	$(UV) sync --locked --quiet --compile-bytecode
	@touch $@

demo: setup ## Create, break, repair and delete a trail on a sandbox: a minute.
	$(BIN)/python -m trail_sandbox.demo

sandbox: setup ## Start a Kubernetes and an AWS on this machine, and leave them running.
	$(BIN)/sandbox up
	@$(BIN)/python -m trail_sandbox.bucket
	@echo 'The sandbox is running. To use it:'
	@echo '  eval "$$($(BIN)/sandbox env)"'
	@echo '  helm install trail-operator charts/trail-operator --namespace trail-operator --create-namespace --wait'
	@echo '  kubectl apply -f examples/minimal.yaml; kubectl get ctrail -o wide --watch'
	@echo 'To stop it: $(BIN)/sandbox down'

run: setup ## Run the operator of this checkout on a sandbox, until Ctrl-C.
	@trap '$(BIN)/sandbox down --name run' EXIT; \
	$(BIN)/sandbox up --name run && eval "$$($(BIN)/sandbox env --name run)" && \
	kubectl apply --filename crds && $(BIN)/python -m trail_sandbox.bucket --name run && \
	echo 'The operator runs here until Ctrl-C, which also stops the sandbox. In another terminal:' && \
	echo '  eval "$$($(BIN)/sandbox env --name run)"' && \
	echo '  kubectl apply -f examples/minimal.yaml; kubectl get ctrail -o wide --watch' && \
	$(BIN)/trail-operator run --resync 30s

# -- Before a commit

.PHONY: test test-fast unit lint types statemachine integration
# Side by side; the output of each is printed as a whole when it has ended.
AT_ONCE = $(MAKE) --no-print-directory --jobs --output-sync=target

# Decided before the first test, because the tests would otherwise count their own load.
test-fast test: export TEST_PATIENCE := $(or $(TEST_PATIENCE),$(shell python3 tests/patience.py))
test-fast: setup ## Check style and types and run the unit tests: a minute. Run it before each commit.
	@$(AT_ONCE) lint types unit

test: test-fast ## Run all tests but those of the next section: seven minutes. WHOLE=1 leaves nothing to the seed.
	@echo 'The state machine and the integration tests run side by side: no output for about five minutes.'
	@$(AT_ONCE) statemachine integration

# Some wait for time limits: two workers on each processor leave none idle.
unit: setup ## Run the unit tests.
	$(BIN)/pytest tests/unit -q -n $$((2 * $$(nproc)))

lint: setup ## Check style, layers and generated requirements.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@{ $(EXPORT) --no-dev | cmp - image/requirements.txt && $(EXPORT) --only-group build | cmp - image/build-requirements.txt; } \
	  || { echo "image/*.txt differs from uv.lock: run make requirements"; false; }

types: setup ## Check types.
	$(BIN)/mypy

# A failure prints its seed: make statemachine SEED=1 repeats it. STEPS=1000000 searches longer.
# Of what differs little, and of the emulator's tests, one in eight by the seed of the run; a quarter of the steps. WHOLE=1: all.
# Virtual time can wait: beside the integration tests, whose time is real, it takes what they leave of the processors.
statemachine: setup ## Run the operator in random walks in virtual time: STEPS=, SEED=, WHOLE=1.
	STEPS=$(or $(STEPS),$(if $(WHOLE),10000,2500)) SEED=$(SEED) nice $(BIN)/pytest tests/statemachine -q $(if $(WHOLE),,--sample) \
	  -n logical --dist load --maxschedchunk 1 --ignore tests/statemachine/test_on_processes.py

# In random order; a run prints its seed. A free worker gets the next test or group: no worker has its own queue.
integration: setup ## Run the operator and the emulated AWS as processes on a sandbox: WHOLE=1.
	STEPS_ON_PROCESSES=$(if $(WHOLE),200,50) $(BIN)/pytest -q $(if $(WHOLE),,--sample) -n auto --dist loadscope \
	  tests/statemachine/test_on_processes.py tests/integration tests/sandbox tests/conformance

# -- More tests

.PHONY: other-python test-edges test-image test-gitops conformance require-image require-gitops
# uv searches PATH only; pyenv keeps its versions elsewhere.
other-python: setup ## Run the unit tests on a second Python: OTHER_PYTHON=3.13.
	@python="$$($(UV) python find --no-python-downloads $(OTHER_PYTHON) 2>/dev/null || \
	  compgen -G "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(OTHER_PYTHON).*/bin/python3" | head -n 1)"; \
	if [ -n "$$python" ]; then \
	  echo "the unit tests on $$($$python --version)"; \
	  $(UV) run --isolated --locked --quiet --python "$$python" pytest tests/unit -q -n logical -p no:cacheprovider; \
	else echo "Python $(OTHER_PYTHON) is not on this machine: the unit tests ran on one Python only"; fi

test-edges: setup ## Run the operator against garbled, slow and cut-off answers: at most 10 minutes.
	$(BIN)/pytest tests/edges -q -n 3 --dist worksteal

test-image: require-image setup ## Build the image and run the operator from it; needs root, buildah and debootstrap.
	$(BIN)/pytest tests/image -q -s

# The first run builds Argo CD from source in about 10 minutes.
test-gitops: require-gitops setup ## Manage Trails from git with a real Argo CD; needs redis-server and git.
	$(BIN)/pytest tests/gitops -q

require-image:
	@.ci/require "make test-image" root buildah debootstrap

require-gitops:
	@.ci/require "make test-gitops" redis-server git

# With AWS=1 it uses the credentials of the environment and names that begin with PREFIX; SPEND=1 adds what costs money.
conformance: setup ## Check the emulated AWS, or a real one: AWS=1 PREFIX=acme- [SPEND=1].
ifdef AWS
	$(BIN)/pytest tests/conformance -q --tb=short -rfE --endpoint aws --prefix "$(PREFIX)" $(if $(SPEND),--spend)
else
	$(BIN)/pytest tests/conformance -q -n auto --dist worksteal
	$(BIN)/pytest tests/conformance -q -n auto --dist worksteal --tb=no -rN --endpoint moto
endif

# -- Generated files

.PHONY: crds docs requirements golden site
crds: setup ## Write the CustomResourceDefinitions from the models.
	$(BIN)/trail-operator crds --output crds --output charts/trail-operator/files/crds

docs: setup ## Write the generated parts of the reference.
	$(BIN)/python -m docs.generate

# The image is built with pip alone, from these: the packages of uv.lock with their hashes.
requirements: setup ## Write the image's requirements from uv.lock.
	$(EXPORT) --no-dev > image/requirements.txt
	$(EXPORT) --only-group build > image/build-requirements.txt

golden: setup ## Write the expected output of the chart and of CLI help, after an intended change: review the diff.
	GOLDEN=write $(BIN)/pytest tests/unit/test_cli.py -q -k help
	GOLDEN=write $(BIN)/pytest tests/integration/test_chart_templates.py -q -k made

site: setup ## Build the documentation as a website into site/; a broken link fails.
	NO_MKDOCS_2_WARNING=1 $(UV) run --isolated --locked --quiet --only-group docs mkdocs build --strict --quiet

# -- Measurements

.PHONY: benchmarks benchmarks-latency benchmarks-scale benchmarks-drift benchmarks-takeover benchmarks-alarms soak
benchmarks: setup ## Print latency, AWS calls, CPU and memory: a minute.
	$(BIN)/python -m benchmarks

benchmarks-latency: setup ## Print apply to Ready, and the AWS calls for each trail made in a growing account: 4 minutes.
	$(BIN)/python -m benchmarks.latency

benchmarks-scale: setup ## Print what many accounts cost: half an hour. TRAILS=100 ACCOUNTS=20 measures one size.
	$(BIN)/python -m benchmarks.scale $(if $(TRAILS),--trails $(TRAILS)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

benchmarks-drift: setup ## Print how soon drift is corrected by events: 5 minutes. TRAILS=16 ACCOUNTS=2 TIMES=3 is a short run.
	$(BIN)/python -m benchmarks.drift $(if $(TRAILS),--trails $(TRAILS)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(TIMES),--times $(TIMES))

benchmarks-takeover: setup ## Print how soon a second replica takes over: 5 minutes.
	$(BIN)/python -m benchmarks.takeover

benchmarks-alarms: setup ## Print what the alarms of a TrailAlarmSet cost: 4 minutes.
	$(BIN)/python -m benchmarks.alarms

soak: setup ## Run the operator under random faults: half an hour. MINUTES=3 SEED=1 repeats a short run.
	$(BIN)/python -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: clean
clean: ## Remove the environments and caches of this checkout.
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
