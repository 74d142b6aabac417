"""Command lines of `centernet` in processes that can be killed, and what they leave."""

import contextlib
import hashlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from safetensors import safe_open

LIMIT_S = 600.0
"""Seconds after which a process counts as hanging."""


def nothing() -> None:
    """Changes nothing."""


def without_final_evaluation() -> None:
    """Leaves out the tables and pictures of a finished training, which take longer than it."""
    from centernet.detector import training_run

    training_run._evaluate = lambda *_arguments: None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line in a process of its own, forked: torch is imported once for all.

    Attributes:
        process: The process.
        log: File with everything that it prints.
    """

    process: ForkProcess
    log: Path

    @property
    def is_running(self) -> bool:
        """True until it ends."""
        return self.process.is_alive()

    def send(self, number: int) -> None:
        """Sends it a signal, and nobody else."""
        if self.process.pid is not None and self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def end(self) -> int:
        """Waits until it ends, and gives its exit code; -9 after SIGKILL.

        Raises:
            AssertionError: It hangs.
        """
        self.process.join(LIMIT_S)
        if self.is_running:
            self.process.kill()
            raise AssertionError(f"hangs: {self.lines()[-1:]}")
        assert self.process.exitcode is not None
        return self.process.exitcode

    def lines(self) -> list[str]:
        """The lines that it printed."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def wait_for(self, is_there: Callable[[], Any]) -> bool:
        """Looks again and again until something is there; False if the process ends before."""
        end = time.monotonic() + LIMIT_S
        while not is_there():
            if not self.is_running:
                return bool(is_there())
            assert time.monotonic() < end, f"hangs: {self.lines()[-1:]}"
            time.sleep(2e-4)
        return True


def start(words: Sequence[str], log: Path, temporary: Path, prepare: Callable[[], None] = nothing) -> Command:
    """Starts a command line.

    Args:
        words: The words after `centernet`.
        log: File for what it prints, written anew.
        temporary: Folder of temporary files, made if missing.
        prepare: Called in the new process before the command, to inject a fault.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    process = multiprocessing.get_context("fork").Process(
        target=_main, args=(tuple(words), log, temporary, prepare)
    )
    process.start()
    return Command(process=process, log=log)


def call(words: Sequence[str], log: Path, temporary: Path, prepare: Callable[[], None] = nothing) -> Command:
    """A command line that has ended."""
    command = start(words, log, temporary, prepare)
    command.end()
    return command


def _main(words: Sequence[str], log: Path, temporary: Path, prepare: Callable[[], None]) -> None:
    from centernet.cli import main

    os.setsid()
    os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    prepare()
    sys.exit(main(list(words)))


def children_of(process: Command) -> list[int]:
    """The numbers of the processes that a process has started, on Linux."""
    tasks = Path(f"/proc/{process.process.pid}/task")
    try:
        return [int(word) for file in tasks.glob("*/children") for word in file.read_text().split()]
    except OSError:
        return []


@contextmanager
def two_file_systems(first: Path, second: Path) -> Iterator[tuple[Path, Path]]:
    """Two new folders on different file systems, removed afterwards.

    Raises:
        ValueError: Both are on one.
    """
    if first.stat().st_dev == second.stat().st_dev:
        raise ValueError(f"{first} and {second} are on one file system: name a folder on another")
    with tempfile.TemporaryDirectory(dir=first) as one, tempfile.TemporaryDirectory(dir=second) as other:
        yield Path(one), Path(other)


def half_written(run: Path) -> list[str]:
    """The temporary files that lie in a run folder: those being written, or left by a process that died."""
    found = []
    for folder in (run, run / "weights"):
        with contextlib.suppress(OSError):
            found += [name for name in os.listdir(folder) if name.endswith(".part")]  # noqa: PTH208 - fast
    return found


def content_of(run: Path) -> dict[str, str]:
    """What a run has come to: its files, a digest of its weights, and its table without the seconds."""
    content = {f"weights/{file.name}": _digest(file) for file in sorted(run.glob("weights/*"))}
    rows = [line.split(",") for line in (run / "results.csv").read_text().splitlines()]
    place = rows[0].index("seconds")
    content["results.csv"] = "\n".join(",".join(row[:place] + row[place + 1 :]) for row in rows)
    content["files"] = ", ".join(sorted(path.name for path in run.iterdir()))
    return content


def _digest(file: Path) -> str:
    """Of the tensors and the metadata: their order in a file is by chance."""
    digest = hashlib.sha256()
    with safe_open(file, "np") as content:
        digest.update(repr(sorted(content.metadata().items())).encode())
        for key in sorted(content.keys()):
            digest.update(key.encode() + content.get_tensor(key).tobytes())
    return digest.hexdigest()
