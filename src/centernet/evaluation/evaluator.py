"""Evaluation of the detections of a data set against its ground truth."""

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
from centernet.evaluation.keypoints import KeypointMetrics, KeypointSigmas
from centernet.evaluation.table import ClassRow, Scores
from centernet.metrics.calibration import MIN_IOU, MIN_SCORE, Calibration, evaluate_calibration
from centernet.metrics.coco import CocoMetrics, evaluate_coco
from centernet.metrics.confusion import ConfusionMatrix, confusion_matrix
from centernet.metrics.false_discovery import FalseDiscovery, evaluate_false_discovery
from centernet.metrics.oks import evaluate_oks
from centernet.metrics.pck import evaluate_pck
from centernet.metrics.voc import VocMetrics, evaluate_voc
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

_MAX_CROWDED_CLASSES = 10
"""Number of classes in the printed table of centre collisions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Metrics of the detections of a data set. Printing it gives a table by class.

    Attributes:
        name: Name of the data set.
        num_images: Number of images, those without objects included.
        coco: COCO's metrics of the data set and of each class, and precision-recall curves.
        voc: Pascal VOC's metrics at IoU 0.5.
        false_discovery: False discovery rates: 1 − AP at low IoU.
        confusion: Confusion matrix at a score at which detectors are used.
        calibration: How far the scores are from the precision of the detections that have them.
        keypoints: COCO's metrics of keypoints, and PCK; empty unless the data set and the detections have
            keypoints.
        boxes3d: KITTI's metrics of 3D boxes; empty unless the data set has 3D boxes.
        crowding: Centre collisions: objects of one class in one or in neighbouring cells; None if unknown.
        notes: Remarks on the numbers, a line each.
    """

    name: str
    num_images: int
    coco: CocoMetrics
    voc: VocMetrics
    false_discovery: FalseDiscovery
    confusion: ConfusionMatrix
    calibration: Calibration
    keypoints: KeypointMetrics = field(default_factory=KeypointMetrics)
    boxes3d: Box3dMetrics = field(default_factory=Box3dMetrics)
    crowding: Crowding | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float:
        """A metric by name: `evaluation["AP"]`."""
        return self.metrics[name]

    @property
    def scores(self) -> Scores:
        """All metrics as a table."""
        confusion = self.confusion
        rows = zip(coco_rows(self.coco), confusion.precision.tolist(), confusion.recall.tolist(), strict=True)
        found = confusion.counts.sum(axis=0).tolist()
        classes = self.keypoints.add_columns(
            [
                {**row, "found": number, "precision": precision, "recall": recall}
                for number, (row, precision, recall) in zip(found, rows, strict=False)
            ],
            [one.category_id for one in self.coco.classes],
        )
        return Scores(
            name=f"{self.name}: {self.num_images} image{'s' * (self.num_images != 1)}",
            metrics={
                **self.coco.to_dict(),
                **self.voc.to_dict(),
                **self.false_discovery.to_dict(),
                "precision": _mean_over_classes(classes, "precision"),
                "recall": _mean_over_classes(classes, "recall"),
                "ECE": self.calibration.error,
                **self.keypoints.to_dict(),
                **self.boxes3d.to_dict(),
            },
            classes=self.boxes3d.add_columns(classes),
            notes=(
                *self.notes,
                *self.keypoints.notes,
                *self.boxes3d.notes,
                f"ECE: mean |precision − score| at IoU {MIN_IOU:g}, of scores from {MIN_SCORE:g} on",
                f"found, precision and recall at score {confusion.min_score:g} and IoU {confusion.min_iou:g}",
            ),
        )

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics of the whole data set by name: AP, AP50, AR_100, VOC_AP_area, precision, OKS_AP, and so on.

        `precision` and `recall` are those of the confusion matrix, means over the classes with objects.
        """
        return self.scores.metrics

    def __str__(self) -> str:
        if self.crowding is None:
            return str(self.scores)
        return "\n".join([str(self.scores), "", "crowded objects", *self.crowding.text(_MAX_CROWDED_CLASSES)])

    def to_json(self) -> dict[str, Any]:
        """All metrics as plain values for `json.dump`, not rounded; None instead of NaN."""
        return {
            **self.scores.to_json(),
            "images": self.num_images,
            **({"crowding": self.crowding.to_json()} if self.crowding else {}),
            "keypoints": self.keypoints.to_json(),
            "calibration": self.calibration.bins,
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
    """Evaluate detections against a data set; they belong to the image with their `image_id`.

    Images may come without detections. Crowd regions are ignored: missing them or detecting objects in them
    costs nothing. If the detector has other classes than the data set, classes are matched by name, and
    detections of other classes are not counted. Keypoints are evaluated if both have some.

    Args:
        dataset: Images with ground truth.
        detections: Detections in any order; their images are not kept.
        max_detections: Numbers of best detections per class and image for COCO's metrics: AR for each of
            them, everything else for the largest. For keypoints it is 20.

    Raises:
        UsageError: Detections of an image that the data set lacks, of one image twice, without a common
            class, or with a different number of keypoints.
    """
    found = _by_image(dataset, detections)
    pairs: list[tuple[Annotations, Detections]] = [
        (
            record.annotations,
            found[record.image_id] if record.image_id in found else no_detections(record, dataset.categories),
        )
        for record in dataset.records
    ]
    ground_truth = to_coco(dataset)
    results = [result for one in found.values() for result in one.to_coco()]
    keypoints = KeypointMetrics()
    notes: tuple[str, ...] = ()
    if any(one.keypoints.shape[1] for one in found.values()):
        categories = dataset.categories
        sigmas = KeypointSigmas.of(categories.ids, categories.names, categories.skeletons)
        keypoints = KeypointMetrics(
            oks=evaluate_oks(ground_truth, results, sigmas.by_category), pck=evaluate_pck(pairs, categories)
        )
        notes = sigmas.notes
    has_boxes3d = any(np.isfinite(annotations.boxes3d).all(axis=1).any() for annotations, _ in pairs)
    return Evaluation(
        name=dataset.name,
        num_images=len(dataset),
        coco=evaluate_coco(ground_truth, results, max_detections),
        voc=evaluate_voc(pairs, dataset.categories),
        false_discovery=evaluate_false_discovery(ground_truth, results, max(max_detections)),
        confusion=confusion_matrix(pairs, dataset.categories),
        calibration=evaluate_calibration(pairs),
        keypoints=keypoints,
        boxes3d=Box3dMetrics.of(pairs, dataset.categories) if has_boxes3d else Box3dMetrics(),
        notes=notes,
    )


def coco_rows(metrics: CocoMetrics) -> tuple[ClassRow, ...]:
    """COCO's metrics of each class as rows of a table."""
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


def no_detections(record: ImageRecord, categories: Categories) -> Detections:
    """Empty detections of an image."""
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
        found[one.image_id] = replace(match_classes(dataset, one), image=None)
    return found


def match_classes(dataset: Dataset, detections: Detections) -> Detections:
    """The detections with labels of a data set, without those of classes it lacks.

    Classes are matched by name. Keypoints are kept if the data set has some.

    Raises:
        UsageError: No class in common, or a class with a different number of keypoints.
    """
    categories, predicted = dataset.categories, detections.categories
    label_of = {name: label for label, name in enumerate(_numbered(categories.names))}
    labels = np.array([label_of.get(name, -1) for name in _numbered(predicted.names)], dtype=np.int64)
    if (labels < 0).all():
        raise UsageError(
            f"the detector finds {', '.join(predicted.names)}, but {dataset.name} has "
            f"{', '.join(categories.names)}: no class in common"
        )
    for name, label, count in zip(predicted.names, labels.tolist(), predicted.num_keypoints, strict=True):
        expected = categories.num_keypoints[label] if label >= 0 else 0
        if count and expected and count != expected:
            raise UsageError(
                f"the detector finds {count} keypoints of {name}, but {dataset.name} has {expected}"
            )
    keypoints = detections.keypoints[:, : categories.max_keypoints]
    if keypoints.shape[1]:
        missing = categories.max_keypoints - keypoints.shape[1]
        keypoints = np.pad(keypoints, ((0, 0), (0, missing), (0, 0)))
    matched = labels[detections.labels]
    return replace(detections, labels=matched, categories=categories, keypoints=keypoints)[matched >= 0]


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with the number of its occurrences before: two classes may share a name."""
    count = Counter[str]()
    numbered = []
    for name in names:
        numbered.append((name, count[name]))
        count[name] += 1
    return numbered


def _mean_over_classes(classes: Sequence[ClassRow], column: str) -> float:
    """Mean of a column over the classes with objects and a number in it."""
    known = [value for row in classes if row["objects"] and not math.isnan(value := float(row[column]))]
    return sum(known) / len(known) if known else math.nan
