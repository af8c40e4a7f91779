# make demo   denoise the recording that ships with the package
# make test   everything that continuous integration checks
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test clean
demo: .venv/core.stamp
	$(BIN)/cleartract demo --out demo

test: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --durations=15

.venv/venv.stamp:
	$(PYTHON) -m venv --clear .venv
	touch $@

.venv/core.stamp: pyproject.toml constraints.txt | .venv/venv.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/test.stamp: .venv/core.stamp benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt --editable '.[simulate,train,evaluate,pretrained,formats,cluster,app,test]'
	touch $@

clean:
	rm -rf .venv demo build dist
