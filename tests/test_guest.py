"""The library is a guest in its caller's process: every public function leaves it as it found it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_no_public_function_changes_the_process_of_its_caller(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.helpers.guest", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-2000:]
    assert json.loads(run.stdout.splitlines()[-1]) == {}


FORKED = """
import os, sys, time
import numpy as np
from centernet import CenterNet

image = np.full((96, 96, 3), 200, np.uint8)
model = CenterNet("blood-cells", "cpu")
if sys.argv[1] == "used":
    next(model.predict(image))
if (child := os.fork()) == 0:
    next(model.predict(image))
    next(CenterNet("blood-cells", "cpu").predict(image))
    os._exit(7)
end = time.monotonic() + 60
while time.monotonic() < end:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.1)
os.kill(child, 9)
sys.exit("the child hangs")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("use", ["loaded", "used"])
def test_a_fork_of_the_process_that_loaded_a_model_predicts(use: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORKED, use],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        timeout=120,
        check=False,
    )

    assert run.returncode == 7, run.stderr[-1000:]
