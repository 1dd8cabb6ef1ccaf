# Every target sets up what it needs. A stamp file makes the second run start at once.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: help setup lab grade test trials build clean

help:
	@echo "make lab     train, compress and measure on the bundled digits: the four-row table"
	@echo "make grade   grade the sample class and print the grades"
	@echo "make test    run every test"
	@echo "make trials  the grader's long trials: fuzzing, fifty kills, a thousand submissions; about an hour"
	@echo "make setup   only make .venv and install everything"
	@echo "make build   build lessons/ from solutions/"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt .ci/setup
	@PYTHON="$(PYTHON)" bash .ci/setup
	@touch $(STAMP)

lab: $(STAMP)
	@$(BIN)/course lab --data digits --out runs/digits

grade: $(STAMP)
	@$(BIN)/course grade tests/sample_class/submitted --out runs/sample_class

test: $(STAMP)
	@$(BIN)/python -m pytest -q

# Each writes its figures to autograder/results/trust.json. With atheris in .venv, fuzzing is guided.
trials: $(STAMP)
	@$(BIN)/python tests/trials/fuzz.py
	@$(BIN)/python tests/trials/kills.py
	@$(BIN)/python tests/trials/soak.py

build: $(STAMP)
	@$(BIN)/course build

clean:
	rm -rf .venv build runs *.egg-info
