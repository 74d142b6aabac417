import json
from pathlib import Path

import pytest
from PIL import Image

from centernet.data.formats import catalog as formats
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.common.splits import choose_split, split_in
from centernet.errors import InputError, UsageError


def coco_file(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": i, "file_name": name, "width": 8, "height": 8} for i, name in enumerate(names)]
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "a"}]}
    path.write_text(json.dumps(content), encoding="utf-8")


def test_the_error_for_an_unknown_folder_lists_the_known_formats(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    with pytest.raises(InputError, match=r": no COCO .json, .*YOLO .*, VOC .xml") as caught:
        open_dataset(tmp_path)

    message = str(caught.value)
    assert message.startswith(f"{tmp_path} is not a data set")
    assert "\n" not in message
    assert len(message) - len(str(tmp_path)) < 290


def test_the_file_at_the_end_of_that_error_is_a_data_set(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    text = str(caught.value).partition("train.json: ")[2].replace("x,y,w,h", "1,2,30,20")
    (tmp_path / "train.json").write_text(text, encoding="utf-8")

    dataset = open_dataset(tmp_path)

    assert dataset.records[0].annotations.boxes.tolist() == [[1, 2, 31, 22]]
    assert dataset.records[0].path.is_file()
    assert dataset.defects == ()


def test_a_missing_path_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        open_dataset(tmp_path / "nowhere")


def test_another_file_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")

    with pytest.raises(InputError, match="is not a data set"):
        open_dataset(tmp_path / "a.txt")


def test_the_error_for_a_missing_val_lists_the_splits(tmp_path: Path) -> None:
    coco_file(tmp_path / "annotations" / "instances_train.json", "a.jpg")

    with pytest.raises(InputError, match="has no split 'val', only train: add one"):
        open_dataset(tmp_path, "val")
    assert len(open_dataset(tmp_path)) == 1


def test_one_of_several_splits_must_be_chosen(tmp_path: Path) -> None:
    for split in ("train", "val"):
        coco_file(tmp_path / "annotations" / f"instances_{split}.json", "a.jpg")

    with pytest.raises(InputError, match=r"has several splits \(train, val\): name one"):
        open_dataset(str(tmp_path))


def test_a_set_without_images_is_an_error(tmp_path: Path) -> None:
    coco_file(tmp_path / "train.json")

    with pytest.raises(InputError, match=r"train.json has no images: add some"):
        open_dataset(tmp_path / "train.json")


@pytest.mark.parametrize(
    ("found", "wanted", "chosen"),
    [
        (("train2017", "val2017"), "val", "val2017"),
        (("train", "valid"), "val", "valid"),
        (("train", "test"), "val", "test"),
        (("train", "val", "test"), "val", "val"),
        (("all",), "train", "all"),
        (("trainval", "test"), "train", "trainval"),
        (("train2014", "train2017"), "train2014", "train2014"),
        (("train",), None, "train"),
    ],
)
def test_a_split_is_found_under_its_other_names(
    found: tuple[str, ...], wanted: str | None, chosen: str
) -> None:
    assert choose_split(Path("set"), found, wanted) == chosen


def test_two_years_of_a_split_are_ambiguous() -> None:
    with pytest.raises(InputError, match=r"several splits called 'train' \(train2014, train2017\)"):
        choose_split(Path("set"), ("train2014", "train2017"), "train")


def test_a_set_that_is_not_split_has_no_val() -> None:
    with pytest.raises(InputError, match="set is not split, so it has no 'val'"):
        choose_split(Path("set"), ("all",), "val")


def test_a_name_that_is_no_split_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="has no split 'vall': it has train, val"):
        choose_split(Path("set"), ("train", "val"), "vall")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train2017"),
        ("val", "val"),
        ("my-test-set", "test"),
        ("training", "training"),
        ("strain", None),
        ("latest", None),
        ("trains", None),
    ],
)
def test_a_split_is_a_word_of_its_own(name: str, split: str | None) -> None:
    assert split_in(name) == split


@pytest.mark.parametrize("name", ["eval_fixtures"])
def test_real_data_sets_of_other_formats_are_not_identified(real_data: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a data set: "):
        formats.splits(real_data / name)


def test_images_are_found_in_a_folder_that_the_user_names_and_in_those_below(tmp_path: Path) -> None:
    coco_file(tmp_path / "set" / "train.json", "/mnt/disk7/day 1/a.jpg")
    (tmp_path / "photos" / "day 1").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "day 1" / "a.jpg")

    (record,) = open_dataset(tmp_path / "set", images=tmp_path / "photos").records

    assert record.path == tmp_path / "photos" / "day 1" / "a.jpg"
    with pytest.raises(InputError, match=r"images=.*nowhere is not a folder"):
        open_dataset(tmp_path / "set", images=tmp_path / "nowhere")


def test_a_data_set_may_be_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    coco_file(tmp_path / "train.json", "a.jpg")

    assert formats.splits("~") == ("train",)
    assert len(open_dataset("~/train.json")) == 1
