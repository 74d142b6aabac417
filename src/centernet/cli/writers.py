"""Writers of `centernet predict`: plots, videos, crops, explanations, COCO and KITTI results."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from PIL import Image

from centernet.cli.output_names import Names, file_of, stem_of
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.io.videos import Video, VideoWriter, video_of
from centernet.io.writing import unused_folder, writing

_IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".webp"))


def fresh_folder(project: str, name: str, *, exist_ok: bool) -> Path:
    """A new folder `project/name`, or `name2`, `name3`, ... where that is taken.

    Raises:
        InputError: It cannot be made.
    """
    folder = unused_folder(Path(project), name, exist_ok=exist_ok)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


class Plots:
    """Writes each image with its detections drawn, and the frames of a video as a video.

    Args:
        folder: Folder of the plots.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = Names()
        self._video: Path | None = None
        self._writer: VideoWriter | None = None

    def add(self, detections: Detections) -> None:
        """Writes the next image."""
        video = video_of(detections.name)
        if video != self._video:
            self._finish()
            self._video = video
            if video is not None:
                path = self._path(video.with_suffix(".mp4"))
                self._writer = VideoWriter(path, Video(video).frames_per_second)
        if self._writer is not None:
            self._writer.add(np.asarray(detections.plot()))
        else:
            source = file_of(detections.name)
            is_writable = source.suffix.lower() in _IMAGE_SUFFIXES
            detections.save(self._path(source if is_writable else Path(f"{source.name}.png")))

    def _path(self, source: Path) -> Path:
        """An unused path in the folder: images of different folders can have the same name."""
        path = self._folder / self._names.unused(source.name)
        if path.exists() and source.exists() and path.samefile(source):
            raise UsageError(f"{path} would be overwritten: choose another project or name")
        return path

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def __enter__(self) -> "Plots":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()


class Explanations:
    """Writes an explanation of the detections of each image, as an image.

    Args:
        folder: Folder of the explanations.
        explain: Draws the explanation of detections.
    """

    def __init__(self, folder: Path, explain: Callable[[Detections], Image.Image]) -> None:
        self._folder = folder
        self._explain = explain
        self._count = 0

    def add(self, detections: Detections) -> None:
        """Writes the next image."""
        self._count += 1
        path = self._folder / f"{stem_of(detections.name)}-{self._count}.png"
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._explain(detections).save(path)


class Crops:
    """Writes a crop of the image for each object, into the folder of its class.

    Args:
        folder: Folder of the folders of classes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, detections: Detections) -> None:
        """Writes the next image."""
        for name, pixels in zip(detections.names, detections.crops(), strict=True):
            self._count += 1
            folder = self._folder / (re.sub(r'[/\\:*?"<>|]', "_", name).strip(". ") or "_")
            path = folder / f"{stem_of(detections.name)}-{self._count}.png"
            with writing(path):
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)


class KittiResults:
    """Writes a KITTI result file for each image, named after it; that of a frame has its number, too.

    Args:
        folder: Folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = Names()

    def add(self, detections: Detections) -> None:
        """Writes the next image."""
        path = self._folder / self._names.unused(f"{stem_of(detections.name)}.txt")
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(detections.to_kitti(), encoding="utf-8")


class CocoResults:
    """Writes a COCO results file, entry by entry: it is complete JSON even if the run is stopped.

    Args:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: TextIO
        self._is_first = True

    def add(self, detections: Detections) -> None:
        """Writes the detections of the next image. Entries have `file_name` besides the fields of COCO."""
        for entry in detections.to_coco():
            self._write(
                ("" if self._is_first else ",\n") + json.dumps({**entry, "file_name": detections.name})
            )
            self._is_first = False

    def _write(self, text: str) -> None:
        with writing(self._path):
            self._file.write(text)

    def __enter__(self) -> "CocoResults":
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
        self._write("[")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing(self._path):
            self._file.write("]\n")
            self._file.close()
