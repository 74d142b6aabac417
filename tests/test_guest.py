"""The library is a guest in its caller's process: every public function leaves it as it found it."""

import json
import subprocess
import sys
from pathlib import Path


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
