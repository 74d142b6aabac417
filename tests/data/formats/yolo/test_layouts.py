"""Where YOLO data sets keep their lists, labels and names."""

from pathlib import Path

import pytest
from PIL import Image

from centernet.data.formats import yolo
from centernet.data.formats.catalog import open_dataset
from centernet.data.splitting.split import split_dataset
from centernet.errors import InputError

LINE = "0 0.5 0.5 0.5 0.5\n"


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def image(path: Path, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), (grey, grey, grey)).save(path)


@pytest.mark.parametrize(
    ("names", "read"),
    [
        ("[on, off]", ("on", "off")),
        ("{0: yes, 1: no}", ("yes", "no")),
        ("[null, 007]", ("null", "007")),
        ("[1e3, 2024-01-01]", ("1e3", "2024-01-01")),
        ("['on', \"~\"]", ("on", "~")),
    ],
)
def test_names_are_the_words_of_the_yaml(tmp_path: Path, names: str, read: tuple[str, ...]) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "labels" / "a.txt", LINE)
    text(tmp_path / "data.yaml", f"train: images\nnames: {names}\n")

    assert yolo.read(tmp_path).categories.names == read


def test_names_stay_the_words_of_the_yaml_when_the_set_is_split(tmp_path: Path) -> None:
    for number in range(6):
        image(tmp_path / "images" / f"{number}.png", 40 * number)
        text(tmp_path / "labels" / f"{number}.txt", LINE)
    text(tmp_path / "data.yaml", "train: images\nnames: [on, no]\n")

    split = split_dataset(tmp_path, val=0.34)

    assert open_dataset(split.data, "val").categories.names == ("on", "no")


@pytest.mark.parametrize("names", ["['']", "[[a], b]", "{0: {x: y}}", "[a, ]\nnc: 2"])
def test_a_class_without_a_name_is_refused(tmp_path: Path, names: str) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "data.yaml", f"train: images\nnames: {names}\n")

    with pytest.raises(InputError, match=r"data.yaml.*name"):
        yolo.read(tmp_path)


@pytest.mark.parametrize(
    "line", ["images\\a.png", ".\\images\\a.png", "/content/set/images/a.png", "data/images/a.png"]
)
def test_lines_of_a_list_may_have_backslashes_and_folders_of_another_machine(
    tmp_path: Path, line: str
) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "labels" / "a.txt", LINE)
    text(tmp_path / "train.txt", f"{line}\n")
    text(tmp_path / "data.yaml", "train: .\\train.txt\nnames: [car]\n")

    (record,) = yolo.read(tmp_path).records

    assert record.path.samefile(tmp_path / "images" / "a.png")
    assert record.annotations.boxes.tolist() == [[16, 12, 48, 36]]


def test_a_file_name_that_is_too_long_is_that_of_a_missing_image(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "labels" / "a.txt", LINE)
    text(tmp_path / "train.txt", f"images/a.png\nimages/{300 * 'a'}.png\n")
    text(tmp_path / "data.yaml", "train: train.txt\nnames: [car]\n")

    dataset = yolo.read(tmp_path)

    assert len(dataset) == 1
    assert [defect.kind for defect in dataset.defects] == ["missing image"]


def test_a_split_of_a_name_that_is_too_long_is_named(tmp_path: Path) -> None:
    text(tmp_path / "data.yaml", f"train: {300 * 'a'}\nnames: [car]\n")

    with pytest.raises(InputError, match=r"data.yaml, train: 'a+' is neither a folder nor a list file"):
        yolo.read(tmp_path)


@pytest.mark.parametrize("layout", ["list", "folder"])
def test_images_may_be_in_a_folder_that_the_user_names(tmp_path: Path, layout: str) -> None:
    image(tmp_path / "photos" / "a.png")
    root = tmp_path / "set"
    if layout == "list":
        text(root / "obj.data", "names = obj.names\ntrain = train.txt\n")
        text(root / "obj.names", "car\n")
        text(root / "train.txt", "data/obj_train_data/a.png\n")
        text(root / "obj_train_data" / "a.txt", LINE)
    else:
        text(root / "data.yaml", "train: images/train\nnames: [car]\n")
        text(root / "labels" / "train" / "a.txt", LINE)

    (record,) = open_dataset(root, "train", images=tmp_path / "photos").records

    assert record.path == tmp_path / "photos" / "a.png"
    assert len(record.annotations) == 1


def test_lists_of_classes_of_two_splits_must_agree(tmp_path: Path) -> None:
    for split, name in (("train", "car"), ("valid", "bus")):
        image(tmp_path / split / "a.png")
        text(tmp_path / split / "a.txt", LINE)
        text(tmp_path / split / "_darknet.labels", name)

    with pytest.raises(InputError, match="lists other classes than"):
        yolo.read(tmp_path, "train")


def test_an_obj_data_without_its_lists_is_named(tmp_path: Path) -> None:
    text(tmp_path / "obj.data", "names = obj.names\ntrain = data/train.txt\n")

    with pytest.raises(InputError, match=r"obj.data names lists of images, but .*train.txt is not there"):
        yolo.read(tmp_path)
