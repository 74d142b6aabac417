"""KITTI's metrics of 3D boxes beside those of 2D boxes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from centernet.data.synthetic import ROADS, Scenes
from centernet.detections import Detections
from centernet.evaluation import evaluate
from centernet.evaluation.boxes3d import Box3dMetrics
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

COUNT = 60


def scenes() -> Dataset:
    made = Scenes(mode=ROADS, size=(192, 640))
    samples = [made.sample(index) for index in range(COUNT)]
    return Dataset(
        name="roads",
        format="scenes",
        categories=made.categories,
        records=tuple(
            ImageRecord(
                path=Path(f"{sample.image_id}.png"),
                image_id=sample.image_id,
                annotations=sample.annotations,
                source="scenes",
                size=(192, 640),
                camera=sample.view.camera,
            )
            for sample in samples
        ),
    )


def found_in(dataset: Dataset, further_m: float = 0.0) -> list[Detections]:
    """Perfect detections, but for a distance by which each 3D box is further away."""
    return [
        Detections(
            boxes=record.annotations.boxes,
            scores=np.full(len(record.annotations), 0.9, dtype=np.float32),
            labels=record.annotations.labels,
            categories=dataset.categories,
            name=str(record.path),
            image_size=(192, 640),
            image_id=record.image_id,
            boxes3d=record.annotations.boxes3d + np.float32([0, 0, 0, 0, 0, further_m, 0]),
            alpha_rad=record.annotations.alpha_rad,
            camera=record.camera,
        )
        for record in dataset.records
    ]


def test_perfect_detections_score_best_and_those_further_away_less() -> None:
    dataset = scenes()

    perfect, moved, lost = (
        evaluate(dataset, found_in(dataset, metres)).metrics for metres in (0.0, 0.6, 9.0)
    )

    # There are fewer than 40 people, so even perfect detections do not reach all recalls.
    assert perfect["3D_AP"] == perfect["3D_AP_strict"] == perfect["BEV_AP"] > 0.7
    assert perfect["car_3d_moderate"] == 1
    assert perfect["car_aos_moderate"] == pytest.approx(1)
    assert 0 < moved["car_3d_moderate_strict"] < moved["car_3d_moderate"]
    assert lost["3D_AP"] == 0
    assert lost["AP"] == pytest.approx(1)


def test_the_table_has_a_column_for_each_protocol() -> None:
    dataset = scenes()
    evaluation = evaluate(dataset, found_in(dataset))

    assert [row["name"] for row in evaluation.scores.classes if row["3D_AP_strict"] == 1] == ["Car"]
    assert "3D_AP" in str(evaluation)
    assert "original protocol" in str(evaluation)


def test_data_without_3d_boxes_has_no_such_metrics() -> None:
    dataset = scenes()
    flat = replace(
        dataset,
        records=tuple(
            replace(
                record,
                annotations=replace(
                    record.annotations, boxes3d=np.full_like(record.annotations.boxes3d, np.nan)
                ),
            )
            for record in dataset.records
        ),
    )

    assert "3D_AP" not in evaluate(flat, found_in(dataset)).metrics


def pair(is_crowd: bool, name: str = "Car") -> tuple[Annotations, Detections, Categories]:
    """Two detected cars, of which the second may be marked to be ignored."""
    categories = Categories.of(name)
    boxes = np.array([[10, 10, 90, 60], [110, 10, 190, 60]], dtype=np.float32)
    boxes3d = np.array([[1.5, 1.6, 4, -3, 1.6, 10, 0], [1.5, 1.6, 4, 3, 1.6, 10, 0]], dtype=np.float32)
    ground_truth = replace(
        Annotations.of(boxes, np.array([0, 0])),
        boxes3d=boxes3d,
        alpha_rad=np.zeros(2, dtype=np.float32),
        is_crowd=np.array([False, is_crowd]),
    )
    found = Detections(
        boxes=boxes,
        scores=np.array([0.5, 0.9], dtype=np.float32),
        labels=np.array([0, 0]),
        categories=categories,
        name="a.png",
        image_size=(100, 200),
        boxes3d=boxes3d,
        alpha_rad=np.zeros(2, dtype=np.float32),
    )
    return ground_truth, found, categories


def test_ignored_objects_and_their_detections_do_not_count() -> None:
    objects = []
    for is_crowd in (False, True):
        ground_truth, found, categories = pair(is_crowd)
        metrics = Box3dMetrics.of([(ground_truth, found)], categories)
        (moderate,) = (
            one for one in metrics.metrics[0].classes if (one.name, one.difficulty) == ("car", "moderate")
        )
        objects.append((moderate.objects, moderate.curves["3d"].max()))

    assert objects == [(2, 1), (1, 1)]


def test_a_note_says_that_only_classes_of_kitti_are_evaluated() -> None:
    ground_truth, found, categories = pair(False, name="forklift")
    metrics = Box3dMetrics.of([(ground_truth, found)], categories)

    assert metrics.to_dict() == {}
    assert "car, pedestrian, cyclist only" in metrics.notes[0]
    (row,) = metrics.add_columns([{"name": "forklift"}])
    assert row == {"name": "forklift"}
