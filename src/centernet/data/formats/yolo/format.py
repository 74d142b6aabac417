"""Reading and writing YOLO: one text file for each image, with coordinates as fractions of the image's sides.

A line is `class x_center y_center width height`. Source: https://docs.ultralytics.com/datasets/detect; for
keypoints see `yolo.keypoints`. Darknet's `obj.data`, which CVAT writes, and labelImg's folder with
`classes.txt` are read too. Polygons (`class x y x y x y …`) become their bounding boxes. The format has
no crowd regions: they are not written.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from centernet.data.formats.common.column_cache import Found, cached_columns
from centernet.data.formats.common.copy_images import copy_images
from centernet.data.formats.common.files import read_text
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.data.formats.common.splits import choose_split, sense_of
from centernet.data.formats.common.unsupported import KEYPOINTS, warn_unsupported
from centernet.data.formats.yolo.keypoints import KeypointShape, columns_of, read_row, yaml_fields
from centernet.data.formats.yolo.layout import Pairs, YoloLayout, find_layout
from centernet.data.formats.yolo.yaml_file import load_yaml
from centernet.errors import InputError
from centernet.io.images import image_size
from centernet.io.paths import is_file
from centernet.structures import Annotations, Dataset, Defect, ImageRecord
from centernet.structures.records import Records

NAME = "yolo"
LOOKED_FOR = "YOLO .txt"
SUPPORTS: tuple[str, ...] = (KEYPOINTS,)


def identify(path: Path) -> bool:
    """True if there is a YOLO data set at `path`."""
    return find_layout(path) is not None


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits."""
    layout = find_layout(path)
    return tuple(layout.images) if layout else ()


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a YOLO data set. Images without a text file have no objects.

    Invalid lines are left out, and invalid keypoints count as not labelled; the data set's `defects` list
    both.

    Args:
        path: Folder, `data.yaml` or `obj.data`.
        split: Name of the split.
        images: Folder of the images; None: where the files of the data set say.

    Raises:
        InputError: No such split, or a broken `data.yaml`.
    """
    layout = find_layout(path)
    if layout is None:
        raise InputError(f"{path} holds no YOLO data set: no data.yaml with 'names', no classes.txt")
    split = choose_split(path, tuple(layout.images), split)
    labels = {class_id: label for label, class_id in enumerate(layout.categories.ids)}
    pairs = layout.images[split](images)
    categories = layout.categories

    def read_pairs() -> Found:
        defects: list[Defect] = []
        records = Records.of(_records(pairs, layout, labels, defects), categories.max_keypoints)
        return records, tuple(defects)

    key = (NAME, str(path.absolute()), split, repr(categories), repr(layout.keypoints))
    records, defects = cached_columns(key, [str(file) for pair in pairs for file in pair], read_pairs)
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=categories,
        records=records,
        defects=layout.defects + defects,
    )


def _records(
    pairs: Pairs, layout: YoloLayout, labels: dict[int, int], defects: list[Defect]
) -> list[ImageRecord]:
    records: list[ImageRecord] = []
    for image, text in pairs:
        try:
            size = image_size(image)
        except InputError as error:
            # Without the image's size, fractions of it give no boxes.
            kind = "corrupt image" if is_file(image) else "missing image"
            message = str(error).removeprefix(f"{image} ")
            defects.append(Defect(kind=kind, where=str(image), message=message, action="left out"))
            continue
        records.append(
            ImageRecord(
                path=image,
                image_id=len(records) + 1,
                annotations=_read_labels(text, size, layout, labels, defects),
                source=str(text),
                size=size,
            )
        )
    return records


def write(dataset: Dataset, folder: Path, split: str) -> None:
    """Write `labels/{split}/*.txt`, `data.yaml` and the images as `images/{split}/`.

    `data.yaml` names the split `train`, `val` or `test`, as other programs expect: `train2017`, and the whole
    of a data set without splits, become `train`. Warns of 3D boxes, which the format does not store.

    Raises:
        InputError: An image is missing, two would get one name, the split is none of these three, or
            `data.yaml` has another split of that name already.
    """
    warn_unsupported(dataset, NAME, SUPPORTS)
    file = folder / "data.yaml"
    content = load_yaml(file) if file.exists() else {}
    key, images = sense_of(split), f"images/{split}"
    if key is None:
        raise InputError(f"{file} knows no split {split!r}: write it as train, val or test")
    if content.get(key, images) != images:
        raise InputError(f"{file} has {content[key]} as {key} already: write {split} into another folder")
    copy_images(dataset.records, folder / images, with_sizes=False)
    labels = folder / "labels" / split
    labels.mkdir(parents=True, exist_ok=True)
    for record in dataset.records:
        lines = "".join(f"{line}\n" for line in _lines(record))
        (labels / f"{record.path.stem}.txt").write_text(lines, encoding="utf-8")
    content |= {key: images, "names": dict(enumerate(dataset.categories.names))}
    content |= yaml_fields(dataset.categories)
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _lines(record: ImageRecord) -> list[str]:
    rows, columns = record.size or image_size(record.path)
    boxes = record.annotations.boxes.astype(np.float64) / np.array([columns, rows, columns, rows])
    centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    fractions = np.concatenate([centers, sides], axis=1).tolist()
    keypoints = columns_of(record.annotations.keypoints, (rows, columns))
    keep = (~record.annotations.is_crowd).tolist()
    labels = record.annotations.labels.tolist()
    return [
        f"{label} " + " ".join(f"{value:.10g}" for value in row) + more
        for label, row, more, is_kept in zip(labels, fractions, keypoints, keep, strict=True)
        if is_kept
    ]


def _read_labels(
    file: Path, size: tuple[int, int], layout: YoloLayout, labels: dict[int, int], defects: list[Defect]
) -> Annotations:
    def report(number: int, kind: str, message: str, action: str = "left out") -> None:
        where = f"{file}:{number}" if number else str(file)
        defects.append(Defect(kind=kind, where=where, message=message, action=action))

    none = Annotations.none(layout.categories.max_keypoints)
    if not is_file(file):
        return none
    try:
        lines = read_text(file).splitlines()
    except InputError as error:
        report(0, "broken annotation file", str(error).removeprefix(f"{file} "))
        return none
    found: list[_Object] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_read_line(line, number, layout.keypoints, labels))
        except _BrokenError as error:
            report(number, error.kind, str(error))
    for one in found:
        if one.complaint:
            action = "the box is used, its keypoints count as not labelled"
            report(one.number, "keypoint count", one.complaint, action)
    if not found:
        return none
    annotations = _annotations(found, size)
    if layout.keypoints is None:
        return annotations
    shape = layout.keypoints
    width = layout.categories.max_keypoints
    unchecked = np.zeros((len(found), max(shape[0], width), 3))
    for row, one in zip(unchecked, found, strict=True):
        if one.keypoints:
            row[: shape[0]] = read_row(one.keypoints, shape, size)
    keypoints, faults = check_keypoints(unchecked, annotations.labels, layout.categories)
    for fault in faults:
        report(found[fault.row].number, fault.kind, fault.message, fault.action)
    return replace(annotations, keypoints=keypoints[:, :width].astype(np.float32))


@dataclass(frozen=True)
class _Object:
    """One line: corners are fractions of the image's sides; `complaint` is the reason for no keypoints."""

    number: int
    label: int
    corners: tuple[float, float, float, float]
    keypoints: tuple[float, ...] = ()
    complaint: str = ""


def _annotations(found: list[_Object], size: tuple[int, int]) -> Annotations:
    rows, columns = size
    fractions = np.array([one.corners for one in found])
    boxes = (fractions * (columns, rows, columns, rows)).astype(np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    return Annotations(
        boxes=boxes,
        labels=np.array([one.label for one in found], dtype=np.int64),
        is_crowd=np.zeros(len(boxes), dtype=bool),
        ids=np.array([one.number for one in found], dtype=np.int64),
        areas=sides[:, 0] * sides[:, 1],
    )


class _BrokenError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _read_line(line: str, number: int, shape: KeypointShape | None, labels: dict[int, int]) -> _Object:
    words = line.split()
    try:
        class_id, *numbers = (float(word) for word in words)
    except ValueError:
        raise _BrokenError("broken box", f"{line.strip()!r} does not hold numbers only") from None
    box = numbers if shape is None else numbers[:4]
    if not all(math.isfinite(value) for value in (class_id, *box)):
        raise _BrokenError("broken box", f"{line.strip()!r} is not finite")
    if not class_id.is_integer() or int(class_id) not in labels:
        raise _BrokenError("unknown class", f"class {words[0]} is none of {_ids(labels)}")
    label, rest = labels[int(class_id)], tuple(numbers[4:])
    if len(box) == 4:
        x, y, width, height = box
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if shape is None or not rest:
            return _Object(number, label, corners)
        wanted = 5 + shape[0] * shape[1]
        if len(words) == wanted:
            return _Object(number, label, corners, rest)
        complaint = f"{len(words)} columns, but class, box and {shape[0]} keypoints are {wanted}"
        return _Object(number, label, corners, complaint=complaint)
    if len(box) >= 6 and len(box) % 2 == 0:
        xs, ys = box[::2], box[1::2]
        return _Object(number, label, (min(xs), min(ys), max(xs), max(ys)))
    raise _BrokenError("broken box", f"{len(words)} columns, not 5: class x_center y_center width height")


def _ids(labels: dict[int, int]) -> str:
    return f"{min(labels)} to {max(labels)}" if len(labels) > 1 else str(*labels)
