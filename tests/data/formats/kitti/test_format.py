"""Reading and writing KITTI's folders, and their defects."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from centernet.data.doctor.examine import examine
from centernet.data.formats import kitti
from centernet.data.formats.catalog import open_dataset, splits
from centernet.data.formats.common.calibration import camera_of, read_camera
from centernet.errors import InputError

P2 = "P0: 1 0 0 0 0 1 0 0 0 0 1 0\nP2: 700 0 600 45 0 710 180 -0.3 0 0 1 0.005\n"
CAR = "Car 0.25 1 -1.5 100 150 200 210 1.5 1.6 3.9 -6.2 1.7 14 -1.9"
PERSON_SITTING = "Person_sitting 0.00 0 0.2 10 150 30 190 1.2 0.6 0.8 -3 1.7 12 0.1"
DONT_CARE = "DontCare -1 -1 -10 500 160 540 180 -1 -1 -1 -1000 -1000 -1000 -10"


def write_frames(folder: Path, **labels: str) -> Path:
    """A data set in KITTI's layout, a frame for each text of labels."""
    for name in ("image_2", "label_2", "calib"):
        (folder / "training" / name).mkdir(parents=True, exist_ok=True)
    for frame, text in labels.items():
        frame = frame.removeprefix("f")
        cv2.imwrite(str(folder / "training/image_2" / f"{frame}.png"), np.zeros((375, 1242, 3), np.uint8))
        (folder / "training/label_2" / f"{frame}.txt").write_text(text)
        (folder / "training/calib" / f"{frame}.txt").write_text(P2)
    return folder


def test_rows_become_boxes_on_the_image_and_in_3d(tmp_path: Path) -> None:
    dataset = open_dataset(write_frames(tmp_path, f000007=f"{CAR}\n"))
    (record,) = dataset.records
    objects = record.annotations

    assert dataset.format == "kitti"
    assert dataset.categories.names == ("Pedestrian", "Car", "Cyclist")
    assert record.image_id == 7
    assert record.camera is not None
    assert record.camera.tolist() == [[700, 0, 600, 45], [0, 710, 180, -0.3], [0, 0, 1, 0.005]]
    assert objects.labels.tolist() == [1]
    assert objects.boxes.tolist() == [[100, 150, 200, 210]]
    assert objects.boxes3d[0] == pytest.approx([1.5, 1.6, 3.9, -6.2, 1.7, 14, -1.9])
    assert (objects.alpha_rad[0], objects.truncation[0], objects.occlusion[0]) == (-1.5, 0.25, 1)


def test_similar_types_are_crowd_regions_of_a_class_and_dontcare_of_all(
    tmp_path: Path,
) -> None:
    rows = "\n".join([CAR, PERSON_SITTING, DONT_CARE, "Van" + CAR[3:], "Tram" + CAR[3:]])
    objects = open_dataset(write_frames(tmp_path, f000000=rows)).records[0].annotations

    assert objects.labels.tolist() == [1, 0, 0, 1, 2, 1]
    assert objects.is_crowd.tolist() == [False, True, True, True, True, True]
    assert objects.ids.tolist() == [1, 2, 3, 3, 3, 4]
    assert np.isfinite(objects.boxes3d).all(1).tolist() == [True, True, False, False, False, True]
    assert np.isnan(objects.alpha_rad[2:5]).all()


def test_custom_types_are_classes(tmp_path: Path) -> None:
    dataset = open_dataset(write_frames(tmp_path, f000000=f"Boat{CAR[3:]}\nBuoy{CAR[3:]}\n{DONT_CARE}\n"))

    assert dataset.categories.names == ("Boat", "Buoy")
    assert dataset.records[0].annotations.labels.tolist() == [0, 1, 0, 1]


def test_lists_are_splits_and_frames_without_labels_are_in_none(tmp_path: Path) -> None:
    folder = write_frames(tmp_path, f000000=CAR, f000001=CAR, f000002=CAR)
    assert splits(folder) == ("all",)
    (folder / "ImageSets").mkdir()
    (folder / "ImageSets" / "train.txt").write_text("000000\n000002\n")
    (folder / "ImageSets" / "val.txt").write_text("000001\n")
    (folder / "ImageSets" / "test.txt").write_text("000009\n")

    assert splits(folder) == ("train", "val")
    assert [record.path.stem for record in open_dataset(folder, "train").records] == ["000000", "000002"]
    assert splits(folder / "training") == ("train", "val")


def test_reading_restores_the_written_data_set(tmp_path: Path) -> None:
    rows = "\n".join([CAR, PERSON_SITTING, DONT_CARE, "Van" + CAR[3:]])
    dataset = open_dataset(write_frames(tmp_path / "a", f000003=rows, f000004=""))
    kitti.write(dataset, tmp_path / "b", "train")
    again = open_dataset(tmp_path / "b", "train")

    assert again.categories == dataset.categories
    for one, other in zip(dataset.records, again.records, strict=True):
        assert one.camera is not None
        assert other.camera == pytest.approx(one.camera)
        for name in ("boxes", "labels", "is_crowd", "boxes3d", "alpha_rad", "truncation", "occlusion"):
            expected = getattr(other.annotations, name)
            assert expected == pytest.approx(getattr(one.annotations, name), nan_ok=True, abs=1e-4), name


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Car 0 0 0 1 2 3", "000000.txt:1: has 7 columns, not 15"),
        (CAR.replace("1.5 1.6", "0 1.6"), "000000.txt:1: height is 0, not above 0"),
        (CAR.replace("1.5 1.6", "-2 1.6"), "000000.txt:1: height is -2, not above 0"),
        (CAR.replace("14", "nan"), "000000.txt:1: z is nan, not a finite number"),
        (CAR.replace("14", "far"), "000000.txt:1: z is 'far', not a number"),
    ],
)
def test_an_image_with_a_broken_row_is_left_out_and_reported(tmp_path: Path, row: str, words: str) -> None:
    dataset = open_dataset(write_frames(tmp_path, f000000=row, f000001=CAR))

    assert [record.path.stem for record in dataset.records] == ["000001"]
    assert words in str(dataset.defects[0])
    assert "\n" not in str(dataset.defects[0])


def test_an_object_behind_the_camera_keeps_its_box_on_the_image(tmp_path: Path) -> None:
    row = CAR.replace(" 14 ", " -3 ")
    dataset = open_dataset(write_frames(tmp_path, f000000=f"{CAR}\n{row}\n"))

    assert np.isfinite(dataset.records[0].annotations.boxes3d).all(1).tolist() == [True, False]
    assert "000000.txt:2: z is -3, not in front of the camera" in str(dataset.defects[0])


def test_without_a_camera_there_are_2d_boxes_only(tmp_path: Path) -> None:
    folder = write_frames(tmp_path, f000000=CAR)
    (folder / "training/calib/000000.txt").unlink()
    dataset = open_dataset(folder)

    assert dataset.records[0].camera is None
    assert not np.isfinite(dataset.records[0].annotations.boxes3d).any()
    assert "calib/000000.txt: there is no such file" in str(dataset.defects[0])


def test_a_custom_camera_is_a_table_or_json(tmp_path: Path) -> None:
    rows = [[700, 0, 600], [0, 710, 180], [0, 0, 1]]
    (tmp_path / "a.txt").write_text("700 0 600\n0 710 180\n0 0 1\n")
    (tmp_path / "a.json").write_text(str(rows))
    expected = np.column_stack([rows, np.zeros(3)])

    assert (read_camera(tmp_path / "a.txt") == expected).all()
    assert (read_camera(tmp_path / "a.json") == expected).all()
    assert (camera_of(np.column_stack([rows, [45, -0.3, 0.005]]))[:, 3] == [45, -0.3, 0.005]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P0: 1 2 3\n", "has no row P2:"),
        ("P2: 1 2 3\n", ":1: P2: has 3 numbers, not 12"),
        ("P2: 1 2 x 4 5 6 7 8 9 10 11 12\n", ":1: could not convert string to float: 'x'"),
        ("700 0\n0 710\n", "3 rows of 3 or 4 numbers; got 2×2"),
        ("0 0 600\n0 710 180\n0 0 1\n", "focal lengths"),
        ("700 0 600\n0 710 180\n0 0 2\n", "the last row of a camera is 0 0 1"),
        ("700 0 nan\n0 710 180\n0 0 1\n", "not finite"),
    ],
)
def test_an_invalid_camera_is_reported_by_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "c.txt").write_text(text)

    with pytest.raises(InputError, match=r"c\.txt") as caught:
        read_camera(tmp_path / "c.txt")
    assert words in str(caught.value)


def test_a_frame_whose_name_has_blanks_is_not_written(tmp_path: Path) -> None:
    dataset = open_dataset(write_frames(tmp_path / "a", **{"f1 2": CAR}))

    with pytest.raises(InputError, match="names of KITTI's frames have no blanks"):
        kitti.write(dataset, tmp_path / "b", "train")


def test_a_missing_camera_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.txt cannot be read"):
        read_camera(tmp_path / "none.txt")


def test_the_real_frames_are_read(real_data: Path) -> None:
    train, val = (open_dataset(real_data / "kitti_mini", split) for split in ("train", "val"))
    counts = np.bincount(
        np.concatenate([r.annotations.labels[~r.annotations.is_crowd] for r in train.records]), minlength=3
    )

    assert (len(train), len(val)) == (18, 7)
    assert not train.defects
    assert counts.tolist() == [11, 51, 6]
    assert all(record.camera is not None for record in (*train.records, *val.records))


def test_the_doctor_counts_cameras_and_3d_boxes(tmp_path: Path) -> None:
    near, far = CAR.replace(" 14 ", " 4 "), CAR.replace("100 150 200", "300 150 400").replace(" 14 ", " 44 ")
    folder = write_frames(tmp_path, f000000=f"{near}\n{DONT_CARE}\n", f000001=far, f000002="")
    (folder / "training/calib/000002.txt").unlink()
    report = examine(open_dataset(folder), imgsz=128)

    assert report.space is not None
    assert (report.space.num_cameras, report.space.num_objects) == (2, 2)
    assert report.space.focal_px == (700, 700)
    assert report.space.depths_m is not None
    assert (report.space.depths_m.smallest, report.space.depths_m.largest) == (4, 44)
    assert "cameras of 2 of 3 images, focal lengths 700 to 700 px" in str(report)
    assert report.to_json()["space"]["num_objects"] == 2
