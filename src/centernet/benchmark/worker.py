"""A detector in a process of its own, which looks at images when it is told to, and says how long it took."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2

from centernet.errors import InputError


@dataclass(frozen=True)
class Timing:
    """Seconds that looking took: by the clock, and of all processors."""

    clock: float
    processor: float


class Runner:
    """Runs one form of a detector.

    Args:
        path: The weights or the file.
        images: RGB arrays it can be told to look at.
        half: Compute in 16 bits.
        device: Where it runs.
        threads: Threads it may use.
    """

    def __init__(self, path: Path, images: Sequence[Any], *, half: bool, device: str, threads: int) -> None:
        # A process that starts afresh: memory that is measured is its own, and it is told its threads before
        # anything asks for their number.
        context = multiprocessing.get_context("spawn")
        self._name = str(path)
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, str(path), list(images), half, device), daemon=True
        )
        before = {key: os.environ.get(key) for key in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
        try:
            self._process.start()
        finally:
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})
        theirs.close()
        self._hear()

    def look(self, which: Sequence[int]) -> Timing:
        """Look at some of the images, all at once."""
        self._ours.send(list(which))
        return Timing(*self._hear())

    def finish(self, data: str, split: str, batch: int) -> tuple[float, float]:
        """The most memory it took so far, MB, and its AP on annotated images; the process ends."""
        self._ours.send((data, split, batch))
        memory, ap = self._hear()
        self._process.join()
        return memory, ap

    def close(self) -> None:
        """Ends the process."""
        self._ours.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def _hear(self) -> Any:
        try:
            answer = self._ours.recv()
        except EOFError as error:
            raise InputError(f"{self._name}: its process ended before it answered") from error
        if isinstance(answer, str):
            raise InputError(answer)
        return answer


_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _serve(predicted: Connection, path: str, images: list[Any], half: bool, device: str) -> None:
    """What the process does: a list of numbers is looked at, a tuple is measured and ends it."""
    from centernet.detector import CenterNet

    # OpenCV hears of no variable; the process began with those that say how many.
    cv2.setNumThreads(int(os.environ[_THREADS[0]]))
    try:
        detector = CenterNet(path, device)
        predicted.send(())
        while isinstance(order := predicted.recv(), list):
            predicted.send(_timed(detector, [images[i] for i in order], half))
        data, split, batch = order
        memory = _most_memory()
        predicted.send((memory, detector.val(data, split=split, batch=batch, half=half).metrics["AP"]))
    except EOFError:
        pass
    except Exception as error:
        predicted.send(f"{Path(path).name}: {str(error).splitlines()[0]}")


def _timed(detector: Any, images: list[Any], half: bool) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    for _ in detector.predict(images, batch=len(images), half=half):
        pass
    return time.perf_counter() - clock, time.process_time() - processor


def _most_memory() -> float:
    """Of this process, MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `getrusage` says on Linux began with that of the process this one was started from.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
