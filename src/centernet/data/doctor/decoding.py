"""Decoding all images of a data set on all cores, each once, in processes of their own.

Decoders fill in grey where a JPEG is broken amid its pixels and go on, with a warning on stderr alone, as
libjpeg has no other way to tell. So each process writes its results where its warnings go, and both are read.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from centernet.errors import InputError
from centernet.io.images import read_image
from centernet.structures import ImageRecord
from centernet.structures.records import UNKNOWN_SIZE, Records

_MARK = "\x1e"
_PROGRAM = "from centernet.data.doctor.decoding import decode_stdin; decode_stdin()"
_FEW = 64
"""A further process starts for so many images."""


@dataclass(frozen=True)
class Decoded:
    """What came of decoding an image.

    Attributes:
        index: Index of the image.
        error: Why it cannot be read; empty if it can.
        warning: What libjpeg says about its pixels; empty if nothing.
    """

    index: int
    error: str = ""
    warning: str = ""


def decoded(records: Sequence[ImageRecord]) -> Iterator[Decoded]:
    """Decodes images, in the order in which they become ready.

    Args:
        records: The images. What no process can be started for is decoded in this one, without warnings.
    """
    if not records:
        return
    table = Records.of(records)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(cores, len(records) // _FEW))
    queue: SimpleQueue[Decoded | None] = SimpleQueue()
    shares = [range(start, len(records), count) for start in range(count)]
    threads = [
        Thread(target=_decode_share, args=(table, share, queue), daemon=True) for share in shares if share
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    while running:
        one = queue.get()
        if one is None:
            running -= 1
        else:
            yield one


def _decode_share(records: Records, share: range, queue: "SimpleQueue[Decoded | None]") -> None:
    """Puts the results of some images into a queue, then None."""
    done = 0
    try:
        for one in _decoded_elsewhere(records, share):
            done += 1
            queue.put(one)
    except OSError:
        pass  # No process can be started.
    finally:
        # The rest, if the process ended before its time.
        for index in share[done:]:
            queue.put(Decoded(index, error=_error_of(*_file_of(records, index))))
        queue.put(None)


def _decoded_elsewhere(records: Records, share: range) -> Iterator[Decoded]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            for index in share:
                process.stdin.write(json.dumps(_file_of(records, index)).encode() + b"\n")
            process.stdin.close()
        except BrokenPipeError:
            return
        indices, warning = iter(share), ""
        for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip("\n")
            before, mark, result = text.partition(_MARK)
            if not warning and before.startswith("Corrupt JPEG data"):
                warning = before
            if mark:
                yield Decoded(next(indices), json.loads(result), warning)
                warning = ""
    crashed_at = next(indices, None)
    if process.returncode < 0 and crashed_at is not None:
        yield Decoded(crashed_at, error="ends the program that reads it: its bytes harm the decoder")


def decode_stdin() -> None:
    """Decodes the images whose paths and sizes come by stdin, and writes a line for each to stdout."""
    for line in sys.stdin.buffer.read().splitlines():
        path, size = json.loads(line)
        error = _error_of(path, (size[0], size[1]))
        sys.stdout.write(f"{_MARK}{json.dumps(error)}\n")
        sys.stdout.flush()


def _file_of(records: Records, index: int) -> tuple[str, tuple[int, int]]:
    rows, columns = records.sizes[index].tolist()
    return records.paths[index], (rows, columns)


def _error_of(path: str, size: tuple[int, int]) -> str:
    try:
        read_image(Path(path), None if size == UNKNOWN_SIZE else size)
    except InputError as error:
        return str(error).removeprefix(f"{path} ")
    return ""
