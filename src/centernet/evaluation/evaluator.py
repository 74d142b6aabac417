"""Detections of a whole data set against its truth: numbers, classes, curves, confusions, keypoints."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from centernet.data.doctor.crowding import Crowding
from centernet.data.formats.coco.format import to_coco
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.evaluation.boxes3d import Box3dMetrics
from centernet.evaluation.keypoints import KeypointNumbers, Tolerances
from centernet.evaluation.table import ClassRow, Scores
from centernet.metrics.coco import CocoMetrics, evaluate_coco
from centernet.metrics.confusion import ConfusionMatrix, confusion_matrix
from centernet.metrics.false_discovery import FalseDiscovery, evaluate_false_discovery
from centernet.metrics.oks import evaluate_oks
from centernet.metrics.pck import evaluate_pck
from centernet.metrics.voc import VocMetrics, evaluate_voc
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

_MOST_CLASSES = 10
"""Classes of whose objects it is said how many meet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """How well a detector does on a data set. Printing it gives a table by class.

    Attributes:
        name: The data set.
        num_images: Its images, those without objects included.
        coco: COCO's numbers, numbers of each class, curves.
        voc: Pascal VOC's numbers at IoU 0.5.
        discovery: How many boxes are wrong altogether.
        confusion: Which class is taken for which, at a score where a detector is used.
        keypoints: COCO's numbers of keypoints, and distances; empty unless the data set and the detections
            have keypoints.
        solids: KITTI's numbers of boxes in 3D; empty unless the data set has some.
        crowding: How often objects of one class meet in a cell of the maps; None where there are no maps.
        notes: What to know about the numbers, a line each.
    """

    name: str
    num_images: int
    coco: CocoMetrics
    voc: VocMetrics
    discovery: FalseDiscovery
    confusion: ConfusionMatrix
    keypoints: KeypointNumbers = field(default_factory=KeypointNumbers)
    solids: Box3dMetrics = field(default_factory=Box3dMetrics)
    crowding: Crowding | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float:
        """One of the numbers: `evaluation["AP"]`."""
        return self.metrics[name]

    @property
    def scores(self) -> Scores:
        """All numbers as a table."""
        confusion = self.confusion
        rows = zip(coco_rows(self.coco), confusion.precision.tolist(), confusion.recall.tolist(), strict=True)
        classes = self.keypoints.beside(
            [{**row, "precision": precision, "recall": recall} for row, precision, recall in rows],
            [one.category_id for one in self.coco.classes],
        )
        return Scores(
            name=f"{self.name}: {self.num_images} image{'s' * (self.num_images != 1)}",
            metrics={
                **self.coco.to_dict(),
                **self.voc.to_dict(),
                **self.discovery.to_dict(),
                "precision": _mean_of_true(classes, "precision"),
                "recall": _mean_of_true(classes, "recall"),
                **self.keypoints.to_dict(),
                **self.solids.to_dict(),
            },
            classes=self.solids.beside(classes),
            notes=(
                *self.notes,
                *self.keypoints.notes,
                *self.solids.notes,
                f"precision and recall at score {confusion.min_score:g} and IoU {confusion.min_iou:g}",
            ),
        )

    @property
    def metrics(self) -> Mapping[str, float]:
        """All numbers of the whole by name: AP, AP50, AR_100, VOC_AP_area, precision, OKS_AP, and so on.

        `precision` and `recall` are those of the confusion matrix, means over the classes with objects.
        """
        return self.scores.metrics

    def __str__(self) -> str:
        if self.crowding is None:
            return str(self.scores)
        return "\n".join([str(self.scores), "", "objects that meet", *self.crowding.text(_MOST_CLASSES)])

    def to_json(self) -> dict[str, Any]:
        """Plain values ready for `json.dump`, not rounded; None where there is nothing to measure."""
        return {
            **self.scores.to_json(),
            "images": self.num_images,
            **({"crowding": self.crowding.to_json()} if self.crowding else {}),
            "keypoints": self.keypoints.to_json(),
            "confusion_matrix": {
                "names": [*self.confusion.names, "background"],
                "counts": self.confusion.counts.tolist(),
                "min_score": self.confusion.min_score,
                "min_iou": self.confusion.min_iou,
            },
        }


def evaluate(
    dataset: Dataset, detections: Iterable[Detections], max_detections: tuple[int, ...] = (1, 10, 100)
) -> Evaluation:
    """Compare detections with a data set; they belong to the image that has their `image_id`.

    An image without detections is one where nothing was found. Crowd regions are ignored: they need not be
    found, and what is found in them is not wrong. Where the detector knows other classes than the data set,
    classes are matched by name, and what it finds of the rest is not counted. Keypoints are measured where
    both have some.

    Args:
        dataset: The truth.
        detections: What was found, in any order; images are not kept.
        max_detections: Best detections of a class in an image that COCO's numbers count: AR for each of these
            numbers, everything else for the largest. Of keypoints it is 20.

    Raises:
        UsageError: Detections of an image the data set lacks, of one image twice, of no class it has, or with
            another number of keypoints.
    """
    found = _by_image(dataset, detections)
    pairs: list[tuple[Annotations, Detections]] = [
        (
            record.annotations,
            found[record.image_id] if record.image_id in found else nothing_in(record, dataset.categories),
        )
        for record in dataset.records
    ]
    ground_truth, results = to_coco(dataset), [result for one in found.values() for result in one.to_coco()]
    keypoints = KeypointNumbers()
    notes: tuple[str, ...] = ()
    if any(one.keypoints.shape[1] for one in found.values()):
        categories = dataset.categories
        tolerances = Tolerances.of(categories.ids, categories.names, categories.skeletons)
        keypoints = KeypointNumbers(
            oks=evaluate_oks(ground_truth, results, tolerances.sigmas), pck=evaluate_pck(pairs, categories)
        )
        notes = tolerances.notes
    has_boxes3d = any(np.isfinite(ground_truth.boxes3d).all(axis=1).any() for ground_truth, _ in pairs)
    return Evaluation(
        name=dataset.name,
        num_images=len(dataset),
        coco=evaluate_coco(ground_truth, results, max_detections),
        voc=evaluate_voc(pairs, dataset.categories),
        discovery=evaluate_false_discovery(ground_truth, results, max(max_detections)),
        confusion=confusion_matrix(pairs, dataset.categories),
        keypoints=keypoints,
        solids=Box3dMetrics.of(pairs, dataset.categories) if has_boxes3d else Box3dMetrics(),
        notes=notes,
    )


def coco_rows(metrics: CocoMetrics) -> tuple[ClassRow, ...]:
    """COCO's numbers of each class as rows of a table."""
    return tuple(
        {
            "name": one.name,
            "objects": one.objects,
            "found": one.detections,
            "AP": one.ap,
            "AP50": one.ap50,
            "AP75": one.ap75,
            f"AR_{max(metrics.ar)}": one.ar,
        }
        for one in metrics.classes
    )


def nothing_in(record: ImageRecord, categories: Categories) -> Detections:
    """Detections of an image where nothing was found."""
    return Detections(
        boxes=np.zeros((0, 4), dtype=np.float32),
        scores=np.zeros(0, dtype=np.float32),
        labels=np.zeros(0, dtype=np.int64),
        categories=categories,
        name=str(record.path),
        image_size=record.size or (0, 0),
        image_id=record.image_id,
    )


def _by_image(dataset: Dataset, detections: Iterable[Detections]) -> dict[int, Detections]:
    image_ids = {record.image_id for record in dataset.records}
    found: dict[int, Detections] = {}
    for one in detections:
        if one.image_id not in image_ids:
            raise UsageError(f"{one.name} has image id {one.image_id}, which {dataset.name} does not have")
        if one.image_id in found:
            raise UsageError(f"{one.name}: image id {one.image_id} comes twice: give each image once")
        # Pixels of a whole data set would fill the memory.
        found[one.image_id] = replace(in_classes_of(dataset, one), image=None)
    return found


def in_classes_of(dataset: Dataset, detections: Detections) -> Detections:
    """The detections with the data set's labels, without those of classes it does not have.

    Keypoints stay where the data set has some too.

    Raises:
        UsageError: No class in common, or a class with another number of keypoints.
    """
    categories, own = dataset.categories, detections.categories
    places = {name: label for label, name in enumerate(_numbered(categories.names))}
    labels = np.array([places.get(name, -1) for name in _numbered(own.names)], dtype=np.int64)
    if (labels < 0).all():
        raise UsageError(
            f"the detector finds {', '.join(own.names)}, but {dataset.name} has "
            f"{', '.join(categories.names)}: no class in common"
        )
    for name, label, count in zip(own.names, labels.tolist(), own.num_keypoints, strict=True):
        true = categories.num_keypoints[label] if label >= 0 else 0
        if count and true and count != true:
            raise UsageError(f"the detector finds {count} keypoints of {name}, but {dataset.name} has {true}")
    keypoints = detections.keypoints[:, : categories.max_keypoints]
    if keypoints.shape[1]:
        missing = categories.max_keypoints - keypoints.shape[1]
        keypoints = np.pad(keypoints, ((0, 0), (0, missing), (0, 0)))
    new = labels[detections.labels]
    return replace(detections, labels=new, categories=categories, keypoints=keypoints)[new >= 0]


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with how often it came before: two classes may have one."""
    count = Counter[str]()
    numbered = []
    for name in names:
        numbered.append((name, count[name]))
        count[name] += 1
    return numbered


def _mean_of_true(classes: Sequence[ClassRow], column: str) -> float:
    """Mean of a column over classes that have objects and a number there."""
    known = [value for row in classes if row["objects"] and not math.isnan(value := float(row[column]))]
    return sum(known) / len(known) if known else math.nan
