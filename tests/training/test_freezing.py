"""Parts that a training keeps: not a bit of them changes, and all else learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from centernet.data.synthetic import write_scenes
from centernet.errors import UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.models.backbones.hourglass import Hourglass
from centernet.models.network import Network
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Categories, Dataset
from centernet.training.build import build_predictor
from centernet.training.data import open_training_data
from centernet.training.fit import fit
from centernet.training.freezing import encoder_of, frozen, frozen_modules
from centernet.training.module import TrainingModule
from centernet.training.run_folder import CHECKPOINT
from centernet.training.timetable import Timetable

TINY = replace(
    RECIPES["nano"](),
    epochs=2,
    batch=4,
    imgsz=64,
    channels=16,
    head_channels=16,
    regression_channels=0,
    workers=0,
    device="cpu",
    precision="32",
)
CATEGORIES = Categories(("a", "b"), (1, 2), (None, None))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_scenes(tmp_path_factory.mktemp("scenes") / "s", train=8, val=1, size=64)
    return open_training_data(str(folder), TINY)[0]


def trained(images: Dataset, folder: Path, **settings: Any) -> tuple[dict[str, Tensor], TorchPredictor]:
    """The state before a training of four steps, and the predictor after it."""
    recipe = with_settings(TINY, **settings)
    predictor = build_predictor(recipe, images.categories)
    before = {key: value.clone() for key, value in predictor.network.state_dict().items()}
    (folder / "weights").mkdir()
    fit(predictor, recipe, images, None, folder, None, progress=False, say=lambda _: None)
    return before, predictor


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {key for key, value in before.items() if not torch.equal(value, after[key])}


def average_in(folder: Path) -> dict[str, Tensor]:
    content = torch.load(folder / CHECKPOINT, weights_only=True)
    return {key.removeprefix("network."): value for key, value in content["state_dict"].items()}


def keys_of_batch_norms(network: nn.Module) -> set[str]:
    return {
        f"{name}.{key}"
        for name, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for key in module.state_dict()
    }


def test_a_frozen_encoder_keeps_every_bit_and_the_rest_learns(images: Dataset, tmp_path: Path) -> None:
    before, predictor = trained(images, tmp_path, freeze="encoder")
    encoder = {key for key in before if key.startswith("backbone.encoder.")}

    for after in (predictor.network.state_dict(), average_in(tmp_path)):
        assert not changed(before, after) & encoder
        assert before.keys() - encoder <= changed(before, after)


def test_frozen_batch_norms_keep_every_bit_and_convolutions_learn(images: Dataset, tmp_path: Path) -> None:
    before, predictor = trained(images, tmp_path, freeze="bn")
    kept = keys_of_batch_norms(predictor.network)

    assert kept
    for after in (predictor.network.state_dict(), average_in(tmp_path)):
        assert changed(before, after) == before.keys() - kept


def test_with_nothing_frozen_everything_changes(images: Dataset, tmp_path: Path) -> None:
    before, predictor = trained(images, tmp_path)

    assert changed(before, predictor.network.state_dict()) == before.keys()


def test_a_tiny_rate_of_the_encoder_moves_its_weights_less(images: Dataset, tmp_path: Path) -> None:
    before, predictor = trained(images, tmp_path, lr_encoder=1e-7)
    after = predictor.network.state_dict()
    moved = {
        key: float((after[key] - before[key]).abs().max())
        for key, value in predictor.network.named_parameters()
        if value.ndim > 1
    }

    encoder = [value for key, value in moved.items() if key.startswith("backbone.encoder.")]
    rest = [value for key, value in moved.items() if not key.startswith("backbone.encoder.")]
    assert 0 < max(encoder) < 1e-5
    assert min(rest) > 1e-5


@pytest.mark.parametrize("freeze", ["encoder", "bn"])
def test_frozen_parts_stay_in_evaluation_mode_and_out_of_the_optimiser(freeze: str) -> None:
    recipe = replace(TINY, freeze=freeze)
    predictor = build_predictor(recipe, CATEGORIES)
    module = TrainingModule(predictor, Timetable(recipe=recipe, steps_per_epoch=1)).eval().train()
    parts = frozen_modules(predictor.network, recipe)
    kept = {id(parameter) for part in parts for parameter in part.parameters()}
    with frozen(predictor.network, recipe):
        groups = module.configure_optimizers()["optimizer"].param_groups

    assert parts
    assert not any(inner.training for part in parts for inner in part.modules())
    assert module.training
    optimised = {id(parameter) for group in groups for parameter in group["params"]}
    assert optimised == {id(parameter) for parameter in predictor.network.parameters()} - kept


def test_gradients_return_when_the_training_is_over() -> None:
    recipe = replace(TINY, freeze="encoder")
    network = build_predictor(recipe, CATEGORIES).network
    with frozen(network, recipe):
        assert not all(parameter.requires_grad for parameter in network.parameters())

    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": "encoder"}, "freeze=encoder needs an encoder, and hourglass104 has none apart"),
        ({"lr_encoder": 1e-4}, "lr_encoder needs an encoder, and hourglass104 has none apart"),
    ],
)
def test_a_backbone_without_an_encoder_is_refused(settings: dict[str, Any], message: str) -> None:
    network = Network(Hourglass(1, channels=(8, 8), residuals=(1, 1)), {}, head_channels=8)
    with pytest.raises(UsageError, match=message):
        encoder_of(network, with_settings(Recipe(backbone="hourglass104"), **settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": 10}, "freeze is one of encoder, bn, none; got '10': layers are not counted; freeze=enc"),
        ({"freeze": "encoder", "lr_encoder": 1e-4}, "freeze=encoder keeps what lr_encoder would train"),
        ({"lr_encoder": -1}, "lr_encoder must be 0 or more; got -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_settings(Recipe(), **settings)
