"""Tasks of recipes."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from centernet.errors import UsageError
from centernet.recipes.recipe import SETTINGS, Recipe
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.training.task_builders import (
    TASK_BUILDERS,
    TaskBuilder,
    check_settings,
    settings_of_task,
    task_of,
)

SKELETON = {"edges", "flip_pairs", "sigmas"}
"""Settings of the data set's skeleton, which no field of a task holds."""


def test_a_task_takes_the_settings_of_a_recipe_by_name() -> None:
    recipe = Recipe(sides_weight=0.3, spread_share=0.54, quality=0.7, per_cell=2)
    task = task_of(recipe, Categories.of("a", "b"))

    assert isinstance(task, Layered)
    assert task.inner == Detect(num_classes=2, sides_weight=0.3, spread_share=0.54, quality=0.7)


@pytest.mark.parametrize(
    ("task", "key", "value"),
    [
        ("triplet", "quality", 0.5),
        ("pose", "spread_share", 0.5),
        ("mono3d", "box_scale", 2.0),
        ("triplet", "soft_heatmap", True),
        ("mono3d", "spread_share", 0.5),
        ("mono3d", "giou_weight", 2.0),
        ("triplet", "size_weight", 1.0),
        ("detect", "slots", 50),
        ("detect", "edges", "0:1"),
        ("triplet", "per_cell", 2),
    ],
)
def test_a_chosen_setting_that_the_task_does_not_use_is_an_error(task: str, key: str, value: Any) -> None:
    recipe = Recipe(task=task, **{key: value})

    with pytest.raises(UsageError, match=f"{key} is not used by {task}: leave it out"):
        check_settings(recipe, {key})
    # A preset may hold it for other tasks.
    check_settings(recipe, {"epochs"})


@pytest.mark.parametrize("task", TASK_BUILDERS)
def test_every_setting_of_a_task_changes_the_task_that_is_built(task: str) -> None:
    settings = TASK_BUILDERS[task].settings - {"level_cells"}
    face = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
    categories = Categories(("face",), (1,), (face,))
    # Distributions need a weight of their sides and a scale.
    base = Recipe(task=task, sides_weight=0.5, box_bins=9, box_scale=2.0)
    default = task_of(base, categories)

    assert len(settings) > 5
    for key in settings:
        value = getattr(base, key)
        changed = not value if isinstance(value, bool) else 0.5 if value == 0.0 else value + 1
        recipe = replace(base, **{key: int(changed + 0.5) if type(value) is int else changed})
        assert task_of(recipe, categories) != default, key


@pytest.mark.parametrize("task", TASK_BUILDERS)
def test_a_setting_names_the_tasks_that_read_it(task: str) -> None:
    builder = TASK_BUILDERS[task]
    read_by_some = frozenset[str]().union(*(other.settings for other in TASK_BUILDERS.values()))

    for key in read_by_some:
        named = SETTINGS[key].tasks or tuple(TASK_BUILDERS)
        assert (task in named) == (key in builder.settings), f"tasks of {key} in Recipe"
    of_this_task = {key for key, setting in SETTINGS.items() if task in setting.tasks}
    assert of_this_task - builder.settings == (SKELETON if builder.with_keypoints else set())


@dataclass(frozen=True, kw_only=True)
class Toy(Detect):
    """A task from outside the library that has one setting of triplet too."""

    pull_weight: float = 0.0


def test_a_new_task_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASK_BUILDERS, "toy", TaskBuilder(Toy, has_layers=False))
    recipe = Recipe(task="toy", pull_weight=0.7, size_weight=0.2)

    assert task_of(recipe, Categories.of("a")) == Toy(num_classes=1, size_weight=0.2, pull_weight=0.7)
    check_settings(recipe, {"pull_weight", "size_weight"})
    assert "push_weight" not in settings_of_task(recipe)
    with pytest.raises(UsageError, match="push_weight is not used by toy: leave it out"):
        check_settings(Recipe(task="toy", push_weight=1.0), {"push_weight"})


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UsageError, match="task is one of detect, pose, mono3d, triplet; got 'segment'"):
        task_of(Recipe(task="segment"), Categories.of("a"))
