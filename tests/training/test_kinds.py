"""Tasks of recipes."""

import pytest

from centernet.errors import UsageError
from centernet.recipe import Recipe
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.tasks.layered import Layered
from centernet.training.kinds import task_of


def test_a_recipe_says_how_boxes_are_told() -> None:
    recipe = Recipe(sides_weight=0.3, spread_share=0.54, quality=0.7, per_cell=2)
    task = task_of(recipe, Categories.of("a", "b"))

    assert isinstance(task, Layered)
    assert task.inner == Detect(num_classes=2, sides_weight=0.3, spread_share=0.54, quality=0.7)


@pytest.mark.parametrize(
    ("task", "key"), [("triplet", "quality"), ("pose", "sides_weight"), ("mono3d", "spread_share")]
)
def test_other_ways_to_tell_boxes_are_of_detect_alone(task: str, key: str) -> None:
    recipe = Recipe(task=task, **{key: 0.5})  # type: ignore[arg-type]

    with pytest.raises(UsageError, match=f"{key} says nothing to {task}: leave it out"):
        task_of(recipe, Categories.of("thing"))
