"""Result files of other programs are evaluated, or the error names the entry or line."""

import json
from pathlib import Path
from typing import Any

import pytest

from centernet.errors import InputError, UsageError
from centernet.evaluation import score

GROUND_TRUTH = {
    "images": [{"id": 5, "file_name": "a.jpg"}, {"id": 6, "file_name": "b.jpg"}],
    "categories": [{"id": 40, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [
        {"id": 1, "image_id": 5, "category_id": 40, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 0}
    ],
}
RESULT = {"image_id": 5, "category_id": 40, "bbox": [0, 0, 50, 50], "score": 0.5}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_coco_files_are_scored_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scores = score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), write(tmp_path / "dt.json", [RESULT]))

    assert scores.metrics["AP"] == 1
    assert scores.classes[0]["name"] == "cat"
    assert capfd.readouterr() == ("", "")


def test_an_empty_list_of_results_scores_zero(tmp_path: Path) -> None:
    scores = score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), write(tmp_path / "dt.json", []))

    assert scores.metrics["AP"] == 0


def test_the_ground_truth_can_be_the_folder_of_a_coco_data_set(tmp_path: Path) -> None:
    write(tmp_path / "set" / "annotations" / "instances_val.json", GROUND_TRUTH)
    write(tmp_path / "set" / "annotations" / "instances_train.json", {**GROUND_TRUTH, "annotations": []})
    scores = score("coco", tmp_path / "set", write(tmp_path / "dt.json", [RESULT]), split="val")

    assert scores.metrics["AP"] == 1


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in RESULT.items() if name != key}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"annotations": []}, r"dt.json holds an object: results are a list"),
        ([RESULT, 3], r"dt.json, results\[1\] is a number, not an object"),
        ([RESULT, without("bbox")], r"results\[1\] has no 'bbox'"),
        ([RESULT, without("score")], r"results\[1\] has no 'score'"),
        ([{**RESULT, "image_id": 7}], r"results\[0\]: image_id 7 is not in .*gt.json"),
        ([{**RESULT, "image_id": [5]}], r"results\[0\]: image_id \[5\] is not in"),
        ([{**RESULT, "category_id": 41}], r"results\[0\]: category_id 41 is not in .*gt.json"),
        ([{**RESULT, "score": float("nan")}], r"results\[0\]: score holds nan, .* not a finite number"),
        ([{**RESULT, "score": "high"}], r"results\[0\]: score holds 'high'"),
        ([{**RESULT, "bbox": [1, 2, 3]}], r"results\[0\]: bbox has 3 values, not 4"),
        ([{**RESULT, "bbox": 12}], r"results\[0\]: bbox has a number, not 4"),
        ([{**RESULT, "bbox": [1, 2, float("inf"), 4]}], r"results\[0\]: bbox holds inf"),
        ([{**RESULT, "bbox": [1, 2, -3, 4]}], r"results\[0\]: bbox .* negative width"),
        ([{**RESULT, "bbox": [1, 2, 10**400, 4]}], r"results\[0\]: bbox holds 1000"),
        ("[{", r"dt.json is not json"),
    ],
    ids=lambda value: None if isinstance(value, str) else "results",
)
def test_a_broken_result_is_named_in_one_line(tmp_path: Path, results: object, message: str) -> None:
    ground_truth = write(tmp_path / "gt.json", GROUND_TRUTH)

    with pytest.raises(InputError, match=message) as caught:
        score("coco", ground_truth, write(tmp_path / "dt.json", results))
    assert "\n" not in str(caught.value)


NAMED = {**RESULT, "file_name": "photos/a.jpg"}


@pytest.mark.parametrize("image_id", [0, 6])
def test_results_are_matched_by_name_where_their_ids_are_others(tmp_path: Path, image_id: int) -> None:
    # `predict` counts images from 0; 6 is the id of b.jpg.
    results = [{**NAMED, "image_id": image_id}, {**NAMED, "image_id": 9, "file_name": "b.jpg", "score": 0.1}]
    scores = score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), write(tmp_path / "dt.json", results))

    assert scores.metrics["AP"] == 1
    assert scores.notes == (
        "results are matched by file_name: their image ids are not those of the ground truth",
    )


def test_ids_that_fit_the_names_are_used(tmp_path: Path) -> None:
    scores = score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), write(tmp_path / "dt.json", [NAMED]))

    assert scores.metrics["AP"] == 1
    assert scores.notes == ()


def test_images_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    images = [{"id": 5, "file_name": "x/a.jpg"}, {"id": 6, "file_name": "y\\a.jpg"}]
    ground_truth = write(tmp_path / "gt.json", {**GROUND_TRUTH, "images": images})
    one = write(tmp_path / "dt.json", [{**NAMED, "image_id": 0, "file_name": "/data/x/a.jpg"}])
    other = write(tmp_path / "other.json", [{**NAMED, "image_id": 0, "file_name": "/data/y/a.jpg"}])
    neither = write(tmp_path / "neither.json", [{**NAMED, "image_id": 0, "file_name": "a.jpg"}])

    assert score("coco", ground_truth, one).metrics["AP"] == 1
    assert score("coco", ground_truth, other).metrics["AP"] == 0
    with pytest.raises(InputError, match=r"2 images of .*gt.json are called 'a.jpg': give image_id"):
        score("coco", ground_truth, neither)


def test_a_name_that_the_ground_truth_lacks_is_named(tmp_path: Path) -> None:
    results = write(tmp_path / "dt.json", [{**NAMED, "image_id": 0, "file_name": "c.jpg"}])

    with pytest.raises(InputError, match=r"results\[0\]: no image of .*gt.json is called 'c.jpg'"):
        score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), results)


def test_max_det_is_how_many_detections_of_an_image_count(tmp_path: Path) -> None:
    better = {**RESULT, "bbox": [80, 80, 9, 9], "score": 0.9}
    files = write(tmp_path / "gt.json", GROUND_TRUTH), write(tmp_path / "dt.json", [better, RESULT])

    assert score("coco", *files).metrics["AP"] == pytest.approx(0.5)
    assert score("coco", *files, max_det=1).metrics["AP"] == 0
    assert list(score("coco", *files, max_det=300).metrics)[6:10] == ["AR_1", "AR_10", "AR_100", "AR_300"]
    with pytest.raises(UsageError, match="max_det must be at least 1; got 0"):
        score("coco", *files, max_det=0)
    with pytest.raises(UsageError, match="format=kitti has no max_det: it takes frames, protocol, points"):
        score("kitti", *files, max_det=10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": [{"id": 1.5}]}, r"gt.json, images\[0\]: id 1.5 is not a whole number: mend it"),
        ({"images": None}, r"gt.json has no list 'images'"),
        ({"categories": [{"id": 1}]}, r"categories\[0\]: .* needs a whole-number id and a name"),
        ({"categories": 2 * [{"id": 1, "name": "a"}]}, r"gt.json, categories\[1\]: id 1 is taken"),
        ({"annotations": [{"id": 1}]}, r"gt.json, annotation 1: no image has id None"),
        ({"annotations": [{**RESULT, "image_id": 9}]}, r"annotations\[0\]: no image has id 9: mend it"),
        ({"annotations": [{**RESULT, "bbox": [1, 2, -3, 4]}]}, r"annotation 1: bbox .* has a negative width"),
        ({"annotations": [{**RESULT, "bbox": None}]}, r"annotations\[0\]: bbox is None, not"),
        ({"annotations": [{**RESULT, "iscrowd": "maybe"}]}, r"annotations\[0\]: iscrowd is 'maybe', neither"),
        ({"annotations": 3 * [3]}, r"annotations\[0\]: 3 is not an object"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_ground_truth_is_refused_in_the_words_of_the_doctor(
    tmp_path: Path, change: dict, message: str
) -> None:
    ground_truth = write(tmp_path / "gt.json", {**GROUND_TRUTH, **change})

    with pytest.raises(InputError, match=message):
        score("coco", ground_truth, write(tmp_path / "dt.json", [RESULT]))


@pytest.mark.parametrize(
    "change",
    [
        {"iscrowd": None},
        {"iscrowd": "0"},
        {"iscrowd": False},
        {"area": None},
        {"id": None},
        {"id": "6f1c-77"},
        {"image_id": "5"},
        {"image_id": 5.0, "category_id": "40"},
        {"bbox": None, "segmentation": [[0, 0, 50, 0, 50, 50, 0, 50]]},
        {"bbox": [], "segmentation": {"size": [50, 100], "counts": [0, 2500, 2500]}},
    ],
    ids=str,
)
def test_every_spelling_of_an_annotation_counts_as_when_it_is_trained_on(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    annotation = {**GROUND_TRUTH["annotations"][0], **change}
    ground_truth = write(tmp_path / "gt.json", {**GROUND_TRUTH, "annotations": [annotation]})
    scores = score("coco", ground_truth, write(tmp_path / "dt.json", [{**RESULT, "image_id": "5"}]))

    assert scores.metrics["AP"] == 1
    assert scores.classes[0]["objects"] == 1


def test_images_whose_ids_are_texts_are_found_by_these_and_by_their_numbers(tmp_path: Path) -> None:
    images = [{"id": "night-a", "file_name": "a.jpg"}, {"id": "night-b", "file_name": "b.jpg"}]
    annotations = [{**GROUND_TRUTH["annotations"][0], "image_id": "night-b"}]
    ground_truth = write(tmp_path / "gt.json", {**GROUND_TRUTH, "images": images, "annotations": annotations})

    for image_id in ("night-b", 2):
        results = write(tmp_path / "dt.json", [{**RESULT, "image_id": image_id}])
        assert score("coco", ground_truth, results).metrics["AP"] == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gt.json cannot be read"):
        score("coco", tmp_path / "gt.json", tmp_path / "dt.json")


def test_an_unknown_format_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown format 'coca': did you mean 'coco'"):
        score("coca", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="unknown format 'xyz': there are coco, voc"):
        score("xyz", tmp_path, tmp_path)


def voc_xml(*objects: tuple[str, str, int]) -> str:
    parts = []
    for name, corners, difficult in objects:
        tags = "".join(
            f"<{tag}>{value}</{tag}>"
            for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners.split(), strict=True)
        )
        parts.append(
            f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{tags}</bndbox></object>"
        )
    return f"<annotation>{''.join(parts)}</annotation>"


def make_voc(folder: Path, lines: str = "b 0.9 1 1 10 10\na 0.8 1 1 10 10\n") -> tuple[Path, Path]:
    """Two images with a cat each, the second one difficult, a dog in the first, and one file of results."""
    write(folder / "labels" / "a.xml", voc_xml(("cat", "1 1 10 10", 0), ("dog", "30 30 40 40", 0)))
    write(folder / "labels" / "b.xml", voc_xml(("cat", "1 1 10 10", 1)))
    write(folder / "results" / "comp4_det_my_val_cat.txt", lines)
    return folder / "labels", folder / "results"


def test_voc_text_files_are_scored_against_a_folder_of_xml(tmp_path: Path) -> None:
    scores = score("voc", *make_voc(tmp_path))

    assert scores.classes[0] == {
        "name": "cat",
        "objects": 1,
        "found": 2,
        "VOC_AP_area": 1.0,
        "VOC_AP_11point": 1.0,
    }
    assert scores.classes[1]["VOC_AP_area"] == 0
    assert scores.metrics["VOC_AP_area"] == 0.5


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a 0.9 1 1 10 10\nc 0.9 1 1 10 10", r"comp4_det_my_val_cat.txt:2: .* has no image 'c'"),
        ("a 0.9 1 1 10", r"cat.txt:1 has 5 fields, not 6"),
        ("a 0.9 1 x 10 10", r"cat.txt:1: 'x' is not a number"),
        ("a nan 1 1 10 10", r"cat.txt:1: 'nan' is not finite"),
    ],
    ids=["image", "fields", "number", "nan"],
)
def test_a_broken_line_is_named_in_one_line(tmp_path: Path, lines: str, message: str) -> None:
    ground_truth, results = make_voc(tmp_path, lines)

    with pytest.raises(InputError, match=message):
        score("voc", ground_truth, results)


def test_files_of_an_unknown_class_or_none_at_all_are_named(tmp_path: Path) -> None:
    ground_truth, results = make_voc(tmp_path)
    write(results / "comp4_det_my_val_fox.txt", "")

    with pytest.raises(InputError, match=r"fox.txt is named after no class of .*, which has cat, dog"):
        score("voc", ground_truth, results)
    with pytest.raises(InputError, match=r"holds no results: no files called comp4_det"):
        score("voc", ground_truth, tmp_path)


def test_ground_truth_with_a_broken_box_is_not_scored_in_part(tmp_path: Path) -> None:
    ground_truth, results = make_voc(tmp_path)
    write(ground_truth / "b.xml", voc_xml(("cat", "1 1 x 10", 0)))

    with pytest.raises(InputError, match=r"b.xml:1: <xmax> is 'x', .*: mend it"):
        score("voc", ground_truth, results)


def test_published_coco_results_get_their_published_score(real_data: Path) -> None:
    folder = real_data / "eval_fixtures" / "coco_bbox"
    scores = score(
        "coco",
        folder / "instances_val2014_100.json",
        folder / "instances_val2014_fakebbox100_results.json",
    )

    assert scores.metrics["AP"] == pytest.approx(0.5045806987249628, abs=1e-12)


def test_a_real_voc_data_set_scores_one_against_itself(real_data: Path, tmp_path: Path) -> None:
    from centernet.data.formats.catalog import open_dataset

    folder = real_data / "bccd"
    dataset = open_dataset(folder, "val")
    for label, name in enumerate(dataset.categories.names):
        lines = [
            " ".join(map(str, [record.path.stem, 1.0, *(box + 1).tolist()]))
            for record in dataset.records
            for box in record.annotations.boxes[record.annotations.labels == label]
        ]
        write(tmp_path / f"comp4_det_val_{name}.txt", "\n".join(lines))

    assert score("voc", folder, tmp_path, split="val").metrics["VOC_AP_area"] == 1


def test_coco_results_are_scored_against_a_data_set_of_another_format(
    real_data: Path, tmp_path: Path
) -> None:
    from centernet.data.formats.catalog import open_dataset
    from centernet.data.formats.coco.format import to_coco

    ground_truth = to_coco(open_dataset(real_data / "bccd", "val"))
    results = [
        {key: annotation[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.5}
        for annotation in ground_truth["annotations"]
    ]
    scores = score("coco", real_data / "bccd", write(tmp_path / "dt.json", results), split="val")

    assert scores.metrics["AP"] == pytest.approx(1)


POSE_GROUND_TRUTH = {
    **GROUND_TRUTH,
    "categories": [{"id": 40, "name": "glue", "keypoints": ["tip", "end"], "sigmas": [0.1, 0.1]}],
    "annotations": [
        {**GROUND_TRUTH["annotations"][0], "keypoints": [10, 10, 2, 40, 40, 1], "num_keypoints": 2}
    ],
}
POSE_RESULT = {"image_id": 5, "category_id": 40, "keypoints": [10, 10, 1, 40, 40, 1], "score": 0.5}


def test_boxes_and_keypoints_are_measured_if_the_results_have_them(tmp_path: Path) -> None:
    ground_truth = write(tmp_path / "gt.json", POSE_GROUND_TRUTH)
    keypoints, both, boxes = (
        score("coco", ground_truth, write(tmp_path / "dt.json", [result]))
        for result in (POSE_RESULT, {**POSE_RESULT, **RESULT}, RESULT)
    )

    assert keypoints.metrics["OKS_AP"] == both.metrics["OKS_AP"] == both.metrics["AP"] == 1
    assert "AP" not in keypoints.metrics
    assert "OKS_AP" not in boxes.metrics
    assert keypoints.classes == ({"name": "glue", "objects": 1, "found": 1, "OKS_AP": 1, "OKS_AP50": 1},)
    assert keypoints.notes == both.notes == boxes.notes == ()


def test_keypoints_are_compared_with_the_file_of_keypoints_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "annotations"
    write(folder / "instances_val.json", GROUND_TRUTH)
    write(folder / "person_keypoints_val.json", POSE_GROUND_TRUTH)
    scores = score("coco", tmp_path / "set", write(tmp_path / "dt.json", [POSE_RESULT]), split="val")

    assert scores.metrics["OKS_AP"] == 1


def test_unknown_or_broken_sigmas_are_named(tmp_path: Path) -> None:
    category = {**POSE_GROUND_TRUTH["categories"][0], "sigmas": [0.1]}
    ground_truth = write(tmp_path / "gt.json", {**POSE_GROUND_TRUTH, "categories": [category]})
    first, second = score("coco", ground_truth, write(tmp_path / "dt.json", [POSE_RESULT])).notes

    assert "there are 1 sigmas for 2 keypoints" in first
    assert second == "no sigmas are known for glue: OKS with 0.067, COCO's mean"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"keypoints": [1, 2, 1]}, r"results\[1\]: keypoints has 3 values, not 6: x, y and v for each of 2"),
        ({"keypoints": "all"}, r"results\[1\]: keypoints has a text, not 6"),
        ({"keypoints": [1, 2, 1, 3, float("nan"), 1]}, r"results\[1\]: keypoints holds nan"),
        ({"score": None}, r"results\[1\]: score holds None"),
    ],
    ids=["count", "text", "nan", "score"],
)
def test_broken_keypoints_of_a_result_are_named_in_one_line(
    tmp_path: Path, result: dict, message: str
) -> None:
    ground_truth = write(tmp_path / "gt.json", POSE_GROUND_TRUTH)
    results = write(tmp_path / "dt.json", [POSE_RESULT, {**POSE_RESULT, **result}])

    with pytest.raises(InputError, match=message) as caught:
        score("coco", ground_truth, results)
    assert "\n" not in str(caught.value)


def test_results_where_only_some_have_keypoints_are_refused(tmp_path: Path) -> None:
    results = write(tmp_path / "dt.json", [POSE_RESULT, RESULT])

    with pytest.raises(InputError, match=r"results\[1\] has no 'keypoints'"):
        score("coco", write(tmp_path / "gt.json", POSE_GROUND_TRUTH), results)


def test_keypoints_need_ground_truth_with_valid_keypoints(tmp_path: Path) -> None:
    results = write(tmp_path / "dt.json", [POSE_RESULT])
    broken = {**POSE_GROUND_TRUTH["annotations"][0], "keypoints": [1, 2, 2]}

    with pytest.raises(InputError, match=r"dt.json has keypoints, but .*gt.json has none"):
        score("coco", write(tmp_path / "gt.json", GROUND_TRUTH), results)
    with pytest.raises(InputError, match=r"gt.json, annotations\[0\]: keypoints has 3 values, not 6"):
        score("coco", write(tmp_path / "gt.json", {**POSE_GROUND_TRUTH, "annotations": [broken]}), results)


@pytest.mark.parametrize(
    ("folder", "ground_truth", "results", "published"),
    [
        ("coco_keypoints_crowd1", "gt_dataset", "dt_dataset", 0.5048844884488449),
        ("coco_keypoints_4img", "example_coco_val", "example_coco_preds", 0.86089),
        ("crowdpose_keypoints", "example_crowdpose_val", "example_crowdpose_preds", 0.7877215935879303),
    ],
)
def test_published_keypoints_get_their_published_score(
    real_data: Path, folder: str, ground_truth: str, results: str, published: float
) -> None:
    files = real_data / "eval_fixtures" / folder
    scores = score("coco", files / f"{ground_truth}.json", files / f"{results}.json")

    assert scores.metrics["OKS_AP"] == pytest.approx(published, abs=5e-7)
    assert scores.notes == ()
