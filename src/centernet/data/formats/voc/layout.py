"""The folders of a VOC data set: its images, its xml files and the lists of its splits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.io.images import is_image

_XML_FOLDERS = ("Annotations", "annotations", "annotations/xmls", "xmls", "labels", ".")
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")


@dataclass(frozen=True, kw_only=True)
class VocSplit:
    """One split: the folders of its images and of its xml files, and the names of the files.

    Attributes:
        images: Folder of the images.
        annotations: Folder of the xml files.
        stems: File names without suffix, in order.
        source: List or folder that the names are from, for messages.
    """

    images: Path
    annotations: Path
    stems: Sequence[str]
    source: str
    _names: dict[str, str] = field(repr=False)

    def image(self, stem: str) -> Path:
        """The path of the image of a stem, with any suffix; the expected path if it is missing."""
        return self.images / self._names.get(stem, f"{stem}.jpg")


def find_splits(path: Path) -> dict[str, VocSplit]:
    """The splits at `path`: lists in `ImageSets/Main`, or folders named after splits, or the whole folder."""
    if not path.is_dir():
        return {}
    if folders := _folders(path):
        return _listed(path, *folders) or {WHOLE: _split(*folders, source=str(path))}
    found: dict[str, VocSplit] = {}
    for parent in (path, path / "images"):
        for child in sorted(parent.iterdir()) if parent.is_dir() else ():
            if child.is_dir() and is_split(child.name) and (folders := _folders(child)):
                found.setdefault(child.name, _split(*folders, source=str(child)))
    return found


def _folders(path: Path) -> tuple[Path, Path] | None:
    """The folder of images and the folder of xml files; None unless there are both."""
    for xml_name in _XML_FOLDERS:
        annotations = path / xml_name
        if not any(annotations.glob("*.xml")):
            continue
        for image_name in _IMAGE_FOLDERS:
            images = path / image_name
            if images.is_dir() and any(is_image(file) for file in images.iterdir()):
                return images, annotations
    return None


def _listed(path: Path, images: Path, annotations: Path) -> dict[str, VocSplit]:
    names = _image_names(images)
    known = {file.stem for file in annotations.glob("*.xml")} | set(names)
    found: dict[str, VocSplit] = {}
    for file in sorted(path.glob("ImageSets/Main/*.txt")):
        if is_split(file.stem):  # Other files list the images of one class.
            lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            stems = [_stem(line.strip(), known) for line in lines if line.strip()]
            found[file.stem] = VocSplit(
                images=images, annotations=annotations, stems=stems, source=str(file), _names=names
            )
    return found


def _stem(line: str, known: set[str]) -> str:
    """The stem in a line: alone, with a suffix, or followed by a number as in lists of one class."""
    candidates = (line, line.rsplit(".", 1)[0], line.split()[0])
    return next((candidate for candidate in candidates if candidate in known), line)


def _split(images: Path, annotations: Path, source: str) -> VocSplit:
    names = _image_names(images)
    stems = sorted(names.keys() | {file.stem for file in annotations.glob("*.xml")})
    return VocSplit(images=images, annotations=annotations, stems=stems, source=source, _names=names)


def _image_names(folder: Path) -> dict[str, str]:
    return {file.stem: file.name for file in sorted(folder.iterdir()) if is_image(file)}
