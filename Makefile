# Both commands of the README live here: `make run` and `make test`. Each sets up what it needs, once.
# Needs Python 3.11 or 3.12, make and access to packages. Exact versions: constraints.txt (constraints-gpu.txt for GPUs).

ENGINE ?= cpu
ARGS ?=
JOBS ?= 2
VENV := $(if $(filter gpu,$(ENGINE)),.venv-gpu,.venv)
PINS := $(if $(filter gpu,$(ENGINE)),constraints-gpu.txt,constraints.txt)
BIN := $(VENV)/bin
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))

# The first Python that fits; `make run PYTHON=/path/to/python` chooses another.
ifndef PYTHON
PYTHON := $(shell for each in python3 python3.12 python3.11; do \
	$$each -c '$(FITS)' 2>/dev/null && { echo $$each; break; }; done)
endif

# uv does not read pip's variable: wheels that lie in a folder, such as torch for the CPU, are found by both this way.
# pip separates folders by spaces, uv by commas; an empty UV_FIND_LINKS is left unset.
space := $(subst ,, )
comma := ,
ifneq ($(strip $(PIP_FIND_LINKS)),)
export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
endif
# Likewise the certificates of a network that looks into TLS.
ifneq ($(strip $(PIP_CERT)),)
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

# $(call add_packages,Debian packages,what goes without them): installs where it may, else says how. Never fails.
define add_packages
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing system packages: $(1)"; \
		apt-get update -qq >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $(1) >/dev/null || \
		echo "  could not install $(1): $(2)"; \
	else echo "Please install $(1) (Debian, Ubuntu: sudo apt-get install $(1)): $(2)"; fi
endef

# Half a minute once; without it every engine process compiles its thousands of modules again where Python may not cache them.
export UV_COMPILE_BYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help run install test check pin

help:  ## this list
	@echo "make TARGET [ARGS='...']"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' Makefile
	@echo "Examples: make run ARGS='--limit 3'    make test ARGS='-m unit -q'    make install ENGINE=gpu"

run: install  ## write ad copy for the sample briefs in jobs/ad_copy (ARGS: see .venv/bin/factory run --help)
	@$(BIN)/factory run jobs/ad_copy $(ARGS)

install: $(VENV)/.installed  ## set up .venv for runs; ENGINE=gpu sets up .venv-gpu with the CUDA engine
	@[ "$$(uname)" != Linux ] || [ $(ENGINE) = gpu ] || \
		$(BIN)/python -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null || \
		{ $(call add_packages,libnuma1,without it the CPU engine cannot start); }

test: install $(VENV)/.installed-dev  ## run the tests, JOBS=2 files at a time (ARGS go to pytest: -m unit for the quick ones)
	@for each in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$each >/dev/null && exit 0; done; \
		$(call add_packages,chromium,without it the tests that look at the report page cannot run)
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

check: $(VENV)/.installed-dev  ## lint, format, the law of imports and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

$(VENV)/.installed: pyproject.toml $(PINS) | $(BIN)/uv
	@echo "Installing the factory into $(VENV), engine for $(ENGINE) (the first time takes a minute or more)"
	@$(BIN)/uv pip install -q --python $(BIN)/python -e '.[$(ENGINE)]' -c $(PINS)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools for tests and checks"
	@$(BIN)/uv pip install -q --python $(BIN)/python -e '.[$(ENGINE),dev]' -c $(PINS)
	@touch $@

$(BIN)/uv:
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c '$(FITS)' 2>/dev/null || { \
		echo "This needs Python 3.11 or 3.12; found: $$($(or $(PYTHON),python3) --version 2>&1)."; \
		echo "Install one (Debian 12, Ubuntu 24.04: apt-get install python3 python3-venv), or name it: make run PYTHON=/path/to/python3.12"; \
		exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call add_packages,python3-venv,without it no $(VENV) can be made); }
	@$(PYTHON) -m venv $(VENV)
	@echo '*' > $(VENV)/.gitignore
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv -c constraints.txt

# To move a version: .venv/bin/uv pip install 'NAME==VERSION', make test, make pin.
# Left out: what differs between builds of torch (triton, nvidia-*), and pip itself. For GPUs the same versions are taken
# wherever vLLM allows them; that file is resolved for Linux on x86-64, not installed.
pin: $(VENV)/.installed-dev  ## write constraints.txt from .venv, and constraints-gpu.txt to match it
	@sed -n '/^#/p' constraints.txt > constraints.new
	@$(BIN)/uv pip freeze -q --python $(BIN)/python --exclude-editable \
		| sed -E 's/\+[^ ;]*//' | grep -vE '^(pip|triton|nvidia-[a-z0-9-]+)==' >> constraints.new
	@mv constraints.new constraints.txt
	@sed -n '/^#/p' constraints-gpu.txt > constraints-gpu.new
	@grep -v '^#' constraints.txt > constraints-gpu.txt
	@env -u UV_FIND_LINKS $(BIN)/uv pip compile -q pyproject.toml --extra gpu --extra dev --python-version 3.12 \
		--python-platform x86_64-manylinux_2_31 --no-annotate --no-header -o constraints-gpu.txt > /dev/null
	@cat constraints-gpu.txt >> constraints-gpu.new
	@mv constraints-gpu.new constraints-gpu.txt
