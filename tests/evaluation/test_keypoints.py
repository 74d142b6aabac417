"""Keypoints are evaluated beside boxes if data set and detections have some."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.mice import CATEGORIES, make_dataset, make_found, without_keypoints

from centernet.data.formats.coco.format import to_coco
from centernet.errors import InputError, UsageError
from centernet.evaluation import evaluate, score
from centernet.evaluation.coco_files import write_results
from centernet.evaluation.examples import draw_examples
from centernet.evaluation.plots import save_plots
from centernet.metrics.oks import evaluate_oks
from centernet.structures import Categories, Skeleton

KEYPOINT_NUMBERS = [
    "OKS_AP", "OKS_AP50", "OKS_AP75", "OKS_AP_medium", "OKS_AP_large", "OKS_AR", "OKS_AR50", "OKS_AR75",
    "OKS_AR_medium", "OKS_AR_large", "PCK", "keypoint_error_px",
]  # fmt: skip


def test_perfect_keypoints_score_one_beside_the_boxes() -> None:
    metrics = evaluate(make_dataset(), [make_found()]).metrics

    assert list(metrics)[-12:] == KEYPOINT_NUMBERS
    assert metrics["OKS_AP"] == metrics["OKS_AR"] == metrics["PCK"] == metrics["AP"] == 1
    assert metrics["keypoint_error_px"] == 0


def test_errors_of_keypoints_lower_the_metrics_of_keypoints_only() -> None:
    metrics = evaluate(make_dataset(), [make_found(shift=9)]).metrics

    assert metrics["AP"] == 1
    assert metrics["OKS_AP"] < 0.5
    # A fifth of the longer side: 8 pixels of both the mouse's and the glue's 40.
    assert metrics["PCK"] == 0
    assert metrics["keypoint_error_px"] == 9


def test_each_class_has_its_own_row_and_sigmas() -> None:
    evaluation = evaluate(make_dataset(), [make_found(shift=4)])
    mouse, wheel, glue = evaluation.scores.classes
    ground_truth = to_coco(make_dataset())
    sigmas = {5: (0.067, 0.067, 0.067), 2: (0.05, 0.1)}
    expected = evaluate_oks(ground_truth, make_found(shift=4).to_coco(), sigmas)

    assert [mouse["OKS_AP"], glue["OKS_AP"]] == [one.ap for one in expected.classes]
    assert math.isnan(float(wheel["OKS_AP"]))
    assert math.isnan(float(wheel["PCK"]))
    assert wheel["AP"] == mouse["PCK"] == 1


def test_classes_without_sigmas_are_named_once() -> None:
    text = str(evaluate(make_dataset(), [make_found()]))

    assert text.count("no sigmas are known for mouse: OKS with 0.067") == 1
    assert "known for mouse, glue" not in text


def test_detections_or_data_without_keypoints_have_metrics_of_boxes_only() -> None:
    plain = replace(make_dataset(), categories=Categories(CATEGORIES.names, CATEGORIES.ids))
    for dataset, found in (
        (make_dataset(), without_keypoints(make_found())),
        (plain, make_found()),
        (make_dataset(), make_found()[:0]),
    ):
        evaluation = evaluate(dataset, [without_keypoints(found) if not len(found) else found])

        assert not any("OKS" in name or "keypoint" in name for name in evaluation.metrics)
        assert evaluation.to_json()["keypoints"] == []
        assert "sigmas" not in str(evaluation)


def test_no_detections_by_a_detector_of_keypoints_score_zero() -> None:
    metrics = evaluate(make_dataset(), [make_found().above(0.99)]).metrics

    assert metrics["OKS_AP"] == metrics["PCK"] == 0
    assert math.isnan(metrics["keypoint_error_px"])


def test_json_has_the_metrics_of_each_keypoint() -> None:
    content = evaluate(make_dataset(), [make_found(shift=3)]).to_json()

    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["keypoints"][0] == {
        "class": "mouse", "keypoint": "nose", "labelled": 1, "PCK": 1.0, "error_px": 3.0,
    }  # fmt: skip
    assert [row["keypoint"] for row in content["keypoints"]] == [
        "nose",
        "left_ear",
        "right_ear",
        "tip",
        "end",
    ]


def test_classes_of_another_order_keep_their_keypoints() -> None:
    order = [2, 0, 1]
    other = Categories(
        names=(*(CATEGORIES.names[label] for label in order), "fox"),
        ids=(1, 2, 3, 4),
        skeletons=(*(CATEGORIES.skeletons[label] for label in order), Skeleton(names=tuple("abcde"))),
    )
    found = make_found()
    wide = np.pad(found.keypoints, ((0, 0), (0, 2), (0, 0)))
    moved = replace(found, categories=other, labels=np.array([1, 2, 0]), keypoints=wide)

    metrics = evaluate(make_dataset(), [found]).metrics
    assert evaluate(make_dataset(), [moved]).metrics == pytest.approx(metrics, nan_ok=True)


def test_a_different_number_of_keypoints_is_an_error() -> None:
    mouse, *others = CATEGORIES.skeletons
    other = replace(
        CATEGORIES, skeletons=(replace(mouse, names=("nose", "ear"), edges=(), pairs=()), *others)
    )

    with pytest.raises(UsageError, match="finds 2 keypoints of mouse, but mice has 3"):
        evaluate(make_dataset(), [make_found(categories=other)])


def test_written_results_score_as_the_detections_did(tmp_path: Path) -> None:
    measured = evaluate(make_dataset(), [make_found(shift=4)])
    # Other ids, as weights may have.
    found = make_found(shift=4, categories=replace(CATEGORIES, ids=(0, 1, 2)))
    results = write_results(tmp_path / "new" / "results.json", make_dataset(), [found])
    (tmp_path / "labels.json").write_text(json.dumps(to_coco(make_dataset())))
    scores = score("coco", tmp_path / "labels.json", results)

    assert scores.metrics == {name: measured.metrics[name] for name in scores.metrics}
    assert {"AP", "OKS_AP", "OKS_AR_large"} <= scores.metrics.keys()
    assert scores.classes[0]["OKS_AP"] == measured.scores.classes[0]["OKS_AP"]
    assert any("no sigmas are known for mouse" in note for note in scores.notes)


def test_results_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError, match=r"results.json cannot be written"):
        write_results(tmp_path / "file" / "results.json", make_dataset(), [])


def test_a_curve_of_keypoints_is_plotted_beside_that_of_boxes(tmp_path: Path) -> None:
    evaluation = evaluate(make_dataset(), [make_found()])

    assert [path.name for path in save_plots(evaluation, tmp_path)][-1] == "keypoint_pr_curves.png"
    assert (tmp_path / "keypoint_pr_curves.png").stat().st_size > 5000


def test_examples_have_predicted_and_ground_truth_skeletons(tmp_path: Path) -> None:
    from PIL import Image

    dataset = make_dataset(tmp_path)
    for record in dataset.records:
        Image.new("RGB", (150, 100)).save(record.path)
    found = [make_found()]
    bare = replace(dataset, categories=Categories(CATEGORIES.names, CATEGORIES.ids))
    with_skeletons = draw_examples(dataset, found)
    left, right = np.array_split((with_skeletons != draw_examples(bare, found)).any(axis=2), 2, axis=1)
    boxes_only = draw_examples(dataset, [without_keypoints(found[0])])

    assert right.any()
    assert not left.any()
    assert (with_skeletons[:, :400] != boxes_only[:, :400]).any()


def test_a_file_without_areas_gives_the_same_numbers_read_as_a_data_set(tmp_path: Path) -> None:
    from centernet.data.formats.catalog import open_dataset

    content = to_coco(make_dataset())
    for annotation in content["annotations"]:
        del annotation["area"]
    ground_truth = tmp_path / "labels.json"
    ground_truth.write_text(json.dumps(content))
    found = [make_found(shift=3)]
    measured = evaluate(open_dataset(ground_truth), found).metrics
    scores = score("coco", ground_truth, write_results(tmp_path / "results.json", make_dataset(), found))

    assert scores.metrics == pytest.approx({name: measured[name] for name in scores.metrics}, nan_ok=True)
    assert measured["OKS_AP"] < evaluate(make_dataset(), found).metrics["OKS_AP"]
