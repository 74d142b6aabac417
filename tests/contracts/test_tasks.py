"""The contract of tasks, over all tasks."""

import pickle
from dataclasses import asdict, replace

import pytest
import torch

from centernet.errors import UsageError
from centernet.inference.backends import undeclared
from centernet.models.factory import Architecture
from centernet.ops.heatmaps import merge_heatmaps
from centernet.protocols import Maps, Task
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.structures.outputs import groups_of, values_by_role
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet.task import Triplet

TASKS: dict[str, Task] = {
    "detect": Detect(num_classes=3, top_k=7),
    "detect, one class": Detect(num_classes=1, top_k=7),
    "detect, all options": Detect(
        num_classes=3, top_k=7, class_agnostic=True, corrected_radius=True, giou_weight=1.0, spread=1
    ),
    "detect, all other options": Detect(
        num_classes=3, top_k=7, giou_weight=1.0, spread=1, spread_share=0.54, sides_weight=0.5, quality=1.0
    ),
    "detect, all other options, on levels": Layered(
        inner=Detect(
            num_classes=3, top_k=7, giou_weight=1.0, spread_share=0.54, sides_weight=0.5, quality=0.5
        ),
        levels=2,
        per_cell=2,
    ),
    "detect, distributions": Detect(
        num_classes=3,
        top_k=7,
        giou_weight=1.0,
        spread=1,
        sides_weight=0.5,
        box_bins=9,
        box_scale=2.0,
        soft_heatmap=True,
        class_weight=0.5,
        temperature=1.5,
    ),
    "detect, distributions, on levels with two places a cell": Layered(
        inner=Detect(
            num_classes=3,
            top_k=7,
            giou_weight=1.0,
            spread_share=0.54,
            sides_weight=0.5,
            box_bins=9,
            box_scale=2.0,
            quality=0.5,
            class_weight=0.5,
        ),
        levels=2,
        per_cell=2,
    ),
    "pose": Pose(num_keypoints=(2,), mirrored=(1, 0), top_k=7),
    "pose, classes with other keypoints and without": Pose(
        num_keypoints=(0, 3, 1), mirrored=(0, 2, 1, 3), top_k=7, giou_weight=1.0, spread=1
    ),
    "pose, distributions": Pose(
        num_keypoints=(2,),
        mirrored=(1, 0),
        top_k=7,
        giou_weight=1.0,
        spread=1,
        sides_weight=0.5,
        box_bins=9,
        box_scale=2.0,
        soft_heatmap=True,
        snap_sigma=0.2,
        keypoint_radius=3,
        place_weight=0.5,
    ),
    "pose, four sides, on levels": Layered(
        inner=Pose(num_keypoints=(2,), mirrored=(1, 0), top_k=7, sides_weight=0.5), levels=2
    ),
    "triplet": Triplet(num_classes=3, top_k=7),
    "triplet, one class, more asked for than there can be": Triplet(
        num_classes=1, top_k=7, num_keypoints=2, corrected_radius=True
    ),
    "mono3d": Mono3D(num_classes=3, top_k=7),
    "mono3d, as the original averages": Mono3D(num_classes=2, top_k=7, slots=50, class_agnostic=True),
    "detect, on levels": Layered(inner=Detect(num_classes=3, top_k=7, giou_weight=1.0, spread=1), levels=3),
    "pose, on levels with two places a cell": Layered(
        inner=Pose(num_keypoints=(2,), mirrored=(1, 0), top_k=7), levels=2, per_cell=2
    ),
    "mono3d, three places a cell": Layered(inner=Mono3D(num_classes=3, top_k=7), per_cell=3),
}
GRID = Grid(batch=2, height=12, width=16)
OBJECTS = BatchAnnotations(
    boxes=torch.tensor([[3.0, 4, 30, 40], [10, 10, 20, 20], [-5, 5, 500, 20]]),
    labels=torch.tensor([0, 0, 0]),
    image_index=torch.tensor([0, 1, 1]),
)


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    """Each task in turn."""
    return TASKS[request.param]


def random_maps(task: Task, seed: int = 0) -> Maps:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(
            GRID.batch,
            spec.channels,
            -(-GRID.height // 2**spec.level),
            -(-GRID.width // 2**spec.level),
            generator=generator,
        )
        for name, spec in task.heads.items()
    }


@pytest.mark.parametrize("objects", [OBJECTS, BatchAnnotations.none()], ids=["objects", "none"])
def test_every_term_of_the_loss_is_finite_and_reaches_the_maps(task: Task, objects: BatchAnnotations) -> None:
    maps = {name: value.requires_grad_() for name, value in random_maps(task).items()}
    terms = task.loss(maps, task.encode(objects, GRID))
    torch.stack(list(terms.values())).sum().backward()

    assert all(term.shape == () and torch.isfinite(term) for term in terms.values())
    for name, value in maps.items():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name


@pytest.mark.parametrize("objects", [OBJECTS, BatchAnnotations.none()], ids=["objects", "none"])
@pytest.mark.parametrize("separable", [False, True])
def test_training_learns_the_same_where_maps_are_computed_at_cells_alone(
    task: Task, objects: BatchAnnotations, separable: bool
) -> None:
    torch.manual_seed(0)
    architecture = Architecture(backbone="slim", channels=8, head_channels=8, separable=separable)
    network = architecture.build(task.heads).train()
    grid = Grid(batch=2, height=16, width=24)
    images = torch.randn(2, 3, 4 * grid.height, 4 * grid.width)
    targets = task.encode(objects, grid)
    found = []
    for at_cells in (False, True):
        loss = torch.stack(list(task.loss(network(images, at_cells=at_cells)[0], targets).values())).sum()
        loss.backward()
        found.append((loss.detach(), [weights.grad for weights in network.parameters()]))
        network.zero_grad()

    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("objects", [OBJECTS, BatchAnnotations.none()], ids=["objects", "none"])
def test_sparse_targets_render_as_the_dense_ones_and_cost_the_same(
    task: Task, objects: BatchAnnotations
) -> None:
    dense, sparse = (task.encode(objects, grid) for grid in (GRID, replace(GRID, sparse=True)))
    found = []
    for targets in (dense, sparse):
        maps = {name: value.requires_grad_() for name, value in random_maps(task).items()}
        terms = task.loss(maps, targets)
        torch.stack(list(terms.values())).sum().backward()
        found.append((terms, {name: value.grad for name, value in maps.items()}))

    assert any(value.is_sparse for value in sparse.values())
    rendered = {name: value.to_dense() for name, value in sparse.items()}
    torch.testing.assert_close(rendered, dense, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-6)


def test_loss_does_not_depend_on_the_order_of_objects(task: Task) -> None:
    maps, order = random_maps(task), torch.tensor([2, 0, 1])
    shuffled = BatchAnnotations(
        boxes=OBJECTS.boxes[order], labels=OBJECTS.labels[order], image_index=OBJECTS.image_index[order]
    )
    plain, other = (task.loss(maps, task.encode(objects, GRID)) for objects in (OBJECTS, shuffled))

    assert {name: term.item() for name, term in other.items()} == pytest.approx(
        {name: term.item() for name, term in plain.items()}
    )


def test_outputs_are_of_one_length_and_best_first(task: Task) -> None:
    found = task.decode(random_maps(task), GRID.stride)

    assert found["boxes"].shape == (2, 7, 4)
    assert found["scores"].shape == found["labels"].shape == (2, 7)
    assert (found["scores"].diff(dim=1) <= 0).all()


def test_outputs_are_those_declared_and_each_group_can_be_compared(task: Task) -> None:
    found = task.decode(random_maps(task), GRID.stride)

    assert list(found) == list(task.outputs)  # the order in files
    for group in groups_of(task.outputs):
        roles = values_by_role(found, task.outputs, group)
        assert roles["location"].shape == (*roles["score"].shape, roles["location"].shape[2])
        assert roles["score"].shape == roles["label"].shape
    assert not (values_by_role(found, task.outputs)["score"].diff(dim=1) > 0).any()


def test_files_exported_before_outputs_were_declared_have_the_same_outputs(task: Task) -> None:
    assert undeclared.outputs_of(task.outputs) == task.outputs
    config = {"task": asdict(task)}
    assert undeclared.is_scale_dependent(config) == task.is_scale_dependent
    assert undeclared.top_k_of(config) == task.top_k


def test_settings_are_replaced_and_unknown_ones_are_refused(task: Task) -> None:
    assert task.with_settings(top_k=5).top_k == 5
    assert task.with_settings(top_k=5).with_settings(top_k=7) == task
    with pytest.raises(UsageError, match="sharpness is not a setting of these weights: leave it out"):
        task.with_settings(sharpness=2.0)


def test_heatmaps_are_merged_into_one_of_each_name(task: Task) -> None:
    merged = merge_heatmaps(task.encode(OBJECTS, GRID), task.heads)

    assert merged
    assert all(value.shape[2:] == (GRID.height, GRID.width) for value in merged.values())
    assert {name for name, spec in task.heads.items() if spec.heatmap} == {
        name for name in task.heads if "heatmap" in name
    }


def test_an_image_decodes_alone_as_in_a_batch(task: Task) -> None:
    maps = random_maps(task)
    both = task.decode(maps, GRID.stride)
    alone = task.decode({name: value[1:] for name, value in maps.items()}, GRID.stride)

    assert all((alone[name][0] == both[name][1]).all() for name in both)


def test_maps_of_a_flipped_input_merge_into_maps_that_decode(task: Task) -> None:
    maps, flipped = random_maps(task), random_maps(task, seed=1)
    merged = task.merge_flipped(maps, flipped)

    assert {name: merged[name].shape for name in maps} == {name: value.shape for name, value in maps.items()}
    assert task.decode(merged, GRID.stride)["boxes"].shape == (2, task.top_k, 4)


def test_a_task_is_its_own_config(task: Task) -> None:
    assert pickle.loads(pickle.dumps(task)) == task
    assert hash(task) == hash(pickle.loads(pickle.dumps(task)))
    assert repr(task).startswith(type(task).__name__)


def test_heads_that_start_low_are_those_of_heatmaps(task: Task) -> None:
    assert {name for name, spec in task.heads.items() if spec.bias == -2.19} == {
        name for name in task.heads if "heatmap" in name
    }
