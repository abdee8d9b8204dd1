# The working day: make setup, make check, make test, make demo. Needs Python 3.11 or newer with pip, and make.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# The stamp carries the tree's own path: an environment that was copied or moved with the tree is made anew.
STAMP := $(VENV)/.setup-$(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
# What is built carries the time of the commit, and no other.
IN_TWO = $(BIN)/python -m pytest -p tests.suite.processes --processes 2
EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || echo 1580601600))
DEMO_ARGS ?=
BUNDLE_KEY ?=
BUNDLE_ARGS ?=
IMAGE_BASE ?=
VERSION ?=
RELEASE_ARGS ?=
BENCH_ARGS ?=
TEST_ARGS ?=
NIGHTLY_ARGS ?=
FUZZ ?=
FUZZ_SECONDS ?= 60
KILLS ?= 2000
ASKERS ?= 64
RATE ?= 500
FAULTS ?= 0
MUTANTS ?=
ENTRIES ?= 1000000
MINUTES ?= 60
SEARCHES ?= 5000
SOAK_ARGS ?=
GMS_ARGS ?=
URL ?=
REF ?=
OSV ?=
FOLDER ?= tmp/screenshots

# Each test, demo and bench starts many processes: none of them compiles again what one has compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: house advisories assets audit-scale browser generated gms help setup words demo test quick check bench bench-against build bundle image image-test release proto proto-check reproduce image-tools screenshots docs lock policy-mutants mutants fuzz timing rolling sbom soak torture rotation versions machines restarts faults scale finding history nightly

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP)  ## Make the virtual environment in .venv from the lock

$(STAMP): requirements/dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with venv and pip was found; set PYTHON" >&2; exit 1; }
	@test -e $(STAMP) || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements/dev.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## Three countries on this machine: DEMO_ARGS="--once", "--home DIR", "--json"
	@$(BIN)/liaison demo $(DEMO_ARGS)

test: $(STAMP)  ## Every promise of behaviour: tests in parallel, then those that judge time, alone: TEST_ARGS="tests/unit -k name"
	@$(BIN)/python -m tests.suite $(or $(TEST_ARGS),--ignore=tests/unit/house)

browser: $(STAMP)  ## The console in Chromium: seven languages, both schemes, three widths: TEST_ARGS="-k gallery"
	LIAISON_BROWSER=all $(IN_TWO) tests/browser $(TEST_ARGS)

screenshots: $(STAMP)  ## Each page of the console in each language, for people to look at: FOLDER=tmp/screenshots
	@$(BIN)/python -m tests.support.screenshots $(FOLDER)
	@$(BIN)/python -m tests.support.screenshots --readme
	@echo "pictures stand in $(FOLDER); those of the README in docs/pictures"

nightly: $(STAMP)  ## The full form of everything, resumable, one table at its end: NIGHTLY_ARGS="--list", "--only soak gms", "--fresh"
	@$(BIN)/python -m tests.nightly $(NIGHTLY_ARGS)

quick: $(STAMP)  ## The tests that need no process, no server and no tenth of a second
	$(BIN)/python -m pytest -p tests.suite.processes --processes 3 -q --quick tests/unit

check: $(STAMP) proto-check house  ## Lint, types, layers, wire contract, generated files, dependencies, known vulnerabilities, the repository's own rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .
	$(BIN)/python -m tests.supply.advisories

house: $(STAMP)  ## The rules of this repository: its words, pages, generated files and tools
	$(IN_TWO) -q -m "not small_form" tests/unit/house

advisories: $(STAMP)  ## Known vulnerabilities in the locks; OSV=FOLDER takes a new snapshot (docs/dependencies.md)
	@$(BIN)/python -m tests.supply.advisories $(if $(OSV),--take $(OSV))

sbom: $(STAMP)  ## Write dist/sbom.cdx.json: all parts with versions, hashes and licences (CycloneDX)
	@$(BIN)/python -m tests.supply.sbom dist/sbom.cdx.json

proto-check: $(STAMP)
	cd proto && ../$(BIN)/buf lint && ../$(BIN)/buf breaking --against baseline.binpb
	@$(BIN)/python -m tests.support.generated proto --check

proto: $(STAMP)  ## Generate proto/gen from the wire contract
	$(BIN)/python -m tests.support.generated proto

bench: $(STAMP)  ## Measure against a bare echo: BENCH_ARGS="--quick"
	@$(BIN)/liaison bench $(BENCH_ARGS)

bench-against: $(STAMP)  ## Compare the speed with another revision's, both trees in turn: REF=v0.1.0 BENCH_ARGS="--passes 9"
	@test -n "$(REF)" || { echo "name a revision: make bench-against REF=v0.1.0" >&2; exit 2; }
	@$(BIN)/python -m tests.bench.against $(REF) $(BENCH_ARGS)

history: $(STAMP)  ## What an entry costs in a long log: ENTRIES=1000000 URL=postgresql://…
	@$(BIN)/python -m tests.bench.history $(ENTRIES) $(if $(URL),"$(URL)")

machines: $(STAMP)  ## Two nodes on one PostgreSQL beside one, and how long a fail-over takes: MACHINES_ARGS="--passes 9"
	@$(BIN)/python -m tests.bench.machines $(MACHINES_ARGS)

fuzz: $(STAMP)  ## Fuzz each parser of foreign bytes: FUZZ_SECONDS=60 FUZZ="mrz xml"
	$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements/fuzz.lock
	@targets="$(FUZZ)"; for target in $${targets:-$$($(BIN)/python -c 'from tests.fuzz.targets import TARGETS; print(*TARGETS)')}; do \
		echo "fuzzing $$target for $(FUZZ_SECONDS) s"; mkdir -p tmp/fuzz/$$target; \
		$(BIN)/python -m tests.fuzz $$target $(FUZZ_SECONDS) tmp/fuzz/$$target || exit 1; done

timing: $(STAMP)  ## The rank test on timing with 2,000 samples of each (4 to 20 minutes)
	LIAISON_TIMING_SAMPLES=2000 $(BIN)/pytest -s tests/security/test_timing.py

torture: $(STAMP)  ## Kill running nodes at random moments: KILLS=2000
	LIAISON_KILLS=$(KILLS) $(IN_TWO) -v -rP tests/federation/test_torture.py

restarts: $(STAMP)  ## Restart and kill processes of a node on PostgreSQL while officers ask: SEARCHES=5000
	LIAISON_SEARCHES=$(SEARCHES) $(BIN)/pytest -s tests/federation/test_restarts.py

versions: $(STAMP)  ## Nodes of the last release and of a next version exchange everything, then both run the next one
	LIAISON_SLOW=1 $(BIN)/pytest -s tests/federation/test_versions.py

rolling: $(STAMP)  ## Two machines of the last release on PostgreSQL are upgraded one by one while officers ask: SEARCHES=5000
	LIAISON_SEARCHES=$(SEARCHES) $(BIN)/pytest -s tests/federation/test_rolling_upgrade.py

faults: $(STAMP)  ## Every write and sync of a node and of commands fails, tears or loses power once: FAULTS=20 for fewer (0: hours)
	LIAISON_FAULTS=$(FAULTS) $(IN_TWO) -v -rP $(addprefix tests/federation/test_torture_,disk.py commands.py upkeep.py upgrade.py strace.py)

rotation: $(STAMP)  ## Rotate each key while two processes exchange at a fixed rate, then while officers ask: RATE=500 ASKERS=64
	LIAISON_ROTATION_RATE=$(RATE) $(BIN)/pytest -s tests/federation/test_rotation_load.py
	LIAISON_ROTATION_ASKERS=$(ASKERS) $(BIN)/pytest -s tests/federation/test_key_rotation.py

soak: $(STAMP)  ## Mixed traffic with hostile members against real nodes: MINUTES=5 SOAK_ARGS="--json"
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(SOAK_ARGS)

gms: $(STAMP)  ## The region in small: six nodes, seventy offices, searches, alerts, forms: GMS_ARGS="--json"
	@$(BIN)/python -m tests.gms $(GMS_ARGS)

policy-mutants: $(STAMP)  ## Each mistake in a policy makes one of its cases fail
	@$(BIN)/liaison policy mutants policy

mutants: $(STAMP)  ## Each deliberate mistake in the program is caught by the tests that name its place (20 minutes): MUTANTS="NAME"
	@$(BIN)/python -m tests.mutants $(MUTANTS)

scale: $(STAMP)  ## Three agency databases of a million rows each: build, find, time (20 minutes, 4 GB of disk)
	LIAISON_SCALE_ROWS=1000000 $(BIN)/pytest -s --timeout 5000 tests/contract/test_index_scale.py

audit-scale: $(STAMP)  ## An export of a million entries with all statements is verified (40 minutes, 8 GB of disk)
	LIAISON_AUDIT_ENTRIES=1000000 $(BIN)/pytest -s --timeout 7200 tests/contract/test_audit_scale.py

finding: $(STAMP)  ## How long an auditor's search takes: ENTRIES=1000000 (10 minutes, 3 GB of disk)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python -m tests.bench.finding "$$folder" $(or $(ENTRIES),1000000)

generated: $(STAMP)  ## Make every file again that is made from others: wire code, documents, catalogues
	$(BIN)/python -m tests.support.generated

docs: $(STAMP)  ## Write the documents that are made from the program
	$(BIN)/python -m tests.support.generated docs

words: $(STAMP)  ## Write the catalogues of sentences and the table of dates (docs/guides/languages.md)
	$(BIN)/python -m tests.support.generated words

assets: $(STAMP)  ## Write the console's fonts and map from the npm packages that a lock pins (needs npm and its registry)
	$(BIN)/python -m tests.support.assets

build: $(STAMP)  ## Build sdist and wheel, and the lock beside them, into dist/: the same bytes each time
	rm -rf dist
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --outdir dist
	@wheel=$$(echo dist/*.whl) && $(BIN)/python -m tests.supply.product_lock "$${wheel%-py3-none-any.whl}.lock"

bundle: build  ## An archive that installs without a network: BUNDLE_KEY=FILE signs it, BUNDLE_ARGS="--python 3.13 --machine x86_64"
	@SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m tests.supply.bundle $(if $(BUNDLE_KEY),--key "$(BUNDLE_KEY)") $(BUNDLE_ARGS)

# It stands first, and needs nothing: what is missing is said before anything is built.
image-tools:
	@missing="$$(for tool in buildah $(if $(IMAGE_BASE),,mmdebstrap); do command -v $$tool >/dev/null || printf ' %s' $$tool; done)"; \
	test -z "$$missing" || { echo "make image needs what is not here, and nothing was built: apt-get install$$missing" >&2; exit 1; }

ifneq ($(filter image,$(MAKECMDGOALS)),)
$(STAMP): | image-tools
endif

image: image-tools bundle  ## A container image from the bundle, without a registry: IMAGE_BASE=IMAGE names its base (needs buildah, mmdebstrap)
	@SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m tests.supply.image $(if $(IMAGE_BASE),--base "$(IMAGE_BASE)")

image-test: $(STAMP)  ## The image is built twice, and three nodes are served from it (needs root, buildah, podman, mmdebstrap)
	LIAISON_SLOW=1 $(BIN)/pytest -q tests/install/test_image.py

reproduce: $(STAMP)  ## Make the bundle of each release anew from its commit, and compare (docs/releases.toml): VERSION=0.2.1
	@$(BIN)/python -m tests.supply.releases $(VERSION)

release: $(STAMP)  ## Checks, version, commit, tag and all files of a release: VERSION=0.2.0 RELEASE_ARGS="--key FILE --dry-run"
	@test -n "$(VERSION)" || { echo "name a version: make release VERSION=0.2.0" >&2; exit 2; }
	@$(BIN)/python -m tests.supply.release $(VERSION) $(RELEASE_ARGS)

lock: $(STAMP)  ## Resolve the dependencies anew (needs a package registry)
	$(LOCK) pyproject.toml --output-file requirements/base.lock
	$(LOCK) pyproject.toml --group dev --all-extras --constraint requirements/base.lock --output-file requirements/dev.lock
	$(LOCK) --group fuzz --constraint requirements/dev.lock --output-file requirements/fuzz.lock
