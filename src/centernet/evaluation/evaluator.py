"""Evaluation of the detections of a data set against its ground truth."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.doctor.crowding import Crowding
from centernet.data.formats.coco.format import to_coco
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.evaluation.boxes3d import Box3dMetrics
from centernet.evaluation.class_matching import ClassMatcher
from centernet.evaluation.keypoints import KeypointMetrics, KeypointSigmas
from centernet.evaluation.limits import COCO_COUNTS, COCO_POSES, class_notes, pose_notes
from centernet.evaluation.table import ClassRow, Scores, json_value
from centernet.metrics.calibration import MIN_SCORE, Calibration
from centernet.metrics.coco import CocoMetrics, coco_metrics
from centernet.metrics.coco_tables import BoxEngine, CocoBoxes
from centernet.metrics.confusion import ConfusionMatrix, confusion_matrix
from centernet.metrics.error_causes import ErrorCause, error_causes
from centernet.metrics.false_discovery import FalseDiscovery, false_discovery
from centernet.metrics.oks import evaluate_oks
from centernet.metrics.pck import evaluate_pck
from centernet.metrics.pooled import Pooled
from centernet.metrics.rating import MIN_IOU, Ratings, rate
from centernet.metrics.voc import VocMetrics, evaluate_voc
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

_LOST = "lost_*: AP50 lost by wrong class, wrong place, both, second detections, background, missed objects"
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
        false_discovery: False discovery rates: 1 − AP at low IoU; None if they were not asked for.
        error_causes: Why detections are wrong and objects missed; empty if that was not asked for.
        confusion: Confusion matrix at the scores from which detections count.
        ratings: Which detections are right, and the scores from which F1 is best.
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
    confusion: ConfusionMatrix
    ratings: Ratings
    false_discovery: FalseDiscovery | None = None
    error_causes: tuple[ErrorCause, ...] = ()
    keypoints: KeypointMetrics = field(default_factory=KeypointMetrics)
    boxes3d: Box3dMetrics = field(default_factory=Box3dMetrics)
    crowding: Crowding | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def calibration(self) -> Calibration:
        """How far the scores are from the precision of the detections that have them."""
        return Calibration.of(self.ratings)

    def __getitem__(self, name: str) -> float:
        """A metric by name: `evaluation["AP"]`."""
        return self.metrics[name]

    @cached_property
    def scores(self) -> Scores:
        """All metrics as a table."""
        confusion = self.confusion
        precision, recall = confusion.precision.tolist(), confusion.recall.tolist()
        found = confusion.counts.sum(axis=0).tolist()
        best = self.ratings.best
        classes = self.keypoints.add_columns(
            [
                {
                    **row,
                    "found": found[label],
                    "precision": precision[label],
                    "recall": recall[label],
                    "F1": one.f1,
                    "threshold": one.threshold,
                }
                for label, (row, one) in enumerate(
                    zip(coco_rows(self.coco), self.ratings.best_of_classes, strict=True)
                )
            ],
            [one.category_id for one in self.coco.classes],
        )
        return Scores(
            name=f"{self.name}: {self.num_images} image{'s' * (self.num_images != 1)}",
            metrics={
                **self.coco.to_dict(),
                **self.voc.to_dict(),
                **(self.false_discovery.to_dict() if self.false_discovery else {}),
                "precision": _mean_over_classes(classes, "precision"),
                "recall": _mean_over_classes(classes, "recall"),
                "F1": best.f1,
                "threshold": best.threshold,
                "ECE": self.calibration.error,
                **{f"lost_{one.name}": one.lost_ap50 for one in self.error_causes},
                **self.keypoints.to_dict(),
                **self.boxes3d.to_dict(),
            },
            classes=self.boxes3d.add_columns(classes),
            notes=(
                *self.notes,
                *self.keypoints.notes,
                *self.boxes3d.notes,
                *((_LOST,) if self.error_causes else ()),
                f"ECE: mean |precision − score| at IoU {MIN_IOU:g}, of scores from {MIN_SCORE:g} on",
                f"F1: the best one at IoU {MIN_IOU:g}, which detections from the score threshold on reach",
                f"found, precision and recall at {confusion.operating_point}",
            ),
        )

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics of the whole data set by name: AP, AP50, AR_100, VOC_AP_area, precision, OKS_AP, and so on.

        `precision` and `recall` are those of the confusion matrix, means over the classes with objects. `F1`
        is the best one of all classes together, and `threshold` the score from which it is reached.
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
            "error_causes": [
                {"cause": one.name, "count": one.count, "lost_AP50": json_value(one.lost_ap50)}
                for one in self.error_causes
            ],
            "calibration": self.calibration.bins,
            "confusion_matrix": {
                "names": [*self.confusion.names, "background"],
                "counts": self.confusion.counts.tolist(),
                "min_score": float(self.confusion.min_scores.min(initial=1)),
                "min_scores": self.confusion.min_scores.tolist(),
                "min_iou": self.confusion.min_iou,
            },
        }


def evaluate(
    dataset: Dataset,
    detections: Iterable[Detections],
    max_detections: tuple[int, ...] = COCO_COUNTS,
    max_poses: int = COCO_POSES,
    min_scores: Float[np.ndarray, " c"] | None = None,
    *,
    details: bool = True,
) -> Evaluation:
    """Evaluate detections against a data set; they belong to the image with their `image_id`.

    Images may come without detections. Crowd regions are ignored: missing them or detecting objects in them
    costs nothing. If the detector has other classes than the data set, classes are matched by name, and
    detections of other classes are not counted. Keypoints are evaluated if both have some.

    Args:
        dataset: Images with ground truth.
        detections: Detections in any order; their images are not kept.
        max_detections: Numbers of best detections per class and image for COCO's metrics: AR for each of
            them, everything else for the largest.
        max_poses: The same number for keypoints.
        min_scores: Scores from which the detections of each class count in precision, recall and the
            confusion matrix; None for those of best F1.
        details: False leaves out false discovery rates and the causes of errors, which a training does not
            need after each epoch.

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
    categories = dataset.categories
    pooled = Pooled.of(pairs)
    keypoints, notes = _keypoints(dataset, pairs, found, max_poses)
    ratings = rate(pooled, len(categories))
    if min_scores is None:
        min_scores = ratings.thresholds.scores(len(categories))
    has_boxes3d = any(np.isfinite(annotations.boxes3d).all(axis=1).any() for annotations, _ in pairs)
    boxes = _coco_boxes(dataset, pooled)
    engine, limit = BoxEngine(boxes), max(max_detections)
    if _is_crowded(boxes, limit):
        notes = (*notes, *class_notes(to_coco(dataset), limit))
    return Evaluation(
        name=dataset.name,
        num_images=len(dataset),
        coco=coco_metrics(boxes, engine, max_detections),
        voc=evaluate_voc(pooled, categories),
        false_discovery=false_discovery(engine, limit) if details else None,
        error_causes=error_causes(engine, limit) if details else (),
        confusion=confusion_matrix(pooled, categories, min_scores),
        ratings=ratings,
        keypoints=keypoints,
        boxes3d=Box3dMetrics.of(pairs, categories) if has_boxes3d else Box3dMetrics(),
        notes=notes,
    )


def _keypoints(
    dataset: Dataset,
    pairs: Sequence[tuple[Annotations, Detections]],
    found: Mapping[int, Detections],
    max_poses: int,
) -> tuple[KeypointMetrics, tuple[str, ...]]:
    """Metrics of keypoints, if any are detected, and remarks on them."""
    if not any(one.keypoints.shape[1] for one in found.values()):
        return KeypointMetrics(), ()
    categories = dataset.categories
    sigmas = KeypointSigmas.of(categories.ids, categories.names, categories.skeletons)
    ground_truth = to_coco(dataset)
    results = [result for one in found.values() for result in one.to_coco()]
    metrics = KeypointMetrics(
        oks=evaluate_oks(ground_truth, results, sigmas.by_category, max_poses),
        pck=evaluate_pck(pairs, categories),
    )
    return metrics, (*sigmas.notes, *pose_notes(ground_truth, max_poses))


def _coco_boxes(dataset: Dataset, pooled: Pooled) -> CocoBoxes:
    """The columns of COCO's files; their numbers are those that such files would hold."""
    objects, found = pooled.objects, pooled.found
    return CocoBoxes(
        category_ids=dataset.categories.ids,
        names=dataset.categories.names,
        image_ids=[record.image_id for record in dataset.records],
        images=objects.images,
        labels=objects.labels,
        boxes=_with_sides(objects.boxes),
        areas=objects.areas,
        is_crowd=objects.is_crowd,
        found_images=found.images,
        found_labels=found.labels,
        found_boxes=_with_sides(found.boxes),
        scores=found.scores,
    )


def _with_sides(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """`(x, y, width, height)`, in 64 bits: corners in 32 bits would lose digits in the difference."""
    changed = boxes.astype(np.float64)
    changed[:, 2:] -= changed[:, :2]
    return changed


def _is_crowded(boxes: CocoBoxes, limit: int) -> bool:
    """True if an image has more objects of a class than so many."""
    keys = (boxes.images * len(boxes.category_ids) + boxes.labels)[~boxes.is_crowd]
    return bool(len(keys) > limit and np.unique(keys, return_counts=True)[1].max() > limit)


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
    matcher = ClassMatcher(dataset)
    for one in detections:
        if one.image_id not in image_ids:
            raise UsageError(f"{one.name} has image id {one.image_id}, which {dataset.name} does not have")
        if one.image_id in found:
            raise UsageError(f"{one.name}: image id {one.image_id} comes twice: give each image once")
        # Pixels of a whole data set would fill the memory.
        matched = matcher.matched(one)
        found[one.image_id] = matched if matched.image is None else replace(matched, image=None)
    return found


def _mean_over_classes(classes: Sequence[ClassRow], column: str) -> float:
    """Mean of a column over the classes with objects and a number in it."""
    known = [value for row in classes if row["objects"] and not math.isnan(value := float(row[column]))]
    return sum(known) / len(known) if known else math.nan
