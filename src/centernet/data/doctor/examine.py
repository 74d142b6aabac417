"""Examination of a data set: its defects, how training handles them, and its statistics."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from centernet.data.doctor.center_collisions import find_collisions
from centernet.data.doctor.clean import clean
from centernet.data.doctor.crowding import Crowding, square_input
from centernet.data.doctor.jpeg_pixels import broken_jpegs
from centernet.data.doctor.report import (
    STOPS,
    Box3dCount,
    ClassCount,
    KeypointCount,
    Report,
    SkeletonCount,
    Spread,
)
from centernet.errors import InputError
from centernet.io.images import read_image
from centernet.structures import Annotations, Dataset, Defect, ImageRecord
from centernet.structures.annotation_table import AnnotationTable

Progress = Callable[[Sequence[ImageRecord]], Iterable[ImageRecord]]
"""A function that yields the images and displays progress, such as `rich.progress.track`."""


def examine(
    dataset: Dataset,
    imgsz: int = 512,
    stride: int = 4,
    read_images: bool = True,
    progress: Progress = iter,
) -> Report:
    """A report on everything that could go wrong in training.

    Args:
        dataset: As read, not cleaned.
        imgsz: Side of the square input in whose cells centres may collide, pixels.
        stride: Input pixels from one cell to the next.
        read_images: Decode every image; otherwise images with corrupt pixels are not found.
        progress: Wraps the images that are decoded.

    Raises:
        UsageError: The input would have no cells.
    """
    rule = square_input(imgsz, stride)
    cleaned, changed = clean(dataset)
    collisions, neighbours = find_collisions(cleaned, rule, stride)
    objects = AnnotationTable.of(cleaned.records, cleaned.categories.max_keypoints)
    objects = objects[~objects.is_crowd]
    classes = _count_classes(cleaned, objects)
    unreadable = _undecodable(cleaned.records, progress) if read_images else []
    unreadable += broken_jpegs(cleaned.records) if read_images else []
    empty = [_empty_class(dataset, one.name) for one in classes if one.num_objects == 0]
    sides_px = np.sqrt(np.prod(objects.boxes[:, 2:] - objects.boxes[:, :2], axis=1, dtype=np.float64))
    scales = np.array([imgsz / max(record.size or (1, 1)) for record in cleaned.records])
    return Report(
        name=dataset.name,
        format=dataset.format,
        imgsz=imgsz,
        num_images=len(cleaned),
        num_objects=len(objects),
        num_crowds=sum(int(record.annotations.is_crowd.sum()) for record in cleaned.records),
        classes=classes,
        image_sides=Spread.of(sides_px),
        crowding=Crowding.of(cleaned, rule, stride),
        input_sides=Spread.of(sides_px * scales[objects.image_index]),
        defects=(*dataset.defects, *changed, *unreadable, *empty, *collisions),
        skeletons=_count_keypoints(cleaned, objects),
        space=_count_boxes3d(cleaned),
        notes=(*dataset.notes, *_crowds(cleaned), *_without_objects(dataset), *neighbours),
    )


def _count_classes(dataset: Dataset, objects: AnnotationTable) -> tuple[ClassCount, ...]:
    num_classes = len(dataset.categories)
    num_objects = np.bincount(objects.labels, minlength=num_classes)
    pairs = np.unique(np.column_stack([objects.labels, objects.image_index]), axis=0)
    num_images = np.bincount(pairs[:, 0], minlength=num_classes)
    return tuple(
        ClassCount(name=name, num_objects=int(num_objects[label]), num_images=int(num_images[label]))
        for label, name in enumerate(dataset.categories.names)
    )


def _count_keypoints(dataset: Dataset, objects: AnnotationTable) -> tuple[SkeletonCount, ...]:
    counts = []
    for label, (name, skeleton) in enumerate(
        zip(dataset.categories.names, dataset.categories.skeletons, strict=False)
    ):
        if skeleton is None:
            continue
        visibility = objects.keypoints[objects.labels == label][:, : len(skeleton), 2]
        keypoints = tuple(
            KeypointCount(
                name=keypoint, num_labelled=int((flags > 0).sum()), num_hidden=int((flags == 1).sum())
            )
            for keypoint, flags in zip(skeleton.names, visibility.T, strict=True)
        )
        counts.append(
            SkeletonCount(
                name=name,
                num_objects=len(visibility),
                num_without=int((visibility == 0).all(axis=1).sum()),
                num_pairs=len(skeleton.pairs),
                has_sigmas=bool(skeleton.sigmas),
                keypoints=keypoints,
            )
        )
    return tuple(counts)


def _count_boxes3d(dataset: Dataset) -> Box3dCount | None:
    focal_px = [float(record.camera[0, 0]) for record in dataset.records if record.camera is not None]
    if not focal_px:
        return None
    objects = Annotations.joined([record.annotations for record in dataset.records])
    depths = objects.boxes3d[~objects.is_crowd & np.isfinite(objects.boxes3d).all(axis=1), 5]
    return Box3dCount(
        num_cameras=len(focal_px),
        num_objects=len(depths),
        focal_px=(min(focal_px), max(focal_px)),
        depths_m=Spread.of(depths),
    )


def _undecodable(records: Sequence[ImageRecord], progress: Progress) -> list[Defect]:
    defects = []
    for record in progress(records):
        try:
            read_image(record.path, record.size)
        except InputError as error:
            message = str(error).removeprefix(f"{record.path} ")
            defects.append(
                Defect(kind="corrupt image", where=str(record.path), message=message, action=STOPS)
            )
    return defects


def _empty_class(dataset: Dataset, name: str) -> Defect:
    return Defect(
        kind="empty class",
        where=dataset.name,
        message=f"no object is of class {name!r}",
        action="the model has the class but cannot learn it from here",
    )


def _crowds(dataset: Dataset) -> list[Defect]:
    return [
        Defect(
            kind="crowd regions",
            where=str(record.path),
            message=f"{count} crowd region{'s' if count > 1 else ''}",
            action="not trained as objects, ignored in evaluation",
        )
        for record in dataset.records
        if (count := int(record.annotations.is_crowd.sum()))
    ]


def _without_objects(dataset: Dataset) -> list[Defect]:
    return [
        Defect(
            kind="images without objects",
            where=str(record.path),
            message="the image has no annotations",
            action="it is used as background",
        )
        for record in dataset.records
        if not len(record.annotations)
    ]
