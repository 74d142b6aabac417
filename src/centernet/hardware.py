"""Devices, cores, threads and memory of the machine. torch is imported only where a device is asked for."""

import os
import sys
from typing import TYPE_CHECKING

from centernet.errors import UsageError

if TYPE_CHECKING:
    import torch

_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
"""Values of oneDNN's `ONEDNN_MAX_CPU_ISA` that leave out the instructions that multiply bfloat16."""

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Parameters of glibc's `mallopt`: see `man mallopt`."""


def max_concurrent_jobs(threads: int) -> int:
    """The number of jobs with so many threads each that have cores of their own, at least 1.

    Args:
        threads: Threads of one job; 0 for as many as there are cores.
    """
    return max(1, usable_cores() // threads) if threads else 1


def usable_cores() -> int:
    """The number of cores that this process may run on, which can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Only some systems have it.
        return os.cpu_count() or 1


def default_threads() -> int:
    """The number in `OMP_NUM_THREADS`, as in torch; 0, the runtime's own choice, if it is not set."""
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(text) if text.isdecimal() else 0


def cpu_has_fast_bf16() -> bool:
    """True if bfloat16 is faster than 32 bits on this CPU.

    It is not where the variable `ONEDNN_MAX_CPU_ISA` (or `DNNL_MAX_CPU_ISA`, its former name) limits oneDNN,
    which computes the convolutions, to instructions without bfloat16: it is then emulated, and slower.
    """
    import torch

    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")
    if limit.upper() in _WITHOUT_BF16:
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def tune_allocator() -> bool:
    """Makes this process keep freed memory for its next allocations instead of giving it back to the system.

    A training step frees the large blocks that the next step needs again, and the system fills each block it
    hands out with zeros first. On CPUs a step takes 9 % less time without that (`benchmarks/README.md`). Peak
    memory does not change. Only glibc, the C library of most Linux systems, has this setting.

    Returns:
        True if the setting was made.
    """
    import ctypes
    import platform

    if platform.libc_ver()[0] != "glibc":
        return False
    parameters = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
    library = ctypes.CDLL(None)
    return all(library.mallopt(key, value) for key, value in parameters.items())


def settle_after_fork() -> None:
    """Makes torch compute with one thread if this process is a fork of one in which torch was imported.

    Threads do not come along in a fork, but the library that shares out torch's work waits for them without
    end: see `Forking a process` in the manual of GCC's libgomp. Called before a network runs or is loaded.
    """
    if _FORKS and os.getpid() == _FORKS[-1]:
        import torch

        torch.set_num_threads(1)
        _FORKS.clear()


_FORKS: list[int] = []
"""The number of this process if it is a fork that has not computed yet."""


def _note_fork() -> None:
    if "torch" in sys.modules:
        _FORKS[:] = [os.getpid()]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def device_of(name: str | int) -> "torch.device":
    """The device of a name: `auto` is the fastest device of the machine, a number is that GPU.

    Raises:
        UsageError: The device cannot be used here.
    """
    settle_after_fork()
    name = str(name)
    return _fastest() if name == "auto" else _checked(f"cuda:{name}" if name.isdigit() else name)


def devices_of(names: str) -> "list[torch.device]":
    """Several devices: `0,1` are two GPUs.

    Raises:
        UsageError: One of the devices cannot be used here.
    """
    return [device_of(name.strip()) for name in names.split(",")]


def _fastest() -> "torch.device":
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _checked(name: str) -> "torch.device":
    import torch

    try:
        device = torch.device(name)
        if device.type == "meta":
            raise RuntimeError("it holds no numbers")
        torch.empty(0, device=device)
    except (RuntimeError, ValueError, OverflowError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}): try device=cpu") from error
    return device
