# Every target sets up what it needs. A stamp file makes the second run start at once.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: help setup lab grade quick test lint notebooks site bench trials build clean

help:
	@echo "make lab     train, compress and measure on the bundled digits: the four-row table"
	@echo "make grade   grade the sample class and print the grades"
	@echo "make quick   what an author runs on every save, about a minute; make quick LESSON=03: one lesson and its bank"
	@echo "make test    run every test"
	@echo "make lint    read all code without running it: ruff, imports, types, dead code, workflows"
	@echo "make notebooks  run every lesson from top to bottom with its answers"
	@echo "make site    the course as pages to read, in build/site/html; make site REPOSITORY=owner/name: with buttons for Colab and Binder"
	@echo "make bench   time the lessons, and grade one class with course, nbgrader and otter; about an hour"
	@echo "make trials  the grader's long trials: fuzzing, hostile notebooks, hogs, kills, a thousand submissions, what students receive; over an hour"
	@echo "make setup   only make .venv and install everything"
	@echo "make build   build lessons/ from solutions/"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt .ci/setup
	@PYTHON="$(PYTHON)" bash .ci/setup
	@touch $(STAMP)

lab: $(STAMP)
	@$(BIN)/course lab --data digits --out runs/digits

grade: $(STAMP)
	@$(BIN)/course grade tests/files/sample_class/submitted --out runs/sample_class

# The tools of the 'dev' extra; who only learns or grades does without.
$(STAMP)-dev: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)-dev

lint: $(STAMP)-dev
	@bash .ci/lint

# The rules of the lessons, and tests that start no kernel and train nothing. With LESSON=03, that lesson's instead, its
# bank of wrong answers among them.
QUICK := tests/lessons tests/test_setup.py tests/test_contributing.py tests/autograder/authoring/test_build.py tests/autograder/course \
  tests/autograder/checks/test_asking.py tests/autograder/checks/test_expect.py tests/autograder/checks/test_naming.py \
  tests/autograder/sandbox/test_wire.py tests/course_data tests/course_labs/networks tests/course_labs/report/test_markers.py
BANK := tests/lessons tests/autograder/checks/test_bank.py

quick: $(STAMP)
	@$(BIN)/course build --check
	@$(BIN)/python -m pytest -q -n 2 $(if $(LESSON),--lesson $(LESSON) $(BANK),--dist loadfile $(QUICK))

# One process for each core; tests/conftest.py says what stays together and what comes first.
test: $(STAMP)
	@$(BIN)/python -m pytest -q -n auto --dist loadfile

notebooks: $(STAMP)
	@$(BIN)/python -m tests.bench.lessons

# The libraries of the 'site' extra; who only learns or grades does without. Runs are kept: a second `make site` takes seconds.
$(STAMP)-site: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[site]'
	@touch $(STAMP)-site

site: $(STAMP)-site
	@$(BIN)/python -m docs.site $(if $(REPOSITORY),--repository $(REPOSITORY))

# otter-grader gets an environment of its own, which sees the course's.
bench: $(STAMP)
	@$(BIN)/python -m tests.bench.starts --out autograder/results/starts.json
	@$(BIN)/python -m tests.bench.lessons --out autograder/results/lessons.json
	@test -x build/otter/bin/otter || { $(BIN)/python -m venv build/otter && build/otter/bin/python -m pip install --quiet otter-grader; }
	@$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
	  > "$$(build/otter/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/course.pth"
	@$(BIN)/python -m tests.bench.graders --otter build/otter/bin/python --out autograder/results/bench.json
	@$(BIN)/python -m tests.bench.page

# Each writes its figures to autograder/results/trust.json. With atheris in .venv, fuzzing is guided.
# The last one installs the students' copy and Gradescope's libraries anew: ten gigabytes for a while.
trials: $(STAMP)
	@$(BIN)/python -m tests.trials.fuzz
	@$(BIN)/python -m tests.trials.corpus
	@$(BIN)/python -m tests.trials.hogs
	@$(BIN)/python -m tests.trials.kills
	@$(BIN)/python -m tests.trials.soak
	@$(BIN)/python -m tests.trials.receiver

build: $(STAMP)
	@$(BIN)/course build

clean:
	rm -rf .venv build runs *.egg-info
