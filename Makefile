# Everything runs in one environment, made from requirements-dev.lock; `make help` lists the targets.
override SHELL := /bin/bash
# Where torch comes from beside the default package index: the CPU build, unless there is a GPU. Another
# build: make repro TORCH_INDEX=https://download.pytorch.org/whl/cu130, or TORCH=path/to/torch.whl
ifeq ($(origin TORCH_INDEX),undefined)
TORCH_INDEX := $(if $(shell command -v nvidia-smi),,https://download.pytorch.org/whl/cpu)
endif
PYTHON ?= python3.11
VENV ?= .venv
TORCH ?= torch==2.13.0

# What a user gives reaches the commands through the environment, as it stands: neither make nor the shell
# reads a `$` or a quote in it. So it is with all that stands on the command line, be it known here or not:
# make would expand it on the way.
override GIVEN := PYTHON VENV TORCH TORCH_INDEX EXCHANGE SYMBOLS SINCE UNTIL INTERVAL MODEL MODELS TO FROM WHY TAG CANDLES LAST HOST PORT STRICT SEED TRIALS NETWORK ON A B REPLAY SPEED FOLDER
override GIVEN += $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
export PATH := $(abspath $(VENV))/bin:$(value PATH)
export PYTHONHASHSEED := 0
export DVC_NO_ANALYTICS := 1
override PYTEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --maxprocesses 8 --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help env lock download check repro report compare tune sweep prove live watch retrain promote rollback withdraw shadow predict serve check-release registry restore verify docs deps data-docs runs tensorboard test test-all torture determinism lint format \
  bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## Make the environment, if requirements-dev.lock changed since the last time
	@cmp -s requirements-dev.lock "$$VENV/installed.lock" || { \
	  echo "making the environment in $$VENV: 2.3 GB, minutes, once; first torch" && \
	  "$$PYTHON" -m venv --clear -- "$$VENV" && \
	  pip install --quiet --retries 1 -c requirements-dev.lock \
	    $${TORCH_INDEX:+--extra-index-url "$$TORCH_INDEX"} -- "$$TORCH" && \
	  echo "then $$(grep -c == requirements-dev.lock) other packages" && \
	  pip install --quiet -r requirements-dev.lock && \
	  cp -- requirements-dev.lock "$$VENV/installed.lock"; }

lock: env ## Write the lock files anew from the ranges in pyproject.toml
	pip-compile $(PIP_COMPILE) $(RUNTIME) -o requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+.*/\1/' requirements.lock
	pip-compile $(PIP_COMPILE) $(RUNTIME) --extra cluster --extra http --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+.*/\1/' requirements-dev.lock
override PIP_COMPILE := --quiet --upgrade --strip-extras --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
# What the pipeline needs beside the bare library: every extra but cluster, http and dev.
override RUNTIME := $(addprefix --extra ,train quality report download serve ingest release tune live)

download: env ## Fetch candles: EXCHANGE=binance SYMBOLS=BTC/USDT,ETH/USDT SINCE=2024-01-01 [UNTIL=] [INTERVAL=1m] [STRICT=1]
	@python -m commands.download "$$EXCHANGE" "$$SYMBOLS" "$$SINCE" "$$UNTIL" "$$INTERVAL"

check: env ## Check params.yaml, and what its sections ask of each other
	@python -m commands.check

repro: check ## Run the pipeline: check params, dvc repro, write the report
	@dvc repro || { status=$$?; python -m commands.report 2>/dev/null; exit $$status; }
	@python -m commands.report

report: env ## Write reports/data.html and reports/index.html from the latest run
	@python -m commands.report

compare: env ## Two runs side by side, in reports/compare.html: A=REV [B=REV]; B left out: the working tree
	@python -m commands.compare "$$A" "$$B"

tune: check ## Search a network's params on folds before the first test: [TRIALS=30] [NETWORK=lstm]
	@dvc repro --quiet splits && python -m commands.tune "$$TRIALS" "$$NETWORK"

sweep: env ## Try params of trading by the thousand, on inner folds: [ON=inner], or on the tests, counted for good: ON=tests
	@python -m commands.sweep "$$ON"

prove: env ## Prove that nothing of the latest run depends on the future: [SEED=7]
	@python -m commands.prove "$$SEED"

promote: env ## Put the committed run's models into production if every gate lets them: [MODEL=lstm-direction]
	@python -m commands.promote "$$MODEL"

rollback: env ## Put an earlier version back into production: MODEL=lstm-direction [TO=v1.0.0] [WHY="..."]
	@python -m commands.rollback "$$MODEL" "$$TO" "$$WHY"

withdraw: env ## Take a model out of production altogether: MODEL=lstm-direction [FROM=prod] [WHY="..."]
	@python -m commands.withdraw "$$MODEL" "$$FROM" "$$WHY"

shadow: env ## Serve a version beside production, from models/shadow: MODEL=lstm-direction [TO=v1.0.0] [WHY="..."]
	@python -m commands.shadow "$$MODEL" "$$TO" "$$WHY"

predict: env ## Predict with what is in production: [CANDLES=data/raw/EXCHANGE] [SYMBOLS=A,B] [LAST=5] [MODELS=models/shadow], or JSON lines on stdin
	@python -m commands.predict --candles="$$CANDLES" --symbols="$$SYMBOLS" --last="$${LAST:-0}" --models="$${MODELS:-models/promoted}"

live: env ## Answer candles as they come: EXCHANGE=binance [SYMBOLS=A,B], or REPLAY=data/candles [SINCE=] [UNTIL=] [SPEED=max]; [STRICT=1] [PORT=9108] [FOLDER=live]
	@python -m commands.live --replay="$$REPLAY" --since="$$SINCE" --until="$$UNTIL" --speed="$$SPEED" --exchange="$$EXCHANGE" \
	  --symbols="$$SYMBOLS" --strict="$$STRICT" --port="$$PORT" --folder="$$FOLDER" --models="$$MODELS"

watch: env ## Hold what was answered against what the bundles promised: [STRICT=1] [FOLDER=live]
	@python -m commands.watch --folder="$$FOLDER" --models="$$MODELS" --strict="$$STRICT"

serve: env ## Serve what is in production over HTTP: [HOST=127.0.0.1] [PORT=8000] [MODELS=models/shadow]; other hosts need TAPELINE_TOKEN
	@python -m commands.serve --models="$${MODELS:-models/promoted}" --host="$${HOST:-127.0.0.1}" --port="$${PORT:-8000}"

retrain: env ## Add what live recorded to the raw candles, run the pipeline as production was made, compare: [MODEL=] [START=1, from its weights] [FOLDER=live]
	@python -m commands.retrain --folder="$$FOLDER" --model="$$MODEL" --start="$$START"

check-release: env ## Hold a release's tag against the run at its commit: TAG=lstm-direction@v1.0.0
	@python -m commands.check_release "$$TAG"

registry: env ## Write models/registry.json from the git tags, and print it as a table
	@python -m commands.registry

restore: env ## Bring models/promoted/ in line with the git tags, from DVC's cache or remote
	@python -m commands.restore

verify: env ## Hash everything again and compare it with dvc.lock and the manifests
	@python -m commands.verify

docs: env ## Write docs/features.md, candles.md and params.md from what is declared, and build site/ of docs/
	@python -m commands.docs
	@NO_MKDOCS_2_WARNING=1 python -m mkdocs build --quiet --strict
	@echo "built: site/index.html"

deps: env ## Write the code deps and params of every stage into dvc.yaml, from what its script imports and reads
	@python -m commands.deps

data-docs: env ## Build Great Expectations' Data Docs of the current data; they load styles from the net
	@python -m commands.data_docs

runs: env ## Write runs/index.csv from all experiments and commits, and print it as a table
	@python -m commands.runs

tensorboard: env ## Look at losses while training runs, of experiments too: http://localhost:6006
	@tensorboard --logdir runs

test: env ## Run the tests, without the slow ones
	$(PYTEST) -m "not slow and not torture"

test-all: env ## Run all tests
	$(PYTEST) -m "not torture"

torture: env ## Run what takes hours: harnesses of which test-all runs a sample, whole
	$(PYTEST) -m torture

determinism: env ## Run a tiny pipeline twice, in two folders, and compare every hash
	$(PYTEST) tests/test_end_to_end.py -k identical

lint: env ## Check style, formatting, import rules and types
	ruff check .
	ruff format --check .
	lint-imports --no-cache
	mypy

format: env ## Format the code and mend what can be mended by rule
	ruff check --fix .
	ruff format .

bench: env ## Compare speeds side by side, and with those kept in benchmarks/kept.txt
	@python -m benchmarks

clean: ## Remove the environment, logs and reports
	rm -rf -- "$$VENV" logs reports runs site .cache .checkpoints .tuning .sweeping .proofs .pytest_cache .mypy_cache .ruff_cache .hypothesis
