"""COCO's numbers are those of pycocotools, on random data and on published results."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from centernet.metrics.coco import evaluate_coco
from centernet.metrics.coco_tables import BoxEngine, CocoBoxes

NAMES = [
    "AP",
    "AP50",
    "AP75",
    "AP_small",
    "AP_medium",
    "AP_large",
    "AR_1",
    "AR_10",
    "AR_100",
    "AR_small",
    "AR_medium",
    "AR_large",
]


def make_data(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Sparse unsorted category ids, crowds, empty images, results near the ground truth and far from it."""
    generator = np.random.default_rng(seed)
    num_images = int(generator.integers(1, 12))
    categories = [{"id": number, "name": f"class {number}"} for number in (44, 3, 17, 8)]
    used = [category["id"] for category in categories[: int(generator.integers(1, 5))]]
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image_id in range(100, 100 + num_images):
        for _ in range(int(generator.integers(0, 15))):
            x, y = generator.uniform(0, 300, 2)
            width, height = np.exp(generator.uniform(1.5, 5.5, 2))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(generator.choice(used)),
                    "bbox": [x, y, width, height],
                    "area": width * height * generator.uniform(0.4, 1),
                    "iscrowd": int(generator.random() < 0.1),
                }
            )
            for _ in range(int(generator.integers(0, 4))):
                shift = generator.normal(0, 0.08, 4) * [width, height, width, height]
                results.append(
                    {
                        "image_id": image_id,
                        "category_id": int(generator.choice([annotations[-1]["category_id"], *used])),
                        "bbox": [
                            x + shift[0],
                            y + shift[1],
                            abs(width + shift[2]),
                            abs(height + shift[3]),
                        ],
                        "score": float(np.round(generator.random(), 1)),
                    }
                )
    images = [{"id": image_id} for image_id in range(100, 100 + num_images)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def original_evaluator(ground_truth: dict[str, Any], results: list[dict[str, Any]]) -> COCOeval:
    """The evaluator of pycocotools, with the data read."""
    true = COCO()
    true.dataset = json.loads(json.dumps(ground_truth))
    true.createIndex()
    found = COCO()
    found.dataset = {
        **json.loads(
            json.dumps({"images": ground_truth["images"], "categories": ground_truth["categories"]})
        ),
        "annotations": [
            {**result, "id": number, "area": result["bbox"][2] * result["bbox"][3], "iscrowd": 0}
            for number, result in enumerate(results, start=1)
        ],
    }
    found.createIndex()
    return COCOeval(true, found, "bbox")


def pycocotools_numbers(
    ground_truth: dict[str, Any], results: list[dict[str, Any]]
) -> tuple[list[float], Any]:
    """The twelve numbers and the precision table of the original evaluator."""
    evaluator = original_evaluator(ground_truth, results)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats.tolist(), evaluator.eval["precision"]


def with_many_results(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`make_data` with some images of several hundred results, many of equal scores, and empty boxes."""
    ground_truth, results = make_data(seed)
    generator = np.random.default_rng(seed)
    for _ in range(450):
        results.append(
            {
                "image_id": int(generator.choice([100, ground_truth["images"][-1]["id"]])),
                "category_id": int(generator.choice([44, 3])),
                "bbox": [*generator.uniform(0, 300, 2), *generator.integers(0, 60, 2).astype(float)],
                "score": float(np.round(generator.random(), 1)),
            }
        )
    return ground_truth, results


@pytest.mark.parametrize("counts", [[1, 10, 100], [7, 300]])
@pytest.mark.parametrize("ious", [np.linspace(0.05, 0.5, 10), np.array([0.3, 0.7, 1.0])])
@pytest.mark.parametrize("seed", range(5))
def test_tables_of_any_thresholds_and_counts_are_those_of_pycocotools(
    seed: int, ious: np.ndarray, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("centernet.metrics.coco_tables._CLASSES_AT_ONCE", 3)
    ground_truth, results = with_many_results(seed)
    original = original_evaluator(ground_truth, results)
    original.params.maxDets, original.params.iouThrs = counts, ious
    original.evaluate()
    original.accumulate()
    tables = BoxEngine(CocoBoxes.of(ground_truth, results)).tables(counts, ious)

    # Categories are 44, 3, 17, 8; those of pycocotools are sorted.
    places = [3, 0, 2, 1]
    expected = {name: original.eval[name] for name in ("precision", "recall", "scores")}
    np.testing.assert_allclose(
        tables.precision, expected["precision"][..., -1][:, :, places], rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(tables.recall, expected["recall"][:, places], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(tables.scores, expected["scores"][0, :, :, 0, -1][:, places])


@pytest.mark.parametrize("seed", range(25))
def test_random_data_score_as_in_pycocotools(seed: int) -> None:
    ground_truth, results = make_data(seed)
    expected, _ = pycocotools_numbers(ground_truth, results)
    numbers = evaluate_coco(ground_truth, results).to_dict()

    assert list(numbers) == NAMES
    for value, name in zip(expected, NAMES, strict=True):
        if value == -1:
            assert math.isnan(numbers[name]), name
        else:
            assert numbers[name] == pytest.approx(value, abs=1e-12), name


def test_classes_and_curves_are_those_of_pycocotools() -> None:
    ground_truth, results = make_data(3)
    _, precision = pycocotools_numbers(ground_truth, results)
    metrics = evaluate_coco(ground_truth, results)

    assert [one.category_id for one in metrics.classes] == [44, 3, 17, 8]
    for one in metrics.classes:
        table = precision[:, :, sorted([44, 3, 17, 8]).index(one.category_id), 0, -1]
        if one.objects:
            assert one.ap == pytest.approx(table.mean(), abs=1e-12)
            assert one.ap50 == pytest.approx(table[0].mean(), abs=1e-12)
            assert one.curve.precision == pytest.approx(table[0], abs=1e-12)
        else:
            assert math.isnan(one.ap)
            assert one.curve is None


def test_ground_truth_without_detections_scores_zero() -> None:
    ground_truth, _ = make_data(1)
    metrics = evaluate_coco(ground_truth, [])

    assert metrics.to_dict()["AP"] == 0
    assert metrics.to_dict()["AR_100"] == 0


def test_detections_without_ground_truth_have_no_score() -> None:
    ground_truth, results = make_data(1)
    metrics = evaluate_coco({**ground_truth, "annotations": []}, results)

    assert all(math.isnan(value) for value in metrics.to_dict().values())
    assert all(one.curve is None and one.objects == 0 for one in metrics.classes)


def test_objects_are_counted_without_crowds_and_detections_by_class() -> None:
    ground_truth, results = make_data(2)
    metrics = evaluate_coco(ground_truth, results)

    plain = [annotation for annotation in ground_truth["annotations"] if not annotation["iscrowd"]]
    assert sum(one.objects for one in metrics.classes) == len(plain) < len(ground_truth["annotations"])
    assert sum(one.detections for one in metrics.classes) == len(results)


def test_neither_ground_truth_nor_results_are_changed_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ground_truth, results = make_data(4)
    before = json.dumps([ground_truth, results])
    evaluate_coco(ground_truth, results)

    assert json.dumps([ground_truth, results]) == before
    assert capfd.readouterr() == ("", "")


def test_more_detections_can_be_allowed_in_an_image() -> None:
    boxes = [[20.0 * column, 20.0 * row, 10.0, 10.0] for row in range(15) for column in range(10)]
    ground_truth = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "tree"}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": 100.0}
            for number, box in enumerate(boxes, start=1)
        ],
    }
    results = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.5} for box in boxes]

    assert evaluate_coco(ground_truth, results).ar[100] == pytest.approx(100 / 150)
    assert evaluate_coco(ground_truth, results, (300, 10)).ar == {10: pytest.approx(10 / 150), 300: 1.0}


def test_annotation_id_zero_counts_and_a_missing_area_is_that_of_the_box() -> None:
    ground_truth = {
        "images": [{"id": 0}],
        "categories": [{"id": 0, "name": "cell"}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [0, 0, 50, 50]}],
    }
    metrics = evaluate_coco(
        ground_truth, [{"image_id": 0, "category_id": 0, "bbox": [0, 0, 50, 50], "score": 1}]
    )

    assert metrics.ap == metrics.ap_medium == 1
    assert math.isnan(metrics.ap_small)


def test_a_missing_area_of_an_object_with_keypoints_is_053_of_the_box() -> None:
    # The box has 1849 square pixels: medium; 0.53 of them are small.
    one = {"id": 3, "image_id": 0, "category_id": 0, "bbox": [0, 0, 43, 43], "keypoints": [9, 9, 2]}
    ground_truth = {"images": [{"id": 0}], "categories": [{"id": 0, "name": "cell"}], "annotations": [one]}
    metrics = evaluate_coco(
        ground_truth, [{"image_id": 0, "category_id": 0, "bbox": [0, 0, 43, 43], "score": 1}]
    )

    assert metrics.ap == metrics.ap_small == 1
    assert math.isnan(metrics.ap_medium)


def test_a_result_of_an_unknown_image_is_named() -> None:
    ground_truth, results = make_data(1)
    unknown = {**results[0], "image_id": 7}

    with pytest.raises(ValueError, match=r"results\[1\] is of image 7"):
        evaluate_coco(ground_truth, [results[0], unknown])


@pytest.mark.parametrize(
    ("folder", "ground_truth", "results", "tolerance"),
    [
        ("coco_bbox", "instances_val2014_100", "instances_val2014_fakebbox100_results", 1e-12),
        ("coco_bbox_nocrowd", "sampled_gts_bbox_area", "cocoapi_results", 6e-7),
    ],
)
def test_published_results_get_their_published_score(
    real_data: Path, folder: str, ground_truth: str, results: str, tolerance: float
) -> None:
    files = real_data / "eval_fixtures" / folder
    expected = json.loads((files / "expected_bbox.json").read_text())
    metrics = evaluate_coco(
        json.loads((files / f"{ground_truth}.json").read_text()),
        json.loads((files / f"{results}.json").read_text()),
    )

    assert list(metrics.to_dict().values()) == pytest.approx(list(expected.values()), abs=tolerance)
