"""Where a training begins."""

from pathlib import Path

import pytest

from centernet.data.scenes import write_scenes
from centernet.recipe import Recipe
from centernet.training.start import open_training_data, suited


def test_a_skeleton_of_the_recipe_replaces_that_of_the_data(
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


def test_images_are_mirrored_as_soon_as_pairs_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=2, val=1, mode="figures", num_keypoints=2)
    plain, told = Recipe(task="pose"), Recipe(task="pose", flip_pairs="0:1")
    without, _ = open_training_data(str(data), plain)
    with_pairs, _ = open_training_data(str(data), told)

    assert suited(plain, without.categories, ()).flip == 0
    assert "images are not mirrored" in capsys.readouterr().err
    assert suited(told, with_pairs.categories, ()).flip == 0.5
    assert not capsys.readouterr().err
