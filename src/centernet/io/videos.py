"""Video files, read and written frame by frame as RGB."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from centernet.errors import InputError
from centernet.io.writing import part_of, put_in_place, writing

VIDEO_SUFFIXES = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"))


def is_video(path: Path) -> bool:
    """True if the suffix of a file, in either case, is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def frame_name(path: Path, number: int) -> str:
    """The name of a frame in messages: `clip.mp4#12`; the first frame is 0."""
    return f"{path}#{number}"


def video_of(name: str) -> Path | None:
    """The path of the video of a frame with this name; None if the name is not that of a frame."""
    path, mark, number = name.rpartition("#")
    return Path(path) if mark and number.isdigit() and is_video(Path(path)) else None


class Video:
    """The frames of a video file, in order, of which one at a time is in memory.

    Args:
        path: The file.

    Attributes:
        num_frames: As stated by the file, which is not always right; None where it is not stated.
        frames_per_second: As stated by the file; 25 where it is not stated.

    Raises:
        InputError: The file does not exist or is not a video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        capture = self._open()
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        self.num_frames = count if count > 0 else None
        self.frames_per_second = rate if 0 < rate <= 1000 else 25.0

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        capture = self._open()
        number = 0
        try:
            while (frame := capture.read()[1]) is not None:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                number += 1
        finally:
            capture.release()
        if not number:
            raise InputError(f"{self.path} has no frame that can be decoded")

    def _open(self) -> cv2.VideoCapture:
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist")
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise InputError(f"{self.path} is not a video that can be read")
        return capture


class VideoWriter:
    """Writes frames into an `.mp4` file, which takes its place when it is closed, and can be played then.

    Args:
        path: The file to write.
        frames_per_second: Frame rate.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self.path = path
        self._part = part_of(path, path.suffix)
        self._rate = frames_per_second
        self._writer: cv2.VideoWriter | None = None

    def add(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Appends an RGB frame of the size of the first. Of odd sizes the last row or column is cut off.

        Raises:
            InputError: The file cannot be written.
        """
        if self._writer is None:
            code = cv2.VideoWriter.fourcc(*"mp4v")
            size = (frame.shape[1], frame.shape[0])
            self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, code, self._rate, size)
            if not self._writer.isOpened():
                raise InputError(f"{self.path} cannot be written as a video: check the folder and its space")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finishes the file.

        Raises:
            InputError: The file is incomplete.
        """
        if self._writer is None:
            return
        self._writer.release()
        try:
            # OpenCV does not report writes that fail.
            Video(self._part)
        except InputError as error:
            self._part.unlink(missing_ok=True)
            raise InputError(f"{self.path} could not be written whole: is the disk full?") from error
        with writing(self.path):
            put_in_place(self._part, self.path)
