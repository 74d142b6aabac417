"""What all benchmarks share: processor time, and what they ran on."""

import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

RESULTS = Path(__file__).parent / "results"


def cpu_ms(work: Callable[[], object], calls: int = 1) -> float:
    """Processor time of a call, all threads together."""
    start = time.process_time_ns()
    for _ in range(calls):
        work()
    return (time.process_time_ns() - start) / 1e6 / calls


def commit() -> str:
    """The commit, and whether the code differs from it."""
    here = Path(__file__).parent
    run = (["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "../src", ":(glob)*.py"])
    head, changes = (subprocess.check_output(command, cwd=here, text=True).strip() for command in run)
    return f"{head} with changes" if changes else head


def machine() -> dict[str, str]:
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
