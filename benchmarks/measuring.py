"""Helpers of all benchmarks: measurement of processor time, commit and machine."""

import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

RESULTS = Path(__file__).parent / "results"


def cpu_ms(work: Callable[[], object], calls: int = 1) -> float:
    """Processor time of a call in milliseconds, over all threads."""
    start = time.process_time_ns()
    for _ in range(calls):
        work()
    return (time.process_time_ns() - start) / 1e6 / calls


def by_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> list[dict[str, Any]]:
    """Median and minimum processor time of each function; they are called in turn, and once before timing."""
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            times[name].append(cpu_ms(work))
    return [
        {"name": name, "ms": statistics.median(values), "least": min(values)}
        for name, values in times.items()
    ]


def commit() -> str:
    """The commit, with a note if the code differs from it."""
    here = Path(__file__).parent
    run = (["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "../src", ":(glob)*.py"])
    head, changes = (subprocess.check_output(command, cwd=here, text=True).strip() for command in run)
    return f"{head} with changes" if changes else head


def machine() -> dict[str, str]:
    """Processor, threads and versions of the libraries that matter."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "threads": "1",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
