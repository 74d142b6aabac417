"""Cameras and 3D boxes in COCO files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centernet.data.formats import kitti
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes

CAMERA = [[700, 0, 600, 45], [0, 710, 180, -0.3], [0, 0, 1, 0.005]]
BOX3D = {"dim": [1.5, 1.6, 3.9], "location": [-6, 1.7, 14], "rotation_y": -1.9}


def write(folder: Path, *annotations: dict[str, Any], **image: Any) -> Path:
    """A file with one image."""
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 1242, "height": 375, **image}],
        "categories": [{"id": 1, "name": "Car"}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "bbox": [10 * number, 20, 30, 40], **one}
            for number, one in enumerate(annotations, start=1)
        ],
    }
    path = folder / "cars.json"
    path.write_text(json.dumps(content))
    return path


def test_a_camera_and_3d_boxes_are_read(tmp_path: Path) -> None:
    more = {"alpha": -1.5, "truncated": 0.25, "occluded": 2}
    dataset = open_dataset(write(tmp_path, BOX3D, BOX3D | more, {}, camera=CAMERA))
    (record,) = dataset.records
    objects = record.annotations

    assert not dataset.defects
    assert record.camera is not None
    assert record.camera.tolist() == CAMERA
    assert objects.boxes3d[0] == pytest.approx([1.5, 1.6, 3.9, -6, 1.7, 14, -1.9])
    assert np.isfinite(objects.boxes3d).all(1).tolist() == [True, True, False]
    assert objects.alpha_rad.tolist()[1] == -1.5
    assert np.isnan(objects.alpha_rad[[0, 2]]).all()
    assert (objects.truncation.tolist(), objects.occlusion.tolist()) == ([-1, 0.25, -1], [-1, 2, -1])


def test_a_camera_may_be_called_calib_and_have_three_columns(tmp_path: Path) -> None:
    rows = [row[:3] for row in CAMERA]
    camera = open_dataset(write(tmp_path, BOX3D, calib=rows)).records[0].camera

    assert camera is not None
    assert camera.tolist() == [[*row, 0] for row in rows]


@pytest.mark.parametrize(
    ("box3d", "words"),
    [
        ({"dim": [1.5, 1.6]}, "annotation 1: a 3D box is dim (3), location (3) and rotation_y"),
        ({"rotation_y": None}, "finite numbers"),
        ({"location": [0, 0, float("nan")]}, "finite numbers"),
        ({"dim": [1.5, 0, 3.9]}, "annotation 1: sizes [1.5, 0, 3.9] are not above 0"),
        ({"location": [0, 0, -2]}, "annotation 1: z is -2, not in front of the camera"),
    ],
)
def test_an_invalid_3d_box_is_reported(tmp_path: Path, box3d: dict[str, Any], words: str) -> None:
    dataset = open_dataset(write(tmp_path, BOX3D | box3d, camera=CAMERA))

    assert words in str(dataset.defects[0])
    assert len(dataset.records[0].annotations) == 1
    assert np.isnan(dataset.records[0].annotations.boxes3d).all()


def test_an_invalid_camera_is_reported(tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path, BOX3D, camera=[[1, 2], [3, 4]]))

    assert "image 1: camera: a camera is 3 rows of 3 or 4 numbers; got 2×2" in str(dataset.defects[0])
    assert dataset.records[0].camera is None


def test_roads_are_the_same_in_both_formats(tmp_path: Path) -> None:
    options = {"train": 3, "val": 0, "mode": "roads", "size": (96, 256)}
    in_coco = open_dataset(write_scenes(tmp_path / "a", format="coco", **options))
    in_kitti = open_dataset(write_scenes(tmp_path / "b", format="kitti", **options))

    assert in_kitti.format == kitti.NAME
    assert sum(len(record.annotations) for record in in_coco.records) > 3
    for one, other in zip(in_coco.records, in_kitti.records, strict=True):
        assert one.camera is not None
        assert other.camera == pytest.approx(one.camera, rel=1e-9)
        for name in ("boxes", "labels", "boxes3d", "alpha_rad", "truncation", "occlusion"):
            expected = getattr(one.annotations, name)
            assert getattr(other.annotations, name) == pytest.approx(expected, abs=1e-3, nan_ok=True), name
