"""A detector in a process of its own, which runs on images on request and returns the time it took."""

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
    """Seconds of a run: by the clock, and processor time of all threads."""

    clock: float
    processor: float


class Worker:
    """Runs one variant of a detector.

    Args:
        path: The weights or the exported file.
        images: RGB arrays that it can be run on.
        half: Compute in 16 bits.
        device: Device of the detector.
        threads: Threads of the detector.
    """

    def __init__(self, path: Path, images: Sequence[Any], *, half: bool, device: str, threads: int) -> None:
        # A fresh process: the measured memory is its own, and the number of threads is set before any library
        # reads it.
        context = multiprocessing.get_context("spawn")
        self._name = str(path)
        self._connection, other_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other_end, str(path), list(images), half, device), daemon=True
        )
        before = {key: os.environ.get(key) for key in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
        try:
            self._process.start()
        finally:
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})
        other_end.close()
        self._receive()

    def run(self, numbers: Sequence[int]) -> Timing:
        """Runs the detector on the images of these numbers, in one batch."""
        self._connection.send(list(numbers))
        return Timing(*self._receive())

    def finish(self, data: str, split: str, batch: int) -> tuple[float, float]:
        """Peak memory so far, MB, and AP on annotated images; the process ends."""
        self._connection.send((data, split, batch))
        memory, ap = self._receive()
        self._process.join()
        return memory, ap

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def _receive(self) -> Any:
        try:
            message = self._connection.recv()
        except EOFError as error:
            raise InputError(f"{self._name}: its process ended unexpectedly") from error
        if isinstance(message, str):
            raise InputError(message)
        return message


_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _serve(connection: Connection, path: str, images: list[Any], half: bool, device: str) -> None:
    """Loop of the process: runs on the images of each list of numbers; a tuple asks for AP and ends it."""
    from centernet.detector import CenterNet

    # OpenCV does not read the environment variables of the number of threads.
    cv2.setNumThreads(int(os.environ[_THREADS[0]]))
    try:
        detector = CenterNet(path, device, trust=True)
        connection.send(())
        while isinstance(request := connection.recv(), list):
            connection.send(_timed(detector, [images[i] for i in request], half))
        data, split, batch = request
        memory = _peak_memory_mb()
        connection.send((memory, detector.val(data, split=split, batch=batch, half=half).metrics["AP"]))
    except EOFError:
        pass
    except Exception as error:
        connection.send(f"{Path(path).name}: {str(error).splitlines()[0]}")


def _timed(detector: Any, images: list[Any], half: bool) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    for _ in detector.predict(images, batch=len(images), half=half):
        pass
    return time.perf_counter() - clock, time.process_time() - processor


def _peak_memory_mb() -> float:
    """Peak memory of this process, MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux, `getrusage` starts with the peak of the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
