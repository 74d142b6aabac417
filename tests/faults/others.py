"""Other faults in a training: each ends it in a line, and the resumed run comes to the same weights."""

import ctypes
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from tests.faults.kills import Ground, difference
from tests.faults.processes import Command, children_of, content_of

Alone = Mapping[str, str]
"""Content of a run that was left alone."""

_NEW_MOUNTS, _NEW_USERS, _RECURSIVE, _PRIVATE = 0x20000, 0x10000000, 0x4000, 0x40000
_DEAD_WORKER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a fault.

    Attributes:
        fault: Its name.
        problems: What was not as it must be; empty if all was.
        skipped: Why it was not tried; empty if it was.
    """

    fault: str
    problems: tuple[str, ...] = ()
    skipped: str = ""


def others(ground: Ground, alone: Alone) -> list[Outcome]:
    """The outcome of each fault.

    Args:
        ground: Where the runs take place.
        alone: Content of a run that was left alone.
    """
    faults: dict[str, Callable[[Ground, Alone], list[str]]] = {
        "a weight is not finite": not_finite,
        "a dead worker": dead_worker,
        "SIGTERM": terminated,
        "two runs at once": two_at_once,
    }
    outcomes = [Outcome(fault=name, problems=tuple(run(ground, alone))) for name, run in faults.items()]
    return [*outcomes, full_disk(ground, alone)]


def not_finite(ground: Ground, alone: Alone) -> list[str]:
    """A weight that is no number in the third epoch: no file has it, and the resumed run is whole."""
    run, command = ground.start(0, "not-finite", _spoil_third_epoch)
    problems = _ended(command, 1, "not finite", "epoch 3", "weights of epoch 2 are in")
    for file in sorted((run / "weights").glob("*.safetensors")):
        with safe_open(file, "np") as content:
            if not all(np.isfinite(content.get_tensor(key)).all() for key in content.keys()):  # noqa: SIM118
                problems.append(f"{file.name} is not finite")
    return problems + _resumed(ground, run, alone)


def dead_worker(ground: Ground, alone: Alone) -> list[str]:
    """A worker process that the system kills: the run ends within a minute, and is resumed."""
    run, command = _past_first_epoch(ground, "dead-worker")
    workers = children_of(command)
    if not workers:
        command.end()
        return ["there was no worker to kill"]
    began = time.monotonic()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    problems = _ended(command, 1, "a worker process of the loader", f"train resume={run} workers=0")
    if (took := time.monotonic() - began) > _DEAD_WORKER_S:
        problems.append(f"it took {took:.0f} s")
    return problems + _resumed(ground, run, alone)


def terminated(ground: Ground, alone: Alone) -> list[str]:
    """SIGTERM, as docker and SLURM send it."""
    run, command = _past_first_epoch(ground, "sigterm")
    command.send(signal.SIGTERM)
    problems = _ended(command, 128 + signal.SIGTERM, "stopped by SIGTERM; to go on: centernet train resume=")
    return problems + _resumed(ground, run, alone)


def two_at_once(ground: Ground, alone: Alone) -> list[str]:
    """Two runs of one name, started at once: each has a folder; a run that goes on is not resumed."""
    run, first = ground.start(0, "twice")
    _, second = ground.start(0, "twice")
    first.wait_for((run / "last.ckpt").exists)
    third = ground.resume(0, run)
    problems = _ended(third, 1, "belongs to a run that has not ended")
    for command in (first, second):
        problems += _ended(command, 0)
    if not problems:
        for folder in (run, run.with_name("run2")):
            if differs := difference(alone, content_of(folder)):
                problems.append(f"{folder.name}: {differs} differ")
    return problems


def full_disk(ground: Ground, alone: Alone) -> Outcome:
    """A disk that is full after the first epoch; the run is resumed when there is room again."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_on_small_disk, args=(ground, alone, sender))
    process.start()
    process.join()
    name = "a full disk"
    if process.exitcode or not receiver.poll():
        return Outcome(fault=name, problems=(f"exit code {process.exitcode}",))
    problems = json.loads(receiver.recv())
    if isinstance(problems, str):
        return Outcome(fault=name, skipped=problems)
    return Outcome(fault=name, problems=tuple(problems))


def _on_small_disk(ground: Ground, alone: Alone, sender: "multiprocessing.connection.Connection") -> None:
    """In a process of its own: the disk, a file system in memory, belongs to it alone."""
    disk = ground.disks[0] / "small"
    disk.mkdir()
    try:
        _mount_in_memory(disk, "64m")
    except OSError as error:
        sender.send(json.dumps(f"no file system can be mounted here ({error.strerror})"))
        return
    run, command = _past_first_epoch(ground, "small")
    # Nothing is written in between.
    command.send(signal.SIGSTOP)
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    command.send(signal.SIGCONT)
    problems = _ended(command, 1, "cannot be written (No space left on device)", "make room")
    ballast.unlink()
    sender.send(json.dumps(problems + _resumed(ground, run, alone)))


def _past_first_epoch(ground: Ground, name: str) -> tuple[Path, Command]:
    run, command = ground.start(0, name)
    command.wait_for((run / "last.ckpt").exists)
    return run, command


def _ended(command: Command, code: int, *words: str) -> list[str]:
    """What is wrong about the end of a command: its code, words that its last line lacks, a traceback."""
    came, lines = command.end(), command.lines()
    last = lines[-1] if lines else ""
    problems = [] if came == code else [f"exit code {came}, not {code}: {last}"]
    problems += [f"{word!r} is not in {last!r}" for word in words if word not in last]
    if any(line.startswith("Traceback") for line in lines):
        problems.append("it prints a traceback")
    return problems


def _resumed(ground: Ground, run: Path, alone: Alone) -> list[str]:
    """What is wrong about the run after it was resumed."""
    command = ground.resume(0, run)
    if problems := _ended(command, 0):
        return [f"resumed: {problem}" for problem in problems]
    differs = difference(alone, content_of(run))
    return [f"resumed: {differs} differ"] if differs else []


def _spoil_third_epoch() -> None:
    from centernet.training.module import TrainingModule

    begin = TrainingModule.on_train_epoch_start

    def spoiled(self: TrainingModule) -> None:
        begin(self)
        if self.current_epoch == 2:
            next(self.network.parameters()).data.fill_(float("nan"))

    TrainingModule.on_train_epoch_start = spoiled  # type: ignore[method-assign]


def _mount_in_memory(folder: Path, size: str) -> None:
    """Mounts a file system for this process and its children; raises an `OSError` if that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_MOUNTS):
        if libc.unshare(_NEW_MOUNTS | _NEW_USERS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    for source, target, kind, flags, options in (
        (None, b"/", None, _RECURSIVE | _PRIVATE, None),
        (b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()),
    ):
        if libc.mount(source, target, kind, ctypes.c_ulong(flags), options):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
