"""Examination of a data set: its defects, how training handles them, and its statistics."""

import numpy as np

from centernet.data.doctor.broken_pixels import Progress, broken_images
from centernet.data.doctor.center_collisions import find_collisions
from centernet.data.doctor.clean import clean
from centernet.data.doctor.crowding import Crowding, ObjectCells, square_input
from centernet.data.doctor.report import (
    Box3dCount,
    ClassCount,
    KeypointCount,
    Report,
    SkeletonCount,
    Spread,
)
from centernet.structures import Dataset, Defect
from centernet.structures.annotation_table import AnnotationTable
from centernet.structures.records import Records


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
    cells = ObjectCells.of(cleaned.records, rule, stride)
    collisions, neighbours = find_collisions(cleaned, rule, stride, cells)
    table = Records.of(cleaned.records, cleaned.categories.max_keypoints)
    objects = AnnotationTable.of(cleaned.records, cleaned.categories.max_keypoints)
    objects = objects[~objects.is_crowd]
    classes = _count_classes(cleaned, objects)
    unreadable = broken_images(cleaned.records, progress) if read_images else []
    empty = [_empty_class(dataset, one.name) for one in classes if one.num_objects == 0]
    sides_px = np.sqrt(np.prod(objects.boxes[:, 2:] - objects.boxes[:, :2], axis=1, dtype=np.float64))
    scales = imgsz / np.maximum(table.sizes, 1).max(axis=1)
    return Report(
        name=dataset.name,
        format=dataset.format,
        imgsz=imgsz,
        num_images=len(cleaned),
        num_objects=len(objects),
        num_crowds=int(table.num_crowds.sum()),
        classes=classes,
        image_sides=Spread.of(sides_px),
        crowding=Crowding.of(cleaned, rule, stride, cells),
        input_sides=Spread.of(sides_px * scales[objects.image_index]),
        defects=(*dataset.defects, *changed, *unreadable, *empty, *collisions),
        skeletons=_count_keypoints(cleaned, objects),
        space=_count_boxes3d(table),
        notes=(*dataset.notes, *_crowds(table), *_without_objects(dataset), *neighbours),
    )


def _count_classes(dataset: Dataset, objects: AnnotationTable) -> tuple[ClassCount, ...]:
    num_classes = len(dataset.categories)
    num_objects = np.bincount(objects.labels, minlength=num_classes)
    pairs = np.unique(objects.image_index * num_classes + objects.labels)
    num_images = np.bincount(pairs % num_classes, minlength=num_classes)
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


def _count_boxes3d(records: Records) -> Box3dCount | None:
    if records.camera_index is None or not records.has_camera.any():
        return None
    of_images = records.camera_index[records.has_camera]
    focal_px = records.cameras[of_images, 0, 0].tolist()
    objects = records.annotations()
    depths = objects.boxes3d[~objects.is_crowd & np.isfinite(objects.boxes3d).all(axis=1), 5]
    return Box3dCount(
        num_cameras=len(focal_px),
        num_objects=len(depths),
        focal_px=(min(focal_px), max(focal_px)),
        depths_m=Spread.of(depths),
    )


def _empty_class(dataset: Dataset, name: str) -> Defect:
    return Defect(
        kind="empty class",
        where=dataset.name,
        message=f"no object is of class {name!r}",
        action="the model has the class but cannot learn it from here",
    )


def _crowds(records: Records) -> list[Defect]:
    counts = records.num_crowds
    return [
        Defect(
            kind="crowd regions",
            where=records.paths[index],
            message=f"{counts[index]} crowd region{'s' if counts[index] > 1 else ''}",
            action="not trained as objects, ignored in evaluation",
        )
        for index in np.flatnonzero(counts).tolist()
    ]


def _without_objects(dataset: Dataset) -> list[Defect]:
    records = Records.of(dataset.records, dataset.categories.max_keypoints)
    return [
        Defect(
            kind="images without objects",
            where=records.paths[index],
            message="the image has no annotations",
            action="it is used as background",
        )
        for index in np.flatnonzero(records.counts == 0).tolist()
    ]
