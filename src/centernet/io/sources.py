"""Image sources - files, folders, patterns, videos, URLs, images in memory - as one lazy stream of frames."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from centernet.errors import InputError, UsageError
from centernet.io.arrays import holds_pixels, rgb_of
from centernet.io.downloads import download, is_url
from centernet.io.images import decode_image, is_image, read_image, unread_parts
from centernet.io.paths import expanded, walk_once
from centernet.io.videos import Video, frame_name, is_video

_CAMERA = (
    "cannot take images from the camera or stream {source}: pass an iterator of its frames, RGB arrays "
    "(h w 3), such as OpenCV reads with cv2.VideoCapture"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One decoded image of a source.

    Attributes:
        name: Path, URL, `clip.mp4#12` in a video, or `image 3` for the fourth of several in memory.
        image: RGB.
        unread: What the file holds besides, such as further pages; empty if nothing.
    """

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    unread: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One image of a source that cannot be read.

    Attributes:
        name: As for a frame.
        reason: The error, in one line that does not repeat the name.
    """

    name: str
    reason: str


Item = Frame | Failure
Reading = Callable[[], Item]
"""A function that reads one image, in any thread."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """A lazy stream of images.

    Attributes:
        readings: Starts the stream: an iterator of functions that read one image each. Frames of videos, and
            images in memory, are read when the iterator yields them.
        length: Number of images; None where it is not known in advance.
        can_prefetch: Images may be read ahead; False for the caller's own iterator, which may be a camera.
    """

    readings: Callable[[], Iterator[Reading]]
    length: int | None
    can_prefetch: bool = True

    def __iter__(self) -> Iterator[Item]:
        return (read() for read in self.readings())

    def __length_hint__(self) -> int:
        # For progress bars; 0 is "unknown".
        return self.length or 0


def frames(source: Any) -> Frames:
    """All images of a source, in order. An image that cannot be read is a `Failure` among the frames.

    Args:
        source: One of these, or a list, a tuple or an iterator of them:

            - an image file;
            - a folder: the images directly in it, `2.jpg` before `10.jpg`;
            - a pattern: `images/*.jpg`, or `images/**/*.png` for folders below as well;
            - a video file;
            - a URL, `https://...`, of an image;
            - a Pillow image;
            - a NumPy array of uint8: RGB `(h w 3)`, or grey `(h w)`; OpenCV reads BGR: pass `[..., ::-1]`;
            - a tensor: RGB `(3 h w)` of uint8, or of floats from 0 to 1.

    Raises:
        UsageError: Something else, or an array or tensor of another shape or type.
        InputError: A path that does not exist, a folder without images, a pattern without a match, a broken
            video. In a list these are failures, too.
    """
    if isinstance(source, str | os.PathLike):
        return _located(os.fspath(source))
    if holds_pixels(source):
        return _in_memory(source, "image 0")
    if isinstance(source, Iterable) and not isinstance(source, Mapping | bytes | bytearray):
        can_prefetch = isinstance(source, list | tuple)
        return Frames(readings=lambda: _each(source), length=_length_of(source), can_prefetch=can_prefetch)
    if isinstance(source, int):
        raise UsageError(_CAMERA.format(source=source))
    raise UsageError(
        f"cannot take images from {type(source).__name__} {str(source)[:40]!r}: pass a file, a folder, "
        "a pattern, a video, a URL, a PIL image, an RGB array (h w 3), a tensor (3 h w), or a list of them"
    )


def _each(sources: Iterable[Any]) -> Iterator[Reading]:
    for number, source in enumerate(sources):
        try:
            own = _in_memory(source, f"image {number}") if holds_pixels(source) else frames(source)
            yield from own.readings()
        except InputError as error:
            yield _known(_failure(str(source), error))


def _length_of(sources: Iterable[Any]) -> int | None:
    """The number of images if every source is a single image; None otherwise."""
    if not isinstance(sources, list | tuple):
        return None
    return len(sources) if all(_is_single(source) for source in sources) else None


def _is_single(source: Any) -> bool:
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        return is_url(text) or (is_image(Path(text)) and not glob.has_magic(text))
    return holds_pixels(source)


def _in_memory(image: Any, name: str) -> Frames:
    named = str(getattr(image, "filename", "") or name)
    try:
        item: Item = Frame(name=named, image=rgb_of(image))
    except UsageError as error:
        raise UsageError(f"{named}: {error}") from error
    except ValueError as error:
        item = Failure(name=named, reason=str(error))
    return Frames(readings=lambda: iter((_known(item),)), length=1)


def _located(text: str) -> Frames:
    if is_url(text):
        if is_video(Path(text.partition("?")[0])):
            raise UsageError(f"{text} is a video: download it first, then pass its path")
        return Frames(readings=lambda: iter((partial(_fetched, text),)), length=1)
    path = expanded(text)
    if "://" in text or (text.isdecimal() and not path.exists()):
        raise UsageError(_CAMERA.format(source=text))
    if path.is_dir():
        return _files(_images_in(path))
    if glob.has_magic(text) and not path.exists():
        return _files(_matches(str(path)))
    if is_video(path):
        video = Video(path)
        return Frames(readings=lambda: _frames_of(video), length=video.num_frames)
    if not path.exists():
        raise InputError(
            f"{path} does not exist: pass an image, a folder, a pattern such as 'images/*.jpg', or a video"
        )
    return Frames(readings=lambda: iter((partial(_read, path),)), length=1)


def _images_in(folder: Path) -> list[Path]:
    found = sorted(filter(is_image, folder.iterdir()), key=_natural)
    if not found:
        raise InputError(
            f"{folder} has no images directly in it; for those in folders below, pass '{folder}/**/*'"
        )
    return found


def _expanded(pattern: str) -> Iterator[str]:
    """What a pattern matches; unlike `glob`, `**` enters a folder that links lead to again only once."""
    if Path(pattern).name == "**":
        pattern = str(Path(pattern, "*"))
    head, found, tail = pattern.partition(f"**{os.sep}")
    if not found:
        # Path.glob takes no absolute pattern.
        yield from glob.iglob(pattern)  # noqa: PTH207
        return
    for base in glob.glob(head) if glob.has_magic(head) else [head or "."]:  # noqa: PTH207
        for folder, _ in walk_once(Path(base)):
            yield from _expanded(str(Path(glob.escape(str(folder)), tail)))


def _matches(pattern: str) -> list[Path]:
    paths = list(dict.fromkeys(map(Path, _expanded(pattern))))
    found = sorted(
        (path for path in paths if (is_image(path) or is_video(path)) and path.is_file()), key=_natural
    )
    if not found:
        what = f"{len(paths)} others, but no image or video" if paths else "nothing"
        raise InputError(f"the pattern {pattern!r} matches {what}")
    return found


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A sort key that orders numbers in names by value: `2.jpg` before `10.jpg`."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts], str(path)


def _files(paths: list[Path]) -> Frames:
    def readings() -> Iterator[Reading]:
        for path in paths:
            if not is_video(path):
                yield partial(_read, path)
                continue
            try:
                yield from _frames_of(Video(path))
            except InputError as error:
                yield _known(_failure(str(path), error))

    return Frames(readings=readings, length=None if any(map(is_video, paths)) else len(paths))


def _frames_of(video: Video) -> Iterator[Reading]:
    for number, image in enumerate(video):
        yield _known(Frame(name=frame_name(video.path, number), image=image))


def _known(item: Item) -> Reading:
    return lambda: item


def _read(path: Path) -> Item:
    try:
        return Frame(name=str(path), image=read_image(path), unread=unread_parts(path))
    except InputError as error:
        return _failure(str(path), error)


def _fetched(url: str) -> Item:
    try:
        return Frame(name=url, image=decode_image(download(url)))
    except InputError as error:
        return _failure(url, error)
    except ValueError as error:
        return Failure(name=url, reason=f"is not a readable image: {error}")


def _failure(name: str, error: Exception) -> Failure:
    return Failure(name=name, reason=str(error).removeprefix(name).lstrip(" :"))
