from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.formats import yolo
from centernet.data.formats.catalog import open_dataset
from centernet.errors import InputError
from centernet.structures import Dataset

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


def add(path: Path, labels: str | None = None, size: tuple[int, int] = (100, 50)) -> None:
    """An image and its text file, `images` in its path becoming `labels`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    if labels is not None:
        text = Path(str(path).replace("/images/", "/labels/")).with_suffix(".txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(labels, encoding="utf-8")


def read(tmp_path: Path, labels: str | None, yaml_text: str = YAML) -> Dataset:
    add(tmp_path / "images" / "train" / "a.png", labels)
    add(tmp_path / "images" / "val" / "b.png", "")
    (tmp_path / "data.yaml").write_text(yaml_text, encoding="utf-8")
    return yolo.read(tmp_path, "train")


def test_fractions_become_pixels_and_ids_are_lines(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.2 0.2 0.4\n").records

    assert record.annotations.boxes == pytest.approx(np.array([[40, 15, 60, 35], [0, 0, 20, 20]]), abs=1e-4)
    assert record.annotations.labels.tolist() == [1, 0]
    assert record.annotations.ids.tolist() == [1, 3]
    assert record.size == (50, 100)


def test_a_polygon_becomes_its_bounding_box(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "0 0.1 0.2 0.5 0.2 0.3 0.8\n").records

    assert record.annotations.boxes == pytest.approx(np.array([[10, 10, 50, 40]]), abs=1e-4)


def test_keypoint_columns_are_not_taken_for_a_polygon(tmp_path: Path) -> None:
    labels = "0 0.5 0.5 0.2 0.4 0.9 0.9 0.1 0.1\n"
    (record,) = read(tmp_path, labels, YAML + "kpt_shape: [2, 2]\n").records

    assert record.annotations.boxes == pytest.approx(np.array([[40, 15, 60, 35]]), abs=1e-4)


@pytest.mark.parametrize("labels", [None, "", "\n"])
def test_images_without_objects_stay(tmp_path: Path, labels: str | None) -> None:
    dataset = read(tmp_path, labels)

    assert len(dataset.records[0].annotations) == 0
    assert not dataset.defects


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("2 0.5 0.5 0.2 0.4", "unknown class", "class 2 is none of 0 to 1"),
        ("-1 0.5 0.5 0.2 0.4", "unknown class", "class -1"),
        ("0.5 0.5 0.5 0.2 0.4", "unknown class", "class 0.5"),
        ("0 0.5 nan 0.2 0.4", "broken box", "is not finite"),
        ("0 0.5 0.5 0.2", "broken box", "4 columns, not 5"),
        ("0 0.5 0.5 0.2 0.4 0.9", "broken box", "6 columns, not 5"),
        ("0", "broken box", "1 columns, not 5"),
        ("cat 0.5 0.5 0.2 0.4", "broken box", "does not hold numbers only"),
    ],
)
def test_a_broken_line_is_left_out_and_reported(tmp_path: Path, line: str, kind: str, words: str) -> None:
    dataset = read(tmp_path, f"0 0.5 0.5 0.2 0.4\n{line}\n")

    assert len(dataset.records[0].annotations) == 1
    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == (kind, f"{tmp_path / 'labels' / 'train' / 'a.txt'}:2")
    assert words in defect.message


def test_a_label_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    read(tmp_path, "")
    (tmp_path / "labels" / "train" / "a.txt").write_bytes(b"\xff\xfe\xfa")

    (defect,) = yolo.read(tmp_path, "train").defects

    assert defect.kind == "broken annotation file"


def test_an_unreadable_image_is_left_out_because_fractions_need_its_size(tmp_path: Path) -> None:
    read(tmp_path, "0 0.5 0.5 0.2 0.4\n")
    (tmp_path / "images" / "train" / "c.png").write_bytes(b"no image")

    dataset = yolo.read(tmp_path, "train")

    assert len(dataset) == 1
    assert [(defect.kind, defect.action) for defect in dataset.defects] == [("corrupt image", "left out")]


@pytest.mark.parametrize(
    "yaml_text",
    [
        "path: .\ntrain: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n",
        "path: /nowhere\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n",
        "train: [images/train]\nval: images/val\nnames: [cat, dog]\n",
        "train: train.txt\nval: images/val\nnames: [cat, dog]\n",
        "train: ../images/train\nval: ../images/val\nnames: [cat, dog]\n",
        "train: images/train\nval: images/val\nnc: 2\n",
    ],
)
def test_a_data_yaml_may_be_written_in_many_ways(tmp_path: Path, yaml_text: str) -> None:
    (tmp_path / "train.txt").write_text("./images/train/a.png\n", encoding="utf-8")

    dataset = read(tmp_path, "1 0.5 0.5 0.2 0.4\n", yaml_text)

    assert yolo.splits(tmp_path) == yolo.splits(tmp_path / "data.yaml") == ("train", "val")
    assert len(dataset.categories) == 2
    assert dataset.records[0].annotations.labels.tolist() == [1]


def test_sparse_class_numbers_are_kept(tmp_path: Path) -> None:
    dataset = read(tmp_path, "9 0.5 0.5 0.2 0.4\n", "train: images/train\nnames: {9: dog, 4: cat}\n")

    assert dataset.categories.ids == (4, 9)
    assert dataset.records[0].annotations.labels.tolist() == [1]


def test_an_image_listed_but_missing_is_reported(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("images/train/a.png\nimages/train/z.png\n", encoding="utf-8")

    dataset = read(tmp_path, None, "train: train.txt\nnames: [cat]\n")

    assert [defect.kind for defect in dataset.defects] == ["missing image"]


@pytest.mark.parametrize(
    ("yaml_text", "words"),
    [
        ("train: [\n", "data.yaml is not yaml: "),
        ("hello\n", "is not a YOLO data.yaml"),
        ("names: [a]\n", "names no images"),
        ("train: nowhere\nnames: [a]\n", "data.yaml, train: 'nowhere' is neither a folder nor a list"),
        ("train: images/train\n", "data.yaml, names: give a list"),
        ("train: images/train\nnames: []\n", "data.yaml, names: give a list"),
        ("train: images/train\nnames: {a: b}\n", "the keys must be class numbers"),
        ("train: images/train\nnames: [a]\nnc: 2\n", "nc is 2 but names has 1"),
    ],
)
def test_a_broken_data_yaml_is_reported_in_one_line(tmp_path: Path, yaml_text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, None, yaml_text)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["images/train", "train/images"])
def test_folders_with_a_class_list_need_no_yaml(tmp_path: Path, folder: str) -> None:
    add(tmp_path / folder / "a.JPG", "1 0.5 0.5 0.2 0.4\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n", encoding="utf-8")

    dataset = open_dataset(tmp_path, "train")

    assert dataset.format == "yolo"
    assert dataset.categories.names == ("cat", "dog")
    assert len(dataset.records[0].annotations) == 1


def test_unsplit_folders_with_a_class_list_are_one_split(tmp_path: Path) -> None:
    add(tmp_path / "images" / "a.png", "0 0.5 0.5 0.2 0.4\n")
    (tmp_path / "labels" / "classes.txt").write_text("cat\n", encoding="utf-8")

    assert yolo.splits(tmp_path) == ("all",)


def test_without_names_it_is_no_yolo_set(tmp_path: Path) -> None:
    add(tmp_path / "images" / "train" / "a.png", "0 0.5 0.5 0.2 0.4\n")

    assert not yolo.identify(tmp_path)
