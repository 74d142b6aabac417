"""Devices, cores and threads of the machine. torch is imported only where a device is asked for."""

import os
from typing import TYPE_CHECKING

from centernet.errors import UsageError

if TYPE_CHECKING:
    import torch


def max_concurrent_jobs(threads: int) -> int:
    """The number of jobs of so many threads each that have cores of their own, at least 1.

    Args:
        threads: Threads of one job; 0 for as many as there are cores.
    """
    return max(1, usable_cores() // threads) if threads else 1


def usable_cores() -> int:
    """The number of cores that this process may run on, which can be fewer than there are."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not every system can say so.
        return os.cpu_count() or 1


def default_threads() -> int:
    """The number in `OMP_NUM_THREADS`, as for torch; 0, the runtime's own choice, where it is not set."""
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(text) if text.isdecimal() else 0


def device_of(name: str | int) -> "torch.device":
    """The device of a name: `auto` is the fastest there is, a number is that GPU.

    Raises:
        UsageError: The device cannot be used here.
    """
    name = str(name)
    return _best() if name == "auto" else _checked(f"cuda:{name}" if name.isdigit() else name)


def devices_of(names: str) -> "list[torch.device]":
    """Several devices: `0,1` are two GPUs.

    Raises:
        UsageError: One of the devices cannot be used here.
    """
    return [device_of(name.strip()) for name in names.split(",")]


def _best() -> "torch.device":
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _checked(name: str) -> "torch.device":
    import torch

    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}): try device=cpu") from error
    return chosen
