"""Cleaning of a data set before training: objects and images that would do harm are left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from centernet.data.doctor.box_spelling import box_spelling
from centernet.data.formats.common.files import location_of
from centernet.data.formats.common.keypoint_checks import (
    NOT_LABELLED,
    KeypointFault,
    check_keypoints,
    names_at,
)
from centernet.errors import InputError
from centernet.io.images import inspect_image
from centernet.io.paths import is_file
from centernet.structures import Categories, Dataset, Defect, ImageRecord
from centernet.structures.annotation_table import AnnotationTable

ROUNDING_PX = 0.1
"""Boxes outside the image by less are clipped silently, since rounding in files causes that."""


def clean(dataset: Dataset) -> tuple[Dataset, tuple[Defect, ...]]:
    """The data set as used in training, and the defects that were handled.

    Images that are missing, cut short, no images, too large or listed twice are left out; the others get the
    size of their file. Boxes that are not finite, inverted, of zero area, outside the image or duplicates are
    left out; boxes partly outside are clipped to `0..width` and `0..height`. Keypoints that are not finite or
    outside the image count as not labelled; their objects stay. Defects found by the reader stay in
    `dataset.defects` and are not repeated.
    """
    defects: list[Defect] = []
    records = list(_usable_images(dataset.records, defects))
    defects = [*box_spelling(replace(dataset, records=tuple(records))), *defects]
    records = _clean_objects(records, dataset.categories, defects)
    return replace(dataset, records=tuple(records)), tuple(defects)


def _usable_images(records: Sequence[ImageRecord], defects: list[Defect]) -> Iterator[ImageRecord]:
    """The records of readable images, each with its size."""
    first_records: dict[str, ImageRecord] = {}
    for record in records:
        first = first_records.setdefault(str(record.path), record)
        if first is not record:
            message = f"image {record.image_id} is the same file as image {first.image_id}"
            defects.append(_without_image("duplicate image", record, message))
        elif not is_file(record.path):
            message = f"there is no such image, but {record.source} names it"
            defects.append(_without_image("missing image", record, message))
        else:
            try:
                yield _with_size(record, defects)
            except InputError as error:
                message = str(error).removeprefix(f"{record.path} ")
                defects.append(_without_image("corrupt image", record, message))


def _without_image(kind: str, record: ImageRecord, message: str) -> Defect:
    count = len(record.annotations)
    objects = {0: "it has no objects", 1: "with its object"}.get(count, f"with its {count} objects")
    action = f"the image is left out ({objects})" if count == 0 else f"the image is left out {objects}"
    return Defect(kind=kind, where=str(record.path), message=message, action=action)


def _with_size(record: ImageRecord, defects: list[Defect]) -> ImageRecord:
    header = inspect_image(record.path)
    if header.unread:
        where, action = str(record.path), "the rest of the file is not used"
        defects.append(Defect(kind="partly read", where=where, message=header.unread, action=action))
    if record.size in (header.upright_size, header.stored_size):
        return record
    if record.size is not None:
        message = f"the image is {_by(header.upright_size)} but {record.source} states {_by(record.size)}"
        action = "its boxes are used as they are, in pixels of the file"
        defects.append(
            Defect(kind="wrong image size", where=str(record.path), message=message, action=action)
        )
    return replace(record, size=header.upright_size)


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"


@dataclass(frozen=True)
class _Fault:
    kind: str
    rows: Bool[np.ndarray, " m"]
    message: str
    action: str = "the object is left out"


def _clean_objects(
    records: list[ImageRecord], categories: Categories, defects: list[Defect]
) -> list[ImageRecord]:
    names = categories.names
    objects = AnnotationTable.of(records, categories.max_keypoints)
    sizes = np.array([record.size for record in records], dtype=np.float32).reshape(-1, 2)
    clipped = np.clip(objects.boxes, 0, sizes[objects.image_index][:, [1, 0, 1, 0]])
    faults = _faults(objects, clipped)
    for fault in faults:
        for row in np.flatnonzero(fault.rows).tolist():
            record = records[objects.image_index[row]]
            box = ", ".join(f"{value:.6g}" for value in objects.boxes[row].tolist())
            message = f"{names[objects.labels[row]]} box [{box}] {fault.message}"
            if "image" in fault.message and record.size:
                message += f" of {_by(record.size)}"
            where = location_of(record, int(objects.index[row]))
            defects.append(Defect(kind=fault.kind, where=where, message=message, action=fault.action))
    drop = np.any([fault.rows for fault in faults[:-1]], axis=0)
    keypoints = objects.keypoints
    if categories.max_keypoints:
        keypoints, keypoint_faults = _clean_keypoints(objects, sizes[objects.image_index], categories)
        for item in keypoint_faults:
            if drop[item.row]:
                continue  # The object is left out, which was reported.
            record = records[objects.image_index[item.row]]
            where = location_of(record, int(objects.index[item.row]))
            defects.append(Defect(kind=item.kind, where=where, message=item.message, action=item.action))
    return _rebuild(records, replace(objects, boxes=clipped, keypoints=keypoints), ~drop)


def _clean_keypoints(
    objects: AnnotationTable, sizes: Float[np.ndarray, "m 2"], categories: Categories
) -> tuple[Float[np.ndarray, "m k 3"], list[KeypointFault]]:
    """Keypoints that can be trained on; `sizes` are rows and columns of each object's image."""
    keypoints, faults = check_keypoints(objects.keypoints, objects.labels, categories)
    x_y, limits = keypoints[..., :2], sizes[:, None, ::-1]
    is_outside = ((x_y < -ROUNDING_PX) | (x_y > limits + ROUNDING_PX)).any(-1) & (keypoints[..., 2] > 0)
    for row in np.flatnonzero(is_outside.any(1)).tolist():
        names = names_at(is_outside[row], int(objects.labels[row]), categories)
        places = ", ".join(f"({x:.6g}, {y:.6g})" for x, y in x_y[row][is_outside[row]][:3].tolist())
        rows, columns = sizes[row].astype(int).tolist()
        message = f"{names} at {places}: outside the image of {_by((rows, columns))}"
        faults.append(KeypointFault(row, "keypoint outside the image", message, NOT_LABELLED))
    return np.where(is_outside[..., None], 0, keypoints), faults


def _faults(objects: AnnotationTable, clipped: Float[np.ndarray, "m 4"]) -> tuple[_Fault, ...]:
    """The faults of objects, at most one for each object; those with the last one are kept."""
    boxes = objects.boxes
    with np.errstate(invalid="ignore"):
        sides, visible = boxes[:, 2:] - boxes[:, :2], clipped[:, 2:] - clipped[:, :2]
    broken = ~np.isfinite(boxes).all(1)
    inverted = ~broken & (sides < 0).any(1)
    empty = ~broken & ~inverted & (sides == 0).any(1)
    outside = ~(broken | inverted | empty) & ~(visible > 0).all(1)
    repeated = _is_repeat(objects, ~(broken | inverted | empty | outside))
    good = ~(broken | inverted | empty | outside | repeated)
    partly_outside = good & (np.abs(clipped - boxes) > ROUNDING_PX).any(1)
    return (
        _Fault("NaN box", broken, "is not finite"),
        _Fault("inverted box", inverted, "has its corners swapped"),
        _Fault("zero-area box", empty, "has no area"),
        _Fault("box outside the image", outside, "is outside the image"),
        _Fault("duplicate box", repeated, "is there twice"),
        _Fault(
            "out-of-range box", partly_outside, "is partly outside the image", "it is clipped to the image"
        ),
    )


def _is_repeat(objects: AnnotationTable, among: Bool[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
    """True for boxes equal to an earlier one of the same class and image."""
    kept = objects[among]
    columns = (kept.image_index, kept.labels, kept.is_crowd, *kept.boxes.T)
    order = np.lexsort(columns[::-1])  # Stable: of equal rows the first stays first.
    is_same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        is_same &= column[order[1:]] == column[order[:-1]]
    repeat = np.zeros(len(objects), dtype=bool)
    repeat[np.flatnonzero(among)[order[1:][is_same]]] = True
    return repeat


def _rebuild(
    records: list[ImageRecord], objects: AnnotationTable, keep: Bool[np.ndarray, " m"]
) -> list[ImageRecord]:
    before = AnnotationTable.of(records, objects.keypoints.shape[1])
    is_changed = ~keep | (objects.boxes != before.boxes).any(1)
    is_changed |= (objects.keypoints != before.keypoints).any((1, 2))
    starts = np.searchsorted(objects.image_index, np.arange(len(records) + 1))
    cleaned = list(records)
    for index in np.unique(objects.image_index[is_changed]).tolist():
        span = slice(starts[index], starts[index + 1])
        new = replace(
            records[index].annotations, boxes=objects.boxes[span], keypoints=objects.keypoints[span]
        )
        cleaned[index] = replace(records[index], annotations=new[keep[span]])
    return cleaned
