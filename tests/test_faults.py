"""Trainings that are killed, or that another fault stops, are resumed to the same bits: a short version."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.faults.__main__ import write_section

SHARED = Path("/dev/shm")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="faults are injected by means of Linux")
def test_a_training_of_each_task_comes_to_the_same_bits_after_any_fault(tmp_path: Path) -> None:
    if not SHARED.is_dir() or SHARED.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system: a run folder and TMPDIR on two cannot be tried")
    # A short name: the sockets of worker processes are in TMPDIR.
    with TemporaryDirectory() as first:
        words = ["--kills", "4", "--seed", str(5), "--first", first, "--second", str(SHARED)]
        run = subprocess.run(
            [sys.executable, "-m", "tests.faults", *words],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[1],
            timeout=1800,
            check=False,
        )

    assert run.returncode == 0, run.stdout + run.stderr[-2000:]
    assert run.stderr.count("the same") >= 4


def test_a_report_replaces_its_own_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "robustness.md"
    write_section(path, "## Faults in training\n\nfirst\n")
    path.write_text(path.read_text() + "\n## Other\n\nkept\n")
    write_section(path, "## Faults in training\n\nsecond\n")

    assert path.read_text() == "# Robustness\n\n## Faults in training\n\nsecond\n\n## Other\n\nkept\n"
