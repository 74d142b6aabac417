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

# Write the generated pages, and build the documentation site with search.
docs:
    python docs/tables.py
    python docs/api.py
    python docs/build_site.py

# Mend what a tool can mend.
fix:
    ruff check --fix .
    ruff format .
