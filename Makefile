# Two commands do everything on a fresh machine: `make hub` and `make test`.
# `make help` says what else there is.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help hub setup setup-check setup-test test test-changed test-full test-long helm-chart helm-test mutants bench docs \
        wheel images check format lock clean distclean

# Options of `jhp up`, from make's command line or from the environment. HOST opens
# the Hub to other machines, and some shells export it: only the command line counts.
# `jhp up` finds the proxy by itself: see jupyterhub_platform/cli/local/proxy.py.
HUB_ARGS = $(if $(FILE),--file "$$FILE") \
           $(if $(STATE),--state "$$STATE") \
           $(if $(PORT),--port "$$PORT") \
           $(if $(filter command,$(firstword $(origin HOST))),--host "$$HOST") \
           $(if $(READY_FILE),--ready-file "$$READY_FILE") \
           $(JHP_ARGS)

BENCH_ARGS = $(TOPICS) $(if $(SIZE),--size "$$SIZE") $(if $(SEED),--seed "$$SEED") \
             $(if $(JSON),--json "$$JSON")

MUTANTS_ARGS = $(WORDS) $(if $(CHANGED),--changed "$$CHANGED") $(if $(SAMPLE),--sample "$$SAMPLE") \
               $(if $(SEED),--seed "$$SEED")

IMAGES_ARGS = $(if $(REGISTRY),--registry "$$REGISTRY") $(if $(BUILDER),--builder "$$BUILDER") \
              $(if $(IMAGE_BASE),--base "$$IMAGE_BASE")

# No part of this project: a folder or an archive of Zero to JupyterHub's.
export CHART ?= $(Z2JH_CHART)

RUN = .venv/bin/python
ON_SYSTEM_PYTHON = python=$$(tools/find-python) && exec "$$python" -B

help:
	@echo 'make hub         start the platform; Ctrl-C stops it'
	@echo '                   PORT=8000               where it listens'
	@echo '                   HOST=127.0.0.1          another address (with TLS in front of it)'
	@echo '                   FILE=platform.yaml      what to start instead of the example'
	@echo '                   STATE=.jupyterhub-platform   where it keeps its state'
	@echo '                   READY_FILE=ready.json   written once the Hub answers: URL and people'
	@echo '                   JHP_ARGS=...            more options, see .venv/bin/jhp up --help'
	@echo 'make test        all checks, the quick tests, those with real servers, those on Kubernetes'
	@echo '                   KUBERNETES=api          without root: no pod runs; or off: no Kubernetes'
	@echo '                   TEST_KUBECONFIG=file    on a cluster of yours'
	@echo 'make test-changed  the checks, and the tests that a change asks for'
	@echo '                   BASE=main               what it is a change of'
	@echo 'make test-full   the same as make test, and the tests that take longer'
	@echo 'make test-long   the full-size tests, then the mutants'
	@echo 'make helm-test   render helm-values/ with Zero to JupyterHub, and install it on a node'
	@echo '                   CHART=jupyterhub        the folder of its chart, or the archive'
	@echo 'make mutants     break each guard in turn, and see that a test notices'
	@echo '                   CHANGED=main            only what changed since this commit'
	@echo '                   SAMPLE=20  SEED=1       only some, by chance'
	@echo '                   WORDS="book Level"      only with one of these in file or name'
	@echo 'make bench       measure the platform beside a stock JupyterHub'
	@echo '                   SIZE=quick              or full, for figures to be published; or tiny'
	@echo '                   SEED=1  TOPICS=hook  JSON=figures.json'
	@echo 'make docs        make a site of docs/ in build/docs'
	@echo 'make wheel       build the package with proxy, docs and example, into dist/'
	@echo 'make images      build the images of Hub and servers, and push them'
	@echo '                   REGISTRY=registry.example.com/team   where to; without it they stay here'
	@echo '                   BUILDER=buildah         or docker, or podman; else the first one here'
	@echo '                   IMAGE_BASE=image        what they are made on, such as one of a mirror'
	@echo 'make check       lint, format, types, import contracts'
	@echo 'make format      put the code into its format'
	@echo 'make setup       only install what `make hub` needs (PYTHON=... chooses the Python)'
	@echo 'make lock        pin the newest versions in requirements/ and package-lock.json'
	@echo 'make clean       remove what make installed and built; people and their data stay'
	@echo 'make distclean   the same, and the state directory .jupyterhub-platform too'

# `exec` leaves no shell between: Ctrl-C and a kill of make both reach `jhp`, which exits with 0.
hub: setup
	@exec .venv/bin/jhp up $(HUB_ARGS)

setup:
	@$(ON_SYSTEM_PYTHON) tools/set_up.py hub

setup-check:
	@$(ON_SYSTEM_PYTHON) tools/set_up.py check

setup-test:
	@$(ON_SYSTEM_PYTHON) tools/set_up.py test

test: setup-test
	@$(RUN) -B tools/checks.py test

test-changed: setup-test
	@$(RUN) -B tools/checks.py changed $(if $(BASE),--base "$$BASE")

test-full: setup-test
	@$(RUN) -B tools/checks.py full

test-long: setup-test
	@$(RUN) -B tools/checks.py long

# Asked for before anything is installed; what is given goes to the tests by the environment.
helm-chart:
	@$(if $(CHART),,$(error Say where the chart of Zero to JupyterHub is: make helm-test CHART=path))

helm-test: helm-chart setup-test
	@Z2JH_CHART="$$CHART" $(RUN) -B tools/checks.py helm

mutants: setup-test
	@$(RUN) -B tools/mutants.py $(MUTANTS_ARGS)

bench: setup-test
	@$(RUN) -B -m benchmarks $(BENCH_ARGS)

docs: setup-check
	@$(RUN) -m sphinx --fail-on-warning --keep-going --quiet -d build/doctrees docs build/docs
	@echo build/docs/index.html

wheel: setup-check
	@$(RUN) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

images:
	@$(ON_SYSTEM_PYTHON) tools/images.py $(IMAGES_ARGS)

check: setup-check
	@$(RUN) -B tools/checks.py check

format: setup-check
	@$(RUN) -m ruff check --fix --exit-zero --quiet .
	@$(RUN) -m ruff format .

lock:
	@$(ON_SYSTEM_PYTHON) tools/lock.py

clean:
	@if [ -L .venv ]; then rm -rf "$$(readlink -f .venv)"; fi
	rm -rf .venv node_modules build dist *.egg-info tests/screenshots
	rm -rf .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find jupyterhub_platform tests tools -name __pycache__ -prune -exec rm -rf {} +
	@if [ -e .jupyterhub-platform ]; then echo 'Kept .jupyterhub-platform, the state of `make hub`; `make distclean` removes it too.'; fi

distclean: clean
	rm -rf .jupyterhub-platform
