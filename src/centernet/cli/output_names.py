"""What files about an image are called, after the image's own name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from centernet.io.downloads import is_url
from centernet.io.videos import video_of


def file_of(name: str) -> Path:
    """The path that the name of an image, a frame or a URL speaks of; of a URL, without its query."""
    if is_url(name):
        return Path(Path(unquote(urlsplit(name).path)).name or "image")
    return video_of(name) or Path(name)


def stem_of(name: str) -> str:
    """The last part of that path without its suffix; of a frame with its number, as in `clip-000012`."""
    if video_of(name):
        return f"{file_of(name).stem}-{int(name.rpartition('#')[2]):06d}"
    return file_of(name).stem


class Names:
    """Names in a folder that are given once: images of different folders can share theirs."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def own(self, name: str) -> str:
        """The name, or `name-2.png`, `name-3.png`, ... where it is taken."""
        path, number, own = Path(name), 1, name
        while own in self._taken:
            number += 1
            own = f"{path.stem}-{number}{path.suffix}"
        self._taken.add(own)
        return own
