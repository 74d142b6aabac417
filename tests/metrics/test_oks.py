"""COCO's numbers of keypoints are those of pycocotools, for any number of them, and on published results."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from centernet.metrics.oks import evaluate_oks
from centernet.structures.skeletons import COCO_PERSON, CROWDPOSE_PERSON

NAMES = [
    "OKS_AP",
    "OKS_AP50",
    "OKS_AP75",
    "OKS_AP_medium",
    "OKS_AP_large",
    "OKS_AR",
    "OKS_AR50",
    "OKS_AR75",
    "OKS_AR_medium",
    "OKS_AR_large",
]


def make_data(
    seed: int, count: int, *, with_boxes: bool
) -> tuple[dict[str, Any], list[dict[str, Any]], list[float]]:
    """Crowds, objects without labelled keypoints, equal scores, more than 20 results in an image."""
    generator = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    image_ids = range(50, 50 + int(generator.integers(1, 8)))
    for image_id in image_ids:
        for _ in range(int(generator.integers(0, 12))):
            corner, sides = generator.uniform(0, 300, 2), np.exp(generator.uniform(2.5, 5.5, 2))
            places = corner + generator.random((count, 2)) * sides
            visibility = generator.integers(0, 3, count) * (generator.random() > 0.2)
            keypoints = np.concatenate([places * (visibility > 0)[:, None], visibility[:, None]], axis=1)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 9,
                    "bbox": [*corner.tolist(), *sides.tolist()],
                    "area": float(sides.prod() * generator.uniform(0.3, 1)),
                    "iscrowd": int(generator.random() < 0.1),
                    "keypoints": keypoints.ravel().tolist(),
                    "num_keypoints": int((visibility > 0).sum()),
                }
            )
            for _ in range(int(generator.integers(0, 5))):
                moved = places + generator.normal(0, 1, (count, 2)) * sides * generator.uniform(0, 0.15)
                entry = {
                    "image_id": image_id,
                    "category_id": 9,
                    "keypoints": np.insert(moved, 2, 1, axis=1).ravel().tolist(),
                    "score": float(np.round(generator.random(), 1)),
                }
                box = [*corner.tolist(), *(sides * generator.uniform(0.5, 2, 2)).tolist()]
                results.append({**entry, "bbox": box} if with_boxes else entry)
    ground_truth = {
        "images": [{"id": image_id} for image_id in image_ids],
        "annotations": annotations,
        "categories": [{"id": 9, "name": "mouse"}],
    }
    return ground_truth, results, generator.uniform(0.02, 0.2, count).tolist()


def pycocotools_numbers(
    ground_truth: dict[str, Any], results: list[dict[str, Any]], sigmas: list[float]
) -> list[float]:
    """The ten numbers of the original evaluator."""
    true = COCO()
    true.dataset = {**json.loads(json.dumps(ground_truth)), "info": {}}
    true.createIndex()
    evaluator = COCOeval(true, true.loadRes(json.loads(json.dumps(results))), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(sigmas)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats.tolist()


def with_nan(values: list[float]) -> list[float]:
    return [math.nan if value == -1 else value for value in values]


@pytest.mark.parametrize("with_boxes", [True, False], ids=["results with boxes", "without"])
@pytest.mark.parametrize("count", [2, 5, 17])
@pytest.mark.parametrize("seed", range(8))
def test_random_keypoints_score_as_in_pycocotools(seed: int, count: int, with_boxes: bool) -> None:
    ground_truth, results, sigmas = make_data(100 * count + seed, count, with_boxes=with_boxes)
    numbers = evaluate_oks(ground_truth, results, {9: sigmas}).to_dict()

    assert list(numbers) == NAMES
    if results:
        expected = with_nan(pycocotools_numbers(ground_truth, results, sigmas))
        assert list(numbers.values()) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_random_data_have_crowds_unlabelled_objects_and_many_results() -> None:
    ground_truth, results, _ = make_data(1703, 17, with_boxes=True)
    annotations = ground_truth["annotations"]
    of_image = [sum(one["image_id"] == image["id"] for one in results) for image in ground_truth["images"]]

    assert any(one["iscrowd"] for one in annotations)
    assert any(not one["num_keypoints"] for one in annotations)
    assert max(of_image) > 20


def test_classes_are_measured_by_their_own_keypoints_and_averaged() -> None:
    mouse, mice, few = make_data(3, 5, with_boxes=False)
    person, persons, many = make_data(4, 17, with_boxes=False)
    images = [{"id": number} for number in range(50, 60)]
    ground_truth = {
        "images": images,
        "annotations": mouse["annotations"] + [{**one, "category_id": 2} for one in person["annotations"]],
        "categories": [{"id": 9, "name": "mouse"}, {"id": 2, "name": "person"}, {"id": 4, "name": "box"}],
    }
    results = mice + [{**one, "category_id": 2} for one in persons]
    both = evaluate_oks(ground_truth, results, {9: few, 2: many})
    alone = [
        evaluate_oks(mouse, mice, {9: few}).to_dict(),
        evaluate_oks(person, persons, {9: many}).to_dict(),
    ]

    assert [(one.name, one.category_id) for one in both.classes] == [("mouse", 9), ("person", 2)]
    for name in ("OKS_AP", "OKS_AP50", "OKS_AR"):
        assert both.to_dict()[name] == pytest.approx((alone[0][name] + alone[1][name]) / 2, abs=1e-12)


def make_one(**changes: Any) -> dict[str, Any]:
    """A square of 100 pixels with a keypoint in its middle and one that is not labelled."""
    annotation = {
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 100, 100],
        "keypoints": [50, 50, 2, 0, 0, 0],
    }
    return {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "glue"}],
        "annotations": [{**annotation, **changes}],
    }


def found_at(x: float, **changes: Any) -> list[dict[str, Any]]:
    keypoints = [x, 50, 1, 900, 900, 1]
    return [{"image_id": 1, "category_id": 1, "keypoints": keypoints, "score": 0.5, **changes}]


@pytest.mark.parametrize(("oks", "ap"), [(0.76, 0.6), (0.74, 0.5), (0.49, 0.0)])
def test_oks_depends_on_the_area_of_the_object_and_the_sigma(oks: float, ap: float) -> None:
    # exp(-d² / (2 · area · (2 sigma)²)) with area 10000 and sigma 0.05 is exp(-d² / 200).
    x = 50 + math.sqrt(-200 * math.log(oks))

    assert evaluate_oks(make_one(area=10000), found_at(x), {1: (0.05, 0.05)}).to_dict()[
        "OKS_AP"
    ] == pytest.approx(ap)


def test_without_an_area_it_is_053_of_the_box() -> None:
    for d, found in ((math.sqrt(-106 * math.log(0.51)), 1), (math.sqrt(-106 * math.log(0.49)), 0)):
        assert evaluate_oks(make_one(), found_at(50 + d), {1: (0.05, 0.05)}).classes[0].ap50 == found


def test_objects_without_labelled_keypoints_are_ignored() -> None:
    ground_truth = make_one()
    nothing = {"image_id": 1, "category_id": 1, "keypoints": [0] * 6}
    ground_truth["annotations"] += [
        {**nothing, "bbox": [200, 0, 40, 40]},
        {**nothing, "bbox": [300, 300, 90, 90], "iscrowd": 1},
    ]
    unlabelled, first, second = (
        found_at(50, keypoints=[x, y, 1, x + 5, y, 1], score=0.9)
        for x, y in ((210, 20), (310, 310), (350, 320))
    )
    metrics = evaluate_oks(ground_truth, found_at(50) + unlabelled + first + second, {1: (0.05, 0.05)})

    assert metrics.classes[0].objects == 1
    assert metrics.classes[0].detections == 4
    assert metrics.to_dict()["OKS_AP"] == 1


def test_a_class_without_objects_has_no_score_and_does_not_count() -> None:
    ground_truth = make_one()
    ground_truth["categories"].append({"id": 7, "name": "owl"})
    metrics = evaluate_oks(ground_truth, found_at(50), {1: (0.1, 0.1), 7: (0.1,)})

    assert math.isnan(metrics.classes[1].ap)
    assert metrics.classes[1].curve is None
    assert metrics.to_dict()["OKS_AP"] == 1


def test_nothing_found_scores_zero() -> None:
    assert evaluate_oks(make_one(), [], {1: (0.1, 0.1)}).to_dict()["OKS_AP"] == 0


def test_neither_ground_truth_nor_results_are_changed_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ground_truth, results, sigmas = make_data(5, 5, with_boxes=True)
    before = json.dumps([ground_truth, results])
    evaluate_oks(ground_truth, results, {9: sigmas})

    assert json.dumps([ground_truth, results]) == before
    assert capfd.readouterr() == ("", "")


def test_wrong_counts_and_unknown_images_are_named() -> None:
    with pytest.raises(ValueError, match=r"results\[0\]: 6 numbers for 3 keypoints"):
        evaluate_oks(make_one(keypoints=[0] * 9), found_at(50), {1: (0.1, 0.1, 0.1)})
    with pytest.raises(ValueError, match=r"annotations\[0\]: 6 numbers for 1 keypoints"):
        evaluate_oks(make_one(), [], {1: (0.1,)})
    with pytest.raises(ValueError, match=r"results\[0\] is of image 3"):
        evaluate_oks(make_one(), found_at(50, image_id=3), {1: (0.1, 0.1)})


@pytest.mark.parametrize(
    ("folder", "ground_truth", "results", "sigmas", "tolerance"),
    [
        ("coco_keypoints_crowd1", "gt_dataset", "dt_dataset", COCO_PERSON.sigmas, 1e-12),
        ("coco_keypoints_4img", "example_coco_val", "example_coco_preds", COCO_PERSON.sigmas, 6e-7),
        (
            "crowdpose_keypoints",
            "example_crowdpose_val",
            "example_crowdpose_preds",
            CROWDPOSE_PERSON.sigmas,
            1e-12,
        ),
    ],
)
def test_published_results_get_their_published_score(
    real_data: Path, folder: str, ground_truth: str, results: str, sigmas: tuple[float, ...], tolerance: float
) -> None:
    files = real_data / "eval_fixtures" / folder
    expected = json.loads((files / "expected_keypoints.json").read_text())
    metrics = evaluate_oks(
        json.loads((files / f"{ground_truth}.json").read_text()),
        json.loads((files / f"{results}.json").read_text()),
        {1: sigmas},
    ).to_dict()

    # CrowdPose's AP_medium is of images that are neither easy nor hard; sizes were not published.
    sizes = {"APm": "AP_medium", "APl": "AP_large", "ARm": "AR_medium", "ARl": "AR_large"}
    published = {
        name: value for name, value in expected.items() if name[:2] in ("AP", "AR") and "_" not in name
    }
    assert len(published) >= 6
    assert {name: metrics[f"OKS_{sizes.get(name, name)}"] for name in published} == pytest.approx(
        published, abs=tolerance
    )
