# All targets do their own set-up: a virtual environment, filled by uv from the package registry.
python := .venv/bin/python

.PHONY: demo test lint docs
demo: .venv/ready
	.venv/bin/model-guidance demo --out demo

# One thread for each of the two test processes: more would fight for the cores. They begin with a half of the
# tests each, so that what the tests of a file share is made once.
test: .venv/ready lint
	OMP_NUM_THREADS=1 $(python) -m pytest -n 2 --dist worksteal

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# Built without a network, into `site`; a link or a name that leads nowhere is an error.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

# `python -m uv`: a uv on the PATH is neither needed nor used.
.venv/ready: pyproject.toml constraints.txt
	python3 -m venv --clear .venv
	$(python) -m pip install --quiet uv
	$(python) -m uv pip install --quiet --python $(python) --compile-bytecode -c constraints.txt -e '.[test]'
	touch $@
