"""Detections of one image: as JSON, COCO, YOLO, tables, plots and crops."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.structures import Categories, Skeleton

CELLS = Categories(names=("RBC", "WBC", "Platelets"), ids=(7, 3, 90))


def make_detections(image: np.ndarray | None = None) -> Detections:
    return Detections(
        boxes=np.array([[1, 2, 11, 22], [0.5, 0, 4, 4], [30, 30, 60, 60]], dtype=np.float32),
        scores=np.array([0.9, 0.5, 0.25], dtype=np.float32),
        labels=np.array([0, 1, 0]),
        categories=CELLS,
        name="slide.jpg",
        image_size=(40, 50),
        image_id=12,
        image=image,
    )


def make_image() -> np.ndarray:
    rows, columns = np.indices((40, 50))
    return np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8)


def test_names_and_ids_are_those_of_the_data_set() -> None:
    detections = make_detections()

    assert detections.names == ["RBC", "WBC", "RBC"]
    assert detections.category_ids == [7, 3, 7]


def test_the_summary_counts_each_class_and_leaves_out_absent_ones() -> None:
    assert str(make_detections()) == "slide.jpg 50×40: 2 RBC, 1 WBC"
    assert repr(make_detections()) == "Detections(slide.jpg 50×40: 2 RBC, 1 WBC)"
    assert str(make_detections()[[]]) == "slide.jpg 50×40: nothing found"


def test_where_nothing_is_found_the_surest_below_is_named() -> None:
    nothing = make_detections().above(0.95)

    assert len(nothing) == 0
    assert str(nothing) == (
        "slide.jpg 50×40: nothing found from score 0.95 on; the surest below is RBC 0.9: conf=0.9 shows it"
    )
    assert str(nothing.above(0.99)) == str(nothing)
    assert len(make_detections().above(0.9)) == 1


def test_each_class_can_have_a_minimum_score_of_its_own() -> None:
    found = make_detections()
    kept = found.above(np.where(np.arange(len(found.categories)) == found.labels[0], 1.0, 0.0))

    assert len(found) > len(kept) > 0
    assert found.names[0] not in kept.names


@pytest.mark.parametrize(
    "index", [np.array([True, False, True]), np.array([0, 2]), [0, 2], slice(None, None, 2)], ids=repr
)
def test_a_mask_positions_and_a_slice_pick_the_same_objects(index: object) -> None:
    picked = make_detections()[index]

    assert picked.scores.tolist() == [pytest.approx(0.9), 0.25]
    assert picked.names == ["RBC", "RBC"]
    assert picked.image_id == 12


def test_one_position_gives_detections_of_one_object() -> None:
    assert make_detections()[-1].boxes.tolist() == [[30, 30, 60, 60]]
    assert [one.names for one in make_detections()] == [["RBC"], ["WBC"], ["RBC"]]
    with pytest.raises(IndexError):
        make_detections()[3]


def test_above_keeps_objects_with_exactly_that_score() -> None:
    assert make_detections().above(0.5).scores.tolist() == [pytest.approx(0.9), 0.5]


def test_coco_results_have_sides_and_the_original_ids() -> None:
    first, second, _ = make_detections().to_coco()

    assert first == {
        "image_id": 12,
        "category_id": 7,
        "bbox": [1.0, 2.0, 10.0, 20.0],
        "score": pytest.approx(0.9),
    }
    assert second["category_id"] == 3
    assert second["bbox"] == [0.5, 0.0, 3.5, 4.0]


def test_json_holds_plain_rounded_values() -> None:
    document = make_detections().to_json()

    assert json.loads(json.dumps(document)) == document
    assert {key: document[key] for key in ("image", "image_id", "height", "width")} == {
        "image": "slide.jpg",
        "image_id": 12,
        "height": 40,
        "width": 50,
    }
    assert document["detections"][0] == {
        "name": "RBC",
        "category_id": 7,
        "score": 0.9,
        "box": [1.0, 2.0, 11.0, 22.0],
    }


def test_supervision_gets_boxes_scores_and_names() -> None:
    found = make_detections().to_supervision()

    assert found.xyxy.tolist() == make_detections().boxes.tolist()
    assert found.class_id.tolist() == [0, 1, 0]
    assert list(found.data["class_name"]) == ["RBC", "WBC", "RBC"]


def test_the_table_has_a_row_for_each_object() -> None:
    table = make_detections().to_dataframe()

    assert list(table.columns) == [
        "image",
        "image_id",
        "name",
        "category_id",
        "score",
        "x1",
        "y1",
        "x2",
        "y2",
    ]
    assert table["name"].tolist() == ["RBC", "WBC", "RBC"]
    assert table["x2"].tolist() == [11, 4, 60]


def test_a_missing_pandas_is_named_with_the_command_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)

    with pytest.raises(UsageError, match=r'pip install "centernet\[pandas\]"'):
        make_detections().to_dataframe()


def test_crops_hold_the_pixels_the_boxes_touch() -> None:
    first, second, third = make_detections(make_image()).crops()

    assert first.shape == (20, 10, 3)
    assert first[0, 0].tolist() == [2, 1, 0]
    assert second.shape == (4, 4, 3)
    assert third.shape == (10, 20, 3)


def test_a_box_outside_the_image_still_gives_a_pixel() -> None:
    detections = make_detections(make_image())
    outside = Detections(
        **{
            **vars(detections[0]),
            "boxes": np.array([[100, 100, 120, 120]], dtype=np.float32),
        }
    )

    assert [crop.shape for crop in outside.crops()] == [(1, 1, 3)]


def test_crops_are_copies() -> None:
    image = make_image()
    make_detections(image).crops()[0][:] = 255

    assert (image == make_image()).all()


def test_a_plot_changes_the_pixels_at_the_boxes_and_not_the_image_given() -> None:
    image = make_image()
    plotted = np.asarray(make_detections(image).plot())

    assert plotted.shape == image.shape
    assert (plotted != image).any()
    assert (image == make_image()).all()


def test_a_given_image_is_drawn_on_instead_of_the_kept_one() -> None:
    white = np.full((40, 50, 3), 255, dtype=np.uint8)

    assert np.asarray(make_detections(make_image()).plot(white))[39, 0].tolist() == [255, 255, 255]


def test_a_plot_can_be_larger_than_the_image() -> None:
    assert make_detections(make_image()).plot(long_side=200).size == (200, 160)


@pytest.mark.parametrize("action", [Detections.plot, Detections.crops], ids=["plot", "crops"])
def test_without_an_image_the_error_says_to_pass_one(action: object) -> None:
    with pytest.raises(UsageError, match=r"slide.jpg: .* hold no image: pass it"):
        action(make_detections())


def test_save_writes_the_format_of_the_extension(tmp_path: Path) -> None:
    from PIL import Image

    detections = make_detections(make_image())
    detections.save(tmp_path / "new" / "slide.png")
    detections.save(str(tmp_path / "slide.JPG"))
    detections.save(tmp_path / "slide.json")
    detections.save(tmp_path / "slide.csv")

    for file, expected in (("new/slide.png", "PNG"), ("slide.JPG", "JPEG")):
        with Image.open(tmp_path / file) as image:
            assert image.format == expected
    assert json.loads((tmp_path / "slide.json").read_text()) == detections.to_json()
    with (tmp_path / "slide.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == detections.names
    assert float(rows[0]["score"]) == pytest.approx(0.9)


def test_an_unknown_extension_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'slide.tga': .*\.png.*\.csv"):
        make_detections().save(tmp_path / "slide.tga")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError, match=r"slide.json cannot be written"):
        make_detections().save(tmp_path / "file" / "slide.json")


def test_no_detections_are_written_in_every_format(tmp_path: Path) -> None:
    nothing = make_detections(make_image()).above(1.0)

    assert nothing.to_coco() == []
    assert nothing.to_json()["detections"] == []
    assert len(nothing.to_supervision()) == 0
    assert len(nothing.to_dataframe()) == 0
    assert nothing.crops() == []
    assert np.asarray(nothing.plot()).tolist() == make_image().tolist()
    assert nothing.save(tmp_path / "slide.csv").read_text().startswith("image,image_id,name")


FIGURES = Categories(
    names=("person", "dot", "glue"),
    ids=(1, 4, 9),
    skeletons=(
        Skeleton(names=("head", "left_hand", "right_hand"), edges=((0, 1), (0, 2)), pairs=((1, 2),)),
        None,
        Skeleton(names=("head", "end"), edges=((0, 1),)),
    ),
)
KEYPOINTS = np.array(
    [
        [[20, 5, 0.9], [10, 20, 0.5], [30, 20.256, 0.05]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[45, 10, 0.2], [60, 30, 0.8], [0, 0, 0]],
    ],
    dtype=np.float32,
)


def make_figures(image: np.ndarray | None = None) -> Detections:
    return Detections(
        **{
            **vars(make_detections(image)),
            "labels": np.arange(3),
            "categories": FIGURES,
            "keypoints": KEYPOINTS,
        }
    )


def test_coco_results_hold_the_keypoints_of_each_class_as_the_original_writes_them() -> None:
    person, dot, glue = make_figures().to_coco()

    assert person["keypoints"] == [20, 5, 1, 10, 20, 1, 30, pytest.approx(20.256), 1]
    assert person["score"] == pytest.approx(0.9)
    assert "keypoints" not in dot
    assert glue["keypoints"] == [45, 10, 1, 60, 30, 1]


def test_json_names_the_keypoints() -> None:
    person, dot, glue = make_figures().to_json()["detections"]

    assert person["keypoints"][2] == {"name": "right_hand", "x": 30.0, "y": 20.26, "score": 0.05}
    assert "keypoints" not in dot
    assert [one["name"] for one in glue["keypoints"]] == ["head", "end"]


def test_the_table_has_columns_for_every_keypoint_and_nan_for_classes_without_it(tmp_path: Path) -> None:
    table = make_figures().to_dataframe()
    with make_figures().save(tmp_path / "figures.csv").open() as file:
        rows = list(csv.DictReader(file))

    assert list(table.columns)[9:] == [
        f"{name}_{value}"
        for name in ("head", "left_hand", "right_hand", "end")
        for value in ("x", "y", "score")
    ]
    assert table["head_x"].tolist()[::2] == [20, 45]
    assert table["end_y"].isna().tolist() == [True, True, False]
    assert [row["head_x"] for row in rows] == ["20.0", "", "45.0"]


def test_keypoints_of_the_same_name_have_numbered_columns() -> None:
    twice = Categories(("a",), (0,), (Skeleton(names=("paw", "paw", "tail")),))
    found = Detections(**{**vars(make_figures()[0]), "categories": twice})

    assert list(found.to_dataframe().columns)[9::3] == ["paw_x", "paw_2_x", "tail_x"]


def test_yolo_lines_hold_fractions_and_zeros_for_keypoints_of_low_score_or_outside() -> None:
    # The image has 50 columns and 40 rows; the end of the glue lies outside.
    person, dot, glue = make_figures().to_yolo().splitlines()

    assert person == "0 0.12 0.3 0.2 0.5 0.4 0.125 2 0.2 0.5 2 0 0 0"
    assert dot == "1 0.045 0.05 0.07 0.1 0 0 0 0 0 0 0 0 0"
    assert glue.split()[5:] == ["0.9", "0.25", "2", *["0"] * 6]
    assert make_figures().to_yolo(0.01).splitlines()[0].endswith("0.6 0.5064 2")


def test_yolo_lines_without_keypoints_are_class_and_box(tmp_path: Path) -> None:
    file = make_detections().save(tmp_path / "slide.txt")

    assert file.read_text().splitlines()[0] == "0 0.12 0.3 0.2 0.5"
    assert make_detections().above(1.0).to_yolo() == ""


def test_supervision_gets_keypoints_too() -> None:
    found = make_figures().to_supervision_keypoints()

    assert found.xy.shape == (3, 3, 2)
    assert found.keypoint_confidence[0].tolist() == pytest.approx([0.9, 0.5, 0.05])
    assert list(found.data["class_name"]) == ["person", "dot", "glue"]


def test_a_plot_has_only_keypoints_above_the_minimum_score() -> None:
    black = np.zeros((40, 50, 3), dtype=np.uint8)
    figures = make_figures(black)
    plain = np.asarray(Detections(**{**vars(figures), "keypoints": KEYPOINTS[:, :0]}).plot())
    drawn, more, none = (
        (np.asarray(figures.plot(min_keypoint_score=score)) != plain).any(axis=2)
        for score in (0.1, 0.01, 1.0)
    )

    assert drawn[20, 10]
    assert not drawn[20, 30]
    assert more[20, 30] or more[18:24, 28:33].any()
    assert not none.any()


def test_indexing_keeps_the_keypoints_of_the_objects() -> None:
    assert make_figures()[[2, 0]].keypoints[:, 0, 0].tolist() == [45, 20]
    assert len(make_figures()[:0].to_supervision_keypoints()) == 0
    assert "keypoints" not in make_detections().to_coco()[0]


def test_file_names_that_are_not_utf_8_are_saved_and_shown_as_python_escapes_their_bytes(
    tmp_path: Path,
) -> None:
    named = replace(make_detections(), name="\udcff\x1b.jpg")
    named.save(tmp_path / "a.json")
    named.save(tmp_path / "a.csv")

    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["image"] == "\udcff\x1b.jpg"
    assert r"\udcff" in (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert str(named) == r"\udcff\x1b.jpg 50×40: 2 RBC, 1 WBC"
