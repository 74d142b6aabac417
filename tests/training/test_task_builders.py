"""Tasks of recipes."""

from typing import Any

import pytest

from centernet.errors import UsageError
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.training.task_builders import OF_TASKS, TASK_BUILDERS, check_settings, task_of


def test_a_recipe_says_how_boxes_are_told() -> None:
    recipe = Recipe(sides_weight=0.3, spread_share=0.54, quality=0.7, per_cell=2)
    task = task_of(recipe, Categories.of("a", "b"))

    assert isinstance(task, Layered)
    assert task.inner == Detect(num_classes=2, sides_weight=0.3, spread_share=0.54, quality=0.7)


@pytest.mark.parametrize(
    ("task", "key", "value"),
    [
        ("triplet", "quality", 0.5),
        ("pose", "sides_weight", 0.5),
        ("mono3d", "spread_share", 0.5),
        ("mono3d", "giou_weight", 2.0),
        ("triplet", "size_weight", 1.0),
        ("detect", "slots", 50),
        ("detect", "edges", "0:1"),
        ("triplet", "per_cell", 2),
    ],
)
def test_settings_that_say_nothing_to_a_task_are_refused(task: str, key: str, value: Any) -> None:
    recipe = Recipe(task=task, **{key: value})

    with pytest.raises(UsageError, match=f"{key} says nothing to {task}: leave it out"):
        check_settings(recipe, {key})
    # A recipe may hold them for other tasks.
    check_settings(recipe, {"epochs"})


@pytest.mark.parametrize("task", TASK_BUILDERS)
def test_every_setting_of_a_task_changes_what_is_built(task: str) -> None:
    settings = TASK_BUILDERS[task].settings & OF_TASKS - {"edges", "flip_pairs", "sigmas", "level_cells"}
    face = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
    categories = Categories(("face",), (1,), (face,))
    plain = task_of(Recipe(task=task), categories)

    assert len(settings) > 5
    for key in settings:
        value = getattr(Recipe(), key)
        changed = not value if isinstance(value, bool) else 0.5 if value == 0.0 else value + 1
        recipe = Recipe(task=task, **{key: int(changed + 0.5) if type(value) is int else changed})
        assert task_of(recipe, categories) != plain, key
