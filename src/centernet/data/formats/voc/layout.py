"""Where a VOC data set keeps its images, its xml files and the lists of its splits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.io.images import is_image

_XML_FOLDERS = ("Annotations", "annotations", "annotations/xmls", "xmls", "labels", ".")
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split: a folder of images, a folder of xml files, and which of them are meant.

    Attributes:
        images: Folder of the images.
        annotations: Folder of the xml files.
        stems: File names without suffix, in order.
        source: The list or folder that names them, for messages.
    """

    images: Path
    annotations: Path
    stems: Sequence[str]
    source: str
    _names: dict[str, str] = field(repr=False)

    def image(self, stem: str) -> Path:
        """The image of a stem, whatever its suffix; where it should lie if there is none."""
        return self.images / self._names.get(stem, f"{stem}.jpg")


def find_parts(path: Path) -> dict[str, Part]:
    """The splits at `path`: lists in `ImageSets/Main`, or folders called after splits, or the folder."""
    if not path.is_dir():
        return {}
    if folders := _folders(path):
        return _listed(path, *folders) or {WHOLE: _part(*folders, source=str(path))}
    parts: dict[str, Part] = {}
    for parent in (path, path / "images"):
        for child in sorted(parent.iterdir()) if parent.is_dir() else ():
            if child.is_dir() and is_split(child.name) and (folders := _folders(child)):
                parts.setdefault(child.name, _part(*folders, source=str(child)))
    return parts


def _folders(path: Path) -> tuple[Path, Path] | None:
    """The folder of images and the folder of xml files, if there are both."""
    for xml_name in _XML_FOLDERS:
        annotations = path / xml_name
        if not any(annotations.glob("*.xml")):
            continue
        for image_name in _IMAGE_FOLDERS:
            images = path / image_name
            if images.is_dir() and any(is_image(file) for file in images.iterdir()):
                return images, annotations
    return None


def _listed(path: Path, images: Path, annotations: Path) -> dict[str, Part]:
    names = _image_names(images)
    known = {file.stem for file in annotations.glob("*.xml")} | set(names)
    parts: dict[str, Part] = {}
    for file in sorted(path.glob("ImageSets/Main/*.txt")):
        if is_split(file.stem):  # The others list the images of one class.
            lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            stems = [_stem(line.strip(), known) for line in lines if line.strip()]
            parts[file.stem] = Part(
                images=images, annotations=annotations, stems=stems, source=str(file), _names=names
            )
    return parts


def _stem(line: str, known: set[str]) -> str:
    """The image that a line names: alone, with a suffix, or followed by a number as in lists of one class."""
    candidates = (line, line.rsplit(".", 1)[0], line.split()[0])
    return next((candidate for candidate in candidates if candidate in known), line)


def _part(images: Path, annotations: Path, source: str) -> Part:
    names = _image_names(images)
    stems = sorted(names.keys() | {file.stem for file in annotations.glob("*.xml")})
    return Part(images=images, annotations=annotations, stems=stems, source=source, _names=names)


def _image_names(folder: Path) -> dict[str, str]:
    return {file.stem: file.name for file in sorted(folder.iterdir()) if is_image(file)}
