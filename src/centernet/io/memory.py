"""Memory that is no longer needed, given back to the system."""

import ctypes
import sys


def give_back_memory() -> None:
    """Gives back what was freed, where the C library keeps it: after a file of gigabytes that is a lot."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return  # Another C library.
