"""The tasks that can be trained, by the names people type. To add one, add it here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields

from centernet.errors import UsageError
from centernet.protocols import Task
from centernet.recipes.recipe import Recipe
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
        task: What is built; its fields are the settings it reads.
        build: The task of a recipe, for what is to be found.
        with_keypoints: It learns keypoints, so the data must have some.
        has_layers: Its maps can be there several times: see `Layered`.
        is_3d: It learns boxes in 3D: the data must have some, with the camera; images are not turned, for
            cameras stand upright; and in crowd regions nothing is learned.
    """

    task: type[Detect | Pose | Mono3D | Triplet]
    build: Callable[[Recipe, Categories], Task]
    with_keypoints: bool = False
    is_3d: bool = False
    has_layers: bool = True

    @property
    def settings(self) -> frozenset[str]:
        """Those of `OF_TASKS` that say something to it."""
        skeleton = {"edges", "flip_pairs", "sigmas"} if self.with_keypoints else set()
        layers = {"levels", "level_cells", "per_cell"} if self.has_layers else set()
        return frozenset({field.name for field in fields(self.task)} | skeleton | layers)


def _detect(recipe: Recipe, categories: Categories) -> Task:
    return Detect(
        num_classes=len(categories),
        top_k=recipe.top_k,
        corrected_radius=recipe.corrected_radius,
        size_weight=recipe.size_weight,
        offset_weight=recipe.offset_weight,
        giou_weight=recipe.giou_weight,
        spread=recipe.spread,
        spread_share=recipe.spread_share,
        sides_weight=recipe.sides_weight,
        quality=recipe.quality,
    )


def _pose(recipe: Recipe, categories: Categories) -> Task:
    return Pose.of(
        categories,
        top_k=recipe.top_k,
        corrected_radius=recipe.corrected_radius,
        size_weight=recipe.size_weight,
        offset_weight=recipe.offset_weight,
        giou_weight=recipe.giou_weight,
        keypoints_weight=recipe.keypoints_weight,
        keypoint_heatmap_weight=recipe.keypoint_heatmap_weight,
        keypoint_offset_weight=recipe.keypoint_offset_weight,
        spread=recipe.spread,
    )


def _mono3d(recipe: Recipe, categories: Categories) -> Task:
    return Mono3D(
        num_classes=len(categories),
        top_k=recipe.top_k,
        corrected_radius=recipe.corrected_radius,
        slots=recipe.slots,
        size_weight=recipe.size_weight,
        offset_weight=recipe.offset_weight,
        depth_weight=recipe.depth_weight,
        size3d_weight=recipe.size3d_weight,
        heading_weight=recipe.heading_weight,
        center3d_weight=recipe.center3d_weight,
        focal_px=recipe.focal_px,
    )


def _triplet(recipe: Recipe, categories: Categories) -> Task:
    return Triplet(
        num_classes=len(categories),
        top_k=recipe.top_k,
        pool_channels=recipe.pool_channels,
        corrected_radius=recipe.corrected_radius,
        pull_weight=recipe.pull_weight,
        push_weight=recipe.push_weight,
        offset_weight=recipe.offset_weight,
    )


TASK_BUILDERS = {
    "detect": TaskBuilder(Detect, _detect),
    "pose": TaskBuilder(Pose, _pose, with_keypoints=True),
    "mono3d": TaskBuilder(Mono3D, _mono3d, is_3d=True),
    "triplet": TaskBuilder(Triplet, _triplet, has_layers=False),
}
"""By the name of the task in a recipe."""

OF_TASKS = frozenset(field.name for field in fields(Recipe)) & frozenset[str]().union(
    *(kind.settings for kind in TASK_BUILDERS.values())
)
"""Settings that say something to some tasks and nothing to others."""


def task_builder_of(recipe: Recipe) -> TaskBuilder:
    """What a recipe trains.

    Raises:
        UsageError: There is no such task.
    """
    if recipe.task not in TASK_BUILDERS:
        raise UsageError(f"task is one of {', '.join(TASK_BUILDERS)}; got {recipe.task!r}")
    return TASK_BUILDERS[recipe.task]


def check_settings(recipe: Recipe, chosen: Collection[str]) -> None:
    """Raises a `UsageError` where a setting that was given by hand does nothing for the task of a recipe."""
    plain, kind = Recipe(), task_builder_of(recipe)
    for key in sorted((OF_TASKS - kind.settings) & set(chosen)):
        if getattr(recipe, key) != getattr(plain, key):
            raise UsageError(f"{key} says nothing to {recipe.task}: leave it out")


def task_of(recipe: Recipe, categories: Categories) -> Task:
    """The task of a recipe, for what is to be found.

    Raises:
        UsageError: There is no such task.
    """
    kind = task_builder_of(recipe)
    task = kind.build(recipe, categories)
    if not kind.has_layers or recipe.levels == recipe.per_cell == 1:
        return task
    return Layered(inner=task, levels=recipe.levels, per_cell=recipe.per_cell, level_cells=recipe.level_cells)
