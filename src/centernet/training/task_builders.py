"""The tasks that can be trained, by the names people type. To add one, add an entry here.

A task is built by name: a field that its class and `Recipe` share is a setting of it. What the classes of the
data decide, such as their number, is no setting.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Any

from centernet.errors import UsageError
from centernet.protocols import Task
from centernet.recipes.recipe import SETTINGS, Recipe
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet.task import Triplet


@dataclass(frozen=True)
class TaskBuilder:
    """How a recipe becomes a task.

    Attributes:
        task: The class of the task, a dataclass.
        for_categories: Builds it for some classes and with settings by name; None: `task(num_classes=...)`.
        with_keypoints: The task learns keypoints, so the data must have some.
        is_3d: The task learns 3D boxes: the data must have some, with the camera; images are not rotated,
            because cameras stand upright; and nothing is learned in crowd regions.
        has_layers: The task can have several sets of maps: see `Layered`.
    """

    task: Callable[..., Task]
    for_categories: Callable[..., Task] | None = None
    with_keypoints: bool = False
    is_3d: bool = False
    has_layers: bool = True

    @property
    def settings(self) -> frozenset[str]:
        """The settings that the classes built here read."""
        return frozenset(_shared(self.task) + (_shared(Layered) if self.has_layers else ()))

    def build(self, recipe: Recipe, categories: Categories) -> Task:
        """The task of a recipe for the classes of the data."""
        settings = {name: getattr(recipe, name) for name in _shared(self.task)}
        if self.for_categories:
            task = self.for_categories(categories, **settings)
        else:
            task = self.task(num_classes=len(categories), **settings)
        if not self.has_layers or recipe.levels == recipe.per_cell == 1:
            return task
        return Layered(inner=task, **{name: getattr(recipe, name) for name in _shared(Layered)})


TASK_BUILDERS = {
    "detect": TaskBuilder(Detect),
    "pose": TaskBuilder(Pose, Pose.of, with_keypoints=True),
    "mono3d": TaskBuilder(Mono3D, is_3d=True),
    "triplet": TaskBuilder(Triplet, has_layers=False),
}
"""By the name of the task in a recipe."""


def task_builder_of(recipe: Recipe) -> TaskBuilder:
    """The builder of the task of a recipe.

    Raises:
        UsageError: There is no such task.
    """
    if recipe.task not in TASK_BUILDERS:
        raise UsageError(f"task is one of {', '.join(TASK_BUILDERS)}; got {recipe.task!r}")
    return TASK_BUILDERS[recipe.task]


def settings_of_task(recipe: Recipe) -> frozenset[str]:
    """The settings that the task of a recipe uses: those for all tasks, those for it, and those it reads."""
    read = task_builder_of(recipe).settings
    return frozenset(
        key
        for key, setting in SETTINGS.items()
        if not setting.tasks or recipe.task in setting.tasks or key in read
    )


def check_settings(recipe: Recipe, chosen: Collection[str]) -> None:
    """Raises a `UsageError` if a setting that was given by hand is not used by the task of the recipe."""
    default = Recipe()
    for key in sorted(set(chosen) & SETTINGS.keys() - settings_of_task(recipe)):
        if getattr(recipe, key) != getattr(default, key):
            raise UsageError(f"{key} is not used by {recipe.task}: leave it out")


def task_of(recipe: Recipe, categories: Categories) -> Task:
    """The task of a recipe for the classes of the data.

    Raises:
        UsageError: There is no such task.
    """
    return task_builder_of(recipe).build(recipe, categories)


def _shared(task: Any) -> tuple[str, ...]:
    """The fields that a task and a recipe have in common, by name."""
    return tuple(field.name for field in fields(task) if field.name in SETTINGS)
