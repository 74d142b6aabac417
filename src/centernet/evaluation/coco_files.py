"""COCO ground-truth and result files of other programs, each entry checked before it is evaluated.

`data.formats.coco` checks the ground truth, as it does for training. Its `Dataset` does not serve here: it
has float32 boxes, which would move scores away from pycocotools' in the fifth digit. And it leaves out broken
entries and reports them, since the rest is good for training; a score on the rest would mislead, so here the
first broken entry is an error.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats import coco
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.coco.content import read_content
from centernet.data.formats.coco.defect_log import Ids, whole_number
from centernet.data.formats.coco.fields import CocoObjects
from centernet.data.formats.coco.layout import DETECTION, KEYPOINTS, annotation_file, annotation_files
from centernet.data.formats.common.files import read_text
from centernet.detections import Detections
from centernet.errors import InputError
from centernet.evaluation.class_matching import ClassMatcher
from centernet.evaluation.image_names import with_ids_of_names
from centernet.io.paths import expanded
from centernet.io.values import read_json
from centernet.io.writing import write_atomically, writing
from centernet.structures import Dataset, Defect

_LARGEST = 1e18
"""Numbers beyond this are mistakes; NaN and infinity are not below it either."""

_STATED_ID = "stated_id"
"""Key of an image for its id as the file has it, which results may state."""


def read_ground_truth(path: Path, split: str | None, *, with_keypoints: bool = False) -> dict[str, Any]:
    """Content of a COCO file, or of a data set of another format as COCO's keys.

    Args:
        path: A COCO file, or the folder of a data set.
        split: Split of a folder.
        with_keypoints: Prefer the file of keypoints in a folder that also holds one of all objects.

    Raises:
        InputError: The file or the data set is missing or broken.
    """
    path = expanded(path)
    file = path if path.suffix.lower() == ".json" else _file_in(path, split, with_keypoints)
    if file is None:
        dataset = open_dataset(path, split)
        refuse_broken(dataset.defects)
        return coco.to_coco(dataset)
    content = read_content(file, with_files=False)
    refuse_broken(content.log.found)
    objects = content.objects
    for row in np.flatnonzero((objects.boxes[:, 2:] < 0).any(axis=1)).tolist():
        place = f"{file}, annotation {objects.numbers[row]}"
        box = objects.boxes[row].tolist()
        raise InputError(f"{place}: bbox {box} has a negative width or height: it is x, y, width, height")
    return {
        "images": [
            {**entry, "id": number, _STATED_ID: entry["id"]} for number, entry in content.images.items()
        ],
        "categories": [{**entry, "id": number} for number, entry in content.categories.items()],
        "annotations": _plain(objects),
    }


def refuse_broken(defects: Iterable[Defect]) -> None:
    """Raises an `InputError` at the first broken entry of a ground truth."""
    for defect in defects:
        if defect.kind.startswith(("broken", "unknown", "duplicate image")):
            raise InputError(f"{defect.where}: {defect.message}: mend it, or the score would mislead")


def _plain(objects: CocoObjects) -> list[dict[str, Any]]:
    """Annotations with their fields as training reads them."""
    columns = (
        *(objects.positions, objects.numbers, objects.image_ids, objects.category_ids),
        *(objects.boxes, objects.areas, objects.is_crowd),
    )
    return [
        {
            **objects.raw.entry(position),
            "id": number,
            "image_id": image_id,
            "category_id": category_id,
            "bbox": box,
            "area": area,
            "iscrowd": int(is_crowd),
        }
        for position, number, image_id, category_id, box, area, is_crowd in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _file_in(folder: Path, split: str | None, with_keypoints: bool) -> Path | None:
    prefixes = (KEYPOINTS, DETECTION) if with_keypoints else (DETECTION, KEYPOINTS)
    prefix = next((prefix for prefix in prefixes if annotation_files(folder, prefix)), None)
    return annotation_file(folder, split, prefix)[1] if prefix else None


def read_results(
    path: Path, ground_truth: dict[str, Any], ground_truth_name: str
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The entries of a COCO results file, each with a box, keypoints, or both; and remarks on them.

    Args:
        path: The file.
        ground_truth: Content of a COCO file with the images and categories of the results.
        ground_truth_name: Name of the ground truth in messages.

    Raises:
        InputError: The file is missing, an entry is broken, or its image or category is unknown.
    """
    content = _load(path)
    if not isinstance(content, list):
        raise InputError(f"{path} holds {_json_type(content)}: results are a list of detections")
    content, is_by_name = with_ids_of_names(content, ground_truth["images"], str(path), ground_truth_name)
    note = "results are matched by file_name: their image ids are not those of the ground truth"
    image_ids, category_ids = (
        {entry["id"] for entry in ground_truth[key]} for key in ("images", "categories")
    )
    ids = Ids(image.get(_STATED_ID, image["id"]) for image in ground_truth["images"])
    results = []
    for position, entry in enumerate(content):
        place = f"{path}, results[{position}]"
        _need(entry, ("image_id", "category_id"), place)
        image_id = ids.number(entry["image_id"])
        category_id = whole_number(entry["category_id"])
        for key, number, known in (
            ("image_id", image_id, image_ids),
            ("category_id", category_id, category_ids),
        ):
            if number not in known:
                raise InputError(f"{place}: {key} {entry[key]!r} is not in {ground_truth_name}")
        if "bbox" in entry:
            _check_box(entry["bbox"], place)
        _need(entry, ("score",) if "keypoints" in entry else ("bbox", "score"), place)
        _check_number(entry["score"], "score", place)
        results.append({**entry, "image_id": image_id, "category_id": category_id})
    return results, (note,) * is_by_name


def check_keypoints(
    entries: list[dict[str, Any]], counts: Mapping[Any, int], file: str, *, are_results: bool
) -> None:
    """Check that entries have three finite numbers for each keypoint of their class.

    Args:
        entries: Results, which must have keypoints if their class has; or annotations, which may.
        counts: Number of keypoints of each category by its id.
        file: Name of their file in messages.
        are_results: True for results, False for annotations.

    Raises:
        InputError: An entry has a different number of values, or values that are not finite numbers.
    """
    key = "results" if are_results else "annotations"
    for position, entry in enumerate(entries):
        count = counts.get(entry["category_id"], 0)
        place = f"{file}, {key}[{position}]"
        if not count or (not are_results and "keypoints" not in entry):
            continue
        _need(entry, ("keypoints",), place)
        keypoints = entry["keypoints"]
        if not isinstance(keypoints, list) or len(keypoints) != 3 * count:
            given = f"{len(keypoints)} values" if isinstance(keypoints, list) else _json_type(keypoints)
            raise InputError(
                f"{place}: keypoints has {given}, not {3 * count}: x, y and v for each of {count}"
            )
        for value in keypoints:
            _check_number(value, "keypoints", place)
        if "num_keypoints" in entry:
            _check_number(entry["num_keypoints"], "num_keypoints", place)


def write_results(path: Path, dataset: Dataset, found: Iterable[Detections]) -> Path:
    """Write a COCO results file: a list with an entry for each detection, not rounded.

    Args:
        path: The json file; missing folders are made.
        dataset: Data set of the images; classes get its category ids.
        found: Detections in its images.

    Raises:
        InputError: The file cannot be written.
    """
    matcher = ClassMatcher(dataset)
    entries = [entry for detections in found for entry in matcher.matched(detections).to_coco()]
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(entries).encode())
    return path


def _load(file: Path) -> Any:
    return read_json(read_text(file), str(file))


def _need(entry: Any, keys: tuple[str, ...], place: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is {_json_type(entry)}, not an object with keys")
    for key in keys:
        if key not in entry:
            raise InputError(f"{place} has no {key!r}")


def _check_box(bbox: Any, place: str) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4:
        count = f"{len(bbox)} values" if isinstance(bbox, list) else _json_type(bbox)
        raise InputError(f"{place}: bbox has {count}, not 4: x, y, width, height")
    for value in bbox:
        _check_number(value, "bbox", place)
    if bbox[2] < 0 or bbox[3] < 0:
        raise InputError(f"{place}: bbox {bbox} has a negative width or height: it is x, y, width, height")


def _check_number(value: Any, key: str, place: str) -> None:
    # Whole numbers may be too large for a float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LARGEST:
        raise InputError(f"{place}: {key} holds {value!r}, which is not a finite number")


def _json_type(value: Any) -> str:
    """Name of the json type of a value, with its article."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
