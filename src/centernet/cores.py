"""How many jobs the processor has cores for."""

import os


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
