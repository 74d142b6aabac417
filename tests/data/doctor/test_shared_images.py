"""Images that are in two splits are told, whatever their names."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from centernet.cli.app import main
from centernet.data.doctor.shared_images import shared_defect
from centernet.data.formats.catalog import open_dataset
from centernet.recipes.presets import small
from centernet.training.data import open_training_data


def split(folder: Path, name: str, *files: str) -> None:
    content = {
        "images": [{"id": number, "file_name": file} for number, file in enumerate(files, start=1)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"image_id": number, "category_id": 1, "bbox": [10, 10, 30, 30]}
            for number in range(1, len(files) + 1)
        ],
    }
    (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(5):
        Image.new("RGB", (64, 64), (90, 90, 90 + 9 * number)).save(tmp_path / f"{number}.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    split(tmp_path, "train", "0.png", "1.png", "2.png")
    return tmp_path


def test_the_same_files_and_files_of_the_same_bytes_are_shared(data: Path) -> None:
    split(data, "val", "3.png", "0.png", "copy.png")
    defect = shared_defect(open_dataset(data, "train"), open_dataset(data, "val"), "val")

    assert defect is not None
    assert defect.message == "2 images of val are in train, too: 0.png, copy.png"


def test_other_images_are_not_shared(data: Path) -> None:
    split(data, "val", "3.png", "4.png")

    assert shared_defect(open_dataset(data, "train"), open_dataset(data, "val"), "val") is None


def test_doctor_and_training_tell_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split(data, "val", "copy.png", "4.png")

    assert main(["doctor", f"data={data}"]) == 0
    assert "1 image of val is in train, too: copy.png" in capsys.readouterr().out
    open_training_data(str(data), small())
    assert capsys.readouterr().err.count("1 image of val is in train, too: copy.png") == 1


def test_doctor_compares_a_split_that_is_named_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split(data, "val", "copy.png", "4.png")

    assert main(["doctor", f"data={data}", "split=val"]) == 0
    assert "1 image of val is in train, too: copy.png" in capsys.readouterr().out


def test_doctor_examines_a_split_whose_training_split_is_broken(data: Path) -> None:
    split(data, "val", "3.png", "4.png")
    (data / "train.json").write_text("{")

    assert main(["doctor", f"data={data}", "split=val"]) == 0


def test_a_training_finds_its_images_in_the_folder_that_its_settings_name(data: Path) -> None:
    split(data, "val", "3.png", "4.png")
    (data / "set").mkdir()
    for name in ("train.json", "val.json"):
        (data / name).rename(data / "set" / name)

    training, validation = open_training_data(str(data / "set"), replace(small(), images=str(data)))

    assert len(training) == 3
    assert validation is not None
    assert len(validation) == 2
