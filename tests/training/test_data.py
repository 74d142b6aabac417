"""Errors about the data of a training say what to do there."""

import json
from pathlib import Path

import pytest
from PIL import Image

from centernet.errors import InputError
from centernet.recipes.recipe import Recipe
from centernet.training.data import open_training_data


def write_coco(folder: Path, name: str, *, with_image: bool = True) -> None:
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    if with_image:
        Image.new("RGB", (32, 32)).save(folder / "images" / "a.png")
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 9, 9], "iscrowd": 0, "area": 81}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 32, "height": 32}],
        "categories": [{"id": 1, "name": "rod", "keypoints": ["a", "b"]}],
        "annotations": [{**box, "keypoints": [5, 5, 2, 9, 9, 2], "num_keypoints": 2}],
    }
    (folder / "annotations" / name).write_text(json.dumps(content))


def test_a_split_that_is_not_clear_is_not_asked_for_by_a_key_that_training_lacks(tmp_path: Path) -> None:
    write_coco(tmp_path / "two", "instances_train2014.json")
    write_coco(tmp_path / "two", "instances_train2017.json")
    write_coco(tmp_path / "none", "instances_val.json")

    for name, problem in (("two", r"train2014, train2017"), ("none", "no split 'train', only val")):
        with pytest.raises(InputError, match=problem) as error:
            open_training_data(str(tmp_path / name), Recipe())
        assert "split=" not in str(error.value)
        assert "training takes the splits called train and val" in str(error.value)


def test_the_doctor_is_asked_about_the_files_that_training_reads(tmp_path: Path) -> None:
    write_coco(tmp_path, "person_keypoints_train.json", with_image=False)

    with pytest.raises(InputError, match=r"`centernet doctor data=\S+ keypoints=true` lists the reasons"):
        open_training_data(str(tmp_path), Recipe(task="pose"))


def write_pets(folder: Path, split: str, *names: str) -> None:
    """One image with a box of each class, `4 * (1 + number in the alphabet)` pixels from the left."""
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (len(split), 0, 0)).save(folder / f"{split}.png")
    content = {
        "images": [{"id": 1, "file_name": f"{split}.png", "width": 64, "height": 64}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": number, "bbox": [4 * (ord(name[0]) - 96), 4, 9, 9]}
            for number, name in enumerate(names, start=1)
        ],
    }
    (folder / f"{split}.json").write_text(json.dumps(content))


@pytest.mark.parametrize("names", [("bat", "cat", "ant"), ("cat",)])
def test_classes_of_validation_are_those_of_training_by_name(names: tuple[str, ...], tmp_path: Path) -> None:
    write_pets(tmp_path, "train", "ant", "bat", "cat")
    write_pets(tmp_path, "val", *names)

    training, validation = open_training_data(str(tmp_path), Recipe())

    assert validation is not None
    assert validation.categories == training.categories
    annotations = validation.records[0].annotations
    found = [training.categories.names[label] for label in annotations.labels]
    assert [4 * (ord(name[0]) - 96) for name in found] == annotations.boxes[:, 0].tolist()


def test_a_class_of_validation_that_training_lacks_is_named(tmp_path: Path) -> None:
    write_pets(tmp_path, "train", "ant", "bat")
    write_pets(tmp_path, "val", "bat", "cow")

    with pytest.raises(
        InputError, match=r"val.json has cow, but the classes of training are ant, bat: give both the same"
    ):
        open_training_data(str(tmp_path), Recipe())
