"""COCO files that other programs wrote, each entry checked before it is scored."""

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
from centernet.evaluation.evaluator import in_classes_of
from centernet.io.writing import writing
from centernet.structures import Dataset


def read_ground_truth(path: Path, split: str | None, *, with_keypoints: bool = False) -> dict[str, Any]:
    """The content of a COCO file, or what a data set of another format would have as one.

    Args:
        path: A COCO file, or the folder of a data set.
        split: Which part of a folder.
        with_keypoints: Of a folder that holds files of all objects and files of keypoints, take the latter.

    Raises:
        InputError: The file or the data set is not there or broken.
    """
    file = path if path.suffix.lower() == ".json" else _file_in(path, split, with_keypoints)
    if file is None:
        return coco.to_coco(open_dataset(path, split))
    # Not through `Dataset`, whose float32 corners would move the score in the fifth digit.
    content = _load(file)
    if not isinstance(content, dict):
        raise InputError(f"{file} holds a {_kind(content)}: the truth needs images, annotations, categories")
    for key, needed in (("images", ("id",)), ("categories", ("id", "name")), ("annotations", ())):
        if not isinstance(content.get(key), list):
            raise InputError(f"{file} has no list {key!r}: the truth needs images, annotations, categories")
        for position, entry in enumerate(content[key]):
            _need(entry, needed, f"{file}, {key}[{position}]")
            if "id" in needed and (isinstance(entry["id"], bool) or not isinstance(entry["id"], int)):
                raise InputError(
                    f"{file}, {key}[{position}]: id {entry['id']!r} is no whole number, as COCO's are"
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
    kinds = (KEYPOINTS, DETECTION) if with_keypoints else (DETECTION, KEYPOINTS)
    kind = next((kind for kind in kinds if annotation_files(folder, kind)), None)
    return annotation_file(folder, split, kind)[1] if kind else None


def read_results(path: Path, ground_truth: dict[str, Any], ground_truth_name: str) -> list[dict[str, Any]]:
    """The entries of a COCO results file: each has a box, or keypoints, or both.

    Args:
        path: The file.
        ground_truth: What the entries must fit.
        truth_name: What to call it in messages.

    Raises:
        InputError: The file is not there, or an entry is broken or fits no image or category of the truth.
    """
    content = _load(path)
    if not isinstance(content, list):
        raise InputError(f"{path} holds a {_kind(content)}: results are a list of detections")
    image_ids, category_ids = ids_of(ground_truth, "images"), ids_of(ground_truth, "categories")
    for position, entry in enumerate(content):
        place = f"{path}, results[{position}]"
        _check_object(entry, place, image_ids, category_ids, known_by=ground_truth_name)
        _need(entry, ("score",) if "keypoints" in entry else ("bbox", "score"), place)
        _check_number(entry["score"], "score", place)
    return content


def check_keypoints(
    entries: list[dict[str, Any]], counts: Mapping[Any, int], file: str, *, are_results: bool
) -> None:
    """Three finite numbers for each keypoint of a class.

    Args:
        entries: Results, which must have keypoints where their class has; or annotations, which may.
        counts: Keypoints of each category by its id.
        file: Where the entries are from, for messages.
        are_results: Which of the two.

    Raises:
        InputError: An entry has others.
    """
    kind = "results" if are_results else "annotations"
    for position, entry in enumerate(entries):
        count = counts.get(entry["category_id"], 0)
        place = f"{file}, {kind}[{position}]"
        if not count or (not are_results and "keypoints" not in entry):
            continue
        _need(entry, ("keypoints",), place)
        keypoints = entry["keypoints"]
        if not isinstance(keypoints, list) or len(keypoints) != 3 * count:
            given = f"{len(keypoints)} values" if isinstance(keypoints, list) else f"a {_kind(keypoints)}"
            raise InputError(
                f"{place}: keypoints has {given}, not {3 * count}: x, y and v for each of {count}"
            )
        for value in keypoints:
            _check_number(value, "keypoints", place)
        if "num_keypoints" in entry:
            _check_number(entry["num_keypoints"], "num_keypoints", place)


def write_results(path: Path, dataset: Dataset, found: Iterable[Detections]) -> Path:
    """Writes COCO results: a list with an entry for each object, not rounded; folders on the way are made.

    Args:
        path: The json file.
        dataset: What they are results of: classes get its ids.
        found: What was found in its images.

    Raises:
        InputError: The file cannot be written.
    """
    entries = [entry for detections in found for entry in in_classes_of(dataset, detections).to_coco()]
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def ids_of(ground_truth: dict[str, Any], key: str) -> set[Any]:
    """The ids of the truth's images or categories."""
    return {entry["id"] for entry in ground_truth[key]}


def _load(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{file} is not json: {error}") from error


def _need(entry: Any, keys: tuple[str, ...], place: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is a {_kind(entry)}, not an object with keys")
    for key in keys:
        if key not in entry:
            raise InputError(f"{place} has no {key!r}")


def _check_object(
    entry: Any, place: str, image_ids: Container[Any], category_ids: Container[Any], known_by: str
) -> None:
    """A result or an annotation: its ids are known and its box, if it has one, is a box."""
    _need(entry, ("image_id", "category_id"), place)
    for key, known in (("image_id", image_ids), ("category_id", category_ids)):
        if not isinstance(entry[key], (int, str)) or entry[key] not in known:
            raise InputError(f"{place}: {key} {entry[key]!r} is not in {known_by}")
    if "bbox" in entry:
        _check_box(entry["bbox"], place)


def _check_box(bbox: Any, place: str) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4:
        count = f"{len(bbox)} values" if isinstance(bbox, list) else f"a {_kind(bbox)}"
        raise InputError(f"{place}: bbox has {count}, not 4: x, y, width, height")
    for value in bbox:
        _check_number(value, "bbox", place)
    if bbox[2] < 0 or bbox[3] < 0:
        raise InputError(f"{place}: bbox {bbox} has a negative width or height: it is x, y, width, height")


def _check_number(value: Any, key: str, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{place}: {key} holds {value!r}, which is not a finite number")


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return kinds.get(type(value), "number")
