"""Data and predictor that a training starts with."""

from pathlib import Path

import pytest

from centernet.data.synthetic import write_scenes
from centernet.recipes.recipe import Recipe
from centernet.training.build import adapt_to_data
from centernet.training.data import open_training_data, suggest_recipe


def test_a_skeleton_in_the_recipe_replaces_that_of_the_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=2, val=1, mode="figures", num_keypoints=5)
    recipe = Recipe(task="pose", flip_pairs="0:1,2:3", edges="0:4", sigmas="1,2,3,4,5")
    training, validation = open_training_data(str(data), recipe)

    assert validation is not None
    for dataset in (training, validation):
        (skeleton,) = dataset.categories.skeletons
        assert skeleton is not None
        assert skeleton.pairs == ((0, 1), (2, 3))
        assert skeleton.edges == ((0, 4),)
        assert skeleton.sigmas == (1, 2, 3, 4, 5)
    capsys.readouterr()


@pytest.mark.parametrize("name", ["val2017", "valid", "validation"])
def test_validation_images_are_found_under_every_usual_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _renamed(tmp_path, {"train": "train2017", "val": name})
    _, validation = open_training_data(str(data), Recipe())

    assert validation is not None
    assert len(validation) == 1
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", ["test", "testing", "test2017"])
def test_a_warning_says_that_weights_are_selected_on_test_images(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, validation = open_training_data(str(_renamed(tmp_path, {"val": name})), Recipe())

    assert validation is not None
    assert f"has no val: the best weights are selected on {name.rstrip('2017')}" in capsys.readouterr().err


def test_a_warning_says_that_there_are_no_validation_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, validation = open_training_data(str(_renamed(tmp_path, {"val": "extra"})), Recipe())

    assert validation is None
    assert "has no validation images, so AP is not measured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "task", "few", "hint"),
    [
        ("small", "detect", 500, "2 training images are few for model=small; model=few is made for so few"),
        ("nano", "detect", 500, "model=few-nano is made"),
        ("few", "detect", 500, ""),
        ("small", "triplet", 500, ""),
        ("small", "detect", 2, ""),
    ],
)
def test_the_recipe_for_few_images_is_suggested(
    model: str,
    task: str,
    few: int,
    hint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("centernet.training.data.FEW", few)
    recipe = Recipe(task=task)
    training, _ = open_training_data(str(write_scenes(tmp_path, train=2, val=1, size=64)), recipe)
    suggest_recipe(model, recipe, training)

    printed = capsys.readouterr().err
    assert hint in printed
    assert bool(hint) == bool(printed)


def test_images_are_flipped_only_if_left_right_pairs_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=2, val=1, mode="figures", num_keypoints=2)
    default, paired = Recipe(task="pose"), Recipe(task="pose", flip_pairs="0:1")
    without, _ = open_training_data(str(data), default)
    with_pairs, _ = open_training_data(str(data), paired)

    assert adapt_to_data(default, without, ()).flip == 0
    assert "images are not flipped" in capsys.readouterr().err
    assert adapt_to_data(paired, with_pairs, ()).flip == 0.5
    assert not capsys.readouterr().err


def _renamed(folder: Path, names: dict[str, str]) -> Path:
    """Generated scenes whose splits have other names."""
    data = write_scenes(folder / "scenes", train=2, val=1, size=64)
    for path in sorted([*data.rglob("*.json"), data / "train", data / "val"]):
        new = path.name
        for old, name in names.items():
            new = new.replace(old, name)
        path.rename(path.with_name(new))
    return data
