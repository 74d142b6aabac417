"""Classes of a detector and of a data set, compared by their names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from centernet.detections import Detections
from centernet.errors import InputError, UsageError, listed
from centernet.structures import Categories, Dataset, ImageRecord
from centernet.structures.skeletons import fill_skeleton


def comparable(dataset: Dataset, known: Categories) -> tuple[Dataset, tuple[str, ...]]:
    """The part of a data set that can be compared with detections, and a line for each thing left out.

    These are the classes that both have, by name, in the order of the data set and with its ids. What its
    skeletons lack is taken from the detector's.

    Args:
        dataset: Images with ground truth.
        known: Classes of the detector.

    Raises:
        InputError: No class in common.
    """
    names = dataset.categories.names
    places = labels_in(known, dataset.categories)
    kept = np.flatnonzero(places >= 0)
    if not len(kept):
        raise InputError(
            f"{dataset.name} has {listed(names)}, but the detector knows {listed(known.names)}: no class in "
            "common, train it on this data set first"
        )
    notes = _left_out(dataset, known, places < 0)
    if len(kept) < len(names):
        dataset = _restricted(dataset, kept)
    same = _chosen(known, places[kept])
    return replace(dataset, categories=fill_skeleton(dataset.categories, same)), notes


def _left_out(dataset: Dataset, known: Categories, is_unknown: np.ndarray) -> tuple[str, ...]:
    """Lines about the classes that only the data set or only the detector has."""
    notes = []
    if is_unknown.any():
        unknown = [name for name, out in zip(dataset.categories.names, is_unknown, strict=True) if out]
        count = sum(int(is_unknown[record.annotations.labels].sum()) for record in dataset.records)
        objects = f"{count} object{'s' * (count != 1)}"
        notes.append(f"not compared: {listed(unknown)} ({objects}): the weights know no such class")
    absent = labels_in(dataset.categories, known) < 0
    if absent.any():
        names = [name for name, out in zip(known.names, absent, strict=True) if out]
        notes.append(f"not compared: {listed(names)}: this data set has no such class")
    return tuple(notes)


def _restricted(dataset: Dataset, kept: Int[np.ndarray, " m"]) -> Dataset:
    """The data set with some of its classes and their objects alone."""
    categories = _chosen(dataset.categories, kept)
    new_label = np.full(len(dataset.categories), -1, dtype=np.int64)
    new_label[kept] = np.arange(len(kept))

    def restricted(record: ImageRecord) -> ImageRecord:
        labels = new_label[record.annotations.labels]
        objects = replace(
            record.annotations,
            labels=labels,
            keypoints=record.annotations.keypoints[:, : categories.max_keypoints],
        )
        return replace(record, annotations=objects[labels >= 0])

    return replace(dataset, categories=categories, records=tuple(map(restricted, dataset.records)))


def _chosen(categories: Categories, labels: Int[np.ndarray, " m"]) -> Categories:
    """Some of the categories, in another order."""
    names, ids, skeletons = categories.names, categories.ids, categories.skeletons
    return Categories(
        tuple(names[label] for label in labels),
        tuple(ids[label] for label in labels),
        tuple(skeletons[label] for label in labels) if skeletons else (),
    )


def labels_in(categories: Categories, others: Categories) -> Int[np.ndarray, " p"]:
    """The label that each class of others has in `categories`, by name; -1 for one that is not there."""
    label_of = {name: label for label, name in enumerate(_numbered(categories.names))}
    return np.array([label_of.get(name, -1) for name in _numbered(others.names)], dtype=np.int64)


class ClassMatcher:
    """Gives the detections of many images the labels of a data set, and leaves out those of classes it lacks.

    Classes are matched by name. Keypoints are kept if the data set has some.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Nothing is compared yet.

        Args:
            dataset: Images with ground truth.
        """
        self._dataset = dataset
        self._width = dataset.categories.max_keypoints
        self._known = dataset.categories
        self._labels = np.arange(len(dataset.categories), dtype=np.int64)

    def matched(self, detections: Detections) -> Detections:
        """The detections of an image with labels of the data set, without those of classes it lacks.

        Raises:
            UsageError: No class in common, or a class with a different number of keypoints.
        """
        predicted, categories = detections.categories, self._dataset.categories
        if predicted is not self._known and predicted != self._known:
            self._labels, self._known = _matching_labels(self._dataset, predicted), predicted
        if predicted == categories and detections.keypoints.shape[1] in (0, self._width):
            return detections
        keypoints = detections.keypoints[:, : self._width]
        missing = self._width - keypoints.shape[1]
        if missing and keypoints.shape[1]:
            keypoints = np.pad(keypoints, ((0, 0), (0, missing), (0, 0)))
        labels = self._labels[detections.labels]
        changed = replace(detections, labels=labels, categories=categories, keypoints=keypoints)
        return changed if (labels >= 0).all() else changed[labels >= 0]


def _matching_labels(dataset: Dataset, predicted: Categories) -> Int[np.ndarray, " p"]:
    """The label in the data set of each class of a detector, -1 for those it lacks."""
    categories = dataset.categories
    labels = labels_in(categories, predicted)
    if (labels < 0).all():
        raise UsageError(
            f"the detector finds {listed(predicted.names)}, but {dataset.name} has "
            f"{listed(categories.names)}: no class in common"
        )
    for name, label, count in zip(predicted.names, labels.tolist(), predicted.num_keypoints, strict=True):
        expected = categories.num_keypoints[label] if label >= 0 else 0
        if count and expected and count != expected:
            raise UsageError(
                f"the detector finds {count} keypoints of {name}, but {dataset.name} has {expected}"
            )
    return labels


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with the number of its occurrences before: two classes may share a name."""
    count = Counter[str]()
    numbered = []
    for name in names:
        numbered.append((name, count[name]))
        count[name] += 1
    return numbered
