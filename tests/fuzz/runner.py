"""Runs cases, each in a fork of one process that has imported everything, under limits, and judges them."""

import contextlib
import ctypes
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz import checks
from tests.fuzz.kinds import INPUT, KINDS, Case

from centernet.cli import main
from centernet.errors import InputError, UsageError

TIME_LIMIT_S = 20.0
MEMORY_LIMIT_MB = 2048.0
_ADDRESSES = 4 * 2**30
"""Most address space of a case beyond the program's: then memory is refused to it, not to the machine."""

_DIE_WITH_PARENT = 1


@dataclass(kw_only=True)
class Verdict:
    """What became of a case.

    Attributes:
        seed: Seed of the run.
        number: Its number; with the seed and the kind it makes the same case again.
        kind: A key of `KINDS`.
        changes: What was broken.
        commands: The command lines.
        codes: Their exit codes.
        message: The last line of stderr of the last command.
        faults: What is wrong; empty for a case that ended as it should.
        seconds: Time that it took, without waiting for a processor.
        memory_mb: Most memory that it took beyond that of the program.
    """

    seed: int
    number: int
    kind: str
    changes: list[str] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    message: str = ""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory_mb: float = 0.0


def kind_of(seed: int, number: int, only: Sequence[str]) -> str:
    """The kind of a case."""
    weights = [KINDS[name][0] for name in only]
    return random.Random(f"{seed} {number} kind").choices(list(only), weights)[0]


def run_all(
    numbers: Sequence[int], seed: int, only: Sequence[str], *, work: Path, seeds: Path, keep: Path, jobs: int
) -> Iterator[Verdict]:
    """The verdicts on cases, as they end.

    Args:
        numbers: Numbers of the cases.
        seed: Seed of the run.
        only: Kinds that are taken.
        work: Folder for the cases while they run.
        seeds: Folder of the whole inputs.
        keep: Folder that gets the cases with faults.
        jobs: Cases at a time.
    """
    waiting, running = list(reversed(numbers)), dict[int, _Running]()
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop()
            one = _Running.start(number, seed, kind_of(seed, number, only), work, seeds)
            running[one.pid] = one
        ended = [pid for pid, one in running.items() if one.has_ended()]
        for pid in ended:
            one = running.pop(pid)
            verdict = one.verdict()
            is_late = any(fault.startswith("longer than") for fault in verdict.faults)
            if is_late and not one.is_second:
                # On a busy machine: it has another chance, alone.
                retry = _Running.start(one.number, seed, one.kind, work, seeds, is_second=True)
                while not retry.has_ended():
                    time.sleep(0.01)
                one, verdict = retry, retry.verdict()
            if verdict.faults:
                _keep(one.folder, keep / f"{seed}-{verdict.number:06d}-{verdict.kind}", verdict)
            shutil.rmtree(one.folder, ignore_errors=True)
            yield verdict
        if not ended:
            time.sleep(0.01)


def _keep(folder: Path, target: Path, verdict: Verdict) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (target / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1), encoding="utf-8")
    # Pipes and devices cannot be copied.
    with contextlib.suppress(OSError, shutil.Error):
        shutil.copytree(
            folder, target / "case", symlinks=True, ignore=lambda at, names: [n for n in names if _odd(at, n)]
        )


def _odd(folder: str, name: str) -> bool:
    path = Path(folder, name)
    return not (path.is_dir() or path.is_file() or path.is_symlink())


class _Running:
    """A case in a process of its own."""

    def __init__(self, pid: int, case: tuple[int, int, str], folder: Path, is_second: bool) -> None:
        self.pid, self.folder, self.is_second = pid, folder, is_second
        self.seed, self.number, self.kind = case
        self._began = time.monotonic()
        self._status, self._usage = 0, None
        self._is_late = False
        self._seconds = 0.0

    @classmethod
    def start(
        cls, number: int, seed: int, kind: str, work: Path, seeds: Path, *, is_second: bool = False
    ) -> "_Running":
        folder = work / f"case-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _child(number, seed, kind, folder, seeds)
        return cls(pid, (seed, number, kind), folder, is_second)

    def has_ended(self) -> bool:
        wall = time.monotonic() - self._began
        with contextlib.suppress(OSError, ValueError):
            waited = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9
            self._seconds = max(self._seconds, wall - waited)
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self._status, self._usage = status, usage
            return True
        if self._seconds > TIME_LIMIT_S and not self._is_late:
            self._is_late = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return False

    def verdict(self) -> Verdict:
        """What it wrote, and what its end says."""
        report = self.folder / "report.json"
        written: dict[str, Any] = {}
        before_mb = 0.0
        with contextlib.suppress(OSError, ValueError):
            written = json.loads(report.read_text(encoding="utf-8"))
        # At its beginning: a fork has not all that its parent has.
        before_mb = written.pop("before_mb", 0.0)
        verdict = Verdict(seed=self.seed, number=self.number, kind=self.kind, **written)
        verdict.seconds = round(self._seconds, 2)
        verdict.memory_mb = round(max(0.0, self._usage.ru_maxrss / 1024 - before_mb), 1)
        if self._is_late:
            verdict.faults.append(f"longer than {TIME_LIMIT_S:.0f} s")
        elif os.WIFSIGNALED(self._status):
            verdict.faults.append(f"ended by signal {os.WTERMSIG(self._status)}")
        elif os.WEXITSTATUS(self._status):
            verdict.faults.append(f"the process ended with code {os.WEXITSTATUS(self._status)}")
        if verdict.memory_mb > MEMORY_LIMIT_MB:
            verdict.faults.append(f"more than {MEMORY_LIMIT_MB:.0f} MB of memory: {verdict.memory_mb:.0f}")
        return verdict


def _own_memory_mb() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _child(number: int, seed: int, kind: str, folder: Path, seeds: Path) -> None:
    """Makes the case, runs it, writes what became of it, and ends the process."""
    code = 1
    try:
        os.setsid()
        before_mb = _own_memory_mb()
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESSES,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**31, 2**31))
        os.chdir(folder)
        case = KINDS[kind][1](random.Random(f"{seed} {number} {kind}"), seeds)
        report = {"changes": case.changes, "commands": case.commands, "before_mb": before_mb}
        _write(report)
        _write({**report, **_judged(case)})
        code = 0
    except BaseException as error:
        import traceback

        with contextlib.suppress(BaseException):
            lines = "".join(traceback.format_exception(error))
            _write({"faults": [f"the fuzzer itself failed: {lines[-1500:]}"]})
            code = 0
    finally:
        os._exit(code)


def _write(report: dict[str, Any]) -> None:
    Path("report.json").write_text(json.dumps(report), encoding="utf-8")


def _judged(case: Case) -> dict[str, Any]:
    names = sorted({part for path in Path().rglob("*") for part in (path.name, path.stem) if len(part) > 1})
    faults, codes, last = [], [], ""
    for words in case.commands:
        with _captured() as texts:
            code = main(words)
        codes.append(code)
        faults += checks.faults(words, code, texts["out"], texts["err"], names)
        last = (texts["err"].splitlines() or [""])[-1]
    for check in case.checks:
        with _captured():
            try:
                check()
            except checks.Wrong as fault:
                faults.append(f"silently wrong: {fault}")
            except (InputError, UsageError) as error:
                faults.append(f"a harmless change is refused: {error}")
            except Exception as error:  # Anything else should not come out of a public function.
                frame = error.__traceback__
                while frame and frame.tb_next:
                    frame = frame.tb_next
                where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
                faults.append(f"raw exception of a function: {type(error).__name__}: {error} ({where})")
    return {"codes": codes, "message": last, "faults": [_plain(fault) for fault in faults]}


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:2000]


@contextlib.contextmanager
def _captured() -> Iterator[dict[str, str]]:
    """What a user would see on stdout and stderr, whoever writes it, while the block runs."""
    texts: dict[str, str] = {}
    files = {name: os.open(f"{name}.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")}
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(files["out"], 1)
    os.dup2(files["err"], 2)
    sys.stdout, sys.stderr = (
        open(number, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    try:
        yield texts
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for name, number in files.items():
            texts[name] = os.pread(number, 2**24, 0).decode("utf-8", "replace")
            os.close(number)


def family(fault: str) -> str:
    """A fault without its names and numbers: faults of one mechanism look alike."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "…", fault)
    text = re.sub(r"\S*/\S*", "PATH", text)
    return re.sub(r"\d+", "#", text)[:110]


__all__ = ["INPUT", "Verdict", "family", "kind_of", "run_all"]
