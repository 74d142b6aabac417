import pytest

from centernet.errors import UsageError
from centernet.recipes import RECIPES, Recipe, with_settings


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_complete_and_explains_itself(name: str) -> None:
    recipe = RECIPES[name]

    assert isinstance(recipe(), Recipe)
    assert recipe.__doc__


def test_an_unknown_setting_is_answered_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match="'epoch': did you mean epochs"):
        with_settings(Recipe(), epoch=3)


def test_settings_take_the_type_of_the_recipe() -> None:
    recipe = with_settings(Recipe(), lr=1, lr_steps=[3, 4], devices=[0, 1], epochs=5.0)

    assert (recipe.lr, recipe.lr_steps, recipe.devices, recipe.epochs) == (1.0, (3, 4), "0,1", 5)
    assert isinstance(recipe.lr, float)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": "many"}, "epochs takes a value like 100; got 'many'"),
        ({"imgsz": 300}, "multiple of 32; got 300: try imgsz=288"),
        ({"epochs": 2.5}, "epochs takes a value like"),
        ({"flip": 2}, "flip is a share from 0 to 1; got 2.0"),
        ({"optimizer": "rmsprop"}, "optimizer is one of adamw, adam, sgd; got 'rmsprop'"),
        ({"rect": "maybe"}, "rect takes a value like False"),
        ({"lr": 0}, "lr must be above 0"),
    ],
)
def test_an_impossible_setting_is_named(setting: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_settings(Recipe(), **setting)
