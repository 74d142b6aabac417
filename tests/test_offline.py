"""Nothing goes online, and nothing is written outside the folders of the project."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.helpers.every_verb import COMMAND_LINES

from centernet.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
ALLOWED = ("matplotlib",)
"""Caches in the home folder that `docs/how-to/offline.md` names."""


def without_network() -> list[str]:
    """The words that start a program where there is no network; none where the system has no such thing."""
    words = ["unshare", "--map-root-user", "--net"]
    works = shutil.which("unshare") and not subprocess.run([*words, "true"], check=False).returncode
    return words if works else []


def test_every_command_is_run() -> None:
    assert set(COMMANDS) <= {line.split()[0] for line in COMMAND_LINES}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a short name: the sockets of worker processes are in TMPDIR."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="paths and folders of Linux and macOS are compared")
def test_no_command_goes_online_or_writes_outside_the_project(tmp_path: Path, temporary: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV") if key in os.environ}
    paths = [str(ROOT / "tests" / "helpers" / "watched"), str(ROOT), *filter(None, sys.path)]
    run = subprocess.run(
        [*without_network(), sys.executable, "-m", "tests.helpers.every_verb", str(project)],
        capture_output=True,
        text=True,
        env={
            **kept,
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "WATCH_LOG": str(tmp_path / "log"),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        },
        timeout=1800,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-2000:]
    assert {line: code for line, code in json.loads(run.stdout.splitlines()[-1]).items() if code} == {}
    noted = sorted(set((tmp_path / "log").read_text().splitlines()))
    assert [line for line in noted if line.startswith("host")] == []
    written = {Path(line.removeprefix("file ")) for line in noted if line.startswith("file")}
    inside = (project, temporary, Path("/dev"), Path("/proc"))
    outside = {path for path in written if not any(path.is_relative_to(folder) for folder in inside)}
    # Libraries in C write without telling Python.
    outside |= {path for path in home.rglob("*") if path.is_file()}
    # The folders round the caches are made, too.
    files = {path for path in outside if not path.is_dir()}
    assert {str(path) for path in files if not set(ALLOWED) & set(path.parts)} == set()
    assert [path for path in temporary.rglob("*") if path.is_file()] == []
