# `make demo` and `make test` need nothing but Python, its venv module and make:
#   apt-get install python3 python3-venv make
# Rendering and training also need headless OpenGL: apt-get install libegl1 libgl1 libgl1-mesa-dri
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/requirements-installed

.PHONY: demo test lint readme train-smoke clean
.DEFAULT_GOAL := demo

# make demo INPUT=<folder of images, video or bag>
demo: $(READY)
	$(BIN)/python -m s2r_depth_ros demo --out out/demo $(if $(INPUT),"$(INPUT)")

test: lint
	$(BIN)/python -m pytest -rs --durations=10

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Renders a few scenes, runs every training stage for a few steps, exports, loads the model.
train-smoke: $(READY)
	PYTHONPATH=.:training $(BIN)/python -m s2r_depth_training.cli smoke --out out/train-smoke

# The topic and parameter tables of README.md come from the code; `make test` checks them.
readme: $(READY)
	$(BIN)/python -m s2r_depth_ros.node.reference README.md

# The stamp is written last: an interrupted or changed installation is simply continued.
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make needs Python 3.11 to 3.13 (ROS 2 wheels exist for these); $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing: sudo apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "installing requirements.txt into $(VENV): minutes the first time"
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) out build install log
