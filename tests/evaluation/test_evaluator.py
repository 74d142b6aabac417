"""Evaluation of the detections of a data set."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests.helpers.pets import BOXES, CATEGORIES, make_dataset, make_detections, make_found

from centernet.errors import UsageError
from centernet.evaluation import evaluate
from centernet.structures import Categories


def test_perfect_detections_score_one() -> None:
    evaluation = evaluate(make_dataset(), [make_detections(7, BOXES, [0, 0, 1])])

    assert evaluation.metrics["AP"] == evaluation.metrics["AP50"] == evaluation.metrics["AR_100"] == 1
    assert evaluation.metrics["VOC_AP_area"] == evaluation.metrics["precision"] == 1


def test_metrics_are_floats_by_the_names_of_coco_and_voc() -> None:
    metrics = evaluate(make_dataset(), make_found()).metrics

    assert all(isinstance(value, float) for value in metrics.values())
    assert list(metrics) == [
        "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100",
        "AR_small", "AR_medium", "AR_large", "VOC_AP_area", "VOC_AP_11point",
        "FD", "FD5", "FD25", "FD50", "FD_small", "FD_medium", "FD_large", "precision", "recall",
        "F1", "threshold", "ECE", "lost_classification", "lost_localisation", "lost_both",
        "lost_duplicate", "lost_background", "lost_missed",
    ]  # fmt: skip


def test_without_details_the_same_numbers_lack_false_discovery_and_causes_of_errors() -> None:
    whole = evaluate(make_dataset(), make_found())
    short = evaluate(make_dataset(), make_found(), details=False)

    left_out = {name for name in whole.metrics if name.startswith(("FD", "lost_"))}
    assert len(left_out) == 13
    kept = {name: value for name, value in whole.metrics.items() if name not in left_out}
    assert short.metrics == pytest.approx(kept, nan_ok=True)
    assert short.to_json()["error_causes"] == []
    assert whole.to_json()["error_causes"][0] == {
        "cause": "classification",
        "count": 1,
        "lost_AP50": pytest.approx(0.5),
    }


def test_crowd_regions_and_detections_in_them_do_not_count() -> None:
    dataset = make_dataset()
    without = evaluate(dataset, [make_detections(7, BOXES, [0, 0, 1])])
    within = evaluate(
        dataset, [make_detections(7, BOXES, [0, 0, 1]), make_detections(4, BOXES[:1] * 0.5, [0])]
    )

    assert without.coco.classes[0].objects == 2
    assert within.metrics["AP"] == without.metrics["AP"] == 1
    assert within.confusion.counts.tolist() == without.confusion.counts.tolist()


def test_detections_belong_to_images_by_id_not_by_order() -> None:
    evaluation = evaluate(make_dataset(), make_found())

    assert evaluation.coco.classes[0].ap50 == pytest.approx(1)
    assert evaluation.coco.classes[1].ap50 == 0
    assert evaluation.confusion.counts[1, 0] == 1


def test_the_objects_of_images_without_detections_are_missed() -> None:
    evaluation = evaluate(make_dataset(), [])

    assert evaluation.num_images == 3
    assert evaluation.metrics["AP"] == evaluation.metrics["recall"] == 0
    assert evaluation.confusion.counts[:, -1].tolist() == [2, 1, 0, 0]


def test_classes_without_objects_have_no_score_and_do_not_count() -> None:
    evaluation = evaluate(make_dataset(), [make_detections(7, BOXES, [0, 0, 1])])

    assert math.isnan(evaluation.coco.classes[2].ap)
    assert evaluation.to_json()["classes"][2]["AP"] is None
    assert evaluation.to_json()["metrics"]["AP_large"] is None


def test_classes_of_another_order_are_matched_by_name() -> None:
    other = Categories.of("owl", "fox", "dog", "cat")
    boxes = np.concatenate([BOXES, BOXES[:1]])
    evaluation = evaluate(make_dataset(), [make_detections(7, boxes, [3, 3, 2, 1], other)])

    assert evaluation.metrics["AP"] == 1
    assert [one.detections for one in evaluation.coco.classes] == [2, 1, 0]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([make_detections(5, BOXES, [0, 0, 0])], r"pet_5.jpg has image id 5, which pets val does not have"),
        ([*make_found(), *make_found()], r"image id 4 comes twice"),
        (
            [make_detections(7, BOXES, [0, 0, 0], Categories.of("fox"))],
            r"finds fox, but pets val has cat, dog, owl",
        ),
    ],
    ids=["unknown image", "image twice", "no class in common"],
)
def test_detections_that_do_not_fit_are_named(found: list, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        evaluate(make_dataset(), found)


def test_the_table_has_a_row_for_each_class_with_objects_or_detections() -> None:
    lines = str(evaluate(make_dataset(), make_found())).splitlines()

    assert lines[0] == "pets val: 3 images"
    assert lines[2].split() == [
        "name",
        "objects",
        "found",
        "AP",
        "AP50",
        "AP75",
        "AR_100",
        "precision",
        "recall",
        "F1",
        "threshold",
    ]
    assert lines[4].split()[:3] == ["cat", "2", "3"]
    assert lines[5].split()[:4] == ["dog", "1", "0", "0.000"]
    assert lines[7].split()[:3] == ["all", "3", "3"]
    assert "1 classes without ground truth and detections are left out" in lines
    assert lines[-1] == "found, precision and recall at score 0.45 and IoU 0.45"


def test_precision_and_recall_are_at_the_scores_of_each_class_that_are_given() -> None:
    found = replace(make_detections(7, BOXES, [0, 0, 1]), scores=np.array([0.9, 0.4, 0.3], dtype=np.float32))
    best = evaluate(make_dataset(), [found])
    given = evaluate(make_dataset(), [found], min_scores=np.array([0.5, 0.2, 0.1]))

    assert best["threshold"] == 0.15
    assert best.scores.notes[-1] == "found, precision and recall at score 0.15 and IoU 0.45"
    assert best.confusion.recall.tolist()[:2] == [1, 1]
    assert given.confusion.recall.tolist()[:2] == [0.5, 1]
    assert "at scores from 0.1 to 0.5 by class" in given.scores.notes[-1]
    assert given["AP"] == best["AP"] == 1


def test_json_is_plain() -> None:
    content = evaluate(make_dataset(), make_found()).to_json()

    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["confusion_matrix"]["names"] == [*CATEGORIES.names, "background"]
    assert content["images"] == 3


def test_a_data_set_without_images_has_no_score() -> None:
    evaluation = evaluate(replace(make_dataset(), records=()), [])

    assert math.isnan(evaluation.metrics["AP"])
    assert str(evaluation).startswith("pets val: 0 images")


def test_two_classes_of_one_name_stay_two() -> None:
    twice = Categories(("cat", "cat"), (0, 7))
    found = [make_detections(7, BOXES, [0, 0, 1], twice)]

    assert evaluate(replace(make_dataset(), categories=twice), found)["AP"] == 1.0
