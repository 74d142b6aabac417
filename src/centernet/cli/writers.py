"""Writers of `centernet predict`: plots, videos, crops, explanations, COCO and KITTI results."""

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from PIL import Image

from centernet.cli.output_names import Names, file_of, safe_name, stem_of
from centernet.detections import Detections
from centernet.detections.plotting import plotted
from centernet.errors import UsageError
from centernet.io.paths import resolved
from centernet.io.videos import Video, VideoWriter, video_of
from centernet.io.writing import (
    claim_folder,
    is_special,
    part_of,
    put_in_place,
    replacing,
    write_atomically,
    writing,
)

_CLOSED = b"]\n"
_IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".webp"))


def fresh_folder(project: str, name: str, *, exist_ok: bool) -> Path:
    """A new folder `project/name`, or `name2`, `name3`, ... where that is taken.

    Raises:
        InputError: It cannot be made.
    """
    return claim_folder(Path(project), name, exist_ok=exist_ok)


def check_not_source(path: Path, name: str) -> None:
    """Raises a `UsageError` if a file to write is in the folder of the image that it is made from.

    Images of that folder that are still to be read could be replaced.
    """
    if path.exists() and resolved(path).parent == resolved(file_of(name)).parent:
        raise UsageError(f"{path} would be overwritten: choose another project or name")


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
            assert detections.image is not None
            self._writer.add(plotted(detections, detections.image))
        else:
            source = file_of(detections.name)
            is_writable = source.suffix.lower() in _IMAGE_SUFFIXES
            detections.save(self._path(source if is_writable else Path(f"{source.name}.png")))

    def _path(self, source: Path) -> Path:
        """An unused path in the folder: images of different folders can have the same name."""
        path = self._folder / self._names.unused(source.name)
        check_not_source(path, str(source))
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
        check_not_source(path, detections.name)
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(path, path.suffix) as part:
            self._explain(detections).save(part)


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
            folder = self._folder / (safe_name(name) or "_")
            path = folder / f"{stem_of(detections.name)}-{self._count}.png"
            check_not_source(path, detections.name)
            with writing(path):
                folder.mkdir(parents=True, exist_ok=True)
            with replacing(path, path.suffix) as part:
                Image.fromarray(pixels).save(part)


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
        write_atomically(path, detections.to_kitti().encode())


class CocoResults:
    """Writes a COCO results file image by image: it is whole JSON at any moment, also after a kill.

    It is made with the first image. A file that exists is replaced when the new one is finished or stopped.

    Args:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        is_replaced = self._path.is_file() and not is_special(self._path)
        self._part = part_of(self._path) if is_replaced else self._path
        self._file: BinaryIO | None = None
        self._end = 0

    def add(self, detections: Detections) -> None:
        """Writes the detections of the next image. Entries have `file_name` besides the fields of COCO."""
        entries = [json.dumps({**entry, "file_name": detections.name}) for entry in detections.to_coco()]
        with writing(self._path):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._part.open("wb")
                self._write("[")
            # The first entry follows the bracket that opens the list.
            separator = ",\n" if entries and self._end > 1 else ""
            self._write(separator + ",\n".join(entries))
            if self._file.seekable():
                self._file.write(_CLOSED)
                self._file.flush()

    def _write(self, text: str) -> None:
        """Writes in the place of the bracket that closes the list."""
        assert self._file is not None
        if self._file.seekable():
            self._file.seek(self._end)
        self._end += self._file.write(text.encode())

    def __enter__(self) -> "CocoResults":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        with writing(self._path):
            if not self._file.seekable():
                self._file.write(_CLOSED)
            self._file.close()
            if self._part != self._path:
                put_in_place(self._part, self._path)
