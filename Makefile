# Targets for developers. `make` alone lists them.

PYTHON ?= python3
WORKERS ?= 4
AGENT_WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(VENV)/.native
RAY := $(VENV)/.ray
CLUSTERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-native test-hosts test-ray test-agents test-agents-all test-systemd test-systemd-vm test-container
.PHONY: check bench bench-ray bench-rivals chaos soak fuzz
.PHONY: generate vendor site pictures wheels test-installs deb rpm clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	    printf '  make %-15s %s\n' "$$name" "$$text"; done

venv: $(NATIVE) ## create the virtual environment with pinned dependencies (PYTHON=python3.12 selects the interpreter)

$(STAMP): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "luzia needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)." >&2; \
	    echo "Select another one: make PYTHON=python3.12 venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing luzia and its dependencies into $(VENV); this can take some minutes." >&2
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt \
	    --build-constraint .ci/constraints.txt --compile --editable '.[dev]'
	$(BIN)/python -m compileall -q luziad luzia_client protocol/luzia_protocol
	@touch $@

$(NATIVE): $(STAMP) $(wildcard luzia_client/native/*.[ch] luziad/supervise/native/*.[ch]) luzia_client/native/build_hook.py
	$(BIN)/python -m pip install --quiet --no-deps --build-constraint .ci/constraints.txt --editable .
	@touch $@

demo: $(STAMP) ## run five jobs on a private daemon and show them
	@$(BIN)/luzia demo

test: $(NATIVE) ## run the whole test suite
	$(BIN)/pytest -rs --numprocesses=auto --maxprocesses=$(WORKERS)

test-native: $(NATIVE) ## run the acceptance and integration tests through the native luzia
	LUZIA_TEST_PROGRAM=$(abspath $(BIN)/luzia) $(BIN)/pytest -rs --numprocesses=auto --maxprocesses=$(WORKERS) \
	    tests/acceptance tests/integration

test-hosts: $(STAMP) ## run the tests of other hosts, through a real sshd (part of `make test`)
	rm -rf build/wheel
	LUZIA_NATIVE=no $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	LUZIA_WHEEL=$$(echo $(CURDIR)/build/wheel/*.whl) $(BIN)/pytest -rs --numprocesses=$(WORKERS) \
	    --dist=worksteal tests/hosts

$(RAY): $(STAMP) .ci/constraints.txt
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt ray
	@touch $@

test-ray: $(RAY) ## run jobs on real clusters of Ray, in namespaces of their own (installs Ray once: 260 MB)
	$(BIN)/pytest -rs --dist=loadfile --tx='$(CLUSTERS)*popen//python=$(CURDIR)/tests/alone.sh $(CURDIR)/$(BIN)/python' \
	    tests/cluster tests/integration/test_unreachable_cluster.py

bench-ray: $(RAY) ## take the measurements of docs/scale.md, on a real cluster of Ray
	tests/alone.sh $(BIN)/python tests/bench/cluster.py

test-agents: $(STAMP) ## run real agents against a local model server (needs npm; installs them once)
	$(BIN)/pytest -rs --numprocesses=$(AGENT_WORKERS) tests/agents

test-agents-all: $(STAMP) ## the same, with vibe and gemini (needs Python 3.12; VIBE_PYTHON=python3.12 selects it)
	$(BIN)/pytest -rs --numprocesses=$(AGENT_WORKERS) tests/agents --agents=claude,codex,opencode,copilot,qwen,pi,vibe,gemini

test-systemd: $(STAMP) ## boot the units on a real systemd, of Debian 12 and 13 (needs root, mmdebstrap, systemd-container and rpm)
	PYTHONPATH=tests:. $(BIN)/python -m booted.run $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

test-systemd-vm: $(STAMP) ## boot virtual machines for the checks of limits, memory and logins (needs root, mmdebstrap and qemu)
	PYTHONPATH=tests:. $(BIN)/python -m booted.run --vm $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

test-container: $(STAMP) ## build the image of .ci/Containerfile with podman and run it (needs root, mmdebstrap and podman)
	PYTHONPATH=tests:. $(BIN)/python -m booted.image

deb: $(STAMP) ## build the Debian package for this interpreter's version, in dist (PYTHON_VERSION=3.13 selects another)
	$(BIN)/python -m luzia_packages.build deb $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

rpm: $(STAMP) ## build the RPM package in the same way (needs rpmbuild)
	$(BIN)/python -m luzia_packages.build rpm $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

check: $(STAMP) ## check formatting, lint, strict types, import directions, generated files and systemd units
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -rs tests/unit/house

bench: $(NATIVE) ## take the measurements of README and docs/comparison.md (WRITE=1 updates them)
	$(BIN)/python tests/bench/reading.py
	$(BIN)/python tests/bench/top.py
	$(BIN)/python tests/bench/web.py
	$(BIN)/python tests/bench/relays.py
	$(BIN)/python tests/bench/hosts.py
	$(BIN)/python tests/bench/native.py
	$(BIN)/python tests/bench/run.py $(if $(WRITE),--write)
	$(BIN)/python tests/bench/comparing.py $(if $(WRITE),--write)

bench-rivals: $(STAMP) ## take only the measurements of docs/comparison.md, beside the dispatchers that are installed
	$(BIN)/python tests/bench/comparing.py $(if $(WRITE),--write)

chaos: $(STAMP) ## kill processes at random, then attack as clients and jobs, and check every guarantee (SEED=1 repeats a run)
	PYTHONPATH=tests $(BIN)/python -m chaos.run --kills 1000 --seconds 270 $(if $(SEED),--seed $(SEED))
	PYTHONPATH=tests $(BIN)/python -m chaos.hostile --clients 60 --jobs 60 $(if $(SEED),--seed $(SEED))

soak: $(STAMP) ## run 10,000 jobs over 64 slots with cancels, restarts and slow readers, and check for growth
	PYTHONPATH=tests $(BIN)/python -m chaos.soak --jobs 10000 --slots 64

fuzz: $(STAMP) ## compare how the native luzia and Python read and write text and JSON, with a million inputs
	FUZZ_INPUTS=150000 $(BIN)/pytest -rs tests/unit/luzia_client/native

generate: $(STAMP) ## generate the schemas, the manual and parts of the documentation
	$(BIN)/python protocol/generate.py
	$(BIN)/python -m luzia_docs.generate
	$(BIN)/python -m luzia_docs.packages
	$(BIN)/python -m luzia_docs.manual
	$(BIN)/python -m luzia_docs.native_tables
	$(BIN)/python -m luzia_docs.config_schema
	PYTHONPATH=tests $(BIN)/python -m unit.house.imports

vendor: ## make the libraries of the web page again from their npm packages (needs npm; they are checked in)
	.ci/vendor/run

site: $(STAMP) ## build the documentation as a web site, in build/site
	@$(BIN)/python -m luzia_docs.site.build

pictures: $(STAMP) ## update docs/pictures and docs/screens (NAMES="jobs top" selects some of docs/pictures)
	$(BIN)/python -m luzia_docs.site.pictures $(NAMES)
	$(if $(NAMES),,$(BIN)/python -m luzia_docs.site.screens)

wheels: $(STAMP) ## build a wheel for every Linux of this architecture, and one without native parts, in dist
	LUZIA_NATIVE=static $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	LUZIA_NATIVE=no $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist

test-installs: wheels ## install both wheels with pip, pipx and uv, and dispatch a job with each
	PYTHONPATH=tests $(BIN)/python tests/bench/installs.py

clean: ## delete the virtual environment and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
