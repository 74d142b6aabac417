"""What grows with the size of the data, ours beside others: `uv run python -m benchmarks.scale`.

Each side of each row at each size is measured in a process of its own, with one thread: processor seconds,
wall seconds, and the peak of memory above the start. `--rows` takes families (`evaluation`) or single rows
(`evaluation/80 classes`). A row is written as soon as it is measured, and replaces an older one.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling import Row, families, measured, rows_of

MEASURES = ("cpu_s", "wall_s", "peak_mb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", metavar="FAMILY[/ROW]", help="rows to measure; all by default")
    parser.add_argument("--sides", nargs="+", help="sides to measure; all by default")
    parser.add_argument("--largest", type=int, help="leave out larger sizes")
    parser.add_argument("--name", default="scale", help="the results go to results/NAME.json and .md")
    parser.add_argument("--one", nargs=4, metavar=("FAMILY", "ROW", "SIZE", "SIDE"), help="one measurement")
    options = parser.parse_args()
    if options.one:
        family, name, size, side = options.one
        row = next(row for row in rows_of(family) if row.name == name)
        print(json.dumps(measured(row.sides[side], int(size))))
        return
    path = Path(__file__).parent / "results" / f"{options.name}.json"
    for family, row in chosen(options.rows or []):
        for size in row.sizes:
            if options.largest is None or size <= options.largest:
                found = {
                    side: in_own_process(family, row.name, size, side)
                    for side in row.sides
                    if not options.sides or side in options.sides
                }
                print(family, row.name, f"{size:,} {row.unit}", found, flush=True)
                check_agreement(row, found)
                add(path, family, row, size, found)


def chosen(names: Sequence[str]) -> list[tuple[str, Row]]:
    """The rows of some names with their families; all rows for none."""
    every = [(family, row) for family, rows in families().items() for row in rows]
    known = {name for family, row in every for name in (family, f"{family}/{row.name}")}
    for name in names:
        if name not in known:
            raise SystemExit(f"--rows {name!r}: there are {', '.join(sorted(known))}")
    return [
        (family, row) for family, row in every if not names or {family, f"{family}/{row.name}"} & {*names}
    ]


def in_own_process(family: str, name: str, size: int, side: str) -> dict[str, float]:
    """One measurement, in a process with one thread."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "RAYON_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "benchmarks.scale", "--one", family, name, str(size), side]
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def check_agreement(row: Row, found: Mapping[str, Mapping[str, float]]) -> None:
    """Ends the program if two sides return different numbers."""
    for number in {name for one in found.values() for name in one if name not in MEASURES}:
        values = [one[number] for one in found.values() if number in one]
        if max(values) - min(values) > row.tolerance:
            raise SystemExit(f"{row.name}: {number} is {values} of {', '.join(found)}")


def add(path: Path, family: str, row: Row, size: int, found: Mapping[str, Mapping[str, float]]) -> None:
    """Adds the measurements of a row at a size to the table, or replaces older ones."""
    # Not above: a measurement should not wait for torch, nor count its memory.
    from benchmarks.measuring import commit, machine

    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    about = {"family": family, "row": row.name, "size": size, "unit": row.unit}
    same = [one for one in rows if all(one[key] == value for key, value in about.items())]
    sides = {**(same[0]["sides"] if same else {}), **found}
    limits = dict(row.limits) if size == row.sizes[-1] else {}
    new = {
        **about,
        "limits": limits,
        "sides": {side: sides[side] for side in row.sides if side in sides},
        "commit": commit(),
        "processor": machine()["processor"],
    }
    kept = [one for one in rows if one not in same and one["family"] in families()]
    order = [(name, one.name) for name, all_rows in families().items() for one in all_rows]
    table = [one for one in [*kept, new] if (one["family"], one["row"]) in order]
    table.sort(key=lambda one: (order.index((one["family"], one["row"])), one["size"]))
    path.write_text(json.dumps({"rows": table}, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(as_markdown(table))


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "# Scale",
        "",
        "`python -m benchmarks.scale`; each side in a process of its own, one thread. CPU and wall seconds,",
        "and the peak of memory above the start. Numbers that two sides return agree, or the program ends.",
    ]
    for family in dict.fromkeys(row["family"] for row in rows):
        mine = [row for row in rows if row["family"] == family]
        origins = dict.fromkeys(f"{row['commit']}, {row['processor']}" for row in mine)
        lines += ["", f"## {family.capitalize()}", "", "; ".join(origins), ""]
        lines += [
            "| | size | side | CPU s | wall s | peak MB | numbers | wanted |",
            "|---|---:|---|---:|---:|---:|---|---|",
        ]
        lines += [
            f"| {row['row']} | {row['size']:,} {row['unit']} | {side} | {numbers['cpu_s']:.3g} "
            f"| {numbers['wall_s']:.3g} | {numbers['peak_mb']:,.0f} | {_others(numbers)} "
            f"| {_limits(row, numbers) if place == 0 else ''} |"
            for row in mine
            for place, (side, numbers) in enumerate(row["sides"].items())
        ]
    return "\n".join(lines) + "\n"


def _others(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in numbers.items() if name not in MEASURES)


def _limits(row: Mapping[str, Any], numbers: Mapping[str, float]) -> str:
    """The limits, each with whether it is kept."""
    return ", ".join(
        f"{name} ≤ {limit:g}{'' if numbers.get(name, math.inf) <= limit else ': **missed**'}"
        for name, limit in row["limits"].items()
    )


if __name__ == "__main__":
    main()
