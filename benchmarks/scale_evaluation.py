"""Rows of the table on scale: evaluation of many images and classes, and its plots."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from benchmarks.scaling import Row, Side

from centernet.detections import Detections
from centernet.evaluation import Evaluation, evaluate
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

OBJECTS, FOUND = 7, 100
"""Mean number of objects of an image, as in COCO, and number of its detections."""

Case = tuple[Dataset, list[Detections]]


def case(images: int, classes: int) -> Case:
    """Images of 640×480 and detections: a bit more than half of the objects are found, the rest is noise."""
    rng = np.random.default_rng(0)
    categories = Categories(tuple(f"class {i}" for i in range(classes)), tuple(range(1, classes + 1)))
    records, found, next_id = [], [], 1
    for number in range(1, images + 1):
        count = int(rng.poisson(OBJECTS))
        boxes = _boxes(rng, count)
        labels = rng.integers(0, classes, count)
        sides = boxes[:, 2:] - boxes[:, :2]
        objects = Annotations(
            boxes=boxes,
            labels=labels,
            is_crowd=rng.random(count) < 0.01,
            ids=np.arange(next_id, next_id + count),
            areas=sides[:, 0] * sides[:, 1] * np.float32(0.7),
        )
        next_id += count
        path = Path(f"{number:012d}.jpg")
        records.append(
            ImageRecord(path=path, image_id=number, annotations=objects, source="scale.json", size=(480, 640))
        )
        found.append(_detections(rng, categories, number, boxes, labels))
    return Dataset(name="scale", format="coco", categories=categories, records=tuple(records)), found


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    sides = np.exp(rng.uniform(np.log(10), np.log(300), (count, 2)))
    corners = rng.uniform(0, 1, (count, 2)) * (np.array([640, 480]) - sides)
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def _detections(
    rng: np.random.Generator, categories: Categories, number: int, boxes: np.ndarray, labels: np.ndarray
) -> Detections:
    hits = np.flatnonzero(rng.random(len(boxes)) < 0.6)[:FOUND]
    noise = FOUND - len(hits)
    near = boxes[hits] + rng.normal(0, 4, (len(hits), 4)).astype(np.float32)
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    # Detectors round: equal scores happen.
    scores = np.concatenate([rng.beta(4, 2, len(hits)), rng.beta(1, 9, noise)]).round(3).astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    return Detections(
        boxes=np.concatenate([near, _boxes(rng, noise)])[order],
        scores=scores[order],
        labels=np.concatenate([labels[hits], rng.integers(0, len(categories), noise)])[order],
        categories=categories,
        name=f"{number:012d}.jpg",
        image_size=(480, 640),
        image_id=number,
    )


def _numbers(metrics: Mapping[str, float]) -> dict[str, float]:
    names = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small")
    return {name: float(metrics[name]) for name in names}


def ours(ready: Case) -> dict[str, float]:
    """What a training does after each epoch."""
    return _numbers(evaluate(*ready, details=False).metrics)


def ours_in_val(ready: Case) -> dict[str, float]:
    """False discovery and causes of errors too."""
    metrics = evaluate(*ready).metrics
    return {**_numbers(metrics), **{name: metrics[name] for name in ("FD", "lost_missed")}}


def as_dicts(ready: Case) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What pycocotools reads from its json files."""
    from pycocotools import cocoeval  # noqa: F401

    from centernet.data.formats.coco.format import to_coco

    dataset, found = ready
    return to_coco(dataset), [entry for one in found for entry in one.to_coco()]


def reference(ready: tuple[dict[str, Any], list[dict[str, Any]]]) -> dict[str, float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {**ready[0], "info": {}}
    truth.createIndex()
    evaluator = COCOeval(truth, truth.loadRes(ready[1]), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    names = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small")
    return dict(zip(names, map(float, evaluator.stats), strict=False))


def evaluated(images: int, classes: int) -> Evaluation:
    from matplotlib import figure  # noqa: F401

    return evaluate(*case(images, classes))


def plots(evaluation: Evaluation) -> dict[str, float]:
    """Writes all plots; the number of rows of the largest figure, by its height."""
    from PIL import Image

    from centernet.evaluation.plots import save_plots

    with TemporaryDirectory() as folder:
        heights = [Image.open(path).height for path in save_plots(evaluation, Path(folder))]
    return {"height_px": max(heights)}


ROWS = (
    Row(
        name="80 classes",
        sizes=(500, 5000),
        unit="images",
        sides={
            "ours": Side(prepare=lambda images: case(images, 80), work=ours),
            "ours, val": Side(prepare=lambda images: case(images, 80), work=ours_in_val),
            "pycocotools": Side(prepare=lambda images: as_dicts(case(images, 80)), work=reference),
        },
        limits={"cpu_s": 4, "peak_mb": 300},
    ),
    Row(
        name="1203 classes",
        sizes=(500, 5000),
        unit="images",
        sides={
            "ours": Side(prepare=lambda images: case(images, 1203), work=ours),
            "ours, val": Side(prepare=lambda images: case(images, 1203), work=ours_in_val),
            "pycocotools": Side(prepare=lambda images: as_dicts(case(images, 1203)), work=reference),
        },
        limits={"cpu_s": 6, "peak_mb": 600},
    ),
    Row(
        name="plots",
        sizes=(3, 80, 1203),
        unit="classes",
        sides={"ours": Side(prepare=lambda classes: evaluated(500, classes), work=plots)},
        limits={"cpu_s": 2, "height_px": 3000},
    ),
)
