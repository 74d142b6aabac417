"""COCO's files of keypoints, `person_keypoints_*.json`, which accompany those of all objects."""

from pathlib import Path

from centernet.data.formats.coco.format import read_kind
from centernet.data.formats.coco.layout import KEYPOINTS, annotation_files
from centernet.structures import Dataset

NAME = "coco"
LOOKED_FOR = "COCO .json"


def identify(path: Path) -> bool:
    """True if there is a folder with such files at `path`."""
    return bool(annotation_files(path, KEYPOINTS))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits, from the names of their files."""
    return tuple(annotation_files(path, KEYPOINTS))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split, as `coco.read` does for files of all objects."""
    return read_kind(path, split, KEYPOINTS, images)
