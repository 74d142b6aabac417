"""Recipes: the presets, and the types and ranges of settings."""

import pytest
from docs.tables import ZOO, with_tables

from centernet.errors import UsageError
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe, with_settings


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_complete_and_explains_itself(name: str) -> None:
    recipe = RECIPES[name]

    assert isinstance(recipe(), Recipe)
    assert recipe.__doc__


@pytest.mark.parametrize(
    ("name", "images", "lr", "epochs", "lr_steps", "head_channels"),
    [
        ("resnet18-dcn", 114, 5e-4, 140, (90, 120), 64),
        ("resnet101-dcn", 96, 3.75e-4, 140, (90, 120), 64),
        ("dla34-dcn", 128, 5e-4, 140, (90, 120), 256),
        ("dla34-dcn-2x", 128, 5e-4, 230, (180, 210), 256),
        ("hourglass104", 24, 2.5e-4, 50, (40,), 256),
        ("dla34-dcn-pose", 128, 5e-4, 140, (90, 120), 256),
        ("dla34-dcn-pose-3x", 128, 5e-4, 320, (270, 300), 256),
        ("hourglass104-pose", 24, 2.5e-4, 50, (40,), 256),
        ("hourglass104-pose-3x", 24, 2.5e-4, 150, (130,), 256),
    ],
)
def test_a_step_of_a_paper_recipe_takes_as_many_images_as_in_the_paper(
    name: str, images: int, lr: float, epochs: int, lr_steps: tuple[int, ...], head_channels: int
) -> None:
    """The numbers are those of the released training scripts."""
    recipe = RECIPES[name]()

    assert int(recipe.devices) * recipe.num_nodes * recipe.batch * recipe.accumulate == images
    assert (recipe.lr, recipe.epochs, recipe.lr_steps) == (lr, epochs, lr_steps)
    assert (recipe.optimizer, recipe.weight_decay, recipe.schedule) == ("adam", 0.0, "step")
    assert (recipe.warmup_epochs, recipe.clip, recipe.ema) == (0.0, 0.0, 0.0)
    assert (recipe.imgsz, recipe.head_channels, recipe.val_every) == (512, head_channels, 5)
    assert (recipe.bgr, recipe.train_crowd) == (True, True)
    assert recipe.mean == (0.40789654, 0.44719302, 0.47026115)
    assert recipe.std == (0.28863828, 0.27408164, 0.27809835)


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
@pytest.mark.parametrize("ending", ["", "-dcn"])
def test_every_residual_network_of_the_original_has_a_recipe(depth: int, ending: str) -> None:
    assert RECIPES[f"resnet{depth}{ending}"]().backbone == f"resnet{depth}{ending}"


def test_the_table_of_recipes_is_up_to_date() -> None:
    page = ZOO.read_text(encoding="utf-8")

    assert page == with_tables(page), "run `python docs/tables.py`"


def test_the_closest_known_setting_is_suggested_for_an_unknown_one() -> None:
    with pytest.raises(UsageError, match="'epoch': did you mean epochs"):
        with_settings(Recipe(), epoch=3)


def test_settings_take_the_type_of_the_recipe() -> None:
    recipe = with_settings(Recipe(), lr=1, lr_steps=[3, 4], devices=[0, 1], epochs=5.0, optimizer="SGD")

    assert (recipe.lr, recipe.lr_steps, recipe.devices, recipe.epochs) == (1.0, (3, 4), "0,1", 5)
    assert isinstance(recipe.lr, float)
    assert recipe.optimizer == "sgd"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": "many"}, "epochs takes a value like 100, passes over the training images; got 'many'"),
        ({"epochs": float("nan")}, "epochs takes a value like 100, .*; got nan"),
        ({"lr": float("inf")}, "lr takes a value like 0.001, .*; got inf"),
        ({"cache": True}, "cache takes a value like 1.0, GB of decoded images"),
        ({"giou_weight": -1}, "giou_weight must be 0 or more; got -1.0"),
        ({"spread": -1}, "spread must be 0 or more; got -1"),
        ({"seed": -1}, "seed must be 0 or more; got -1"),
        ({"workers": -1}, "workers must be 0 or more; got -1"),
        ({"color": -1}, "color must be a fraction from 0 to 1; got -1"),
        ({"channels": 0}, "channels must be at least 1; got 0"),
        ({"mean": [0.5]}, "mean takes a value like .*, mean of each channel, .*; got \\[0.5\\]"),
        ({"std": [0, 0, 0]}, "std must hold numbers above 0; got"),
        ({"momentum": 1}, "momentum must be a decay from 0 to below 1; got 1.0"),
        ({"lr0": 0.01}, "unknown setting 'lr0': here it is lr=0.001"),
        ({"close_mosaic": 10}, "unknown setting 'close_mosaic': here it is plain_epochs=10"),
        ({"flipud": 0.5}, "unknown setting 'flipud': here it is flip_vertical=0.5"),
        ({"imgsz": 300}, "multiple of 32; got 300: try imgsz=288"),
        ({"epochs": 2.5}, "epochs takes a value like"),
        ({"flip": 2}, "flip must be a fraction from 0 to 1; got 2.0"),
        ({"mixup": -1}, "mixup must be a fraction from 0 to 1; got -1.0"),
        ({"copy_paste": 3}, "copy_paste must be a fraction from 0 to 1; got 3.0"),
        ({"quality": 1.5}, "quality must be a fraction from 0 to 1; got 1.5"),
        ({"spread_share": 1.5}, "spread_share must be a fraction from 0 to 1; got 1.5"),
        ({"sides_weight": -1}, "sides_weight must be 0 or more; got -1.0"),
        ({"box_bins": 17}, "box_bins is 2 or more, and needs sides_weight: add sides_weight=0.5"),
        ({"box_bins": 1, "sides_weight": 0.5}, "box_bins is 2 or more"),
        ({"box_scale": -1}, "box_scale must be 0 or more; got -1.0"),
        (
            {"soft_heatmap": True, "quality": 0.5},
            "quality and soft_heatmap are two targets .*: leave one of them out",
        ),
        ({"dfl": 1.5}, "unknown setting 'dfl': box_bins=17 with sides_weight=0.5 predicts"),
        ({"optimizer": "rmsprop"}, "optimizer is one of adamw, adam, sgd; got 'rmsprop'"),
        ({"rect": "maybe"}, "rect takes a value like False"),
        ({"lr": 0}, "lr must be above 0"),
    ],
)
def test_an_impossible_setting_is_named(setting: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_settings(Recipe(), **setting)


def test_the_3d_recipe_has_the_settings_of_the_released_script() -> None:
    recipe = RECIPES["dla34-dcn-3d"]()

    assert (recipe.batch * recipe.accumulate, recipe.lr, recipe.epochs) == (16, 1.25e-4, 70)
    assert (recipe.lr_steps, recipe.slots, recipe.windows) == ((45, 60), 50, 0.5)
    assert (recipe.focal_px, recipe.center3d_weight, recipe.flip, recipe.color) == (0, 0, 0, 0)
