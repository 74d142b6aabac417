"""What is done to a data set before it is trained on: objects and images that would do harm are taken out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.data.files import place_of
from centernet.data.images import image_size
from centernet.errors import InputError
from centernet.structures import Annotations, Dataset, Defect, ImageRecord

ROUNDING_PX = 0.1
"""Boxes that stick out by less are clipped without a word: decimals in files do that."""

_DROPPED = "the object is left out"


def clean(dataset: Dataset) -> tuple[Dataset, tuple[Defect, ...]]:
    """The data set as it is trained on, and what had to be changed.

    Images that are missing, have no readable header or are listed again are left out. Boxes that are not
    finite, inverted, of zero area, outside the image or said twice are left out; boxes that stick out are
    clipped to `0..width` and `0..height`. What the reader already left out stays in `dataset.defects` and is
    not repeated.
    """
    defects: list[Defect] = []
    records = list(_usable_images(dataset.records, defects))
    if records:
        records = _clean_objects(records, dataset, defects)
    return replace(dataset, records=tuple(records)), tuple(defects)


def _usable_images(records: tuple[ImageRecord, ...], defects: list[Defect]) -> Iterator[ImageRecord]:
    """The records of readable images, each with its size."""
    seen: dict[str, ImageRecord] = {}
    for record in records:
        first = seen.setdefault(str(record.path), record)
        fault = None
        if first is not record:
            message = f"the image is listed again as {record.image_id}, first as {first.image_id}"
            fault = ("duplicate image", message)
        elif not record.path.is_file():
            fault = ("missing image", f"there is no such image; {record.source} names it")
        elif record.size is None:
            try:
                record = replace(record, size=image_size(record.path))
            except InputError as error:
                fault = ("corrupt image", str(error).removeprefix(f"{record.path} "))
        if fault is None:
            yield record
        else:
            kind, message = fault
            count = len(record.annotations)
            action = f"left out with its {count} objects" if count != 1 else "left out with its object"
            defects.append(Defect(kind=kind, where=str(record.path), message=message, action=action))


@dataclass(frozen=True)
class _Objects:
    """All objects of a data set in one list, so that 100 000 are checked at once."""

    boxes: Float[np.ndarray, "m 4"]
    labels: Int[np.ndarray, " m"]
    is_crowd: Bool[np.ndarray, " m"]
    image_index: Int[np.ndarray, " m"]
    within_image: Int[np.ndarray, " m"]
    limits: Float[np.ndarray, "m 4"]


def _gather(records: list[ImageRecord]) -> _Objects:
    counts = [len(record.annotations) for record in records]
    image_index = np.repeat(np.arange(len(records)), counts)
    sizes = np.array([record.size for record in records], dtype=np.float32)
    return _Objects(
        boxes=np.concatenate([record.annotations.boxes for record in records]),
        labels=np.concatenate([record.annotations.labels for record in records]),
        is_crowd=np.concatenate([record.annotations.is_crowd for record in records]),
        image_index=image_index,
        within_image=np.concatenate([np.arange(count) for count in counts]),
        limits=sizes[image_index][:, [1, 0, 1, 0]],
    )


def _clean_objects(records: list[ImageRecord], dataset: Dataset, defects: list[Defect]) -> list[ImageRecord]:
    objects = _gather(records)
    boxes, limits = objects.boxes, objects.limits
    sides = boxes[:, 2:] - boxes[:, :2]
    clipped = np.clip(boxes, 0, limits)
    visible = clipped[:, 2:] - clipped[:, :2]

    broken = ~np.isfinite(boxes).all(1)
    inverted = ~broken & (sides < 0).any(1)
    empty = ~broken & ~inverted & (sides == 0).any(1)
    outside = ~broken & ~inverted & ~empty & ~(visible > 0).all(1)
    valid = ~(broken | inverted | empty | outside)
    twice = valid & _is_repeat(objects, valid)
    sticking_out = valid & ~twice & (np.abs(clipped - boxes) > ROUNDING_PX).any(1)

    kinds = {
        "NaN box": (broken, "is not finite", _DROPPED),
        "inverted box": (inverted, "has its corners swapped", _DROPPED),
        "zero-area box": (empty, "has no area", _DROPPED),
        "box outside the image": (outside, "lies outside the image", _DROPPED),
        "duplicate box": (twice, "is there twice", _DROPPED),
        "out-of-range box": (sticking_out, "sticks out of the image", "it is clipped"),
    }
    for kind, (mask, words, action) in kinds.items():
        for row in np.flatnonzero(mask):
            record = records[objects.image_index[row]]
            rows, columns = record.size or (0, 0)
            name = dataset.categories.names[objects.labels[row]]
            where_to = f" of {columns}×{rows}" if "image" in words else ""
            defects.append(
                Defect(
                    kind=kind,
                    where=place_of(record, int(objects.within_image[row])),
                    message=f"{name} box {_numbers(boxes[row])} {words}{where_to}",
                    action=action,
                )
            )
    return _rebuild(records, objects, clipped, valid & ~twice)


def _is_repeat(objects: _Objects, valid: Bool[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
    """Whether the same box of the same class came before in the same image."""
    keys = np.concatenate(
        [
            np.stack([objects.image_index, objects.labels, objects.is_crowd], axis=1).astype(np.float64),
            objects.boxes,
        ],
        axis=1,
    )
    rows = np.flatnonzero(valid)
    _, first = np.unique(keys[rows], axis=0, return_index=True)
    repeat = valid.copy()
    repeat[rows[first]] = False
    return repeat


def _numbers(box: Float[np.ndarray, " 4"]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in box.tolist()) + "]"


def _rebuild(
    records: list[ImageRecord],
    objects: _Objects,
    boxes: Float[np.ndarray, "m 4"],
    keep: Bool[np.ndarray, " m"],
) -> list[ImageRecord]:
    touched = np.unique(objects.image_index[~keep | (boxes != objects.boxes).any(1)])
    starts = np.searchsorted(objects.image_index, np.arange(len(records) + 1))
    cleaned = list(records)
    for index in touched.tolist():
        span = slice(starts[index], starts[index + 1])
        annotations = records[index].annotations
        kept = replace(annotations, boxes=boxes[span])[keep[span]]
        cleaned[index] = replace(records[index], annotations=kept)
    return cleaned


def objects_of(dataset: Dataset) -> Annotations:
    """All objects of a data set in one list."""
    parts = [record.annotations for record in dataset.records] or [Annotations.none()]
    return Annotations(
        boxes=np.concatenate([part.boxes for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        is_crowd=np.concatenate([part.is_crowd for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
        areas=np.concatenate([part.areas for part in parts]),
    )
