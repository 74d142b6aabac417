"""Cleaning of a data set before training: objects and images that would do harm are left out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.data.doctor.box_spelling import box_spelling
from centernet.data.formats.common.files import place_in
from centernet.data.formats.common.keypoint_checks import (
    NOT_LABELLED,
    KeypointFault,
    check_keypoints,
    names_at,
)
from centernet.errors import InputError
from centernet.io.image_headers import Header
from centernet.io.images import inspect_image
from centernet.io.paths import is_file
from centernet.structures import Categories, Dataset, Defect
from centernet.structures.annotation_table import AnnotationTable
from centernet.structures.records import UNKNOWN_SIZE, Records

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
    given = Records.of(dataset.records, dataset.categories.max_keypoints)
    defects: list[Defect] = []
    rows, sizes = _usable_images(given, defects)
    usable = replace(given.take(rows), sizes=sizes)
    defects = [*box_spelling(replace(dataset, records=usable)), *defects]
    cleaned, is_changed = _clean_objects(usable, dataset.categories, defects)
    if given is dataset.records:
        return replace(dataset, records=cleaned), tuple(defects)
    # Records that came as objects stay the same objects where nothing changes.
    is_changed |= (sizes != given.sizes[rows]).any(axis=1)
    records = tuple(
        cleaned[position] if is_changed[position] else dataset.records[row]
        for position, row in enumerate(rows.tolist())
    )
    return replace(dataset, records=records), tuple(defects)


def _usable_images(
    records: Records, defects: list[Defect]
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, "k 2"]]:
    """The positions of readable images, and the size of each."""
    rows, sizes, first_of = [], [], dict[str, int]()
    counts, stated = records.counts.tolist(), records.sizes.tolist()
    for index, path in enumerate(records.paths):
        first = first_of.setdefault(path, index)
        if first != index:
            image, other = records.image_ids[[index, first]].tolist()
            message = f"image {image} is the same file as image {other}"
            defects.append(_without_image("duplicate image", path, counts[index], message))
            continue
        file = Path(path)
        try:
            header = inspect_image(file)
        except InputError as error:
            kind, message = "corrupt image", str(error).removeprefix(f"{path} ")
            if not is_file(file):
                kind = "missing image"
                message = f"there is no such image, but {records.source(index)} names it"
            defects.append(_without_image(kind, path, counts[index], message))
            continue
        rows.append(index)
        size = (stated[index][0], stated[index][1])
        if size == header.stored_size == header.upright_size and not header.unread:  # As nearly all are.
            sizes.append(size)
        else:
            sizes.append(_size_of(header, size, path, records.source(index), defects))
    return np.array(rows, dtype=np.int64), np.array(sizes, dtype=np.int64).reshape(-1, 2)


def _without_image(kind: str, path: str, count: int, message: str) -> Defect:
    objects = {0: "it has no objects", 1: "with its object"}.get(count, f"with its {count} objects")
    action = f"the image is left out ({objects})" if count == 0 else f"the image is left out {objects}"
    return Defect(kind=kind, where=path, message=message, action=action)


def _size_of(
    header: Header, stated: tuple[int, int], path: str, source: str, defects: list[Defect]
) -> tuple[int, int]:
    """The size of an image in the frame of its annotations; reports where another is stated."""
    if header.unread:
        action = "the rest of the file is not used"
        defects.append(Defect(kind="partly read", where=path, message=header.unread, action=action))
    if stated in (header.upright_size, header.stored_size):
        return stated
    if stated != UNKNOWN_SIZE:
        message = f"the image is {_by(header.upright_size)} but {source} states {_by(stated)}"
        action = "its boxes are used as they are, in pixels of the file"
        defects.append(Defect(kind="wrong image size", where=path, message=message, action=action))
    return header.upright_size


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"


@dataclass(frozen=True)
class _Fault:
    kind: str
    rows: Bool[np.ndarray, " m"]
    message: str
    action: str = "the object is left out"


def _clean_objects(
    records: Records, categories: Categories, defects: list[Defect]
) -> tuple[Records, Bool[np.ndarray, " n"]]:
    """The images with their clean objects, and which images have changed."""
    names = categories.names
    objects = AnnotationTable.of(records, categories.max_keypoints)
    ids = records.objects["ids"]
    sizes = records.sizes.astype(np.float32)[objects.image_index]
    clipped = np.clip(objects.boxes, 0, sizes[:, [1, 0, 1, 0]])
    faults = _faults(objects, clipped)
    for fault in faults:
        for row in np.flatnonzero(fault.rows).tolist():
            image = int(objects.image_index[row])
            box = ", ".join(f"{value:.6g}" for value in objects.boxes[row].tolist())
            message = f"{names[objects.labels[row]]} box [{box}] {fault.message}"
            if "image" in fault.message:
                rows, columns = records.sizes[image].tolist()
                message += f" of {_by((rows, columns))}"
            where = place_in(records.source(image), int(ids[row]))
            defects.append(Defect(kind=fault.kind, where=where, message=message, action=fault.action))
    drop = np.any([fault.rows for fault in faults[:-1]], axis=0)
    changed, is_changed = {"boxes": clipped}, drop | (clipped != objects.boxes).any(1)
    if categories.max_keypoints:
        keypoints, keypoint_faults = _clean_keypoints(objects, sizes, categories)
        for item in keypoint_faults:
            if drop[item.row]:
                continue  # The object is left out, which was reported.
            where = place_in(records.source(int(objects.image_index[item.row])), int(ids[item.row]))
            defects.append(Defect(kind=item.kind, where=where, message=item.message, action=item.action))
        changed["keypoints"] = keypoints
        is_changed |= (keypoints != objects.keypoints).any((1, 2))
    of_images = np.bincount(objects.image_index[is_changed], minlength=len(records)) > 0
    return records.with_objects(~drop, **changed), of_images


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
