"""The files that split a data set where it lies, in the way of each format; images stay where they are."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from centernet.data.formats import deeplabcut
from centernet.data.formats.coco.defect_log import Ids
from centernet.data.formats.coco.layout import image_folders, image_root
from centernet.data.formats.common.files import read_text
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.yolo.layout import SPLIT_KEYS, data_yaml
from centernet.data.formats.yolo.yaml_file import load_yaml
from centernet.io.values import read_json
from centernet.structures import Dataset, ImageRecord

Parts = Mapping[str, Sequence[ImageRecord]]
"""Images of each split by its name: train, val, and perhaps test."""


def lists_of(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """The text of each file to write, and the path that is the data set afterwards.

    Args:
        path: The data set, a folder or a file.
        dataset: As read from there.
        parts: Its images, divided.
    """
    return _LISTS[dataset.format](path, dataset, parts)


def _coco(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """`instances_train.json` beside `instances_default.json`: the same entries with all their fields."""
    file = Path(dataset.records[0].source)
    start = next((name for name in ("person_keypoints_",) if file.name.startswith(name)), "instances_")
    folder = file.parent.parent if file.parent.name.lower() == "annotations" else file.parent
    content = read_json(read_text(file), str(file))
    ids = Ids(image.get("id") for image in content["images"])
    files = {}
    for split, records in parts.items():
        target = file.with_name(f"{start}{split}.json")
        paths = {record.image_id: record.path for record in records}
        images = [image for image in content["images"] if ids.number(image.get("id")) in paths]
        finder = ImageFinder(image_folders(target, split), image_root(target))
        found = finder.find_all([str(image["file_name"]) for image in images])
        for number, image in enumerate(images):
            own = paths[ids.number(image["id"]) or 0]
            if found[number] != own:
                # The names were relative to a folder that is searched for the former name of the file only.
                images[number] = {**image, "file_name": _relative(own, folder)}
        annotations = [one for one in content["annotations"] if ids.number(one.get("image_id")) in paths]
        files[target] = json.dumps({**content, "images": images, "annotations": annotations})
    return files, path if path.is_dir() else folder


def _yolo(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """`train.txt` and `val.txt`, and a yaml that names them: `data.yaml`, or `data_split.yaml` beside it."""
    original = data_yaml(path)
    folder = original.parent if original else path if path.is_dir() else path.parent
    content = load_yaml(original) if original else {}
    content = {key: value for key, value in content.items() if key not in (*SPLIT_KEYS, "path")}
    content.setdefault("names", dict(enumerate(dataset.categories.names)))
    files = {}
    for split, records in parts.items():
        # Other programs take lines that start so as relative to the file.
        files[folder / f"{split}.txt"] = _lines(f"./{_relative(record.path, folder)}" for record in records)
    target = original.with_name(f"{original.stem}_split.yaml") if original else folder / "data.yaml"
    content = {split: f"{split}.txt" for split in parts} | content
    files[target] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return files, target if original else folder


def _voc(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """`ImageSets/Main/train.txt` and so on."""
    del dataset
    folder = path / "ImageSets" / "Main"
    return {folder / f"{split}.txt": _lines(_stems(records)) for split, records in parts.items()}, path


def _kitti(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """`ImageSets/train.txt` and so on."""
    del dataset
    folder = path / "ImageSets"
    return {folder / f"{split}.txt": _lines(_stems(records)) for split, records in parts.items()}, path


def _deeplabcut(path: Path, dataset: Dataset, parts: Parts) -> tuple[dict[Path, str], Path]:
    """`CollectedData_train.csv` and so on beside each csv, whose rows they hold."""
    files = {}
    for source in dict.fromkeys(record.source for record in dataset.records):
        file = Path(source)
        header, rows = deeplabcut.rows_of(file)
        for split, records in parts.items():
            wanted = {record.path for record in records if record.source == source}
            chosen = [cells for image, cells in rows if image in wanted]
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([*header, *chosen])
            if chosen:
                files[file.with_name(f"CollectedData_{split}.csv")] = text.getvalue()
    return files, path if path.is_dir() else path.parent


_LISTS: dict[str, Callable[[Path, Dataset, Parts], tuple[dict[Path, str], Path]]] = {
    "coco": _coco,
    "yolo": _yolo,
    "voc": _voc,
    "kitti": _kitti,
    "deeplabcut": _deeplabcut,
}


FORMATS_WITH_LISTS = frozenset(_LISTS)
"""Formats in which files beside the annotations say which images belong to a split."""


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _stems(records: Sequence[ImageRecord]) -> list[str]:
    return [record.path.stem for record in records]


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
