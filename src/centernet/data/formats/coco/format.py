"""Reading and writing COCO: one json file for each split, boxes as `x, y, width, height` in pixels.

Sources: https://cocodataset.org/#format-data; also the folder layouts of Roboflow and FiftyOne.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats.coco.boxes3d import box3d_fields, read_camera_field
from centernet.data.formats.coco.content import read_content, stated_size
from centernet.data.formats.coco.fields import read_objects, without_group
from centernet.data.formats.coco.keypoints import annotation_fields, category_fields, read_skeletons
from centernet.data.formats.coco.layout import (
    DETECTION,
    FileKind,
    annotation_file,
    annotation_files,
    image_folders,
    image_root,
)
from centernet.data.formats.common.copy_images import copy_images
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.unsupported import BOXES3D, KEYPOINTS
from centernet.io.images import image_size
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

NAME = "coco"
LOOKED_FOR = "COCO .json"
SUPPORTS: tuple[str, ...] = (KEYPOINTS, BOXES3D)


def identify(path: Path) -> bool:
    """True if there is a COCO file at `path`."""
    return bool(annotation_files(path, DETECTION))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits, from the names of their files."""
    return tuple(annotation_files(path, DETECTION))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a COCO data set, or a single json file.

    Invalid objects are left out, and invalid keypoints count as not labelled; the data set's `defects` list
    both. An object without a box has the box round its outline.

    Args:
        path: Folder or file.
        split: Name of the split.
        images: Folder of the images; None: they are where the file states, or below the data set's folder.

    Raises:
        InputError: No such split, or a file that is not COCO json.
    """
    return read_kind(path, split, DETECTION, images)


def read_kind(path: Path, split: str | None, kind: FileKind, images: Path | None = None) -> Dataset:
    """As `read`, from one kind of files."""
    split, file = annotation_file(path, split, kind)
    content = read_content(file)
    log = content.log
    used = {one.category_id for one in content.objects}
    by_id = dict(sorted(without_group(content.categories, used, log).items()))
    skeletons = read_skeletons(by_id, [one.entry for one in content.objects], log)
    categories = Categories(tuple(entry["name"] for entry in by_id.values()), tuple(by_id), skeletons)
    objects = read_objects(content.objects, categories, log)
    finder = ImageFinder(image_folders(file, split), image_root(file), images)
    paths = finder.find_all([entry["file_name"] for entry in content.images.values()])
    none = Annotations.none(categories.max_keypoints)
    records = tuple(
        ImageRecord(
            path=path_of_image,
            image_id=image_id,
            annotations=objects.get(image_id, none),
            source=str(file),
            size=stated_size(entry),
            camera=read_camera_field(entry, image_id, log),
        )
        for (image_id, entry), path_of_image in zip(content.images.items(), paths, strict=True)
    )
    return Dataset(
        name=str(file),
        format=NAME,
        categories=categories,
        records=records,
        defects=tuple(log.found),
        notes=tuple(log.notes),
    )


def write(dataset: Dataset, folder: Path, split: str) -> None:
    """Write a data set as `annotations/instances_{split}.json` and the images as `{split}/`.

    Raises:
        InputError: An image is missing, or two would get one name.
    """
    copy_images(dataset.records, folder / split)
    target = folder / "annotations" / f"instances_{split}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(to_coco(dataset)), encoding="utf-8")


def to_coco(dataset: Dataset) -> dict[str, Any]:
    """The data set as the content of a COCO file.

    Annotation ids are kept if they are unique and none is 0, which evaluators take for "no object".
    """
    ids = np.concatenate([np.zeros(0, np.int64), *(record.annotations.ids for record in dataset.records)])
    if 0 in ids or len(np.unique(ids)) < len(ids):
        ids = np.arange(1, len(ids) + 1)
    numbers = iter(ids.tolist())
    category_ids, num_keypoints = dataset.categories.ids, dataset.categories.num_keypoints
    images, annotations = [], []
    for record in dataset.records:
        rows, columns = record.size or image_size(record.path)
        images.append(
            {"id": record.image_id, "file_name": record.path.name, "width": columns, "height": rows}
            | ({} if record.camera is None else {"camera": record.camera.tolist()})
        )
        objects = record.annotations
        # float32 corners would lose digits in the difference.
        boxes = objects.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        annotations += [
            {
                "id": next(numbers),
                "image_id": record.image_id,
                "category_id": category_ids[label],
                "bbox": box,
                "area": area,
                "iscrowd": int(is_crowd),
                **annotation_fields(keypoints, num_keypoints[label]),
                **fields3d,
            }
            for box, label, area, is_crowd, keypoints, fields3d in zip(
                boxes.tolist(),
                objects.labels.tolist(),
                objects.areas.tolist(),
                objects.is_crowd.tolist(),
                objects.keypoints.tolist(),
                box3d_fields(objects),
                strict=True,
            )
        ]
    return {
        "images": images,
        "annotations": annotations,
        "categories": _category_list(dataset.categories),
    }


def _category_list(categories: Categories) -> list[dict[str, Any]]:
    skeletons = categories.skeletons or (None,) * len(categories)
    return [
        {"id": category_id, "name": name, **category_fields(skeleton)}
        for category_id, name, skeleton in zip(categories.ids, categories.names, skeletons, strict=True)
    ]
