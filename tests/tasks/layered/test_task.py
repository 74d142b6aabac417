"""Several layers of maps: assignment of objects, common detections, and no repeated ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.models.factory import Architecture
from centernet.ops.heatmaps import merge_heatmaps
from centernet.protocols import Maps
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.detect import Detect
from centernet.tasks.layered import neighbours
from centernet.tasks.layered.neighbours import (
    best_of_levels,
    is_repeated,
    is_repeated_in_order,
    ranks_among_neighbours,
)
from centernet.tasks.layered.task import Layered
from centernet.tasks.pose import Pose

GRID = Grid(batch=2, height=32, width=32)
INNER = Detect(num_classes=2, top_k=30)


def boxes_round(center: tuple[float, float], sides: list[tuple[float, float]]) -> Tensor:
    x, y = center
    return torch.tensor([[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for w, h in sides])


def objects_of(boxes: Tensor, labels: list[int] | None = None) -> BatchAnnotations:
    count = len(boxes)
    return BatchAnnotations(
        boxes=boxes,
        labels=torch.tensor(labels or [0] * count),
        image_index=torch.zeros(count, dtype=torch.long),
    )


def ideal_maps(task: Layered, objects: BatchAnnotations, grid: Grid = GRID) -> Maps:
    """The maps of a perfect network."""
    targets = task.encode(objects, grid)
    maps: Maps = {}
    for name, spec in task.heads.items():
        plain, level, place = name.split("/")
        sides = tuple(-(-side // 2 ** int(level)) for side in (grid.height, grid.width))
        value = torch.zeros(grid.batch, spec.channels, *sides)
        if plain == "heatmap":
            value = (targets[name].clamp(1e-6, 1 - 1e-6)).logit()
        else:
            image, y, x = targets[f"cells/{level}/{place}"].unbind(1)
            value[image, :, y, x] = targets[name]
        maps[name] = value
    return maps


def found_boxes(task: Layered, objects: BatchAnnotations) -> list[list[float]]:
    found = task.decode(ideal_maps(task, objects), GRID.stride)
    sure = found["scores"][0] > 0.9
    return sorted(found["boxes"][0, sure].tolist())


def assert_all_found(task: Layered, objects: BatchAnnotations) -> None:
    found = torch.tensor(found_boxes(task, objects))
    errors = (found[:, None] - objects.boxes).abs().amax(dim=2)

    assert len(found) == len(objects.boxes)
    assert errors.amin(dim=0).max() < 1e-3


@settings(deadline=None)
@given(
    side=st.floats(8.1, 15.9),
    center=st.tuples(st.floats(50, 70), st.floats(50, 70)),
    grow=st.floats(2.0, 2.3),
)
def test_objects_twice_as_large_in_one_cell_are_all_found_on_levels(
    side: float, center: tuple[float, float], grow: float
) -> None:
    objects = objects_of(boxes_round(center, [(side * grow**i, side * grow**i) for i in range(3)]))

    assert_all_found(Layered(inner=INNER, levels=4, level_cells=2.0), objects)


@settings(deadline=None)
@given(
    center=st.tuples(st.floats(50, 70), st.floats(50, 70)),
    step=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    side=st.floats(10, 30),
)
def test_equal_objects_in_neighbouring_cells_are_all_found_with_two_places_a_cell(
    center: tuple[float, float], step: tuple[float, float], side: float
) -> None:
    other = (center[0] + step[0], center[1] + step[1])
    both = torch.cat([boxes_round(center, [(side, side)]), boxes_round(other, [(side, side)])])

    assert_all_found(Layered(inner=INNER, per_cell=2), objects_of(both))


def test_a_plain_task_loses_one_of_them() -> None:
    both = boxes_round((60.0, 60.0), [(20, 40), (40, 20)])

    assert len(found_boxes(Layered(inner=INNER), objects_of(both))) == 1
    assert_all_found(Layered(inner=INNER, per_cell=2), objects_of(both))


def test_classes_do_not_share_places_in_a_cell() -> None:
    both = boxes_round((60.0, 60.0), [(20, 40), (40, 20)])
    targets = Layered(inner=INNER, per_cell=2).encode(objects_of(both, [0, 1]), GRID)

    assert len(targets["cells/0/0"]) == 2
    assert len(targets["cells/0/1"]) == 0


def test_an_object_alone_is_learned_near_the_next_level_too_and_found_once() -> None:
    task = Layered(inner=INNER, levels=2, level_cells=4.0)
    alone = objects_of(boxes_round((60.0, 60.0), [(30, 30)]))
    targets = task.encode(alone, GRID)

    assert len(targets["cells/0/0"]) == len(targets["cells/1/0"]) == 1
    assert_all_found(task, alone)


def test_the_loss_of_one_layer_is_that_of_the_task() -> None:
    objects = objects_of(boxes_round((60.0, 60.0), [(20, 40), (80, 30)]))
    maps = {
        name: torch.randn(2, spec.channels, 32, 32, generator=torch.Generator().manual_seed(0))
        for name, spec in INNER.heads.items()
    }
    layered = Layered(inner=INNER)
    layered_terms = layered.loss(
        {f"{name}/0/0": value for name, value in maps.items()}, layered.encode(objects, GRID)
    )

    assert layered_terms == INNER.loss(maps, INNER.encode(objects, GRID))


def test_sides_and_quality_lose_nothing_on_layers() -> None:
    inner = Detect(num_classes=2, giou_weight=2.0, spread_share=0.54, sides_weight=0.5, quality=1.0)
    objects = objects_of(
        torch.cat([boxes_round((20.0, 20.0), [(12, 12)]), boxes_round((80.0, 80.0), [(60, 50)])]), [0, 1]
    )
    task = Layered(inner=inner, levels=3, overlap=0.0)
    maps, targets = ideal_maps(task, objects), task.encode(objects, GRID)
    terms = task.loss(maps, targets)
    # On one layer it is the loss of the task itself.
    one = Layered(inner=inner)
    generator = torch.Generator().manual_seed(0)
    raw = {
        name: torch.randn(2, spec.channels, 32, 32, generator=generator) for name, spec in inner.heads.items()
    }
    layered_terms = one.loss({f"{name}/0/0": value for name, value in raw.items()}, one.encode(objects, GRID))
    ours = inner.loss(raw, inner.encode(objects, GRID))

    assert terms["sides"].item() == pytest.approx(0, abs=1e-5)
    assert terms["giou"].item() == pytest.approx(0, abs=1e-3)
    assert {name: term.item() for name, term in layered_terms.items()} == pytest.approx(
        {name: term.item() for name, term in ours.items()}, rel=1e-3
    )
    assert_all_found(task, objects)


def test_every_object_counts_the_same_on_every_level() -> None:
    """An error of one cell in the size costs the same on every level."""
    task = Layered(inner=INNER, levels=3, overlap=0.0)
    objects = objects_of(
        torch.cat([boxes_round((20.0, 20.0), [(12, 12)]), boxes_round((80.0, 80.0), [(40, 40)])])
    )
    maps = ideal_maps(task, objects)
    targets = task.encode(objects, GRID)
    errors = []
    for level in (0, 1):
        wrong = {name: value.clone() for name, value in maps.items()}
        wrong[f"size/{level}/0"] += 1
        errors.append(float(task.loss(wrong, targets)["size"]))

    assert errors[0] == pytest.approx(errors[1])
    assert errors[0] == pytest.approx(INNER.size_weight / 2, rel=1e-3)


def test_vectors_to_keypoints_are_assigned_to_their_layer() -> None:
    inner = Pose(num_keypoints=(2,), mirrored=(1, 0), top_k=5)
    task = Layered(inner=inner, levels=2, per_cell=2)
    boxes = boxes_round((60.0, 60.0), [(12, 12), (60, 60)])
    points = torch.tensor([[[58.0, 58, 2], [63, 63, 2]], [[40, 40, 2], [80, 80, 2]]])
    objects = BatchAnnotations(
        boxes=boxes, labels=torch.tensor([0, 0]), image_index=torch.tensor([1, 1]), keypoints=points
    )
    targets = task.encode(objects, GRID)
    maps = {
        name: torch.zeros(2, spec.channels, 32 >> spec.level, 32 >> spec.level)
        for name, spec in task.heads.items()
    }
    for level in (0, 1):
        for (plane, y, x), arrow in zip(
            targets[f"arrow_cells/{level}/0"].tolist(), targets[f"keypoints/{level}/0"], strict=True
        ):
            image, keypoint = divmod(plane, 2)
            maps[f"keypoints/{level}/0"][image, 2 * keypoint : 2 * keypoint + 2, y, x] = arrow

    assert float(task.loss(maps, targets)["keypoints"]) == 0.0
    assert float(task.loss({**maps, "keypoints/1/0": maps["keypoints/1/0"] + 1}, targets)["keypoints"]) > 0


def test_ranks_count_the_larger_neighbours_of_the_class() -> None:
    cells = torch.tensor([[0, 5, 5], [0, 5, 6], [0, 5, 7], [0, 9, 9], [1, 5, 5], [0, 5, 5]])
    labels = torch.tensor([0, 0, 0, 0, 0, 1])
    sizes = torch.tensor([[2.0, 2], [4, 4], [3, 3], [1, 1], [9, 9], [9, 9]])
    centers = cells[:, 1:].flip(1).float()

    assert ranks_among_neighbours(cells, labels, centers, sizes).tolist() == [1, 0, 1, 0, 0, 0]
    assert ranks_among_neighbours(cells, labels, centers, sizes, both_sides=True).tolist() == [
        1,
        2,
        1,
        0,
        0,
        0,
    ]


def test_of_two_levels_the_more_confident_box_is_kept() -> None:
    box = torch.tensor([0.0, 0, 10, 10])
    boxes = torch.stack([box, box, box + 1, box + 40])[None]
    scores = torch.tensor([[0.5, 0.9, 0.7, 0.4]])
    same = torch.zeros(1, 4, dtype=torch.long)
    levels = torch.tensor([[0, 1, 1, 0]])

    assert is_repeated(boxes, scores, same, levels, 0.6).tolist() == [[True, False, False, False]]
    other_class = torch.tensor([[1, 0, 0, 0]])
    assert not is_repeated(boxes, scores, other_class, levels, 0.6).any()


def test_weights_of_levels_are_shared_and_those_of_places_are_not() -> None:
    task = Layered(inner=INNER, levels=3, per_cell=2)
    network = Architecture(backbone="resnet18", channels=16).build(task.heads)

    assert sorted(network.heads[0]) == sorted(list(INNER.heads) + [f"{name}/1" for name in INNER.heads])


def test_maps_of_levels_have_half_the_rows_each() -> None:
    task = Layered(inner=INNER, levels=3)
    network = Architecture(backbone="timm/resnet10t", channels=16, head_channels=16).build(task.heads).eval()
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, 96, 64))[-1]

    assert [tuple(maps[f"heatmap/{level}/0"].shape[2:]) for level in range(3)] == [(24, 16), (12, 8), (6, 4)]


def test_heatmaps_of_all_layers_are_merged_into_one() -> None:
    task = Layered(inner=INNER, levels=3, per_cell=2)
    objects = objects_of(boxes_round((60.0, 60.0), [(10, 20), (20, 10), (100, 100)]))
    merged = merge_heatmaps(task.encode(objects, GRID), task.heads)

    assert list(merged) == ["heatmap"]
    assert merged["heatmap"].shape == (2, 2, 32, 32)
    assert merged["heatmap"][0, 0].max() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"levels": 0}, "levels must be at least 1; got 0"),
        ({"per_cell": 0}, "per_cell must be at least 1; got 0"),
        ({"level_cells": 0.0}, "level_cells must be above 0; got 0.0"),
        ({"overlap": 1.0}, "overlap is a fraction of an octave, 0 to below 1; got 1.0"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layered(inner=INNER, **settings)  # type: ignore[arg-type]


def crowded_boxes(count: int) -> tuple[torch.Tensor, ...]:
    """Boxes, scores, classes and levels of two images; many boxes overlap, and many scores are equal."""
    generator = torch.Generator().manual_seed(0)
    corner, side = (
        60 * torch.rand(2, count, 2, generator=generator),
        40 * torch.rand(2, count, 2, generator=generator),
    )
    scores = torch.randint(1, 50, (2, count), generator=generator) / 50
    labels, levels = (torch.randint(0, 3, (2, count), generator=generator) for _ in range(2))
    return torch.cat([corner - 20, corner + side], dim=2), scores, labels, levels


def test_comparing_near_boxes_alone_finds_all_that_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "PAIRS_AT_ONCE", 1000)
    boxes, _, labels, levels = crowded_boxes(300)
    scores = torch.linspace(1, 0, 300).expand(2, 300)
    expected = is_repeated(boxes, scores, labels, levels, 0.6)

    assert 50 < expected.sum() < 550
    assert (is_repeated_in_order(boxes, labels, levels, 0.6) == expected).all()


@pytest.mark.parametrize("top_k", [1, 60, 200, 400])
def test_the_best_of_levels_do_not_depend_on_how_many_boxes_are_compared_at_once(
    top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = crowded_boxes(400)
    expected, _ = best_of_levels(*table, min_iou=0.6, top_k=top_k)
    monkeypatch.setattr(neighbours, "FEW", 0)
    found, which = best_of_levels(*table, min_iou=0.6, top_k=top_k)
    scores = table[1].gather(1, which)

    assert found.tolist() == expected.tolist()
    assert (scores == found)[found > 0].all()
