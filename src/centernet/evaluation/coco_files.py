"""COCO ground-truth and result files of other programs, each entry checked before it is evaluated.

`data.formats.coco` reads the same files, but does not serve here for two reasons. Its `Dataset` has float32
boxes, which would move scores away from pycocotools' in the fifth digit. And it leaves out broken entries and
reports them, since the rest is good for training; a score on the rest would mislead, so here the first broken
entry is an error.
"""

import json
import math
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from centernet.data.formats import coco
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.coco.layout import DETECTION, KEYPOINTS, annotation_file, annotation_files
from centernet.data.formats.common.files import read_text
from centernet.detections import Detections
from centernet.errors import InputError
from centernet.evaluation.class_matching import match_classes
from centernet.evaluation.image_names import with_ids_of_names
from centernet.io.writing import writing
from centernet.structures import Dataset


def read_ground_truth(path: Path, split: str | None, *, with_keypoints: bool = False) -> dict[str, Any]:
    """Content of a COCO file, or of a data set of another format as COCO's keys.

    Args:
        path: A COCO file, or the folder of a data set.
        split: Split of a folder.
        with_keypoints: Prefer the file of keypoints in a folder that also holds one of all objects.

    Raises:
        InputError: The file or the data set is missing or broken.
    """
    file = path if path.suffix.lower() == ".json" else _file_in(path, split, with_keypoints)
    if file is None:
        return coco.to_coco(open_dataset(path, split))
    content = _load(file)
    if not isinstance(content, dict):
        raise InputError(
            f"{file} holds {_json_type(content)}: ground truth needs images, annotations, categories"
        )
    for key, needed in (("images", ("id",)), ("categories", ("id", "name")), ("annotations", ())):
        if not isinstance(content.get(key), list):
            raise InputError(
                f"{file} has no list {key!r}: ground truth needs images, annotations, categories"
            )
        for position, entry in enumerate(content[key]):
            _need(entry, needed, f"{file}, {key}[{position}]")
            if "id" in needed and (isinstance(entry["id"], bool) or not isinstance(entry["id"], int)):
                raise InputError(
                    f"{file}, {key}[{position}]: id {entry['id']!r} is not a whole number, as COCO's are"
                )
    image_ids, category_ids = ids_of(content, "images"), ids_of(content, "categories")
    for position, entry in enumerate(content["annotations"]):
        place = f"{file}, annotations[{position}]"
        _check_object(entry, place, image_ids, category_ids, known_by="the file")
        _need(entry, ("bbox",), place)
        if "area" in entry:
            _check_number(entry["area"], "area", place)
    return content


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
    image_ids, category_ids = ids_of(ground_truth, "images"), ids_of(ground_truth, "categories")
    for position, entry in enumerate(content):
        place = f"{path}, results[{position}]"
        _check_object(entry, place, image_ids, category_ids, known_by=ground_truth_name)
        _need(entry, ("score",) if "keypoints" in entry else ("bbox", "score"), place)
        _check_number(entry["score"], "score", place)
    return content, (note,) * is_by_name


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
    entries = [entry for detections in found for entry in match_classes(dataset, detections).to_coco()]
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def ids_of(ground_truth: dict[str, Any], key: str) -> set[Any]:
    """The ids of the images or categories of a COCO file."""
    return {entry["id"] for entry in ground_truth[key]}


def _load(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{file} is not json: {error}") from error


def _need(entry: Any, keys: tuple[str, ...], place: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is {_json_type(entry)}, not an object with keys")
    for key in keys:
        if key not in entry:
            raise InputError(f"{place} has no {key!r}")


def _check_object(
    entry: Any, place: str, image_ids: Container[Any], category_ids: Container[Any], known_by: str
) -> None:
    """Check the ids of a result or an annotation, and its box if it has one."""
    _need(entry, ("image_id", "category_id"), place)
    for key, known in (("image_id", image_ids), ("category_id", category_ids)):
        if not isinstance(entry[key], (int, str)) or entry[key] not in known:
            raise InputError(f"{place}: {key} {entry[key]!r} is not in {known_by}")
    if "bbox" in entry:
        _check_box(entry["bbox"], place)


def _check_box(bbox: Any, place: str) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4:
        count = f"{len(bbox)} values" if isinstance(bbox, list) else _json_type(bbox)
        raise InputError(f"{place}: bbox has {count}, not 4: x, y, width, height")
    for value in bbox:
        _check_number(value, "bbox", place)
    if bbox[2] < 0 or bbox[3] < 0:
        raise InputError(f"{place}: bbox {bbox} has a negative width or height: it is x, y, width, height")


def _check_number(value: Any, key: str, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{place}: {key} holds {value!r}, which is not a finite number")


def _json_type(value: Any) -> str:
    """Name of the json type of a value, with its article."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
