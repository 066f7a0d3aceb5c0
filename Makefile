# `make demo` and `make test` need nothing but Python, its venv module and make:
#   apt-get install python3 python3-venv make
# Rendering and training also need headless OpenGL: apt-get install libegl1 libgl1 libgl1-mesa-dri
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/requirements-installed

.PHONY: demo doctor test lint reference picture train-smoke train-gpu benchmark gpu-check clean
.DEFAULT_GOAL := demo

# make demo INPUT=<folder of images, video or bag>
demo: $(READY)
	$(BIN)/python -m s2r_depth_ros demo --out out/demo $(if $(INPUT),"$(INPUT)")

# With the coverage of every room, measured in the processes that the tests start, too. A worker for
# each core, up to four: those that share cores are faster with one thread each. What runs beside
# what, test/conftest.py says.
test: lint
	@rm -rf out/coverage && mkdir -p out/coverage
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -n logical --maxprocesses 4 -rs --durations=10
	PYTHONPATH=. $(BIN)/python test/support/coverage_floors.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/mypy
	@# By itself: in one run the folder launch/ would hide the ROS package of that name.
	for file in launch/*.launch.py; do \
	  $(BIN)/mypy --no-namespace-packages --no-explicit-package-bases $$file || exit 1; done
	PYTHONPATH=.:training $(BIN)/lint-imports --no-logo

# Renders a few scenes, runs every training stage for a few steps, exports, loads the model.
train-smoke: $(READY)
	PYTHONPATH=.:training $(BIN)/python -m s2r_depth_training.cli smoke --out out/train-smoke

# make train-gpu MINUTES=60 OUT=out/gpu REAL=<manifest.json>: on a rented GPU machine, renders with
# all cores, then trains the experiments CONFIGS, side by side on a GPU, and leaves models and trunks in
# OUT; with real images also their errors and the cards. The same command again goes on: pieces add
# up. FROM=models/x.safetensors goes on from a model, by the experiment that it was trained by, and
# BATCH=64 gives a GPU enough to do in a step. With
# PYTHON that has all it needs no .venv is made, so a machine without a network will do. A rehearsal
# on a CPU: MINUTES=5 CONFIGS=indoor-s.
MINUTES ?= 60
OUT ?= out/gpu
CONFIGS ?= $(if $(FROM),,indoor-m-coarse outdoor-m-coarse)
train-gpu:
	@python=$(PYTHON); $(PYTHON) -c 'import cv2, lightning, moderngl, scipy, yaml' \
	  2>/dev/null || { make $(READY) && python=$(BIN)/python; } && \
	PYTHONPATH=.:training $$python -m s2r_depth_training.cli timed \
	  $(CONFIGS:%=training/configs/%.yaml) --minutes $(MINUTES) --out "$(OUT)" \
	  $(if $(FROM),--from "$(FROM)") $(if $(BATCH),--batch $(BATCH)) \
	  $(if $(REAL),--real "$(REAL)")

# What is here and works: Python, ROS, torch, GPU, shared memory, models, a round trip over a topic.
# After `make` it looks at .venv; with PYTHON at that one.
doctor:
	@python=$(PYTHON); test "$(origin PYTHON)" = file -a -x $(BIN)/python && python=$(BIN)/python; \
	$$python -m s2r_depth_ros doctor

# Times of all backends on this machine's CPU, the optional ones of requirements.txt included.
benchmark: $(READY)
	@mkdir -p out
	for size in 96x128 192x256; do \
	  $(BIN)/python -m s2r_depth_ros benchmark --model indoor-s --levels abc --cameras 2 --input-size $$size \
	    --json out/benchmark_$$size.json || exit 1; done

# On a machine with an NVIDIA GPU and a CUDA build of torch, in less than 100 s: the tests that need
# one, times, and where they go. With PYTHON that has all it needs no .venv is made. Commit the JSON
# of OUT under benchmarks/.
gpu-check: OUT = out/gpu_check
gpu-check:
	@python=$(PYTHON); $(PYTHON) -c 'import cv2, hypothesis, pytest, tabulate, torch' \
	  2>/dev/null || { make $(READY) && python=$(BIN)/python; } && \
	$$python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { \
	  echo "gpu-check needs a GPU that torch sees (a CUDA build of torch, nvidia-smi)" >&2; exit 1; } && \
	$$python benchmarks/gpu_check.py --out "$(OUT)"

# The tables of docs/reference.md come from the code; `make test` checks them.
reference: $(READY)
	$(BIN)/python -m s2r_depth_ros.reference docs/reference.md

# The picture of README.md, from the clip and the model that come with the package.
picture: $(READY)
	$(BIN)/python -m s2r_depth_ros.demo.picture docs/picture.jpg

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
