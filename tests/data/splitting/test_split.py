"""A data set of every format is split where it lies or into a new folder, and nothing is overwritten."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from centernet.cli import main
from centernet.data.formats.catalog import open_dataset, splits
from centernet.data.splitting.split import split_dataset
from centernet.data.synthetic import write_scenes
from centernet.errors import InputError, UsageError
from centernet.structures import Dataset

FORMATS = ("coco", "voc", "yolo", "kitti", "deeplabcut")


def unsplit(folder: Path, form: str, count: int = 10) -> Path:
    """Generated images in a data set of a format that is not split."""
    mode = {"kitti": "roads", "deeplabcut": "figures"}.get(form, "plain")
    written = "coco" if form == "deeplabcut" else form
    size = (64, 128) if mode == "roads" else 64
    data = write_scenes(folder / "data", train=count, val=0, mode=mode, size=size, format=written)
    if form == "coco":
        file = data / "annotations" / "instances_train.json"
        file.rename(file.with_name("instances_default.json"))
        (data / "train").rename(data / "images")
    elif form == "deeplabcut":
        return _as_deeplabcut(data, folder / "labels")
    elif form == "yolo":
        (data / "data.yaml").unlink()
        (data / "classes.txt").write_text("circle\nsquare\ntriangle\n")
        for name in ("images", "labels"):
            (data / name / "train").rename(data / f"{name}-all")
            (data / name).rmdir() if not any((data / name).iterdir()) else None
            (data / f"{name}-all").rename(data / name)
    else:
        for file in data.rglob("ImageSets/**/*.txt"):
            file.unlink()
    return data


def _as_deeplabcut(coco: Path, folder: Path) -> Path:
    dataset = open_dataset(coco, "train")
    folder.mkdir()
    rows = [["scorer", "me", "me"], ["bodyparts", "nose", "nose"], ["coords", "x", "y"]]
    for record in dataset.records:
        record.path.rename(folder / record.path.name)
        rows.append([record.path.name, "20.5", "30"])
    with (folder / "CollectedData_me.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def images_of(dataset: Dataset) -> dict[str, list[list[float]]]:
    """The boxes of each image by its name."""
    return {record.path.name: record.annotations.boxes.tolist() for record in dataset.records}


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("form", FORMATS)
def test_a_data_set_is_split_where_it_lies_and_its_files_stay(form: str, tmp_path: Path) -> None:
    data = unsplit(tmp_path, form)
    whole, before = images_of(open_dataset(data, "all")), contents(data)
    split = split_dataset(data, val=0.2, test=0.1)
    parts = {name: open_dataset(split.data, name) for name in ("train", "val", "test")}

    assert split.num_images == {"train": 7, "val": 2, "test": 1}
    assert {name: len(part) for name, part in parts.items()} == split.num_images
    assert {key: value for part in parts.values() for key, value in images_of(part).items()} == whole
    assert all(record.path.is_file() for part in parts.values() for record in part.records)
    assert contents(data).items() >= before.items()
    assert sorted(split.files) == sorted(contents(data).keys() - before.keys())
    with pytest.raises(InputError, match=r"is split already|exists and is not overwritten"):
        split_dataset(data)


@pytest.mark.parametrize("form", FORMATS)
def test_a_new_folder_holds_the_same_split_as_a_data_set_of_its_own(form: str, tmp_path: Path) -> None:
    data = unsplit(tmp_path, form)
    whole, before = images_of(open_dataset(data, "all")), contents(data)
    split = split_dataset(data, to=tmp_path / "new")
    in_place = split_dataset(data)
    parts = {name: open_dataset(tmp_path / "new", name) for name in ("train", "val")}

    assert split.data == tmp_path / "new"
    assert images_of(parts["val"]).keys() == images_of(open_dataset(in_place.data, "val")).keys()
    joined = {key: value for part in parts.values() for key, value in images_of(part).items()}
    assert joined.keys() == whole.keys()
    for name, boxes in joined.items():
        assert boxes == pytest.approx(whole[name], abs=1e-3) if not boxes else True
        for box, expected in zip(boxes, whole[name], strict=True):
            assert box == pytest.approx(expected, abs=1e-3)
    assert contents(data).items() >= before.items()
    with pytest.raises(InputError, match="new exists and is not overwritten"):
        split_dataset(unsplit(tmp_path / "again", form), to=tmp_path / "new")


def test_a_data_yaml_with_train_alone_gets_a_second_yaml(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "data", train=10, val=0, size=64, format="yolo")
    split = split_dataset(data)

    assert split.data == data / "data_split.yaml"
    assert (len(open_dataset(split.data, "train")), len(open_dataset(split.data, "val"))) == (8, 2)
    assert open_dataset(split.data, "val").categories == open_dataset(data, "train").categories


def test_entries_of_coco_keep_all_their_fields(tmp_path: Path) -> None:
    data = unsplit(tmp_path, "coco")
    file = data / "annotations" / "instances_default.json"
    content = json.loads(file.read_text())
    content["info"] = {"year": 2020}
    for annotation in content["annotations"]:
        annotation["segmentation"] = [[1, 2, 3, 4, 5, 6]]
    file.write_text(json.dumps(content))
    split_dataset(data)
    written = json.loads((data / "annotations" / "instances_val.json").read_text())

    assert written["info"] == {"year": 2020}
    assert {tuple(one["segmentation"][0]) for one in written["annotations"]} == {(1, 2, 3, 4, 5, 6)}
    assert {one["image_id"] for one in written["annotations"]} <= {image["id"] for image in written["images"]}


def test_a_name_that_is_needed_for_the_rest_asks_for_a_new_folder(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "data", train=5, val=0, size=64)
    with pytest.raises(InputError, match="has a train already, and that name is needed: to=FOLDER"):
        split_dataset(data)
    split_dataset(data, to=tmp_path / "new")

    assert splits(tmp_path / "new") == ("train", "val")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"val": 0.0}, "fractions with a sum below 1"),
        ({"val": 0.6, "test": 0.4}, "fractions with a sum below 1"),
        ({"by": "name"}, "by is image or folder; got 'name'"),
    ],
)
def test_impossible_arguments_are_named(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        split_dataset(tmp_path, **settings)


def test_three_images_and_one_folder_are_not_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 3 usable images, too few to split"):
        split_dataset(unsplit(tmp_path / "three", "coco", 3))
    with pytest.raises(InputError, match=r"all images are in .*: leave by=folder out"):
        split_dataset(unsplit(tmp_path / "one", "coco"), by="folder")


def test_the_command_names_files_and_what_to_type_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = unsplit(tmp_path, "voc")
    code = main(["split", f"data={data}"])
    printed = capsys.readouterr().out.splitlines()

    assert code == 0
    assert printed[0] == "images: train 8, val 2"
    assert printed[-2:] == [
        f"wrote {data / 'ImageSets' / 'Main' / 'val.txt'}",
        f"to train on it: centernet train data={data}",
    ]


def test_the_word_of_other_programs_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["autosplit"]) == 2
    assert "the command is split" in capsys.readouterr().err


def test_a_set_with_a_file_for_each_image_is_split_into_a_new_folder_alone(tmp_path: Path) -> None:
    for number in range(6):
        Image.new("RGB", (64, 48), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
        shapes = [{"label": "car", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}]
        content = {"shapes": shapes, "imagePath": f"{number}.png"}
        (tmp_path / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(InputError, match=r"has a file for each image, .*to=FOLDER"):
        split_dataset(tmp_path)

    split = split_dataset(tmp_path, to=tmp_path / "new", val=0.34)
    assert sum(split.num_images.values()) == 6
    assert open_dataset(tmp_path / "new", "val").format == "coco"
