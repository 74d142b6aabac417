"""Which devices compute."""

import os

import torch

from centernet.errors import UsageError


def jobs_at_once(threads: int) -> int:
    """How many jobs of so many threads each have cores of their own; at least 1, and 1 for 0 threads: all."""
    return max(1, usable_cores() // threads) if threads else 1


def usable_cores() -> int:
    """Those that this process may run on, which can be fewer than there are."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not every system can say so.
        return os.cpu_count() or 1


def device_of(name: str | int) -> torch.device:
    """The device that a name means; of `auto` the fastest there is, of a number that GPU.

    Raises:
        UsageError: It cannot be used here.
    """
    name = str(name)
    return _best() if name == "auto" else _checked(f"cuda:{name}" if name.isdigit() else name)


def devices_of(names: str) -> list[torch.device]:
    """Several devices: `0,1` are two GPUs.

    Raises:
        UsageError: One of them cannot be used here.
    """
    return [device_of(name.strip()) for name in names.split(",")]


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _checked(name: str) -> torch.device:
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}): try device=cpu") from error
    return chosen


def usual_threads() -> int:
    """What OMP_NUM_THREADS says, as for torch; 0, the runtime's own choice, where it is not set."""
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(text) if text.isdecimal() else 0
