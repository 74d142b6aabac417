"""The time of a training, measured before it begins."""

from pathlib import Path

import pytest
import torch

from centernet.data.synthetic import write_scenes
from centernet.recipes.recipe import Recipe
from centernet.training.build import build_predictor
from centernet.training.data import open_training_data
from centernet.training.pace import expected_minutes


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_the_expected_time_grows_with_the_epochs_and_nothing_is_trained(device: str, tmp_path: Path) -> None:
    recipe = Recipe(backbone="slim", channels=8, head_channels=8, imgsz=64, batch=2, epochs=10, device=device)
    training, _ = open_training_data(str(write_scenes(tmp_path, train=4, val=1, size=64)), recipe)
    predictor = build_predictor(recipe, training.categories)
    before = {name: value.clone() for name, value in predictor.network.state_dict().items()}
    minutes = expected_minutes(predictor, recipe, training)

    # Forty images of a tiny network.
    assert 0 < minutes < 2
    assert all(torch.equal(value, before[name]) for name, value in predictor.network.state_dict().items())
    assert all(parameter.grad is None for parameter in predictor.network.parameters())
