# `make run` and `make test` do all set-up by themselves; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8000
NATIVE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
ARCH ?= $(NATIVE)
STAGE ?= dev
SOURCES := client functions layers local openapi artifacts deployment migration dashboard/*.py tests benchmarks
# The Python of the functions; byte code is of exactly one minor version.
RUNTIME := $(shell sed -n 's/^ *Runtime: *python//p' template.yaml)
SAM := SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
# The machine's own certificates, where it has them: a company's proxy has its own authority.
CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
UV := .venv/bin/uv pip install $(CERTS) --quiet --require-hashes
PYTEST := .venv/bin/python -m pytest

export PORT DEMO FILE PARAMETERS FFMPEG_SOURCES

.PHONY: help run test check layer openapi dashboard build deploy publish teardown sam-local accept bench soak lock clean screenshots doctor redrive recount replay-erasures events webhook-receiver migrate

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: .venv/ready ## the whole system on this machine (PORT=8000, DEMO=0, FILE=video.mp4)
	@.venv/bin/python -m local --dashboard "$$(.venv/bin/python dashboard/build.py)"

test: .venv/browser-ready ## all tests
	@$(MAKE) layer ARCH=$(NATIVE)
	$(PYTEST)

check: .venv/ready .venv-sam/ready .venv-policy/ready ## format, lint, types, template
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/mypy client/src local openapi artifacts deployment migration $(wildcard layers/core) layers/ffmpeg/build.py $(wildcard dashboard/*.py) tests benchmarks $(wildcard functions/*/*.py)
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	.venv-policy/bin/checkov --framework cloudformation --file template.yaml --skip-download --quiet --compact
	@.venv/bin/python dashboard/build.py --check

openapi: .venv/ready ## docs/openapi.json and docs/events, from the code
	@PYTHONPATH=layers/core .venv/bin/python -m openapi

layer: .venv/ready ## the ffmpeg layer (ARCH=x86_64|arm64); some minutes the first time, then cached
	@test -e .venv-layer/ready -a .venv-layer/ready -nt requirements/layer.txt || { \
	  $(PYTHON) -m venv .venv-layer && $(UV) --python .venv-layer/bin/python -r requirements/layer.txt && touch .venv-layer/ready; }
	@.venv-layer/bin/python layers/ffmpeg/build.py --arch $(ARCH)

dashboard: .venv/ready ## the dashboard's static files, into .build/dashboard (cached)
	@.venv/bin/python dashboard/build.py

build: .venv-sam/ready .venv-lambda/ready layer ## what is deployed, into .aws-sam/ARCH (arm64, or ARCH=x86_64)
	@PATH="$(CURDIR)/.venv-lambda/bin:$$PATH" PYTHON=$(CURDIR)/.venv-layer/bin/python ARCH=$(ARCH) \
	  $(SAM) build --build-dir .aws-sam/plain/$(ARCH) --parameter-overrides Architecture=$(ARCH)
	@.venv/bin/python -m artifacts .aws-sam/plain/$(ARCH) .aws-sam/$(ARCH) --python .venv-lambda/bin/python
	@du -sh .aws-sam/$(ARCH)/*/

screenshots: .venv/browser-ready ## each view of the dashboard into docs/images, light, dark and as on a phone
	@PYTHONPATH=layers/core .venv/bin/python -m tests.browser.screenshots

bench: .venv/ready layer ## what is fast, beside what one would do instead (some twenty minutes)
	@$(UV) --python .venv/bin/python -r requirements/bench.txt
	@$(MAKE) build ARCH=$(NATIVE)
	.venv/bin/python -m benchmarks.api_latency
	@# All are measured, also where the first misses a target.
	@missed=0; for each in cold_start inspection; do \
	  .venv/bin/python -m benchmarks.$$each --assert || missed=1; done; \
	.venv/bin/python -m benchmarks.cost_model --write; exit $$missed

soak: .venv/ready layer ## the long tests: broken files, races, crashes, model, load with faults, steady load, killed uploads (some hours)
	.venv/bin/python -m tests.soak.corpus
	.venv/bin/python -m tests.soak.api
	.venv/bin/python -m tests.soak.races
	.venv/bin/python -m tests.soak.crashes
	.venv/bin/python -m tests.soak.model
	.venv/bin/python -m tests.soak.load
	UPLOAD_SEEDS=20 $(PYTEST) tests/client/test_interruption.py -k killed --timeout 600
	.venv/bin/python -m tests.soak.steady

build deploy: ARCH = arm64
deploy: build ## build and deploy (STAGE=dev|staging|prod, ARCH, PARAMETERS="Name=value ...")
	@release=$$({ find .aws-sam/$(ARCH) -type f | LC_ALL=C sort | xargs -d '\n' sha256sum; cat samconfig.toml; \
	  echo '$(STAGE) $(PARAMETERS)'; } | sha256sum | cut -c1-16); \
	$(SAM) deploy --template-file .aws-sam/$(ARCH)/template.yaml --config-env $(STAGE) --parameter-overrides \
	  Architecture=$(ARCH) Stage=$(STAGE) Release=$$release $(PARAMETERS)

teardown: .venv/ready .venv-sam/ready ## delete a stack with everything in it (STAGE=dev|staging; never prod)
	@.venv/bin/python -m deployment.teardown --stage $(STAGE)
	$(SAM) delete --config-env $(STAGE) --no-prompts

publish: .venv/ready ## put the dashboard into a deployed stack's bucket (STAGE)
	@.venv/bin/python -m dashboard.publish --stage $(STAGE) --folder "$$(.venv/bin/python dashboard/build.py)"

doctor: .venv/ready ## what is wrong with a stack, in plain words (STACK=stack.json or a stack's name)
	@PYTHONPATH=layers/core .venv/bin/python -m deployment.doctor $(or $(STACK),.local/stack.json) $(if $(JSON),--json)

redrive: .venv/ready ## failed inspections once more, after a fix (STACK=stack.json or a stack's name; WEBHOOKS=1)
	@.venv/bin/python -m deployment.redrive $(or $(STACK),.local/stack.json) $(if $(WEBHOOKS),--webhooks)

recount: .venv/ready ## count anew how many files there are, for the usage report (STACK)
	@PYTHONPATH=layers/core .venv/bin/python -m deployment.recount $(or $(STACK),.local/stack.json)

replay-erasures: .venv/ready ## erase again whom a backup brought back (STACK, USERS=file with ids)
	@PYTHONPATH=layers/core .venv/bin/python -m deployment.replay_erasures \
	  $(or $(STACK),.local/stack.json) $(if $(USERS),--users $(USERS))

events: .venv/ready ## what other systems hear, as it happens (STACK=stack.json or a stack's name, JSON=1)
	@.venv/bin/python -m deployment.watch_events $(or $(STACK),.local/stack.json) $(if $(JSON),--json)

webhook-receiver: .venv/ready ## verify and show webhooks, on port 9700 of this machine (STACK, REFUSE=n first, JSON=1)
	@.venv/bin/python -m deployment.receive_webhooks $(or $(STACK),.local/stack.json) \
	  $(if $(REFUSE),--refuse $(REFUSE)) $(if $(JSON),--json)

migrate: .venv/ready ## the Django app's attachments over (STACK, DATABASE=url or SQLite file, MEDIA=folder, GO=1)
	@test -n "$(MEDIA)" || { echo "Say where the files are: make migrate DATABASE=… MEDIA=folder"; exit 1; }
	@PYTHONPATH=layers/core .venv/bin/python -m migration $(or $(STACK),.local/stack.json) \
	  $(if $(DATABASE),--database '$(DATABASE)') --media '$(MEDIA)' $(if $(GO),--go)

sam-local: .venv/ready .venv-sam/ready ## the API in sam's containers, over the local data plane (PORT=8000; needs Docker)
	@$(MAKE) build ARCH=$(NATIVE)
	@.venv/bin/python -m local.sam_local

accept: .venv/ready ## the stack tests against a running stack (STACK=stack.json)
	@test -n "$(STACK)" || { echo "Say which stack: make accept STACK=path/to/stack.json"; exit 1; }
	STACK=$(abspath $(STACK)) $(PYTEST) tests/stack -m promise --timeout 600

lock: .venv/ready ## the locked requirements, anew
	@for name in dev bench browser node sam policy layer uv; do (cd requirements && ../.venv/bin/uv pip compile $(CERTS) --quiet --universal \
	  --python-version 3.11 --no-strip-extras --generate-hashes --no-header --no-annotate $(LOCK) $$name.in -o $$name.txt) || exit 1; done
	@(cd requirements && ../.venv/bin/uv pip compile $(CERTS) --quiet --universal --python-version $(RUNTIME) \
	  --generate-hashes --no-header --no-annotate $(LOCK) lambda.in -o lambda.txt)
	@for folder in layers/core functions/inspect_upload; do (cd $$folder && $(CURDIR)/.venv/bin/uv pip compile $(CERTS) --quiet --universal \
	  --python-version $(RUNTIME) --generate-hashes --no-header --no-annotate $(LOCK) requirements.in -o requirements.txt) || exit 1; done

clean: ## everything that was built or installed here
	rm -rf .venv .venv-* dashboard/node_modules .build .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: requirements/dev.txt requirements/uv.txt client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; name it: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv"
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(UV) --python .venv/bin/python -r requirements/dev.txt
	@.venv/bin/uv pip install --quiet --offline --no-deps --python .venv/bin/python --editable client
	@touch $@

.venv/browser-ready: requirements/browser.txt .venv/ready
	@$(UV) --python .venv/bin/python -r requirements/browser.txt
	@touch $@

# Tools whose own requirements differ from ours: each in an environment of its own.
.venv-sam/ready .venv-policy/ready: .venv-%/ready: requirements/%.txt .venv/ready
	@echo "Setting up .venv-$*"
	@$(PYTHON) -m venv .venv-$*
	@$(UV) --python .venv-$*/bin/python -r requirements/$*.txt
	@touch $@

.venv-lambda/ready: requirements/lambda.txt .venv/ready
	@echo "Setting up .venv-lambda"
	@choice="--managed-python --python $(RUNTIME)"; \
	for python in python$(RUNTIME) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(RUNTIME).*/bin/python$(RUNTIME); do \
	  $$python -c '' 2>/dev/null && choice="--python $$(command -v $$python)" && break; done; \
	.venv/bin/uv venv $(CERTS) --quiet --clear $$choice .venv-lambda || { \
	  echo "The functions run on Python $(RUNTIME), which is not here and could not be downloaded: install python$(RUNTIME)."; exit 1; }
	@$(UV) --compile-bytecode --python .venv-lambda/bin/python -r requirements/lambda.txt
	@touch $@

.venv-node/ready: requirements/node.txt .venv/ready
	@$(PYTHON) -m venv .venv-node
	@$(UV) --python .venv-node/bin/python -r requirements/node.txt
	@touch $@
