"""The tasks that can be trained, by the names people type. To add one, add it here."""

from collections.abc import Callable
from dataclasses import dataclass

from centernet.errors import UsageError
from centernet.protocols import Task
from centernet.recipe import Recipe
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.tasks.layered import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet import Triplet

BOXES = ("sides_weight", "spread_share", "quality")
"""Settings of how boxes are told and learned that not every task has."""


@dataclass(frozen=True)
class Kind:
    """How a recipe becomes a task.

    Attributes:
        build: The task of a recipe, for what is to be found.
        with_keypoints: It learns keypoints, so the data must have some.
        has_layers: Its maps can be there several times: see `Layered`.
        tells_boxes_otherwise: It knows the settings of `BOXES`.
        in_space: It learns boxes in 3D: the data must have some, with the camera; images are not turned, for
            cameras stand upright; and in crowd regions nothing is learned.
    """

    build: Callable[[Recipe, Categories], Task]
    with_keypoints: bool = False
    in_space: bool = False
    has_layers: bool = True
    tells_boxes_otherwise: bool = False


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


KINDS = {
    "detect": Kind(_detect, tells_boxes_otherwise=True),
    "pose": Kind(_pose, with_keypoints=True),
    "mono3d": Kind(_mono3d, in_space=True),
    "triplet": Kind(_triplet, has_layers=False),
}
"""By the name of the task in a recipe."""


def kind_of(recipe: Recipe) -> Kind:
    """What a recipe trains.

    Raises:
        UsageError: There is no such task.
    """
    if recipe.task not in KINDS:
        raise UsageError(f"task is one of {', '.join(KINDS)}; got {recipe.task!r}")
    return KINDS[recipe.task]


def task_of(recipe: Recipe, categories: Categories) -> Task:
    """The task of a recipe, for what is to be found.

    Raises:
        UsageError: There is no such task, or a setting says nothing to it.
    """
    kind = kind_of(recipe)
    for key in BOXES:
        if getattr(recipe, key) and not kind.tells_boxes_otherwise:
            raise UsageError(f"{key} says nothing to {recipe.task}: leave it out")
    task = kind.build(recipe, categories)
    if recipe.levels == recipe.per_cell == 1:
        return task
    if not kind.has_layers:
        raise UsageError(f"levels and per_cell say nothing to {recipe.task}: leave them out")
    return Layered(inner=task, levels=recipe.levels, per_cell=recipe.per_cell, level_cells=recipe.level_cells)
