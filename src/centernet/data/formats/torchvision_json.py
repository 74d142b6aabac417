"""Reading a json file for each image in the form of torchvision's targets: `boxes`, `labels`, `keypoints`.

Source: https://pytorch.org/vision/stable/models.html, keypoint detection. A box is two corners in pixels,
`boxes` or `bboxes`; keypoints are `x, y, visibility`, 1 for visible. Without `labels` there is one class.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats.coco.defect_log import whole_number
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.data.formats.common.per_image import files_by_split, image_of, images_without_file, read_json
from centernet.data.formats.common.skeleton_fields import numbered_names, skeleton_of
from centernet.data.formats.common.splits import choose_split
from centernet.errors import InputError
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord

NAME = "torchvision"
LOOKED_FOR = "torchvision .json"

_BOXES = ("boxes", "bboxes")
_IMAGES = ("file_name", "image", "image_path", "imagePath")
_ONLY_CLASS = "object"


def identify(path: Path) -> bool:
    """True if there are such files at `path`."""
    return bool(_files(path))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits: of folders."""
    return tuple(_files(path))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a folder of such files. Labels follow the sorted labels of all splits.

    Invalid objects are left out, and invalid keypoints count as not labelled; the data set's `defects` list
    both.

    Args:
        path: Folder.
        split: Name of the split.
        images: Folder of the images; None: of the names of the files, below the data set's folder.

    Raises:
        InputError: No such data set or split.
    """
    found = _files(path)
    if not found:
        raise InputError(f"{path} holds no torchvision data set: no .json with 'boxes' for each image")
    split = choose_split(path, tuple(found), split)
    contents = {file: _content_of(file) for files in found.values() for file in files}
    valid = [one for one in contents.values() if isinstance(one, dict)]
    categories, visible = _categories(valid), _value_of_visible(valid)
    defects: list[Defect] = []
    records: list[ImageRecord] = []
    finder = ImageFinder([path], path, images)
    for file in found[split]:
        content = contents[file]
        if isinstance(content, str):
            defects.append(_defect("broken annotation file", str(file), content.removeprefix(f"{file} ")))
            continue
        named = next((content[key] for key in _IMAGES if isinstance(content.get(key), str)), "")
        records.append(
            ImageRecord(
                path=image_of(file, named, finder),
                image_id=len(records) + 1,
                annotations=_annotations(file, content, categories, visible, defects),
                source=str(file),
            )
        )
    used = [record.path for record in records]
    defects += images_without_file(sorted({image.parent for image in used}), used, ".json")
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=categories,
        records=tuple(records),
        defects=tuple(defects),
    )


def _files(path: Path) -> dict[str, list[Path]]:
    return files_by_split(path, ".json", _is_own) if path.is_dir() else {}


def _is_own(file: Path) -> bool:
    content = _content_of(file)
    return isinstance(content, dict)


def _content_of(file: Path) -> dict[str, Any] | str:
    """The content of a file, or what is wrong with it."""
    try:
        content = read_json(file)
    except InputError as error:
        return str(error)
    boxes = next((content[key] for key in _BOXES if key in content), None)
    if not isinstance(boxes, list):
        return f"{file} has no list 'boxes'"
    count = len(boxes)
    for key in ("labels", "keypoints", "iscrowd"):
        value = content.get(key)
        if value is not None and (not isinstance(value, list) or len(value) != count):
            return f"{file}: {key} is not a list with one entry for each of {count} boxes"
    return {**content, "boxes": boxes}


def _labels_of(content: dict[str, Any]) -> list[str]:
    """The class of each object: a number, in its shortest form, or a name."""
    labels = content.get("labels") or [_ONLY_CLASS] * len(content["boxes"])
    return [str(label if (number := whole_number(label)) is None else number) for label in labels]


def _categories(contents: Sequence[dict[str, Any]]) -> Categories:
    counts: dict[str, int] = {}
    for content in contents:
        keypoints = content.get("keypoints") or [None] * len(content["boxes"])
        for label, points in zip(_labels_of(content), keypoints, strict=True):
            counts[label] = max(counts.get(label, 0), len(points) if isinstance(points, list) else 0)
    numbers = all(label.isdecimal() for label in counts)
    labels = sorted(counts, key=int) if numbers else sorted(counts)
    skeletons = [skeleton_of(numbered_names(counts[one]), _never) if counts[one] else None for one in labels]
    return Categories(
        tuple(f"class_{label}" if label.isdecimal() else label for label in labels),
        tuple(int(label) if numbers else position for position, label in enumerate(labels)),
        tuple(skeletons) if any(skeletons) else (),
    )


def _never(kind: str, message: str, action: str) -> None:
    raise AssertionError((kind, message, action))


def _value_of_visible(contents: Sequence[dict[str, Any]]) -> int:
    """The visibility that says visible: 1 in torchvision, 2 in COCO, whose 1 is hidden."""
    lists = [points for content in contents for points in content.get("keypoints") or ()]
    points = [point for one in lists if isinstance(one, list) for point in one]
    return 2 if any(isinstance(point, list) and point[2:] == [2] for point in points) else 1


def _annotations(
    file: Path, content: dict[str, Any], categories: Categories, visible: int, defects: list[Defect]
) -> Annotations:
    width = categories.max_keypoints
    boxes, labels, points, crowds, numbers = [], [], [], [], []
    names = [f"class_{label}" if label.isdecimal() else label for label in _labels_of(content)]
    keypoints = content.get("keypoints") or [[]] * len(names)
    is_crowd = content.get("iscrowd") or [0] * len(names)
    for number, (box, name) in enumerate(zip(content["boxes"], names, strict=True), start=1):
        where = f"{file}, annotation {number}"
        if not _are_numbers(box, 4):
            defects.append(_defect("broken box", where, f"{box!r} is not x1, y1, x2, y2, finite numbers"))
            continue
        own = keypoints[number - 1]
        if not isinstance(own, list) or not all(_are_numbers(point, 3) for point in own):
            message = "its keypoints are not x, y, visibility each, finite numbers"
            action = "its box is used, its keypoints count as not labelled"
            defects.append(Defect(kind="broken keypoints", where=where, message=message, action=action))
            own = []
        boxes.append(box)
        labels.append(categories.names.index(name))
        points.append([*own, *[[0, 0, 0]] * (width - len(own))])
        crowds.append(is_crowd[number - 1] in (1, True))
        numbers.append(number)
    if not boxes:
        return Annotations.none(width)
    unchecked = np.array(points, dtype=np.float64).reshape(len(boxes), width, 3)
    if visible == 1:
        unchecked[..., 2] *= 2
    checked, faults = check_keypoints(unchecked, np.array(labels), categories)
    for fault in faults:
        where = f"{file}, annotation {numbers[fault.row]}"
        defects.append(Defect(kind=fault.kind, where=where, message=fault.message, action=fault.action))
    found = Annotations.of(
        np.array(boxes, dtype=np.float32), np.array(labels, dtype=np.int64), checked.astype(np.float32)
    )
    found.ids[:] = numbers
    found.is_crowd[:] = crowds
    return found


def _are_numbers(value: Any, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(type(number) in (int, float) and abs(number) < LARGEST_PX for number in value)


def _defect(kind: str, where: str, message: str) -> Defect:
    return Defect(kind=kind, where=where, message=message, action="left out")
