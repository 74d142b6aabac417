"""Names of the files that are written for an image, made from the name of the image."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from centernet.io.downloads import is_url
from centernet.io.videos import video_of

_MAX_NAME = 80
"""Letters; names have at most 255 bytes on most systems."""


def file_of(name: str) -> Path:
    """The path in the name of an image, a frame or a URL; of a URL, without its query."""
    if is_url(name):
        return Path(safe_name(Path(unquote(urlsplit(name).path)).name) or "image")
    return video_of(name) or Path(name)


def safe_name(text: str) -> str:
    """A foreign text as the name of a file or folder on any system: at most 80 letters, perhaps none."""
    return re.sub(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|]', "_", text)[-_MAX_NAME:].strip(". ")


def stem_of(name: str) -> str:
    """The last part of that path without its suffix; of a frame with its number, as in `clip-000012`."""
    if video_of(name):
        return f"{file_of(name).stem}-{int(name.rpartition('#')[2]):06d}"
    return file_of(name).stem


class Names:
    """Names of files in a folder, each used once: images of different folders can have the same name."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unused(self, name: str) -> str:
        """The name, or `name-2.png`, `name-3.png`, ... if it is taken; it is taken from then on."""
        path, number, unused = Path(name), 1, name
        while unused in self._taken:
            number += 1
            unused = f"{path.stem}-{number}{path.suffix}"
        self._taken.add(unused)
        return unused
