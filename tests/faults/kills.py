"""SIGKILL at random moments of a training: the run is resumed, and compared with one that was left alone."""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import Command, content_of, half_written, nothing, start, without_final_evaluation
from tests.faults.trainings import Training


@dataclass(frozen=True, kw_only=True)
class Killed:
    """A run that was killed and resumed.

    Attributes:
        moments: When it was killed: `writing`, or the fraction of a whole run; of the resumed run, too.
        half: Temporary files that the kills left.
        is_same: It came to the same weights and the same table, and no file more, as the run left alone.
        reason: What differs, or the last line of the resumed run if that failed.
    """

    moments: tuple[str, ...]
    half: tuple[str, ...]
    is_same: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where the runs of a training take place.

    Attributes:
        training: The training.
        disks: Folders on two file systems: runs go to one, temporary files to the other, in turn.
    """

    training: Training
    disks: tuple[Path, Path]

    @property
    def data(self) -> Path:
        """The folder of images."""
        return self.disks[0] / "data"

    def prepare(self) -> tuple[dict[str, str], float]:
        """Writes the images; the content of a run that is left alone, and its seconds from its first file.

        Raises:
            AssertionError: It fails.
        """
        self.training.write(self.data)
        run, command = self.start(0, "alone")
        command.wait_for((run / "args.yaml").exists)
        began = time.monotonic()
        assert command.end() == 0, command.lines()[-1:]
        content, seconds = content_of(run), time.monotonic() - began
        shutil.rmtree(run.parent)
        return content, seconds

    def start(self, number: int, name: str, prepare: Callable[[], None] = nothing) -> tuple[Path, Command]:
        """The folder of a new run, and its process; `prepare` is called in it before it begins."""
        project = self.disks[number % 2] / name

        def begin() -> None:
            without_final_evaluation()
            prepare()

        words = self.training.words(self.data, project)
        return project / "run", start(words, self._log(name), self._temporary(number), begin)

    def resume(self, number: int, run: Path) -> Command:
        """The process of a run that goes on."""
        words, log = ["train", f"resume={run}"], self._log(run.parent.name)
        return start(words, log, self._temporary(number), without_final_evaluation)

    def _log(self, name: str) -> Path:
        return self.disks[0] / f"{name}.log"

    def _temporary(self, number: int) -> Path:
        return self.disks[1 - number % 2] / "tmp"


def kills(
    ground: Ground, alone: Mapping[str, str], seconds: float, count: int, seed: int
) -> Iterator[Killed]:
    """Kills runs of a training, `count` times in all; every third resumed run is killed once more.

    Args:
        ground: Where the runs take place.
        alone: Content of a run that was left alone.
        seconds: How long it took.
        count: Number of kills.
        seed: Decides the moments.
    """
    generator = random.Random(seed)
    done, number = 0, 0
    while done < count:
        number += 1
        assert number < 4 * count + 4, "the runs end before they are killed"
        run, command = ground.start(number, f"run{number}")
        moments, half = [], []
        for _ in range(min(count - done, 2 if generator.random() < 1 / 3 else 1)):
            moment = _kill(command, run, seconds, generator)
            if moment:
                moments.append(moment)
                half += half_written(run)
            command = ground.resume(number, run)
        code = command.end()
        if moments:
            done += len(moments)
            reason = difference(alone, content_of(run)) if code == 0 else "".join(command.lines()[-1:])
            yield Killed(moments=tuple(moments), half=tuple(half), is_same=not reason, reason=reason)
        shutil.rmtree(run.parent)


def _kill(command: Command, run: Path, seconds: float, generator: random.Random) -> str:
    """Kills a run at a random moment; what moment that was, or nothing if it ended before."""
    if not command.wait_for((run / "args.yaml").exists):
        return ""
    if generator.random() < 0.5:
        for _ in range(generator.randint(1, 5)):
            command.wait_for(lambda: not half_written(run))
            command.wait_for(lambda: half_written(run))
        moment = "writing"
    else:
        share = generator.random()
        time.sleep(share * seconds)
        moment = f"{share:.0%}"
    command.send(signal.SIGKILL)
    return moment if command.end() == -signal.SIGKILL else ""


def difference(alone: Mapping[str, str], resumed: Mapping[str, str]) -> str:
    """The names of the parts of two runs that differ."""
    names = sorted(alone.keys() | resumed.keys())
    return ", ".join(name for name in names if alone.get(name) != resumed.get(name))
