# eqgen: `make help` lists what can be made. Everything is installed into .venv; nothing else on the machine is touched.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
# One environment: two installations at once would break it. The tools below run in parallel by themselves.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test examples bench lint format clean distclean

# The versions with wheels of every framework come first. Another interpreter: make demo PYTHON=/path/to/python
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
WORKERS ?= 2

BIN := .venv/bin
VENV := .venv/.created
WITH_CPP := .venv/.installed-cpp
WITH_ALL := .venv/.installed-all

# One script for each of the five references, and the data sets that some of them are given: make examples EQGEN_MNIST=...
REFERENCES := $(patsubst %,examples/%.py,paper_network character_model binary_classifier four_layer_network cost_and_curvature)
export EQGEN_MNIST ?= $(abspath $(wildcard ../shared/data/mnist.npz))
export EQGEN_NAMES ?= $(abspath $(wildcard ../shared/data/names.txt))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# TensorFlow's start-up chatter, not its errors.
export TF_CPP_MIN_LOG_LEVEL ?= 2

say = echo "==> $(1)"

help: ## list what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(WITH_CPP) ## build the NumPy and C++ packages and train a small network with every backend installed
	@$(call say,Building eqgen_numpy and eqgen_cpp)
	@$(BIN)/eqgen build --backend numpy,cpp
	@$(call say,Training on the bundled digits)
	@$(BIN)/eqgen demo

test: $(WITH_ALL) ## set up all five backends, lint, type-check, build, run the tests
	@$(call check_style)
	@$(call say,Are the packages in generated/ up to date?)
	@$(BIN)/eqgen build --check
	@$(call say,Building the packages)
	@$(BIN)/eqgen build
	@$(call check_types)
	@$(call say,Tests)
	@$(BIN)/python -m pytest -n $(WORKERS)

lint: $(WITH_ALL) ## style, formatting and types
	@$(call check_style)
	@$(call check_types)

format: $(WITH_ALL) ## put imports and formatting in order
	@$(BIN)/ruff check --quiet --fix --select I .
	@$(BIN)/ruff format .

examples: $(WITH_ALL) ## run every script in examples/, those of the references with all backends
	@$(BIN)/eqgen build
	@$(call run_scripts,$(filter-out $(REFERENCES) examples/common.py,$(wildcard examples/*.py)))
	@$(call run_scripts,$(REFERENCES),--backend all)

bench: $(WITH_ALL) ## run every script in benchmarks/
	@$(BIN)/eqgen build
	@$(call run_scripts,$(wildcard benchmarks/*.py))

clean: ## remove build products and caches; keep .venv
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find generated \( -name _build -type d -o -name '*.so' -o -name '*.o' -o -name '*.a' \) -prune -exec rm -rf {} +
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## the same, and .venv
	@rm -rf .venv

# ---- recipes that are used twice

, := ,

define check_style
$(call say,Style); $(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .
endef

define check_types
$(call say,Types); $(BIN)/mypy
endef

# Scripts, and the options that all of them get.
define run_scripts
for script in $(1); do $(call say,$$script $(2)); $(BIN)/python "$$script" $(2); done
endef

# Progress without pip's page of "already satisfied": one line a file, and the last one.
define install
$(BIN)/python -m pip install --progress-bar off --constraint constraints.txt --editable '.[$(1)]' \
    | sed -nu -E 's/^ *(Using cached|Downloading) ([^ /]+\.(whl|tar\.gz))( \(.*\))?$$/    \2\4/p; /^Installing collected/s/:.*/ .../p; /^Successfully/s/ installed.*/ installed/p'
endef

# ---- the environment; a stamp is renewed when what it was made from changes

$(WITH_CPP): $(VENV) pyproject.toml constraints.txt
	@$(call say,Installing eqgen with the NumPy and C++ backends)
	@$(call install,cpp)
	@touch $@

$(WITH_ALL): $(VENV) pyproject.toml constraints.txt
	@$(call say,Installing eqgen with all five backends and the development tools: some minutes the first time)
	@$(call install,all$(,)dev)
	@touch $@ $(WITH_CPP)

# What an interpreter lacks, one line each; nothing when it will do.
define PROBE
import importlib.util, os, sys, sysconfig
if sys.version_info < (3, 11):
    print("is Python %d.%d, 3.11 or newer is needed" % sys.version_info[:2])
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    print("has no venv: install it (Debian, Ubuntu: apt install python3-venv)")
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    print("has no Python.h, which the C++ backend is compiled with: install it (Debian, Ubuntu: apt install python3-dev)")
endef
export PROBE

$(VENV):
	@command -v $${CXX:-g++} >/dev/null || { echo "eqgen: no C++ compiler: install g++, or set CXX" >&2; exit 1; }
	@refused=""; \
	for python in $(PYTHONS); do \
	    lack=$$("$$python" -c "$$PROBE" 2>/dev/null) || lack="cannot be run"; \
	    if [ -z "$$lack" ]; then \
	        $(call say,Creating .venv with $$("$$python" --version)); \
	        rm -rf .venv; "$$python" -m venv .venv; touch $@; exit 0; \
	    fi; \
	    while read -r line; do refused+="  $$python $$line"$$'\n'; done <<< "$$lack"; \
	done; \
	printf 'eqgen needs Python 3.11 or newer, with venv and headers, and found none:\n%s' "$$refused" >&2; \
	echo "Install one, or name one: make PYTHON=/path/to/python" >&2; exit 1
