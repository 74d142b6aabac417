"""How many threads a runtime may use."""

import os


def usual_threads() -> int:
    """What OMP_NUM_THREADS says, as for torch; 0, the runtime's own choice, where it is not set."""
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(text) if text.isdecimal() else 0
