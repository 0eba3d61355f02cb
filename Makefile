# Everything from a bare machine: Python 3.11, 3.12 or 3.13 and git. `make help` lists the targets.
PYTHON  ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV    ?= .venv
PROFILE ?=
SET     ?=
OVER    ?= search.beta
VALUES  ?= 0.1 0.6 1.5
PYTEST  ?=
# Index of torch's CPU build, without the 4 GB of CUDA libraries; empty: the build of requirements.lock.
TORCH_INDEX ?=

BIN   := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.installed
TFLITE := $(VENV)-tflite
# A venv made without pip is served by the pip of $(PYTHON).
PIP    = $$(test -x "$(BIN)/pip" && echo "$(VENV)/bin/python -m pip" || echo "$(PYTHON) -m pip --python $(VENV)/bin/python") \
         --disable-pip-version-check --no-input
CUDA  := ^(nvidia-|cuda-|triton|torch)
# The stages that DVC starts say `python`: it has to be the one of the venv.
export PATH := $(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help env engines tflite-env repro test test-all light lint types layers pytest format ui runs sweep sweep-beta sweep-budgets sweep-seeds ranking torture lock dist docs release clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24
	@echo '  PROFILE=tiny and SET="search.epochs=20 ..." change params of `make repro`; PYTEST="-k name" narrows `make pytest`'

env: $(STAMP) ## create .venv with the pinned packages (again only when a lock or pyproject changes)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo 'Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.11 ...' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -m pip --version >/dev/null 2>&1 || \
	  { echo 'Neither ensurepip nor pip is there: install the packages python3-venv or python3-pip' >&2; exit 2; }
	test -x "$(BIN)/python" || $(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --clear --without-pip $(VENV)
ifeq ($(TORCH_INDEX),)
	$(PIP) install --quiet --no-deps -r requirements.lock
else
	grep -vE '$(CUDA)' requirements.lock > $(VENV)/without-torch.txt
	grep -E '^torch' requirements.lock > $(VENV)/torch.txt
	$(PIP) install --quiet --no-deps -r $(VENV)/without-torch.txt
	$(PIP) install --quiet --no-deps --index-url '$(TORCH_INDEX)' -r $(VENV)/torch.txt
endif
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(PIP) check
	@"$(BIN)/python" -m fbnet.web.runtime >/dev/null || true
	@touch $@

engines: env ## LiteRT, ExecuTorch and Core ML too, and what converts to them (700 MB)
	$(PIP) install --quiet --constraint requirements.lock --no-build-isolation --editable '.[mobile]'
	$(PIP) check
	@$(MAKE) --no-print-directory tflite-env

# onnx2tf's pins clash with ours, and it needs Python 3.12: an environment of its own, of which $(VENV)
# has the one command.
tflite-env: env ## onnx2tf, which writes LiteRT's files, beside Python 3.12 or newer
	@newer=$$(python tools/pythons.py | grep -E '^3\.1[2-9] ' | head -n 1 | cut -d' ' -f2); \
	  if [ -z "$$newer" ]; then \
	    echo 'tflite-env: skipped, onnx2tf needs Python 3.12 or newer and there is none; LiteRT files cannot be written'; \
	  else \
	    "$$newer" -m venv $(TFLITE) && \
	    $(TFLITE)/bin/python -m pip install --quiet --disable-pip-version-check 'onnx2tf>=2.6,<3' && \
	    ln -sf "$(CURDIR)/$(TFLITE)/bin/onnx2tf" "$(BIN)/onnx2tf"; \
	  fi

repro: env ## run the pipeline (what is out of date), show the table
	python -m stages.cli check
	python -m stages.pipeline --profile '$(PROFILE)' --overrides '$(SET)'
	python -m stages.cli table
	@echo
	@echo 'Results: results/<stage>/ (metrics.json, pictures), the model: results/export/subnet.onnx'
	@echo 'The run as a page: results/report/report.html; compare runs: make ui'

sweep: env ## one experiment a value: make sweep OVER=search.beta VALUES="0.1 0.6 1.5"
	python -m stages.sweep --over '$(OVER)' --values $(VALUES) --profile '$(PROFILE)' --set '$(SET)'

sweep-beta: ## how much the cost weighs: five values of search.beta
	$(MAKE) sweep OVER=search.beta VALUES="0.1 0.3 0.6 1.0 1.5"

sweep-budgets: ## the best net within each latency: three values of search.target_ms
	$(MAKE) sweep OVER=search.target_ms VALUES="0.25 0.28 0.31" SET="search.mode=target $(SET)"

sweep-seeds: ## how much chance there is: three seeds of search and retraining
	$(MAKE) sweep OVER=search.seed,retrain.seed VALUES="1 2 3"

ranking: env ## does the supernet rank, does the search beat chance: benchmarks/ranking, hours
	python -m benchmarks.ranking run --processes 2
	python -m benchmarks.ranking table

torture: env ## kill and stop every stage at many moments, and read bad inputs: docs/reliability.md
	python tools/torture.py
	python tools/bad_inputs.py

# Of the columns, those of files and those that no run is chosen by are left out.
runs: env ## experiments as a table: what differs, and what came out
	dvc exp show --only-changed --drop '.*/.*|data|Created|State|Executor' \
	  --drop 'mean_face_nme|nme_box|(fr|auc)_08|latency_ms_.+|latency_predicted_ms|prediction_.+'

ui: env ## MLflow's pages on this machine, port 5000; prints the addresses of runs and comparisons
	python -m stages.cli ui

test: lint types layers pytest light ## all that CI checks

lint: env ## style (ruff)
	ruff check .
	ruff format --check .

types: env ## types (mypy)
	mypy

layers: env ## who may import whom (import-linter)
	lint-imports

pytest: env ## tests with coverage of fbnet, on two processes
	OMP_NUM_THREADS=1 pytest -n 2 --dist loadgroup --max-worker-restart 0 --cov --cov-report=term $(PYTEST)

light: env ## the wheel in a bare venv of each Python that is there: predict and score without torch
	python tools/try_wheel.py

test-all: env ## all tests on each Python that is there, each in an environment of its own (7 GB each)
	python tools/pythons.py | while read version path; do \
	  $(MAKE) pytest PYTHON="$$path" VENV=.venv-$$version || exit 1; \
	done

format: env ## let ruff fix what it can
	ruff check --fix .
	ruff format .

docs: env ## the documentation as a site, in site/; links are checked
	python tools/site.py
	@echo 'site/index.html: open it in a browser'

dist: env ## the wheel and the sdist, in dist/
	python -m build --no-isolation --outdir dist .

# The CUDA packages exist for Linux on x86-64 only; torch does without them elsewhere.
lock: ## pin anew what pyproject.toml asks for (in a venv of its own)
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet '.[dev]'
	{ echo '# All packages, pinned. Written by `make lock` from pyproject.toml: edit that, not this.'; \
	  $(VENV)-lock/bin/pip freeze --all --exclude pip --exclude fbnet-pfld | sed -E \
	    "/^(nvidia-|cuda-|triton)/s/$$/; platform_system == \"Linux\" and platform_machine == \"x86_64\"/"; \
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf $(VENV)-lock build

release: env ## check that the committed run, its metrics and the README agree with the code
	python tools/release.py

clean: ## remove the environment and the caches (results, runs and DVC's cache stay)
	rm -rf $(VENV) $(VENV)-lock $(TFLITE) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
