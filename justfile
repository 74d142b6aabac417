# Every check a change must pass: `just check`.
export OMP_NUM_THREADS := "1"
export OMP_WAIT_POLICY := "PASSIVE"

check: format lint types layers test

format:
    ruff format --check .

lint:
    ruff check .

types:
    mypy

layers:
    lint-imports

test:
    pytest

# Mend what a tool can mend.
fix:
    ruff check --fix .
    ruff format .
