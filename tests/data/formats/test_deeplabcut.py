from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.formats import deeplabcut
from centernet.data.formats.catalog import open_dataset, splits
from centernet.errors import InputError
from centernet.io.images import read_image
from centernet.structures import Dataset

HEAD = "scorer,me,me,me,me\nbodyparts,left_ear,left_ear,right_ear,right_ear\ncoords,x,y,x,y\n"


def write(file: Path, text: str, *images: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    for name in images:
        (file.parent / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (100, 60), 128).save(file.parent / name)
    return file


def read(tmp_path: Path, rows: str, head: str = HEAD) -> Dataset:
    return deeplabcut.read(write(tmp_path / "CollectedData_me.csv", head + rows, "a.png", "b.png"))


def test_each_row_is_an_image_and_each_two_columns_a_keypoint(tmp_path: Path) -> None:
    dataset = read(tmp_path, "a.png,30,20,50.5,40\nb.png,,,,\n")

    first, second = dataset.records
    assert dataset.categories.names == ("animal",)
    assert dataset.categories.skeletons[0] is not None
    assert dataset.categories.skeletons[0].names == ("left_ear", "right_ear")
    assert dataset.categories.skeletons[0].pairs == ((0, 1),)
    assert first.annotations.keypoints.tolist() == [[[30, 20, 2], [50.5, 40, 2]]]
    assert first.annotations.boxes.tolist() == [[20, 10, 60.5, 50]]
    assert first.annotations.ids.tolist() == [4]
    assert first.size == (60, 100)
    assert len(second.annotations) == 0
    assert not dataset.defects


def test_empty_cells_are_not_labelled(tmp_path: Path) -> None:
    dataset = read(tmp_path, "a.png,,,50,40\nb.png,NaN,nan,50,40\n")

    for record in dataset.records:
        assert record.annotations.keypoints.tolist() == [[[0, 0, 0], [50, 40, 2]]]
    assert not dataset.defects


def test_boxes_end_at_the_border_of_the_image(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "a.png,3,5,98,58\n").records

    assert record.annotations.boxes.tolist() == [[0, 0, 100, 60]]


def test_keypoints_outside_the_image_do_not_widen_the_box(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "a.png,50,30,500,30\n").records

    assert record.annotations.boxes.tolist() == [[40, 20, 60, 40]]


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        ("b.png,30,,50,40", "NaN keypoint", "left_ear: (30, ) are no coordinates"),
        ("b.png,30,x,50,40", "NaN keypoint", "left_ear: (30, x) are no coordinates"),
        ("b.png,30,inf,50,40", "NaN keypoint", "left_ear: (30, inf) are no coordinates"),
        ("b.png,30,20", "broken line", "3 cells, not 5"),
        (",30,20,50,40", "broken line", "it names no image"),
    ],
)
def test_invalid_cells_are_reported_by_line(tmp_path: Path, row: str, kind: str, words: str) -> None:
    dataset = read(tmp_path, f"a.png,30,20,50,40\n{row}\n")

    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == (kind, f"{tmp_path / 'CollectedData_me.csv'}:5")
    assert defect.message == words


def test_a_likelihood_is_reported_and_unlikely_keypoints_are_not_labelled(tmp_path: Path) -> None:
    head = "scorer,net,net,net\nbodyparts,ear,ear,ear\ncoords,x,y,likelihood\n"
    dataset = read(tmp_path, "a.png,30,20,0.9\nb.png,30,20,0.2\n", head)

    assert [defect.kind for defect in dataset.defects] == ["likelihood", "unlikely keypoint"]
    assert dataset.defects[1].where.endswith("CollectedData_me.csv:5")
    assert [len(record.annotations) for record in dataset.records] == [1, 0]
    assert dataset.records[0].annotations.keypoints.tolist() == [[[30, 20, 2]]]


def test_individuals_are_objects_and_those_with_other_keypoints_another_class(tmp_path: Path) -> None:
    head = (
        "scorer,me,me,me,me,me,me\nindividuals,one,one,two,two,single,single\n"
        "bodyparts,ear,ear,ear,ear,food,food\ncoords,x,y,x,y,x,y\n"
    )
    first, second = read(tmp_path, "a.png,30,20,50,40,70,30\nb.png,,,50,40,,\n", head).records
    categories = deeplabcut.read(tmp_path).categories

    assert categories.names == ("animal", "single")
    assert [one.names for one in categories.skeletons if one] == [("ear",), ("food",)]
    assert first.annotations.labels.tolist() == [0, 0, 1]
    assert first.annotations.keypoints[:, 0, 0].tolist() == [30, 50, 70]
    assert second.annotations.labels.tolist() == [0]


def test_the_path_of_an_image_may_fill_three_columns_and_start_at_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "labeled-data"
    head = "scorer,,,me,me\nbodyparts,,,ear,ear\ncoords,,,x,y\n"
    for video in ("v1", "v2"):
        rows = f"labeled-data,{video},img1.png,30,20\n"
        write(folder / video / "CollectedData_me.csv", head + rows, "img1.png")

    dataset = open_dataset(tmp_path)

    assert splits(tmp_path) == ("all",)
    assert [record.path for record in dataset.records] == [folder / v / "img1.png" for v in ("v1", "v2")]
    assert [record.image_id for record in dataset.records] == [1, 2]


def test_files_are_splits_by_their_names(tmp_path: Path) -> None:
    for name in ("CollectedData_train.csv", "CollectedData_val.csv"):
        write(tmp_path / name, HEAD + "a.png,30,20,50,40\n", "a.png")

    assert splits(tmp_path) == ("train", "val")


def test_lightning_poses_new_labels_are_the_test_split(tmp_path: Path) -> None:
    for name in ("CollectedData.csv", "CollectedData_new.csv"):
        write(tmp_path / name, HEAD + "a.png,30,20,50,40\n", "a.png")

    assert splits(tmp_path) == ("all", "test")
    assert open_dataset(tmp_path, "train").name.endswith(" all")


def test_two_scorers_of_the_same_images_are_ambiguous(tmp_path: Path) -> None:
    for name in ("CollectedData_ann.csv", "CollectedData_bob.csv"):
        write(tmp_path / name, HEAD + "a.png,30,20,50,40\n", "a.png")

    with pytest.raises(InputError, match=r"ann\.csv and .*bob\.csv could both be split 'all'"):
        deeplabcut.read(tmp_path)


def test_files_of_one_split_must_label_the_same_keypoints(tmp_path: Path) -> None:
    for video, head in (("v1", HEAD), ("v2", HEAD.replace("left_ear", "nose"))):
        write(
            tmp_path / "labeled-data" / video / "CollectedData_me.csv", head + "a.png,30,20,50,40\n", "a.png"
        )

    with pytest.raises(InputError, match="labels other keypoints than"):
        deeplabcut.read(tmp_path)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("scorer,me\nbodyparts,ear\ncoords,x\n", "bodypart ear has no column x or no column y"),
        ("scorer\nbodyparts\ncoords\n", "labels no bodypart"),
        ("scorer,me\nbodyparts,ear\ncoords,x,y\n", "the header rows are of different length"),
    ],
)
def test_broken_header_rows_are_reported(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, "", head)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "scorer\n", "name,x,y\na.png,1,2\n"])
def test_another_csv_is_not_identified(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "CollectedData_me.csv", text)

    assert not deeplabcut.identify(file)
    assert not deeplabcut.identify(tmp_path)


def test_an_image_that_is_missing_is_left_to_the_checks(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "nowhere.png,30,20,5,5\n").records

    assert record.size is None
    assert record.path == tmp_path / "nowhere.png"
    assert record.annotations.boxes.tolist() == [[-5, -5, 40, 30]]


def test_the_mice_agree_with_the_coco_file_made_of_them(real_data: Path) -> None:
    for split, images, labelled in (("train", 23, 355), ("val", 7, 100)):
        mice = open_dataset(real_data / "mirror_mouse", split, with_keypoints=True)
        file = real_data / "mirror_mouse" / "derived" / f"coco_keypoints_{split}.json"
        others = open_dataset(file)

        assert mice.format == "deeplabcut"
        assert len(mice) == images
        assert not mice.defects
        assert mice.categories.skeletons == others.categories.skeletons
        assert (
            sum(int(one.annotations.keypoints[..., 2].astype(bool).sum()) for one in mice.records) == labelled
        )
        for one, other in zip(mice.records, others.records, strict=True):
            assert np.array_equal(one.annotations.keypoints, other.annotations.keypoints)
            assert one.annotations.boxes == pytest.approx(other.annotations.boxes, abs=1e-3)
        assert read_image(mice.records[0].path).shape == (406, 396, 3)


def test_a_header_row_that_is_missing_is_named(tmp_path: Path) -> None:
    # A line break in quotes is a line of the file, but none of the table.
    text = 'scorer,,Ada,"A\nbodyparts,da"\ncoords,,x,y\n'
    (tmp_path / "CollectedData_Ada.csv").write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match="has no header row 'bodyparts'"):
        deeplabcut.read(tmp_path)
