"""Helpers of benchmarks that train: one process and thread per training, and tables over several seeds."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.measuring import commit, machine

METRICS = ("AP", "AP50", "AP75")


def fill(
    path: Path,
    module: str,
    runs: Sequence[tuple[dict[str, Any], Sequence[str]]],
    order: Sequence[str],
    about: Mapping[str, Any],
    title: str,
    jobs: int,
) -> None:
    """Measures all runs, `jobs` at once, and writes their rows to a table.

    A run is the name and seed of its row, and the arguments of the module. A row is written as soon as it is
    measured, and replaces an older one of the same name and seed.
    """

    def measured(row: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
        return {**row, **in_own_process(module, arguments)}

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            for future in as_completed([pool.submit(measured, *run) for run in runs]):
                row = future.result()
                print(row, flush=True)
                add_row(path, row, lambda row: (order.index(row["name"]), row["seed"]), about, title)
        finally:
            pool.shutdown(cancel_futures=True)


def in_own_process(module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The last line that a module prints, as JSON, and its processor time in minutes, including children."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    minutes = (used.ru_utime + used.ru_stime) / 60
    return {**json.loads(output.splitlines()[-1]), "cpu_minutes": round(minutes, 1)}


def add_row(
    path: Path,
    row: Mapping[str, Any],
    key: Callable[[Mapping[str, Any]], Any],
    about: Mapping[str, Any],
    title: str,
) -> None:
    """Adds a row to the table in order of the keys, or replaces the older one with the same key."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = sorted([*(one for one in rows if key(one) != key(row)), {**row, **origin()}], key=key)
    report = {**about, "rows": rows}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(as_markdown(report, title))


def origin() -> dict[str, str]:
    """Commit, processor and version of torch of a row, which may differ from those of other rows."""
    here = machine()
    return {"commit": commit(), "processor": here["processor"], "torch": here["torch"]}


def origins(rows: Sequence[Mapping[str, Any]]) -> str:
    """All origins of rows: `commits 0b28fc4 and 7ee7186, AMD EPYC, torch 2.15.0`."""
    commits, processors, versions = (
        list(dict.fromkeys(row[key] for row in rows)) for key in ("commit", "processor", "torch")
    )
    named = f"commit{'s' * (len(commits) > 1)} {_listed(commits)}"
    return f"{named}, {_listed(processors)}, torch {_listed(versions)}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def as_markdown(report: Mapping[str, Any], title: str) -> str:
    """The table, with one line for each name, over its seeds."""
    rows = report["rows"]
    lines = [
        f"# {title}",
        "",
        f"`{report['command']}`, {origins(rows)}.",
        "One thread each; mean over the seeds ± their standard deviation.",
        "",
        "| | seeds | AP | AP50 | AP75 | CPU minutes |",
        "|---|---|---|---|---|---|",
        *(_line(name, [one for one in rows if one["name"] == name]) for name in _names(rows)),
    ]
    return "\n".join(lines) + "\n"


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(one["name"] for one in rows))


def _line(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    means = " | ".join(mean_and_spread([one[metric] for one in rows]) for metric in METRICS)
    minutes = statistics.mean(one["cpu_minutes"] for one in rows)
    return f"| {name} | {len(rows)} | {means} | {minutes:.1f} |"


def mean_and_spread(values: Sequence[float]) -> str:
    """`0.528 ± 0.003`: the mean and the standard deviation of several values."""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"
