"""COCO's precision and recall tables of boxes and keypoints, by hotcoco; equal to pycocotools.

Source: Lin et al. 2014, https://cocodataset.org/#detection-eval.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures.skeletons import AREA_FRACTION

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""COCO's thresholds, of OKS too."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO samples precision."""

_CLASSES_AT_ONCE = 128
"""The engine's tables of a thousand classes would take a quarter of a gigabyte, twice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision over recall of one class at IoU (or OKS) 0.5, at 101 recalls from 0 to 1.

    Attributes:
        recall: Fraction of the ground-truth objects found.
        precision: Best precision at this recall or a higher one; 0 if the recall is never reached.
        score: Score threshold at which the recall is reached; 0 if it never is.
    """

    recall: Float[np.ndarray, " r"]
    precision: Float[np.ndarray, " r"]
    score: Float[np.ndarray, " r"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """What COCO measures, -1 where there is nothing to measure.

    Sizes of boxes are all, small, medium, large; of keypoints all, medium, large.

    Attributes:
        precision: By threshold, recall, class and size, with the largest number of detections.
        recall: By threshold, class, size and number of detections.
        scores: Scores at which a recall is reached, by recall and class: at the first threshold, for all
            sizes, with the largest number of detections.
    """

    precision: Float[np.ndarray, "t r c s"]
    recall: Float[np.ndarray, "t c s d"]
    scores: Float[np.ndarray, "r c"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoBoxes:
    """Objects and detections with COCO's boxes `[x, y, width, height]`, as columns.

    Attributes:
        category_ids: Ids of the categories, in the order of the data set.
        names: Their names.
        image_ids: Ids of the images, in any order.
        images: Position of the image of each object in `image_ids`.
        labels: Position of its category in `category_ids`.
        boxes: Its box.
        areas: Its area, square pixels, which sorts it into small, medium or large.
        is_crowd: True for regions that hold many objects.
        found_images: The image of each detection; of equal scores in an image the first counts first.
        found_labels: Its category.
        found_boxes: Its box.
        scores: Its score.
    """

    category_ids: Sequence[int]
    names: Sequence[str]
    image_ids: Sequence[int]
    images: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    areas: Float[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]
    found_images: Int[np.ndarray, " m"]
    found_labels: Int[np.ndarray, " m"]
    found_boxes: Float[np.ndarray, "m 4"]
    scores: Float[np.ndarray, " m"]

    @classmethod
    def of(cls, ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> "CocoBoxes":
        """The columns of the content of COCO files; entries of categories that are not listed are left out.

        Raises:
            ValueError: A result belongs to an image that the ground truth lacks.
        """
        check_images(ground_truth, results)
        categories = list(ground_truth["categories"])
        images = {number: place for place, number in enumerate(_ids(ground_truth["images"]))}
        labels = {one["id"]: label for label, one in enumerate(categories)}
        objects = [
            one
            for one in ground_truth["annotations"]
            if one["category_id"] in labels and one["image_id"] in images
        ]
        found = [one for one in results if one["category_id"] in labels]
        return cls(
            category_ids=[one["id"] for one in categories],
            names=[one["name"] for one in categories],
            image_ids=list(images),
            images=_column((images[one["image_id"]] for one in objects), np.int64),
            labels=_column((labels[one["category_id"]] for one in objects), np.int64),
            boxes=_column((one["bbox"] for one in objects), np.float64).reshape(-1, 4),
            areas=_column(map(area_of, objects), np.float64),
            is_crowd=_column((bool(one.get("iscrowd", 0)) for one in objects), np.bool_),
            found_images=_column((images[one["image_id"]] for one in found), np.int64),
            found_labels=_column((labels[one["category_id"]] for one in found), np.int64),
            found_boxes=_column((one["bbox"] for one in found), np.float64).reshape(-1, 4),
            scores=_column((one["score"] for one in found), np.float64),
        )


class BoxEngine:
    """Matches detections to objects of their class and image by IoU; holds a copy of both."""

    def __init__(self, data: CocoBoxes) -> None:
        """Read the columns.

        Args:
            data: Objects and detections. Not needed any more afterwards.
        """
        from hotcoco import COCO

        self.has_objects = bool((~data.is_crowd).any())
        # Of equal scores the one in the image of the lowest id counts first, so numbers follow the ids.
        image_number, self._columns = _ranks(data.image_ids) + 1, _ranks(data.category_ids)
        category_number = self._columns + 1
        numbers = range(1, len(data.category_ids) + 1)
        self._truth = COCO.from_arrays(
            [{"id": number} for number in range(1, len(data.image_ids) + 1)],
            [{"id": number, "name": str(number)} for number in numbers],
            image_number[data.images],
            category_number[data.labels],
            np.ascontiguousarray(data.boxes, dtype=np.float64),
            ids=np.arange(1, len(data.labels) + 1),
            area=data.areas.astype(np.float64),
            iscrowd=data.is_crowd.astype(np.float64),
        )
        self._found = self._truth.load_res(
            np.column_stack(
                [
                    image_number[data.found_images],
                    data.found_boxes,
                    data.scores,
                    category_number[data.found_labels],
                ]
            ).astype(np.float64)
        )

    def tables(self, counts: Sequence[int], ious: Float[np.ndarray, " t"] = IOU_THRESHOLDS) -> Tables:
        """Tables with classes in the order of the data set.

        Args:
            counts: Numbers of best detections per class and image, in rising order.
            ious: Thresholds that the IoU of a match reaches.
        """
        from hotcoco import COCOeval

        evaluation = COCOeval(self._truth, self._found, "bbox")
        evaluation.params.max_dets = list(counts)
        evaluation.params.iou_thrs = ious.tolist()
        parts = []
        for start in range(0, len(self._columns), _CLASSES_AT_ONCE):
            stop = min(start + _CLASSES_AT_ONCE, len(self._columns))
            evaluation.params.cat_ids = list(range(start + 1, stop + 1))
            parts.append(_tables(evaluation))
        if not parts:
            return _no_classes(len(ious), len(counts))
        return Tables(
            precision=np.concatenate([one.precision for one in parts], axis=2)[:, :, self._columns],
            recall=np.concatenate([one.recall for one in parts], axis=1)[:, self._columns],
            scores=np.concatenate([one.scores for one in parts], axis=1)[:, self._columns],
        )

    def tide(self, max_detections: int) -> Mapping[str, Mapping[str, int | float]]:
        """`counts` and `delta_ap` by the engine's names of causes of errors, at IoU 0.5 and 0.1.

        Args:
            max_detections: Number of best detections per class and image.
        """
        from hotcoco import COCOeval

        evaluation = COCOeval(self._truth, self._found, "bbox")
        evaluation.params.max_dets = [max_detections]
        # Other sizes and thresholds would only take memory.
        evaluation.params.iou_thrs = [0.5]
        evaluation.params.area_rng = evaluation.params.area_rng[:1]
        evaluation.params.area_rng_lbl = evaluation.params.area_rng_lbl[:1]
        evaluation.evaluate()
        found: Mapping[str, Mapping[str, int | float]] = evaluation.tide_errors(pos_thr=0.5, bg_thr=0.1)
        return found


def keypoint_tables(
    ground_truth: Mapping[str, Any],
    category_id: int,
    annotations: Sequence[Mapping[str, Any]],
    detections: Sequence[Mapping[str, Any]],
    count: int,
    sigmas: Sequence[float],
) -> Tables:
    """Match the keypoints of detections to those of annotations of their image, by OKS.

    Args:
        ground_truth: Content of a COCO file, of which `images` are used.
        category_id: The category of all entries.
        annotations: Objects, with `area` and `num_keypoints`.
        detections: Likewise with `score`.
        count: Number of best detections per image.
        sigmas: Tolerance of each keypoint.
    """
    from hotcoco import COCO, COCOeval

    common = {
        "images": [{"id": number} for number in _ids(ground_truth["images"])],
        "categories": [{"id": category_id, "name": str(category_id)}],
    }
    evaluation = COCOeval(
        COCO({**common, "annotations": _numbered(annotations)}),
        COCO({**common, "annotations": _numbered(detections)}),
        "keypoints",
    )
    evaluation.params.max_dets = [count]
    evaluation.params.iou_thrs = IOU_THRESHOLDS.tolist()
    evaluation.params.kpt_oks_sigmas = [float(sigma) for sigma in sigmas]
    return _tables(evaluation)


def check_images(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Check that every result belongs to an image of the ground truth.

    Raises:
        ValueError: One belongs to another image.
    """
    image_ids = {image["id"] for image in ground_truth["images"]}
    for position, result in enumerate(results):
        if result["image_id"] not in image_ids:
            raise ValueError(
                f"results[{position}] is of image {result['image_id']}, which the ground truth lacks"
            )


def area_of(annotation: Mapping[str, Any]) -> float:
    """Area of an annotation: its `area`, else width times height, 0.53 of it where it has keypoints."""
    if "area" in annotation:
        return float(annotation["area"])
    _, _, width, height = annotation["bbox"]
    return float(height * width * AREA_FRACTION if annotation.get("keypoints") else width * height)


def mean_of_known(values: np.ndarray) -> float:
    """Mean of the values other than -1, which the evaluator writes where there is nothing to measure."""
    known = values[values > -1]
    return float(known.mean()) if known.size else math.nan


def _tables(evaluation: Any) -> Tables:
    """Runs the engine, and keeps the parts of its tables that are used."""
    evaluation.evaluate()
    evaluation.accumulate()
    found = evaluation.eval
    precision = np.ascontiguousarray(found["precision"][..., -1])
    # COCO adds 2e-16 to the number of detections, so that perfect precision is a bit less than 1.
    precision[precision > 1 - 1e-12] = 1
    return Tables(
        precision=precision,
        recall=np.asarray(found["recall"]),
        scores=np.ascontiguousarray(found["scores"][0, :, :, 0, -1]),
    )


def _no_classes(num_ious: int, num_counts: int) -> Tables:
    return Tables(
        precision=np.zeros((num_ious, len(RECALLS), 0, 4)),
        recall=np.zeros((num_ious, 0, 4, num_counts)),
        scores=np.zeros((len(RECALLS), 0)),
    )


def _ranks(ids: Sequence[int]) -> Int[np.ndarray, " n"]:
    """The place that each id has among the sorted ones."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[np.argsort(np.asarray(ids, dtype=np.int64), kind="stable")] = np.arange(len(ids))
    return ranks


def _ids(entries: Iterable[Mapping[str, Any]]) -> list[int]:
    """Their ids, each once."""
    return list(dict.fromkeys(entry["id"] for entry in entries))


def _column(values: Iterable[Any], dtype: type[np.generic]) -> np.ndarray:
    return np.array(list(values), dtype=dtype)


def _numbered(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries with ids from 1: evaluators take 0 for "no object"."""
    return [{**entry, "id": number} for number, entry in enumerate(entries, start=1)]
