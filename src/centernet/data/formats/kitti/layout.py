"""The folders of a KITTI data set: of the benchmark, of TAO (`images`, `labels`) and of CVAT (`default`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from centernet.data.formats.common.files import read_text
from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.data.formats.kitti.text_files import COLUMNS, frames_in, read_frames
from centernet.errors import InputError
from centernet.io.paths import visible

LABELS, IMAGES, CAMERAS = "label_2", "image_2", "calib"
_PAIRS = ((IMAGES, LABELS), ("images", "labels"), ("images", LABELS), (IMAGES, "labels"))
_WHOLE_FOLDERS = ("training", "default")
"""Folders that hold all labelled images, whatever their names say."""


@dataclass(frozen=True, kw_only=True)
class KittiSplit:
    """One split: its folders and the frames that have labels.

    Attributes:
        images: Folder of the images.
        labels: Folder of the label files.
        cameras: Folder of the calibrations, which may be missing.
        frames: Names of the frames.
    """

    images: Path
    labels: Path
    cameras: Path
    frames: Sequence[str]


def find_splits(path: Path) -> dict[str, KittiSplit]:
    """The splits at `path`: lists in `ImageSets` of frames with labels, or folders named after splits."""
    for base in (path, *(path / name for name in _WHOLE_FOLDERS)):
        if (whole := _split_in(base)) and not _folders_by_split(path):
            return _listed(path, base, whole) or ({WHOLE: whole} if whole.frames else {})
    return {name: one for name, one in _folders_by_split(path).items() if one.frames}


def _folders_by_split(path: Path) -> dict[str, KittiSplit]:
    """Folders named after splits, `train/image_2` or `images/train`; none if there is only `training`."""
    if not path.is_dir():
        return {}
    names = [child.name for child in visible(path.iterdir()) if child.is_dir() and is_split(child.name)]
    found = {name: one for name in names if (one := _split_in(path / name))}
    if list(found) == ["training"]:
        return {}
    if found or not (path / "images").is_dir():
        return found
    folders = [child for child in visible((path / "images").iterdir()) if child.is_dir()]
    for folder in folders:
        labels = path / "labels" / folder.name
        if is_split(folder.name) and _are_labels(labels):
            found[folder.name] = _split_of(folder, labels, path / CAMERAS / folder.name)
    return found


def _split_in(base: Path) -> KittiSplit | None:
    for images, labels in _PAIRS:
        is_there = (base / images).is_dir() and (base / labels).is_dir()
        # Other formats have folders of these names, too.
        if is_there and ((images, labels) == (IMAGES, LABELS) or _are_labels(base / labels)):
            return _split_of(base / images, base / labels, base / CAMERAS)
    return None


def _split_of(images: Path, labels: Path, cameras: Path) -> KittiSplit:
    return KittiSplit(images=images, labels=labels, cameras=cameras, frames=frames_in(labels))


def _are_labels(folder: Path) -> bool:
    """True if the first line in a folder of text files is one of KITTI's."""
    for file in visible(folder.glob("*.txt")):
        try:
            words = next((line.split() for line in read_text(file).splitlines() if line.strip()), [])
        except InputError:
            return False
        if words:
            return len(words) in (len(COLUMNS) - 1, len(COLUMNS)) and not _is_number(words[0])
    return False


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _listed(path: Path, base: Path, whole: KittiSplit) -> dict[str, KittiSplit]:
    known = set(whole.frames)
    found: dict[str, KittiSplit] = {}
    for folder in dict.fromkeys((path / "ImageSets", base.parent / "ImageSets", base / "ImageSets")):
        for file in visible(folder.glob("*.txt")):
            frames = tuple(frame for frame in read_frames(file) if frame in known)
            if frames:  # The frames of KITTI's test split have no labels.
                one = KittiSplit(
                    images=whole.images, labels=whole.labels, cameras=whole.cameras, frames=frames
                )
                found.setdefault(file.stem, one)
    return found
