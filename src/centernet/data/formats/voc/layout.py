"""The folders of a VOC data set: its images, its xml files and the lists of its splits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from centernet.data.formats.common.files import images_by_stem
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.per_image import files_by_split
from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.errors import InputError
from centernet.io.images import is_image
from centernet.io.paths import stated, visible
from centernet.io.plain_files import check_plain, read_plain

_XML_FOLDERS = ("Annotations", "annotations", "annotations/xmls", "xmls", "labels", ".")
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")
_START = 4096
"""Bytes at the beginning of a file in which its root element is looked for."""


@dataclass(frozen=True, kw_only=True)
class VocSplit:
    """One split: its xml files and the folders of its images.

    Attributes:
        xmls: Path of the xml file of each stem that has one, in order.
        images: Folder of the images; None where it is not known.
        stems: File names without suffix, in order.
        source: List or folder that the names are from, for messages.
        root: Folder below which images are looked for by name.
    """

    xmls: dict[str, Path]
    images: Path | None
    stems: Sequence[str]
    source: str
    root: Path
    _names: dict[str, Path] = field(repr=False)

    def image(self, stem: str) -> Path | None:
        """The path of the image of a stem, with any suffix; None if it is not in the folder of images."""
        return self._names.get(stem)

    def finder(self, images: Path | None) -> ImageFinder:
        """Finds images by the `<filename>` in an xml file.

        Args:
            images: The folder that the user named, if any.
        """
        folders = [self.images] if self.images else sorted({xml.parent for xml in self.xmls.values()})
        return ImageFinder(folders or [self.root], self.root, images)


def find_splits(path: Path) -> dict[str, VocSplit]:
    """The splits at `path`: lists in `ImageSets/Main`, or folders named after splits, or the whole folder."""
    if not path.is_dir():
        return {}
    if folders := _folders(path):
        whole = _split(*folders, source=str(path))
        return _listed(path, whole) or {WHOLE: whole}
    found: dict[str, VocSplit] = {}
    for parent in (path, path / "images"):
        for child in visible(parent.iterdir()) if parent.is_dir() else ():
            if child.is_dir() and is_split(child.name) and (folders := _folders(child)):
                found.setdefault(child.name, _split(*folders, source=str(child)))
    return found or _anywhere(path)


def _anywhere(path: Path) -> dict[str, VocSplit]:
    """Any pair of folders of xml and images, whatever their names."""
    found = {}
    for split, files in files_by_split(path, ".xml", _is_voc).items():
        is_unique = len({file.stem for file in files}) == len(files)
        xmls = {
            file.stem if is_unique else str(file.relative_to(path).with_suffix("")): file for file in files
        }
        found[split] = VocSplit(
            xmls=xmls, images=None, stems=list(xmls), source=str(path), root=path, _names={}
        )
    whole = found.get(WHOLE)
    return (whole and _listed(path, whole)) or found


def _is_voc(file: Path) -> bool:
    try:
        check_plain(file)
        with file.open("rb") as start:
            return b"<annotation" in start.read(_START)
    except (OSError, InputError):
        return False


def _folders(path: Path) -> tuple[Path, Path] | None:
    """The folder of images and the folder of xml files; None unless there are both."""
    for xml_name in _XML_FOLDERS:
        annotations = path / xml_name
        if not visible(annotations.glob("*.xml")):
            continue
        for image_name in _IMAGE_FOLDERS:
            images = path / image_name
            if images.is_dir() and any(is_image(file) for file in images.iterdir()):
                return images, annotations
    return None


def _listed(path: Path, whole: VocSplit) -> dict[str, VocSplit]:
    known = {name: name for name in (*whole.xmls, *whole.stems)}
    # CVAT lists `day/a` for Annotations/day/a.xml.
    known |= {name.partition("/")[2]: name for name in known if "/" in name}
    found: dict[str, VocSplit] = {}
    for file in visible(path.glob("ImageSets/Main/*.txt")):
        if is_split(file.stem):  # Other files list the images of one class.
            lines = read_plain(file).decode("utf-8-sig", "replace").splitlines()
            stems = [_stem(line.strip(), known) for line in lines if line.strip()]
            found[file.stem] = VocSplit(
                xmls=whole.xmls,
                images=whole.images,
                stems=stems,
                source=str(file),
                root=whole.root,
                _names=whole._names,
            )
    return found


def _stem(line: str, known: dict[str, str]) -> str:
    """The stem in a line: alone, with a suffix or folders, or followed by a number as for one class."""
    for text in (line, line.split()[0]):
        path = str(stated(text))
        name = stated(text).name
        for candidate in (
            text,
            text.rsplit(".", 1)[0],
            path,
            path.rsplit(".", 1)[0],
            name,
            stated(text).stem,
        ):
            if candidate in known:
                return known[candidate]
    return line


def _split(images: Path, annotations: Path, source: str) -> VocSplit:
    names = images_by_stem(images)
    xmls = _stems_of(annotations.glob("*.xml"))
    stems = sorted(names.keys() | xmls.keys())
    root = Path(source)
    return VocSplit(xmls=xmls, images=images, stems=stems, source=source, root=root, _names=names)


def _stems_of(files: Iterable[Path]) -> dict[str, Path]:
    return {file.stem: file for file in visible(files)}
