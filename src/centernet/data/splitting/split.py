"""Splitting a data set: which images, into which files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.doctor.clean import clean
from centernet.data.formats import coco
from centernet.data.formats.catalog import WRITABLE, open_dataset, splits
from centernet.data.formats.common.splits import WHOLE, sense_of
from centernet.data.splitting.lists import FORMATS_WITH_LISTS, Parts, lists_of
from centernet.data.splitting.partition import (
    MIN_IMAGES,
    count_copies,
    groups_by_content,
    groups_by_folder,
    hold_out,
)
from centernet.errors import InputError, UsageError
from centernet.io.paths import expanded
from centernet.io.writing import write_atomically, writing
from centernet.structures import Dataset

_ELSEWHERE = "to=FOLDER writes a data set of its own"

_GROUPS = {"image": groups_by_content, "folder": groups_by_folder}


@dataclass(frozen=True, kw_only=True)
class Split:
    """A data set that was split.

    Attributes:
        data: The path to train on.
        num_images: Number of images of each split.
        files: The files that were written; of a new folder the folder.
        note: Remark on the choice of images; empty without.
    """

    data: Path
    num_images: dict[str, int]
    files: tuple[Path, ...]
    note: str = ""

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.num_images.items())
        lines = [f"images: {counts}", self.note, *(f"wrote {file}" for file in self.files)]
        return "\n".join([*filter(None, lines), f"to train on it: centernet train data={self.data}"])

    def to_json(self) -> dict[str, Any]:
        """The attributes as plain values."""
        return {
            "data": str(self.data),
            "num_images": self.num_images,
            "files": [str(file) for file in self.files],
            "note": self.note,
        }


def split_dataset(
    data: str | Path,
    *,
    val: float = 0.2,
    test: float = 0.0,
    by: str = "image",
    to: str | Path | None = None,
    images: str | Path | None = None,
) -> Split:
    """Splits a data set that has no validation images. Which images go where depends on the images alone.

    Images that are missing or broken are left out. No file that exists is changed.

    Args:
        data: The data set.
        val: Fraction of the images for validation.
        test: Fraction of the images for a test.
        by: `image`: near-copies of an image stay together; `folder`: the images of a folder do.
        to: New folder for a data set of its own, with copies of the images; None writes lists or annotation
            files beside those that are there, and leaves the images in place.
        images: Folder of the images, where they are not where the data set says.

    Raises:
        UsageError: An impossible fraction, or another `by`.
        InputError: The data set is split already, too small or of one folder; or a file exists.
    """
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise UsageError(
            f"val and test are fractions with a sum below 1: val=0.2 test=0.1; got {val}, {test}"
        )
    if by not in _GROUPS:
        raise UsageError(f"by is image or folder; got {by!r}")
    path = expanded(data)
    name = _splittable(path, images, in_place=to is None)
    dataset, _ = clean(open_dataset(path, name, images=images))
    if len(dataset) < MIN_IMAGES:
        raise InputError(f"{path} has {len(dataset)} usable images, too few to split: annotate more")
    parts, note = _divided(dataset, val, test, by)
    counts = {split: len(records) for split, records in parts.items()}
    if to is not None:
        target = expanded(to)
        _write_new(dataset, parts, target)
        return Split(data=target, num_images=counts, files=(target,), note=note)
    files, new = lists_of(path, dataset, parts)
    if existing := [file for file in files if file.exists()]:
        raise InputError(f"{existing[0]} exists and is not overwritten: {_ELSEWHERE}")
    for file, text in files.items():
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text.encode("utf-8", "surrogateescape"))
    return Split(data=new, num_images=counts, files=tuple(files), note=note)


def _splittable(path: Path, images: str | Path | None, *, in_place: bool) -> str:
    """The name of the split to divide."""
    found = splits(path)
    if any(sense_of(name) in ("val", "test") for name in found):
        raise InputError(f"{path} is split already, into {', '.join(found)}: train on it as it is")
    if len(found) != 1:
        raise InputError(f"{path} has several splits, {', '.join(found)}: pass the file of one as data")
    (name,) = found
    form = open_dataset(path, name, images=images).format
    is_yolo = form == "yolo"
    if in_place and form not in FORMATS_WITH_LISTS:
        raise InputError(f"{path} has a file for each image, and no list of those of a split: {_ELSEWHERE}")
    if in_place and name.lower().rstrip("0123456789") in ("train", "training") and not is_yolo:
        raise InputError(f"{path} has a {name} already, and that name is needed: {_ELSEWHERE}")
    if in_place and name != WHOLE and not is_yolo and not (path / "ImageSets").is_dir() and path.is_dir():
        raise InputError(f"{path} keeps its images in folders by split: {_ELSEWHERE}")
    return name


def _divided(dataset: Dataset, val: float, test: float, by: str) -> tuple[Parts, str]:
    records = dataset.records
    groups = _GROUPS[by](records)
    if by == "folder" and len(np.unique(groups)) == 1:
        raise InputError(f"all images are in {records[0].path.parent}: leave by=folder out")
    is_val, is_by_name = hold_out(records, groups, val)
    rest = np.flatnonzero(~is_val)
    is_test = np.zeros(len(records), dtype=bool)
    if test:
        chosen, again = hold_out([records[index] for index in rest.tolist()], groups[rest], test / (1 - val))
        is_test[rest[chosen]], is_by_name = True, is_by_name or again
    masks = {"train": ~is_val & ~is_test, "val": is_val, **({"test": is_test} if test else {})}
    parts = {
        split: tuple(records[index] for index in np.flatnonzero(mask).tolist())
        for split, mask in masks.items()
    }
    if is_by_name and by == "folder":
        return parts, "nearly all images are in one folder, so its last ones by name were chosen"
    if is_by_name:
        return (
            parts,
            "nearly all images are near-copies: AP on the last ones by name will be too high",
        )
    copies = count_copies(groups) if by == "image" else 0
    return parts, f"{copies} images have near-copies, which are in the same split" if copies else ""


def _write_new(dataset: Dataset, parts: Parts, folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not overwritten: name a new folder, to=FOLDER")
    # COCO holds all of those that are read only.
    form = next((one for one in WRITABLE if dataset.format == one.NAME), coco)
    for split, records in parts.items():
        with writing(folder):
            form.write(replace(dataset, name=split, records=tuple(records)), folder, split)
