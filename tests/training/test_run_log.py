"""The metric that selects the best weights, and the line about an epoch."""

import math

import pytest
from tests.helpers.exportable import TASKS, predictor_of

from centernet.recipes.recipe import Recipe
from centernet.structures.thresholds import Thresholds
from centernet.training.run_log import Validated, calibrated, epoch_line, rank, selection_metric
from centernet.training.timetable import Timetable
from centernet.weights.config import config_of, task_of
from centernet.weights.config import predictor_of as configured


def test_the_best_weights_are_those_with_the_best_keypoint_ap_if_there_is_one() -> None:
    assert selection_metric({"AP": 0.7, "AP50": 0.9}) == 0.7
    assert selection_metric({"AP": 0.7, "OKS_AP": 0.4}) == 0.4
    # No labelled keypoint in the validation images.
    assert selection_metric({"AP": 0.7, "OKS_AP": math.nan}) == 0.7


def test_the_best_weights_are_those_with_the_best_3d_ap_if_there_is_one() -> None:
    assert selection_metric({"AP": 0.7, "3D_AP": 0.6, "3D_AP_strict": 0.2}) == pytest.approx(0.4)
    assert selection_metric({"AP": 0.7, "3D_AP": math.nan, "3D_AP_strict": math.nan}) == 0.7


def test_equal_keypoint_ap_is_decided_by_pck_and_that_by_the_boxes() -> None:
    untrained = {"AP": 0.5, "OKS_AP": 0.0, "PCK": 0.1}

    assert rank({**untrained, "PCK": 0.2}) > rank(untrained)
    assert rank({**untrained, "AP": 0.6}) > rank(untrained)
    assert rank({**untrained, "AP": 0.9, "PCK": 0.05}) < rank(untrained)
    assert rank({"AP": 0.9, "OKS_AP": 0.0, "PCK": math.nan}) < rank(untrained)


def test_equal_3d_ap_is_decided_by_the_birds_eye_view_and_that_by_the_boxes() -> None:
    untrained = {"AP": 0.5, "3D_AP": 0.0, "3D_AP_strict": 0.0, "BEV_AP": 0.1}

    assert rank({**untrained, "BEV_AP": 0.2, "AP": 0.1}) > rank(untrained)
    assert rank({**untrained, "AP": 0.6}) > rank(untrained)


def test_of_epochs_with_the_same_metrics_the_last_is_the_best() -> None:
    rows = [
        {"epoch": float(i), "train/loss": 1.0, "seconds": 60.0, "val/AP": ap, "val/AP50": 0.8}
        for i, ap in enumerate((0.5, 0.5, 0.4), start=1)
    ]

    assert "best in epoch 2 (0.500)" in epoch_line(rows, Timetable(recipe=Recipe(epochs=20)))


def test_the_time_left_does_not_jump_after_an_epoch_with_validation() -> None:
    rows = [{"epoch": float(i), "train/loss": 1.0, "seconds": 60.0} for i in range(1, 6)]
    rows.append({**rows[-1], "epoch": 6.0, "seconds": 120.0, "val/AP": 0.5, "val/AP50": 0.8})

    line = epoch_line(rows, Timetable(recipe=Recipe(epochs=20)))

    assert line.startswith(
        "epoch 6/20  loss 1.000  AP 0.500, AP50 0.800  120.0 s  about 16.3 min left, until "
    )


def test_the_line_names_the_best_validation_so_far() -> None:
    rows = [
        {"epoch": float(i), "train/loss": 1.0, "seconds": 60.0, "val/AP": ap, "val/AP50": 0.8}
        for i, ap in enumerate((0.3, 0.5, 0.4), start=1)
    ]
    timetable = Timetable(recipe=Recipe(epochs=20))

    assert "AP 0.400, AP50 0.800, best in epoch 2 (0.500)" in epoch_line(rows, timetable)
    assert "best" not in epoch_line(rows[:2], timetable)


def test_with_a_time_limit_the_line_says_when_it_ends() -> None:
    rows = [{"epoch": 3.0, "train/loss": 1.0, "seconds": 60.0}]
    timetable = Timetable(recipe=Recipe(epochs=20, minutes=5.0), clock=lambda: 120.0)

    assert epoch_line(rows, timetable).startswith("epoch 3  loss 1.000  60.0 s  about 3.0 min left, until ")


@pytest.mark.parametrize("task", ["detect", "pose", "layered"])
def test_the_temperature_of_a_validation_is_kept_in_the_config(task: str) -> None:
    predictor = predictor_of(TASKS[task], "slim")
    found = calibrated(predictor, Validated(metrics={"AP": 0.5, "temperature": 1.3, "score_bias": -0.2}))
    entry = config_of(found)["task"]

    assert entry.get("inner", entry)["temperature"] == 1.3
    assert entry.get("inner", entry)["score_bias"] == -0.2
    assert task_of(entry) == found.task
    assert found.network is predictor.network
    assert calibrated(predictor, Validated(metrics={"AP": 0.5})).task is predictor.task


def test_the_thresholds_of_a_validation_are_kept_and_move_with_the_temperature() -> None:
    predictor = predictor_of(TASKS["detect"], "slim")
    metrics = {"AP": 0.5, "temperature": 2.0, "score_bias": 0.0}
    found = calibrated(predictor, Validated(metrics=metrics, thresholds=Thresholds(0.2, (0.8, None))))

    # Odds of 1 to 4 and 4 to 1 become their square roots: 1 to 2 and 2 to 1.
    assert config_of(found)["threshold"] == {"all": 0.3333, "classes": [0.6667, None]}
    assert configured(config_of(found)).thresholds == found.thresholds
    assert "threshold" not in config_of(predictor)


def test_a_config_without_a_temperature_has_one_of_1() -> None:
    entry = config_of(predictor_of(TASKS["detect"], "slim"))["task"]
    del entry["temperature"]

    assert task_of(entry) == TASKS["detect"]


def test_a_task_without_a_temperature_keeps_its_scores() -> None:
    predictor = predictor_of(TASKS["mono3d"], "slim")

    metrics = {"AP": 0.5, "temperature": 1.3, "score_bias": 0.0}
    found = calibrated(predictor, Validated(metrics=metrics, thresholds=Thresholds(0.4)))

    assert found.task is predictor.task
    assert found.thresholds == Thresholds(0.4)
