"""Reading LabelMe: a json file for each image, with outlines, rectangles and circles in pixels.

Source: https://github.com/wkentaro/labelme. An object's box is the hull of its shapes: those of one label and
one `group_id` are one object. Points and lines have no box.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats.coco.content import stated_size
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.per_image import files_by_split, image_of, images_without_file, read_json
from centernet.data.formats.common.splits import choose_split
from centernet.errors import InputError
from centernet.io.plain_files import read_plain
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord

NAME = "labelme"
LOOKED_FOR = "LabelMe .json"

_WITHOUT_BOX = ("point", "points", "line", "linestrip")
_MIN_POINTS = {"rectangle": 2, "circle": 2, "mask": 2, "rotation": 3}
"""Number of points of a shape; polygons, and shapes of other names, have three or more."""


def identify(path: Path) -> bool:
    """True if there are LabelMe's files at `path`."""
    return bool(_files(path))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits: of folders."""
    return tuple(_files(path))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a folder of LabelMe's files. Labels follow the sorted names of all splits.

    Invalid shapes are left out and listed in the data set's `defects`, as are images without a file.

    Args:
        path: Folder.
        split: Name of the split.
        images: Folder of the images; None: where the files say, or below the data set's folder.

    Raises:
        InputError: No such data set or split.
    """
    found = _files(path)
    if not found:
        raise InputError(f"{path} holds no LabelMe data set: no .json with 'shapes' and 'imagePath'")
    split = choose_split(path, tuple(found), split)
    names = _names_in(file for files in found.values() for file in files)
    labels = {name: label for label, name in enumerate(names)}
    defects: list[Defect] = []
    records: list[ImageRecord] = []
    finder = ImageFinder([path], path, images)
    for file in found[split]:
        try:
            content = _load(file)
        except InputError as error:
            message = str(error).removeprefix(f"{file} ")
            defects.append(_defect("broken annotation file", str(file), message))
            continue
        size = {"height": content.get("imageHeight"), "width": content.get("imageWidth")}
        named = content.get("imagePath")
        records.append(
            ImageRecord(
                path=image_of(file, named if isinstance(named, str) else "", finder),
                image_id=len(records) + 1,
                annotations=_annotations(file, content["shapes"], labels, defects),
                source=str(file),
                size=stated_size(size),
            )
        )
    used = [record.path for record in records]
    defects += images_without_file(sorted({image.parent for image in used}), used, ".json")
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=Categories.of(*names),
        records=tuple(records),
        defects=tuple(defects),
    )


def _files(path: Path) -> dict[str, list[Path]]:
    return files_by_split(path, ".json", _is_own) if path.is_dir() else {}


def _is_own(file: Path) -> bool:
    try:
        content = read_plain(file)
    except InputError:
        return False
    return b'"shapes"' in content and b'"imagePath"' in content


def _load(file: Path) -> dict[str, Any]:
    content = read_json(file)
    if not isinstance(content.get("shapes"), list):
        raise InputError(f"{file} has no list 'shapes', as LabelMe's files have")
    return content


def _names_in(files: Iterator[Path]) -> list[str]:
    names: set[str] = set()
    for file in files:
        try:
            shapes = _load(file)["shapes"]
        except InputError:
            continue  # Its defect is reported when its split is read.
        names.update(name for shape in shapes if (name := _name_of(shape)) and _has_box(shape))
    return sorted(names)


def _name_of(shape: Any) -> str | None:
    name = shape.get("label") if isinstance(shape, dict) else None
    return name.strip() if isinstance(name, str) and name.strip() else None


def _has_box(shape: dict[str, Any]) -> bool:
    return shape.get("shape_type") not in _WITHOUT_BOX


def _annotations(file: Path, shapes: list[Any], labels: dict[str, int], defects: list[Defect]) -> Annotations:
    hulls: dict[tuple[str, Any], list[float]] = {}
    places: dict[tuple[str, Any], tuple[int, bool]] = {}
    for number, shape in enumerate(shapes, start=1):
        where = f"{file}, annotation {number}"
        name = _name_of(shape)
        if name is None:
            defects.append(_defect("broken shape", where, "it has no label"))
            continue
        if not _has_box(shape):
            defects.append(_defect("shape without box", where, f"{name} is a {shape['shape_type']}: no box"))
            continue
        try:
            left, top, right, bottom = _hull_of(shape)
        except ValueError as error:
            defects.append(_defect("broken shape", where, f"{name}: {error}"))
            continue
        group = shape.get("group_id")
        key = (name, ("group", str(group)) if group is not None else number)
        before = hulls.get(key, [left, top, right, bottom])
        hulls[key] = [
            *(min(before[0], left), min(before[1], top)),
            *(max(before[2], right), max(before[3], bottom)),
        ]
        places.setdefault(key, (number, shape.get("difficult") is True))
    if not hulls:
        return Annotations.none()
    found = Annotations.of(
        np.array(list(hulls.values()), dtype=np.float32),
        np.array([labels[name] for name, _ in hulls], dtype=np.int64),
    )
    found.ids[:] = [number for number, _ in places.values()]
    found.is_crowd[:] = [is_difficult for _, is_difficult in places.values()]
    return found


def _hull_of(shape: dict[str, Any]) -> tuple[float, float, float, float]:
    kind, points = str(shape.get("shape_type") or "polygon"), shape.get("points")
    least = _MIN_POINTS.get(kind, 3)
    if not isinstance(points, list) or len(points) < least:
        count = len(points) if isinstance(points, list) else "no"
        raise ValueError(f"a {kind} has {least} points or more; got {count}")
    for point in points:
        is_pair = isinstance(point, list) and len(point) == 2
        if not is_pair or not all(type(x) in (int, float) and abs(x) < LARGEST_PX for x in point):
            raise ValueError(f"point {point!r} is not x, y, two finite numbers")
    xs, ys = zip(*((float(x), float(y)) for x, y in points), strict=True)
    if kind == "circle":
        radius = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
        return xs[0] - radius, ys[0] - radius, xs[0] + radius, ys[0] + radius
    return min(xs), min(ys), max(xs), max(ys)


def _defect(kind: str, where: str, message: str) -> Defect:
    return Defect(kind=kind, where=where, message=message, action="left out")
