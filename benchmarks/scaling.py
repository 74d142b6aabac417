"""Rows of the table on scale, and how one of them is measured.

A family of rows is a module `benchmarks/scale_NAME.py` with a tuple `ROWS`, where `benchmarks.scale` finds
it.
"""

import ctypes
import gc
import importlib
import resource
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Prepare = Callable[[int], Any]
Work = Callable[[Any], Mapping[str, float] | None]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to do the work of a row: ours, or another library's.

    Attributes:
        prepare: Makes what the work needs from the size; neither its time nor its memory counts. It imports
            what the work needs, unless imports are to be measured.
        work: What is measured. Returns numbers for the table; those that several sides return must agree.
    """

    prepare: Prepare
    work: Work


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: What is done, unique within its family.
        sizes: Sizes to measure, rising; `unit` says of what. Limits are for the last one.
        unit: What the size counts: `images`, `classes`.
        sides: Ways by name; the first is ours.
        limits: Most that ours may need: `cpu_s`, `wall_s`, `peak_mb`, or a number that the work returns.
        tolerance: Largest difference between numbers of the same name from two sides.
    """

    name: str
    sizes: Sequence[int]
    unit: str
    sides: Mapping[str, Side]
    limits: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 1e-9


def families() -> dict[str, tuple[Row, ...]]:
    """The rows by family."""
    names = sorted(path.stem.removeprefix("scale_") for path in Path(__file__).parent.glob("scale_*.py"))
    return {name: rows_of(name) for name in names}


def rows_of(family: str) -> tuple[Row, ...]:
    """The rows of one family."""
    rows: tuple[Row, ...] = importlib.import_module(f"benchmarks.scale_{family}").ROWS
    return rows


def measured(side: Side, size: int) -> dict[str, float]:
    """Processor seconds, wall seconds, and peak of memory above the start in MB.

    Processor seconds are of all threads and of finished children; memory is that of this process, so each
    measurement is made in a process of its own.
    """
    ready = side.prepare(size)
    gc.collect()
    _give_back_memory()
    start = _resident_mb()
    with _PeakMemory() as peak:
        cpu, wall = _cpu_seconds(), time.perf_counter()
        numbers = side.work(ready)
        cpu, wall = _cpu_seconds() - cpu, time.perf_counter() - wall
    return {"cpu_s": cpu, "wall_s": wall, "peak_mb": max(peak.mb - start, 0.0), **(numbers or {})}


def _cpu_seconds() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, whose))


class _PeakMemory:
    """Largest resident memory while it is open: as the kernel counted it, else as a thread saw it."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_PeakMemory":
        self._is_counted = _restart_peak()
        if not self._is_counted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_counted:
            self.mb = _status_mb("VmHWM")
        else:
            self._stop.set()
            self._thread.join()
        self.mb = max(self.mb, _resident_mb())

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.mb = max(self.mb, _resident_mb())


def _restart_peak() -> bool:
    """Make the kernel count the peak from now on; false where it does not."""
    ballast = bytearray(64 << 20)
    ballast[::4096] = bytes([1]) * len(ballast[::4096])
    del ballast
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return _status_mb("VmHWM") < _resident_mb() + 8


def _resident_mb() -> float:
    return _status_mb("VmRSS")


def _status_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _give_back_memory() -> None:
    """Return memory that was freed before to the system: using it again would not count."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except OSError:
        return
