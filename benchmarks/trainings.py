"""What benchmarks that train share: a process and a thread for each training, and tables of several seeds."""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import commit, machine

METRICS = ("AP", "AP50", "AP75")


def in_own_process(module: str, words: Sequence[str]) -> dict[str, Any]:
    """What a module prints last, as JSON, and the minutes of processor time it took, its children's too."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", module, *words]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {**json.loads(answer.stdout.splitlines()[-1]), "cpu_minutes": round(seconds / 60, 1)}


def add_row(
    path: Path,
    row: Mapping[str, Any],
    key: Callable[[Mapping[str, Any]], Any],
    about: Mapping[str, Any],
    title: str,
) -> None:
    """Put a row in the place of an older one with its key, or among the others, by the order of the keys."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = sorted([*(one for one in rows if key(one) != key(row)), row], key=key)
    report = {**about, "commit": commit(), "machine": machine(), "rows": rows}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    device = report["machine"]
    lines = [
        f"# {title}",
        "",
        f"`{about['command']}`, commit {report['commit']}, {device['processor']}, torch {device['torch']}.",
        "One thread each; mean over the seeds ± their standard deviation.",
        "",
        "| | seeds | AP | AP50 | AP75 | CPU minutes |",
        "|---|---|---|---|---|---|",
        *(_line(name, [one for one in rows if one["name"] == name]) for name in _names(rows)),
    ]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


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
