# Two commands need nothing but Python and make: `make demo` and `make test`. Both begin with `make setup`.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
UV_VERSION := 0.13.9
BIN := .venv/bin
# The tests start many processes: each would compile every module it imports.
export PYTHONDONTWRITEBYTECODE :=
EXPORT = $(UV) export --locked --quiet --no-header --no-annotate --no-emit-workspace
# A second Python that the unit tests also run on, where the machine has it.
OTHER_PYTHON ?= 3.13

.PHONY: setup test test-fast unit lint types integration other-python statemachine conformance demo sandbox requirements test-image test-gitops test-edges benchmarks benchmarks-scale benchmarks-takeover soak crds docs site golden clean

setup: .venv/.synced

.venv/.synced: pyproject.toml sandbox/pyproject.toml uv.lock
	@command -v $(UV) >/dev/null || { python3 -m venv .uv && .uv/bin/pip install --quiet uv==$(UV_VERSION); }
	$(UV) sync --locked --quiet --compile-bytecode
	@touch $@

# Decided before the first test: the tests would take their own load for that of others.
test: export TEST_PATIENCE := $(or $(TEST_PATIENCE),$(shell python3 tests/patience.py))
# README's test command. CI also runs the unit tests on a second Python, and what needs programs of the system: .ci/run
test: test-fast statemachine integration

# What to run before each commit: about a minute.
test-fast: lint types unit

unit: setup
	$(BIN)/pytest tests/unit -q -n logical

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@{ $(EXPORT) --no-dev | cmp - image/requirements.txt && $(EXPORT) --only-group build | cmp - image/build-requirements.txt; } \
	  || { echo "image/ does not say what uv.lock says: run make requirements"; false; }

types: setup
	$(BIN)/mypy

# uv looks on PATH only; pyenv keeps its versions beside it.
other-python: setup
	@python="$$($(UV) python find --no-python-downloads $(OTHER_PYTHON) 2>/dev/null || \
	  compgen -G "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(OTHER_PYTHON).*/bin/python3" | head -n 1)"; \
	if [ -n "$$python" ]; then \
	  echo "the unit tests on $$($$python --version)"; \
	  $(UV) run --isolated --locked --quiet --python "$$python" pytest tests/unit -q -n logical -p no:cacheprovider; \
	else echo "Python $(OTHER_PYTHON) is not on this machine: the unit tests ran on one Python only"; fi

# What is found has a seed: make statemachine SEED=1 does the same again. STEPS=1000000 looks longer.
statemachine: setup
	STEPS=$(or $(STEPS),10000) SEED=$(SEED) $(BIN)/pytest tests/statemachine -q -n logical --dist load --maxschedchunk 1 --ignore tests/statemachine/test_on_processes.py

# In random order; a run prints its seed. A free worker gets the next test or group, so none has a queue of its own.
integration: setup
	$(BIN)/pytest tests/statemachine/test_on_processes.py tests/integration tests/sandbox tests/conformance -q \
	  -n auto --dist loadscope

# Builds the image and runs the operator from it; as root, with buildah and debootstrap, which Debian has.
test-image: setup
	$(BIN)/pytest tests/image -q -s

# After an intended change of the chart or of the CLI help; review the difference.
golden: setup
	GOLDEN=write $(BIN)/pytest tests/unit/test_cli.py -q -k help
	GOLDEN=write $(BIN)/pytest tests/integration/test_chart_templates.py -q -k made

# A real Argo CD; the first time it is built from source, which takes about ten minutes. Needs redis-server and git.
test-gitops: setup
	$(BIN)/pytest tests/gitops -q

# The operator's processes under answers and objects that should not be; ten minutes on two cores at most.
test-edges: setup
	$(BIN)/pytest tests/edges -q -n 3 --dist worksteal

# AWS=1 PREFIX=acme- checks a real account, with the credentials of the environment; SPEND=1 also what costs money.
conformance: setup
ifdef AWS
	$(BIN)/pytest tests/conformance -q --tb=short -rfE --endpoint aws --prefix "$(PREFIX)" $(if $(SPEND),--spend)
else
	$(BIN)/pytest tests/conformance -q -n auto --dist worksteal
	$(BIN)/pytest tests/conformance -q -n auto --dist worksteal --tb=no -rN --endpoint moto
endif

# The image is built with pip alone, from these: what uv.lock says, with its hashes.
requirements: setup
	$(EXPORT) --no-dev > image/requirements.txt
	$(EXPORT) --only-group build > image/build-requirements.txt

demo: setup
	$(BIN)/python -m trail_sandbox.demo

sandbox: setup
	$(BIN)/sandbox up
	@echo 'The sandbox is up. To play:'
	@echo '  eval "$$($(BIN)/sandbox env)"'
	@echo '  helm install trail-operator charts/trail-operator --namespace trail-operator --create-namespace --wait'
	@echo '  kubectl apply -f examples/minimal.yaml; kubectl get ctrail -o wide --watch'
	@echo 'and to end it: $(BIN)/sandbox down'

benchmarks: setup
	$(BIN)/python -m benchmarks

# Half an hour: TRAILS=100 ACCOUNTS=20 measures one size only.
benchmarks-scale: setup
	$(BIN)/python -m benchmarks.scale $(if $(TRAILS),--trails $(TRAILS)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

# Five minutes.
benchmarks-takeover: setup
	$(BIN)/python -m benchmarks.takeover

# Half an hour; a seed does the same faults and changes again: make soak MINUTES=3 SEED=1.
soak: setup
	$(BIN)/python -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

crds: setup
	$(BIN)/trail-operator crds --output crds --output charts/trail-operator/files/crds

docs: setup
	$(BIN)/python -m docs.generate

# The documentation as a website, into site/; a broken link or anchor fails.
site: setup
	NO_MKDOCS_2_WARNING=1 $(UV) run --isolated --locked --quiet --only-group docs mkdocs build --strict --quiet

clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
