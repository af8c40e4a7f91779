# make demo       denoise the recording that ships with the package
# make test       everything that continuous integration checks
# make test-slow  the tests that take longer
# make docs       the manual, in docs/_build/html; a warning is an error
# make linkcheck  the manual's links to other sites
# make coverage   which lines and branches the tests reach, file by file
PYTHON ?= python3
BIN := .venv/bin
# `make test COVERAGE=yes`, as continuous integration runs it, counts lines and branches too, and names the ten
# least covered files; a third longer
COVERAGE ?=
COUNTED := $(if $(COVERAGE),--cov --cov-report= --hypothesis-profile unhurried)
SPHINX := $(BIN)/python -m sphinx -W --keep-going -q

.PHONY: demo test test-slow docs linkcheck coverage clean
demo: .venv/core.stamp
	$(BIN)/cleartract demo --out demo

test: .venv/test.stamp docs
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --durations=15 $(COUNTED) $(PYTEST_OPTIONS)
	@$(if $(COVERAGE),$(BIN)/python -m coverage report --sort=cover | awk 'NR <= 12 || /^TOTAL/')

test-slow: .venv/test.stamp
	$(BIN)/python -m pytest -m slow --durations=15 $(PYTEST_OPTIONS)

docs: .venv/docs.stamp
	$(SPHINX) -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

linkcheck: .venv/docs.stamp
	$(SPHINX) -D nb_execution_mode=off -b linkcheck docs docs/_build/linkcheck

coverage: .venv/test.stamp
	$(BIN)/python -m pytest -n 2 --hypothesis-profile unhurried --cov --cov-report=term --cov-report=html

.venv/venv.stamp:
	$(PYTHON) -m venv --clear .venv
	touch $@

.venv/core.stamp: pyproject.toml constraints.txt | .venv/venv.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/test.stamp: .venv/core.stamp benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt --editable '.[simulate,train,evaluate,pretrained,formats,cluster,app,xarray,test]'
	touch $@

.venv/docs.stamp: .venv/core.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv demo build dist docs/_build
