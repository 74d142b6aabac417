"""The command line with a clock of processor time: `uv run python -m benchmarks.ours train data=X minutes=5`.

A time limit then is one of the processor, as that of YOLO11n in `benchmarks/yolo11n.py`, so other jobs on the
core do not shorten a training. With `workers=0` everything runs in this process, whose time is measured.
"""

import sys
import time

time.monotonic = time.process_time

from centernet.cli.app import main  # noqa: E402 - the clock must be set before

if __name__ == "__main__":
    sys.exit(main())
