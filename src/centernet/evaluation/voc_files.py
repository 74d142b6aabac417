"""Result files of Pascal VOC's development kit: a text file for each class, pixels counted from 1."""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.common.files import read_text
from centernet.data.formats.voc.xml import VocFile, read_xml
from centernet.detections import Detections
from centernet.errors import InputError, listed
from centernet.evaluation.coco_files import refuse_broken
from centernet.evaluation.evaluator import no_detections
from centernet.io.paths import expanded, visible
from centernet.structures import Annotations, Categories, Dataset, ImageRecord


def read_ground_truth(path: Path, split: str | None) -> Dataset:
    """Ground truth from a folder of VOC's xml files, with or without images, or a data set of any format.

    Raises:
        InputError: There is neither, or part of it is broken: a score on the rest would mislead.
    """
    path = expanded(path)
    xmls = visible(path.glob("*.xml"))
    dataset = _dataset_of(path, xmls) if xmls else open_dataset(path, split)
    refuse_broken(dataset.defects)
    return dataset


def read_results(folder: Path, ground_truth: Dataset) -> list[Detections]:
    """Detections from files such as `comp4_det_val_cat.txt`, one `Detections` per image of the ground truth.

    Each line is `image score xmin ymin xmax ymax`, the image by its file name without suffix. A class
    without a file has no detections.

    Raises:
        InputError: There is no such file, a line is broken, or an image or a class is unknown.
    """
    files = visible(folder.glob("*det_*.txt"))
    if not files:
        raise InputError(f"{folder} holds no results: no files called comp4_det_<set>_<class>.txt")
    labels = {name: label for label, name in enumerate(ground_truth.categories.names)}
    stems = {record.path.stem for record in ground_truth.records}
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for file in files:
        label = labels[_class_of(file, ground_truth)]
        for number, line in enumerate(read_text(file).splitlines(), start=1):
            if line.strip():
                stem, values = _read_line(line, f"{file}:{number}")
                if stem not in stems:
                    raise InputError(f"{file}:{number}: {ground_truth.name} has no image {stem!r}")
                rows[stem].append([*values, float(label)])
    return [
        _detections(rows[record.path.stem], record, ground_truth.categories)
        for record in ground_truth.records
    ]


def _class_of(file: Path, ground_truth: Dataset) -> str:
    """The class in the name of a file; names of sets and classes may contain underscores too."""
    names = [name for name in ground_truth.categories.names if file.stem.endswith(f"_{name}")]
    if not names:
        known = listed(ground_truth.categories.names)
        raise InputError(f"{file} is named after no class of {ground_truth.name}, which has {known}")
    return max(names, key=len)


def _read_line(line: str, place: str) -> tuple[str, list[float]]:
    stem, *texts = line.split()
    if len(texts) != 5:
        raise InputError(f"{place} has {len(texts) + 1} fields, not 6: image score xmin ymin xmax ymax")
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            raise InputError(f"{place}: {text!r} is not a number") from None
        if not math.isfinite(values[-1]):
            raise InputError(f"{place}: {text!r} is not finite")
    return stem, values


def _detections(rows: list[list[float]], record: ImageRecord, categories: Categories) -> Detections:
    if not rows:
        return no_detections(record, categories)
    table = np.array(rows)
    return Detections(
        boxes=table[:, 1:5] - 1,
        scores=table[:, 0],
        labels=table[:, 5].astype(np.int64),
        categories=categories,
        name=str(record.path),
        image_size=record.size or (0, 0),
        image_id=record.image_id,
    )


def _dataset_of(folder: Path, xmls: list[Path]) -> Dataset:
    files = [read_xml(xml) for xml in xmls]
    names = sorted({item.name for file in files for item in file.objects})
    return Dataset(
        name=str(folder),
        format="voc",
        categories=Categories.of(*names),
        records=tuple(
            ImageRecord(
                path=file.path,
                image_id=number,
                annotations=_annotations(file, names),
                source=str(file.path),
                size=file.size,
            )
            for number, file in enumerate(files, start=1)
        ),
        defects=tuple(defect for file in files for defect in file.defects),
    )


def _annotations(file: VocFile, names: list[str]) -> Annotations:
    if not file.objects:
        return Annotations.none()
    corners = np.array([item.corners for item in file.objects])
    labels = np.array([names.index(item.name) for item in file.objects], dtype=np.int64)
    objects = Annotations.of(corners - 1, labels)
    objects.is_crowd[:] = [item.is_difficult for item in file.objects]
    return objects
