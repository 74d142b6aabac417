"""Labels for two dimensions alone, and folders of other programs than KITTI's."""

from pathlib import Path

import pytest
from PIL import Image

from centernet.data.formats import kitti
from centernet.data.formats.catalog import format_of, open_dataset
from centernet.data.formats.kitti.text_files import read_labels

ZEROS = "car 0.00 0 0.00 10.00 10.00 40.00 40.00" + 7 * " 0.00"


def add(images: Path, labels: Path, name: str, row: str = ZEROS) -> None:
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96, 64)).save(images / f"{name}.png")
    (labels / f"{name}.txt").write_text(row + "\n", encoding="utf-8")


def test_zeros_for_what_is_3d_are_an_object_without_a_3d_box(tmp_path: Path) -> None:
    add(tmp_path / "image_2", tmp_path / "label_2", "a")

    dataset = kitti.read(tmp_path)

    assert dataset.defects == ()
    assert dataset.records[0].annotations.boxes.tolist() == [[10, 10, 40, 40]]
    objects = read_labels(tmp_path / "label_2", ("a",))
    assert not objects.have_boxes3d.any()
    assert not objects.have_alpha.any()


def test_a_16th_column_is_a_score_and_that_is_a_note(tmp_path: Path) -> None:
    add(tmp_path / "image_2", tmp_path / "label_2", "a", ZEROS + " 0.75")

    dataset = kitti.read(tmp_path)

    assert len(dataset.records[0].annotations) == 1
    assert "16th column" in dataset.notes[0].message


@pytest.mark.parametrize(
    ("images", "labels", "split"),
    [
        ("images", "labels", "all"),
        ("default/image_2", "default/label_2", "all"),
        ("training/image_2", "training/label_2", "all"),
        ("train/image_2", "train/label_2", "train"),
        ("train/images", "train/labels", "train"),
        ("images/val", "labels/val", "val"),
    ],
)
def test_folders_of_other_programs_are_found(tmp_path: Path, images: str, labels: str, split: str) -> None:
    add(tmp_path / images, tmp_path / labels, "a")

    assert format_of(tmp_path) is kitti
    assert kitti.splits(tmp_path) == (split,)
    assert kitti.read(tmp_path).records[0].path == tmp_path / images / "a.png"


def test_splits_in_folders_agree_on_their_classes(tmp_path: Path) -> None:
    add(tmp_path / "train" / "images", tmp_path / "train" / "labels", "a")
    add(tmp_path / "val" / "images", tmp_path / "val" / "labels", "b", ZEROS.replace("car", "bus"))

    assert kitti.read(tmp_path, "train").categories.names == ("bus", "car")


def test_a_broken_row_is_named_once_with_its_line(tmp_path: Path) -> None:
    add(tmp_path / "image_2", tmp_path / "label_2", "a", ZEROS + "\n" + "car 0 0")
    add(tmp_path / "image_2", tmp_path / "label_2", "b")

    (defect,) = kitti.read(tmp_path).defects

    assert defect.where == f"{tmp_path / 'label_2' / 'a.txt'}:2"
    assert str(defect).count(str(tmp_path)) == 1


def test_images_may_be_in_a_folder_that_the_user_names(tmp_path: Path) -> None:
    add(tmp_path / "photos", tmp_path / "set" / "label_2", "a")
    (tmp_path / "set" / "image_2").mkdir()

    dataset = open_dataset(tmp_path / "set", images=tmp_path / "photos")

    assert dataset.records[0].path == tmp_path / "photos" / "a.png"
