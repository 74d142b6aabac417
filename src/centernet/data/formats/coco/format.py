"""Reading and writing COCO: one json file for each split, boxes as `x, y, width, height` in pixels.

Sources: https://cocodataset.org/#format-data; also the folder layouts of Roboflow and FiftyOne.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats.coco.boxes3d import box3d_fields, read_camera_field
from centernet.data.formats.coco.defect_log import DefectLog, whole_number
from centernet.data.formats.coco.fields import read_categories, read_objects
from centernet.data.formats.coco.keypoints import annotation_fields, category_fields
from centernet.data.formats.coco.layout import (
    DETECTION,
    FileKind,
    annotation_file,
    annotation_files,
    image_folders,
)
from centernet.data.formats.common.copy_images import copy_images
from centernet.data.formats.common.files import read_text
from centernet.data.formats.common.unsupported import BOXES3D, KEYPOINTS
from centernet.errors import InputError
from centernet.geometry.camera import Camera
from centernet.io.images import image_size
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

NAME = "coco"
LOOKED_FOR = "COCO: annotations/instances_*.json, person_keypoints_*.json, or another .json with 'images'"
SUPPORTS: tuple[str, ...] = (KEYPOINTS, BOXES3D)


def identify(path: Path) -> bool:
    """True if there is a COCO file at `path`."""
    return bool(annotation_files(path, DETECTION))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits, from the names of their files."""
    return tuple(annotation_files(path, DETECTION))


def read(path: Path, split: str | None = None) -> Dataset:
    """One split of a COCO data set, or a single json file.

    Invalid objects are left out, and invalid keypoints count as not labelled; the data set's `defects` list
    both.

    Raises:
        InputError: No such split, or a file that is not COCO json.
    """
    return read_kind(path, split, DETECTION)


def read_kind(path: Path, split: str | None, kind: FileKind) -> Dataset:
    """As `read`, from one kind of files."""
    split, file = annotation_file(path, split, kind)
    content = _load(file)
    log = DefectLog(str(file))
    categories = read_categories(file, content["categories"], content["annotations"], log)
    images = _read_images(content["images"], log)
    objects = read_objects(content["annotations"], categories, images, log)
    paths = locate_images([image.file_name for image in images.values()], image_folders(file, split))
    none = Annotations.none(categories.max_keypoints)
    records = tuple(
        ImageRecord(
            path=path_of_image,
            image_id=image_id,
            annotations=objects.get(image_id, none),
            source=str(file),
            size=image.size,
            camera=image.camera,
        )
        for (image_id, image), path_of_image in zip(images.items(), paths, strict=True)
    )
    return Dataset(
        name=str(file),
        format=NAME,
        categories=categories,
        records=records,
        defects=tuple(log.found),
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


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{file} is not json: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a COCO file: it holds a {type(content).__name__}, not an object")
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise InputError(f"{file} has no list {key!r}: COCO needs images, annotations and categories")
    return content


@dataclass(frozen=True)
class _Image:
    file_name: str
    size: tuple[int, int] | None
    camera: Camera | None


def _read_images(entries: list[Any], log: DefectLog) -> dict[int, _Image]:
    images: dict[int, _Image] = {}
    for position, entry in enumerate(entries):
        place = f"images[{position}]"
        if not isinstance(entry, dict):
            log.add("broken image entry", place, f"{entry!r} is not an object")
            continue
        image_id, name = whole_number(entry.get("id")), entry.get("file_name")
        if image_id is None:
            log.add("broken image entry", place, f"id {entry.get('id')!r} is not a whole number")
        elif not isinstance(name, str) or not name:
            log.add("broken image entry", f"image {image_id}", f"file_name is {name!r}")
        elif image_id in images:
            log.add("duplicate image id", f"image {image_id}", f"{name} has the id of another image")
        else:
            rows, columns = whole_number(entry.get("height")), whole_number(entry.get("width"))
            size = (rows, columns) if rows and columns and rows > 0 and columns > 0 else None
            camera = read_camera_field(entry, image_id, log)
            images[image_id] = _Image(name.replace("\\", "/"), size, camera)
    return images


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A name can be too long for any file.
        return False


def locate_images(names: list[str], folders: Sequence[Path]) -> list[Path]:
    """The path of each image: in the first folder that has it, else in the folder with most of the others."""
    found: dict[Path, int] = {}
    paths: list[Path | None] = []
    for name in names:
        # The folder that had the last image most likely has this one.
        for folder in sorted(folders, key=lambda folder: -found.get(folder, 0)):
            if _is_file(path := folder / name):
                found[folder] = found.get(folder, 0) + 1
                paths.append(path)
                break
        else:
            paths.append(None)
    usual = max(found, key=lambda folder: found[folder], default=folders[0])
    return [path or usual / name for path, name in zip(paths, names, strict=True)]
