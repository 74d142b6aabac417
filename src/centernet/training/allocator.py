"""How the memory of a training is asked of the system."""

import ctypes
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Numbers of glibc's `mallopt`: see `man mallopt`."""


def tune_allocator() -> bool:
    """Makes this process keep freed memory for its next step instead of giving it back.

    A step frees the large blocks that the next one needs again; each that comes from the system is filled
    with zeros first. On processors a step takes 9 % less time without that (`benchmarks/README.md`). What is
    in use at once is not more. Only glibc, the C library of most Linux systems, can be told.

    Returns:
        Whether it could be told.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
    library = ctypes.CDLL(None)
    return all(library.mallopt(key, value) for key, value in settings.items())
