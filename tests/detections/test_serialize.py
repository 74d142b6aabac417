"""3D boxes as plain values."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from centernet.data.formats.kitti.text_files import read_results
from centernet.detections import Detections
from centernet.structures import Categories

CAR = [1.5, 1.6, 3.9, -2.0, 1.7, 12.25, 1.5708]
FOUND = Detections(
    boxes=np.array([[10, 20, 60, 50.5], [0, 0, 5, 9]], dtype=np.float32),
    scores=np.array([0.875, 0.25], dtype=np.float32),
    labels=np.array([1, 0]),
    categories=Categories.of("person on foot", "Car"),
    name="street.png",
    image_size=(80, 120),
    image=np.zeros((80, 120, 3), dtype=np.uint8),
    boxes3d=np.array([CAR, [np.nan] * 7], dtype=np.float32),
    alpha_rad=np.array([1.625, np.nan], dtype=np.float32),
    camera=np.array([[100.0, 0, 60, 0], [0, 100.0, 40, 0], [0, 0, 1, 0]]),
)


def test_kitti_lines_hold_sixteen_columns_and_placeholders_for_unknown_values() -> None:
    first, second = FOUND.to_kitti().splitlines()

    assert first.split() == [
        *("Car", "-1", "-1", "1.6250", "10.00", "20.00", "60.00", "50.50"),
        *("1.5000", "1.6000", "3.9000", "-2.0000", "1.7000", "12.2500", "1.5708", "0.875000"),
    ]
    assert second.split()[0] == "person_on_foot"
    assert [float(word) for word in second.split()[8:15]] == [-1, -1, -1, -1000, -1000, -1000, -10]
    assert second.split()[3] == "-10.0000"


def test_kitti_lines_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "000001.txt").write_text(FOUND.to_kitti(), encoding="utf-8")

    read = read_results(tmp_path, ["000001"])

    np.testing.assert_allclose(read.boxes3d[0], CAR, atol=1e-4)
    assert read.have_boxes3d.tolist() == [True, False]
    assert read.have_alpha.tolist() == [True, False]
    np.testing.assert_allclose(read.scores, FOUND.scores)


def test_json_names_the_numbers_of_a_3d_box() -> None:
    first, second = json.loads(json.dumps(FOUND.to_json()))["detections"]

    assert first["box3d"] == {
        "height_m": 1.5,
        "width_m": 1.6,
        "length_m": 3.9,
        "x_m": -2.0,
        "y_m": 1.7,
        "z_m": 12.25,
        "rotation_y_rad": 1.5708,
        "alpha_rad": 1.625,
    }
    assert "box3d" not in second


def test_coco_entries_have_the_fields_that_are_read_from_annotations() -> None:
    first, second = FOUND.to_coco()

    assert first["dim"] == pytest.approx(CAR[:3])
    assert first["location"] == pytest.approx(CAR[3:6])
    assert (first["rotation_y"], first["alpha"]) == pytest.approx((CAR[6], 1.625))
    assert "dim" not in second


def test_tables_have_columns_for_3d_boxes_if_there_are_some(tmp_path: Path) -> None:
    head, first, second = FOUND.save(tmp_path / "a.csv").read_text().splitlines()
    flat = replace(FOUND, boxes3d=np.full((2, 7), np.nan), alpha_rad=np.full(2, np.nan))

    assert head.endswith("height_m,width_m,length_m,x_m,y_m,z_m,rotation_y_rad,alpha_rad")
    assert first.split(",")[-3] == "12.25"
    assert second.endswith(",,,,,,,,")
    assert "height_m" not in flat.save(tmp_path / "b.csv").read_text()


def test_detections_keep_depths_and_3d_boxes_when_indexed() -> None:
    assert FOUND.depths_m[0] == pytest.approx(12.25)
    assert FOUND.have_boxes3d.tolist() == [True, False]
    assert FOUND[1].have_boxes3d.tolist() == [False]
    assert FOUND[0].alpha_rad.tolist() == [1.625]


def test_a_plot_has_3d_boxes_and_a_birds_eye_view() -> None:
    with_view = np.asarray(FOUND.plot(show_names=False, show_scores=False))
    without_view = np.asarray(FOUND.plot(show_names=False, show_scores=False, birds_eye=False))
    without_camera = np.asarray(replace(FOUND, camera=None).plot(show_names=False, show_scores=False))

    assert with_view.shape[:2] == (256, 120 + 256)
    assert without_view.shape == without_camera.shape == (80, 120, 3)
    np.testing.assert_array_equal(with_view[:80, :120], without_view)
    assert not np.array_equal(without_view, without_camera)
