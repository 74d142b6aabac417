"""KITTI's numbers, by hand, by loops over objects, and by its own programs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import kitti_by_loops
from tests.helpers.kitti_by_loops import as_objects, random_frames

from centernet.data.formats.kitti.text_files import frames_in, read_frames, read_labels, read_results
from centernet.errors import UsageError
from centernet.metrics.kitti import METRICS, ORIGINAL, PROTOCOLS, STRICT, KittiMetrics, evaluate_kitti
from centernet.structures import KittiObjects

DIFFICULTIES = ("easy", "moderate", "hard")
LEFT, RIGHT = [0.0, 0, 100, 50], [300.0, 0, 400, 50]
CAR_3D = [1.5, 1.6, 4.0, 0.0, 1.5, 20.0, 0.0]


def row(name: str = "Car", box: list[float] = LEFT, score: float = 1.0, **others: Any) -> dict[str, Any]:
    """An easy car on the left, with changes."""
    defaults = {"frame": 0, "line": 1, "truncation": 0, "occlusion": 0, "alpha": 0.0, "box3d": CAR_3D}
    return {**defaults, "type": name, "box": box, "score": score, **others}


def evaluate(
    true: list[dict[str, Any]], found: list[dict[str, Any]], protocol: str = "strict"
) -> KittiMetrics:
    return evaluate_kitti(as_objects(("0",), true), as_objects(("0",), found), PROTOCOLS[protocol])


def precision(metrics: KittiMetrics, metric: str = "2d", difficulty: str = "easy") -> list[float]:
    """Precision of cars at the recalls at which it is above 0."""
    curve = next(one for one in metrics.classes if one.difficulty == difficulty).curves[metric]
    return curve[curve > 0].tolist()


def test_each_match_of_a_few_gives_precision_at_one_recall() -> None:
    true = [row(), row(box=RIGHT)]
    wrong = row(box=[600, 0, 700, 50], score=0.8)
    metrics = evaluate(true, [row(score=0.9), wrong, row(box=RIGHT, score=0.7)])

    # Above 0.9 one of one is right, above 0.7 two of three; no other recall is ever reached.
    assert precision(metrics) == pytest.approx([1, 2 / 3])
    assert metrics.to_dict(11)["car_2d_easy"] == pytest.approx(1 / 11)
    assert metrics.to_dict(40)["car_2d_easy"] == pytest.approx(2 / 3 / 40)


def test_perfect_detections_score_by_the_number_of_objects() -> None:
    boxes = [[200.0 * column, 60.0 * line, 200.0 * column + 100, 60.0 * line + 50.0] for column in range(5)
             for line in range(10)]  # fmt: skip
    true = [row(box=box) for box in boxes]

    assert evaluate(true, true).to_dict()["car_2d_easy"] == 1
    assert evaluate(true[:40], true[:40]).to_dict()["car_2d_easy"] == pytest.approx(39 / 40)
    assert evaluate(true[:10], true[:10]).to_dict(11)["car_2d_easy"] == pytest.approx(3 / 11)


def test_of_many_matches_those_nearest_to_each_recall_are_measured() -> None:
    true = [row(frame=frame) for frame in range(80)]
    found = [row(frame=frame, score=1 - frame / 100) for frame in range(80)]
    # Recalls 0 and 1/40 are nearest to the first and the second match; this is wrong from the third on.
    found.insert(2, row(frame=1, box=RIGHT, score=0.985))
    frames = tuple(map(str, range(80)))
    metrics = evaluate_kitti(as_objects(frames, true), as_objects(frames, found), STRICT)

    assert precision(metrics) == pytest.approx([1, 1, *[80 / 81] * 39])


def test_the_more_confident_detection_gives_the_score_but_the_better_one_is_matched() -> None:
    better, confident = row(score=0.2, alpha=np.pi / 2), row(box=[0, 0, 100, 45], score=0.9, alpha=np.pi)
    metrics = evaluate([row()], [confident, better])

    # Measured above 0.9, where there is only the more confident one, which heads the other way.
    assert precision(metrics) == [1]
    assert precision(metrics, "aos") == []

    found = [confident, better, row(box=RIGHT, score=0.2)]
    metrics = evaluate([row(), row(box=RIGHT)], found)

    # Above 0.2 the better one is matched and the other is wrong: 2 of 3, and headings (0.5 + 1) of 3.
    assert precision(metrics) == pytest.approx([1, 2 / 3])
    assert precision(metrics, "aos") == pytest.approx([0.5, 0.5])


def test_detections_of_neighbouring_classes_do_not_count() -> None:
    van = row("Van", box=RIGHT)
    metrics = evaluate([van, row()], [row(score=0.5), row(box=RIGHT, score=0.9)])
    truck = evaluate([{**van, "type": "Truck"}, row()], [row(score=0.5), row(box=RIGHT, score=0.9)])

    assert precision(metrics) == [1]
    assert precision(truck) == [0.5]


def test_detections_in_dontcare_regions_are_not_wrong_in_2d_only() -> None:
    region = row("DontCare", box=[500, 0, 700, 100], box3d=[-1, -1, -1, -1000, -1000, -1000, -10], alpha=-10)
    inside = row(box=[600, 20, 690, 60], score=0.95, box3d=[1.5, 1.6, 4, 9, 1.5, 20, 0])
    metrics = evaluate([row(), region], [row(score=0.9), inside])

    assert precision(metrics) == [1]
    assert precision(metrics, "bev") == precision(metrics, "3d") == [0.5]


@pytest.mark.parametrize(("protocol", "counts"), [("original", True), ("strict", False)])
def test_objects_exactly_as_high_as_the_limit_count_in_one_protocol(protocol: str, counts: bool) -> None:
    low, high = [0.0, 0, 100, 25], [0.0, 0, 100, 40]

    for box, difficulty in ((low, "moderate"), (high, "easy")):
        metrics = evaluate([row(box=box)], [row(box=box, score=0.5)], protocol)
        one = next(one for one in metrics.classes if one.difficulty == difficulty)

        assert one.objects == counts
        assert one.detections == 1
        assert precision(metrics, difficulty=difficulty) == [1] * counts


def test_detections_below_the_minimum_height_count_neither_way_whatever_their_class() -> None:
    low = row("Cyclist", box=[0, 0, 100, 39], score=0.9)
    metrics = evaluate([row()], [low])

    # It overlaps the car by 39 / 50 and matches it: neither is it right nor is the car missed.
    assert precision(metrics) == []
    assert next(one for one in metrics.classes if one.name == "cyclist").detections == 0


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, [1, 1, 1]),
        ({"occlusion": 1}, [0, 1, 1]),
        ({"occlusion": 2}, [0, 0, 1]),
        ({"occlusion": 3}, [0, 0, 0]),
        ({"truncation": 0.15}, [1, 1, 1]),
        ({"truncation": 0.3}, [0, 1, 1]),
        ({"truncation": 0.5}, [0, 0, 1]),
        ({"truncation": 0.51}, [0, 0, 0]),
        ({"box": [0.0, 0, 100, 39.9]}, [0, 1, 1]),
        ({"box": [0.0, 0, 100, 24.9]}, [0, 0, 0]),
    ],
)
def test_difficulties_depend_on_height_occlusion_and_truncation(
    change: dict[str, Any], counts: list[int]
) -> None:
    metrics = evaluate([row(**change)], [])

    assert [one.objects for one in metrics.classes if one.name == "car"] == counts


def test_an_overlap_must_exceed_the_limit() -> None:
    half = evaluate([row("Cyclist", box=[0, 0, 100, 100])], [row("Cyclist", box=[0, 0, 100, 50])])
    more = evaluate([row("Cyclist", box=[0, 0, 100, 100])], [row("Cyclist", box=[0, 0, 100, 51])])

    assert half.to_dict(11)["cyclist_2d_easy"] == 0
    assert more.to_dict(11)["cyclist_2d_easy"] == pytest.approx(1 / 11)


def test_the_protocols_differ_in_what_must_overlap_in_3d() -> None:
    # Moved by a quarter of its length: 3 of 5 metres are shared, an IoU of 0.6.
    moved = row(box3d=[*CAR_3D[:3], 1.0, *CAR_3D[4:]], score=0.5)

    assert precision(evaluate([row()], [moved], "original"), "bev") == [1]
    assert precision(evaluate([row()], [moved], "original"), "3d") == [1]
    assert precision(evaluate([row()], [moved], "strict"), "bev") == []


def test_metrics_that_cannot_be_measured_are_nan() -> None:
    flat = row(box3d=[-1, -1, -1, -1000, -1000, -1000, -10], alpha=-10, score=0.5)
    numbers = evaluate([row()], [flat]).to_dict(11)

    assert numbers["car_2d_easy"] == pytest.approx(1 / 11)
    assert np.isnan([numbers[f"car_{metric}_easy"] for metric in ("aos", "bev", "3d")]).all()
    assert np.isnan(numbers["cyclist_2d_easy"])


def test_a_class_that_is_there_or_found_but_not_both_scores_zero() -> None:
    assert evaluate([row()], []).to_dict()["car_3d_easy"] == 0
    assert evaluate([], [row()]).to_dict()["car_3d_easy"] == 0


def test_no_frames_have_no_numbers() -> None:
    nothing = as_objects((), [])

    assert np.isnan(list(evaluate_kitti(nothing, nothing, STRICT).to_dict().values())).all()


def test_other_frames_are_refused() -> None:
    with pytest.raises(UsageError, match="different frames"):
        evaluate_kitti(as_objects(("1",), []), as_objects(("2",), []), STRICT)


@pytest.mark.parametrize("seed", range(24))
def test_random_frames_score_as_by_loops_over_objects(seed: int) -> None:
    ground_truth, found = random_frames(seed, num_frames=[2, 20, 230][seed % 3])
    for protocol in (ORIGINAL, STRICT):
        expected = kitti_by_loops.numbers(ground_truth, found, protocol)
        metrics = evaluate_kitti(ground_truth, found, protocol)

        for one in metrics.classes:
            if one.objects and one.detections:
                for metric in METRICS:
                    curve = expected[one.name, metric, one.difficulty]
                    if not np.isnan(one.curves[metric]).any():
                        assert one.curves[metric] == pytest.approx(curve, abs=1e-9), (one.name, metric)


def test_the_order_of_frames_does_not_matter() -> None:
    ground_truth, found = random_frames(5, num_frames=60)
    reversed_objects = [reverse_frames(objects) for objects in (ground_truth, found)]

    assert evaluate_kitti(*reversed_objects, STRICT).to_dict() == pytest.approx(
        evaluate_kitti(ground_truth, found, STRICT).to_dict(), nan_ok=True
    )


def reverse_frames(objects: KittiObjects) -> KittiObjects:
    """The last frame first, rows in each frame as they were."""
    frame = len(objects.frames) - 1 - objects.frame
    order = np.argsort(frame, kind="stable")
    names = ("lines", "types", "truncation", "occlusion", "alpha_rad", "boxes", "boxes3d", "scores")
    values = {name: getattr(objects, name)[order] for name in names}
    return replace(objects, frame=frame[order], frames=objects.frames[::-1], **values)


def test_published_results_score_as_by_the_programs_of_kitti(real_data: Path) -> None:
    folder = real_data / "eval_fixtures" / "kitti_small200"
    frames = frames_in(folder / "label_2")
    ground_truth = read_labels(folder / "label_2", frames)
    found = read_results(folder / "results" / "data", frames)
    original, strict = (evaluate_kitti(ground_truth, found, protocol) for protocol in (ORIGINAL, STRICT))
    expected = json.loads((folder / "expected_strict_iou0.7_0.5_0.5.json").read_text())

    check(original, 11, json.loads((folder / "expected_R11_iou0.5_0.25_0.25.json").read_text()))
    check(strict, 11, expected["R11"])
    check(strict, 40, expected["R40"])

    curves = json.loads((folder / "pr_curves_strict.json").read_text())
    for one in strict.classes:
        for metric in METRICS:
            curve = curves[one.name][metric][DIFFICULTIES.index(one.difficulty)]
            assert one.curves[metric] == pytest.approx(curve, abs=1e-6)


@pytest.mark.parametrize("split", ["train", "val"])
def test_real_labels_score_against_themselves_as_by_the_programs_of_kitti(
    real_data: Path, split: str
) -> None:
    folder = real_data / "kitti_mini"
    published = json.loads((real_data / "eval_fixtures" / "kitti_mini_gt_as_results.json").read_text())
    expected = published[f"kitti_mini_{split}"]
    ground_truth = read_labels(
        folder / "training" / "label_2", read_frames(folder / "ImageSets" / f"{split}.txt")
    )
    is_object = ground_truth.types != "DontCare"
    found = replace(
        ground_truth,
        **{
            name: getattr(ground_truth, name)[is_object]
            for name in ("frame", "lines", "types", "truncation", "occlusion", "alpha_rad")
        },
        boxes=ground_truth.boxes[is_object],
        boxes3d=ground_truth.boxes3d[is_object],
        scores=0.991 - 0.001 * ground_truth.lines[is_object],
    )

    check(evaluate_kitti(ground_truth, found, ORIGINAL), 11, expected["R11_iou0.5_0.25_0.25"])
    for points in (11, 40):
        check(
            evaluate_kitti(ground_truth, found, STRICT),
            points,
            expected["strict_iou0.7_0.5_0.5"][f"R{points}"],
        )


def check(metrics: KittiMetrics, points: int, expected: dict[str, dict[str, list[float]]]) -> None:
    """Percent to the fourth digit, which is as many as the programs print."""
    numbers = metrics.to_dict(points)
    for name, by_metric in expected.items():
        for metric, values in by_metric.items():
            ours = [100 * numbers[f"{name}_{metric}_{difficulty}"] for difficulty in DIFFICULTIES]
            assert ours == pytest.approx(values, abs=1e-4), (name, metric)
