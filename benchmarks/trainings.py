"""What benchmarks that train share: a process and a thread for each training, and tables of several seeds."""

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
    """Measure each run, a row's name and seed and the module's words for it, so many at once, into a table.

    A row is written as soon as it is there, in the place of an older one of its name and seed.
    """

    def measured(row: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
        return {**row, **in_own_process(module, words)}

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            for one in as_completed([pool.submit(measured, *run) for run in runs]):
                row = one.result()
                print(row, flush=True)
                add_row(path, row, lambda row: (order.index(row["name"]), row["seed"]), about, title)
        finally:
            pool.shutdown(cancel_futures=True)


def in_own_process(module: str, words: Sequence[str]) -> dict[str, Any]:
    """What a module prints last, as JSON, and the minutes of processor time it took, its children's too."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", module, *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    minutes = (used.ru_utime + used.ru_stime) / 60
    return {**json.loads(said.splitlines()[-1]), "cpu_minutes": round(minutes, 1)}


def add_row(
    path: Path,
    row: Mapping[str, Any],
    key: Callable[[Mapping[str, Any]], Any],
    about: Mapping[str, Any],
    title: str,
) -> None:
    """Put a row in the place of an older one with its key, or among the others, by the order of the keys."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = sorted([*(one for one in rows if key(one) != key(row)), {**row, **origin()}], key=key)
    report = {**about, "rows": rows}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(as_markdown(report, title))


def origin() -> dict[str, str]:
    """What a row was measured with, which need not be what others in its table were."""
    on = machine()
    return {"commit": commit(), "processor": on["processor"], "torch": on["torch"]}


def origins(rows: Sequence[Mapping[str, Any]]) -> str:
    """`commits 0b28fc4 and 7ee7186, AMD EPYC, torch 2.15.0`: all that rows were measured with."""
    commits, processors, versions = (
        list(dict.fromkeys(row[key] for row in rows)) for key in ("commit", "processor", "torch")
    )
    named = f"commit{'s' * (len(commits) > 1)} {_listed(commits)}"
    return f"{named}, {_listed(processors)}, torch {_listed(versions)}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def as_markdown(report: Mapping[str, Any], title: str) -> str:
    """The table: a line for each name, over its seeds."""
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
