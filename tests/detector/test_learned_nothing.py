"""A run that learned nothing says why it seems so, in four lines at most."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.detector.learned_nothing import Facts, facts_of, has_learned_nothing, reasons
from centernet.recipes.recipe import Recipe
from centernet.training.build import build_predictor

LEARNABLE = Facts(
    ap=0.0,
    training_ap=0.0,
    num_images=32,
    num_steps=5000,
    epochs=100,
    minutes=0.0,
    small_share=0.0,
    small_px=8,
    imgsz=512,
    farthest_px=400.0,
    contrast=50.0,
    folder=Path("runs/detect/train"),
)


@pytest.mark.parametrize(("ap", "is_nothing"), [(0.0, True), (math.nan, True), (0.009, True), (0.01, False)])
def test_an_ap_below_a_hundredth_or_without_a_number_is_nothing(ap: float, is_nothing: bool) -> None:
    assert has_learned_nothing(ap) == is_nothing


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, r"see .*train_batch1\.jpg"),
        ({"num_steps": 60, "epochs": 10}, "60 steps are few, 300 show first results: take epochs=50"),
        ({"num_steps": 150, "minutes": 2.0}, "150 steps are few, .* take minutes=4 "),
        (
            {"small_share": 0.6},
            "60% of the boxes are narrower than two cells, 8 px .*: raise imgsz",
        ),
        ({"farthest_px": 0.98}, "they seem to be fractions of its sides, not pixels"),
        ({"contrast": 0.0}, "a single colour each"),
        ({"training_ap": 0.7}, "it knows the images it trained on but no others"),
    ],
)
def test_each_fact_gives_its_reason(change: dict[str, float], reason: str) -> None:
    first, *others = reasons(replace(LEARNABLE, **change))

    assert first.startswith("this run learned nothing: AP 0.000, on 32 of its training images ")
    (only,) = others
    assert re.search(reason, only)


def test_there_are_four_lines_at_most() -> None:
    worst = replace(LEARNABLE, num_steps=1, small_share=1.0, farthest_px=1.0, contrast=0.0)

    assert len(reasons(worst)) == 4


def test_facts_are_those_of_the_training_images(tmp_path: Path) -> None:
    training = open_dataset(write_scenes(tmp_path / "scenes", train=40, val=0, size=64), "train")
    recipe = Recipe(backbone="slim", imgsz=32, channels=16, head_channels=16)
    predictor = build_predictor(recipe, training.categories)
    predictor.network.eval()
    facts = facts_of(predictor, training, ap=0.0, num_steps=7, epochs=2, minutes=0.0, folder=tmp_path)

    assert (facts.num_images, facts.imgsz, facts.small_px) == (32, 32, 8)
    assert 0 <= facts.training_ap < 0.1
    # Boxes of 64 pixels are halved: about those below 16 pixels count.
    assert 0 < facts.small_share < 1
    assert 32 < facts.farthest_px <= 64
    assert facts.contrast > 2
