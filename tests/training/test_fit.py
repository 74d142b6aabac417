"""Devices of a recipe, as Lightning names them."""

import pytest

from centernet.recipes.recipe import Recipe, with_settings
from centernet.training.fit import lightning_accelerator, lightning_devices


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [
        ("auto", "auto", "auto"),
        ("cpu", "cpu", "auto"),
        ("cuda", "gpu", "auto"),
        ("cuda:1", "gpu", [1]),
        (0, "gpu", [0]),
        ([0, 1], "gpu", [0, 1]),
        ("0, 1", "gpu", [0, 1]),
    ],
)
def test_lightning_is_given_the_devices_of_the_recipe(
    device: object, accelerator: str, devices: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a machine where every device can be used.
    monkeypatch.setattr("torch.empty", lambda *_, **__: None)
    recipe = with_settings(Recipe(), device=device)

    assert lightning_accelerator(recipe) == accelerator
    assert lightning_devices(recipe) == devices
