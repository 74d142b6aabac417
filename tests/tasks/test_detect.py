"""Boxes to maps and back, and the symmetries of both."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.ops.cells import read
from centernet.protocols import Maps, Targets
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.detect import Detect

TASK = Detect(num_classes=3)
GRID = Grid(batch=2, height=16, width=24)


def make_objects(
    boxes: list[list[float]], labels: list[int] | None = None, images: list[int] | None = None
) -> BatchAnnotations:
    count = len(boxes)
    return BatchAnnotations(
        boxes=torch.tensor(boxes, dtype=torch.float32).view(-1, 4),
        labels=torch.tensor(labels or [0] * count, dtype=torch.long),
        image_index=torch.tensor(images or [0] * count, dtype=torch.long),
    )


def paint(targets: Targets) -> Maps:
    """The maps that a perfect network would give."""
    heatmap = targets["heatmap"]
    batch, _, height, width = heatmap.shape
    maps = {"heatmap": torch.logit(heatmap, eps=1e-6)}
    image, y, x = targets["cells"].unbind(1)
    for name in {"size", "offset", "sides"} & targets.keys():
        maps[name] = torch.zeros(batch, targets[name].shape[1], height, width)
        maps[name][image, :, y, x] = targets[name]
    return maps


def as_rows(objects: BatchAnnotations) -> list[list[float]]:
    rows = torch.cat(
        [objects.image_index[:, None].float(), objects.labels[:, None].float(), objects.boxes], dim=1
    )
    return sorted(rows.tolist())


def decoded(task: Detect, maps: Maps, grid: Grid) -> list[list[float]]:
    """Detections with a score of almost 1, as rows like those of `as_rows`."""
    found = task.decode(maps, grid.stride)
    image = torch.arange(grid.batch)[:, None].expand_as(found["labels"])
    is_found = found["scores"] > 0.9999
    rows = torch.cat([image[..., None].float(), found["labels"][..., None].float(), found["boxes"]], dim=2)
    return sorted(rows[is_found].tolist())


def assert_same_rows(found: list[list[float]], wanted: list[list[float]]) -> None:
    """In any order: that of two boxes with one corner depends on the last bit."""
    assert len(found) == len(wanted)
    rows, ground_truth = np.array(found).reshape(-1, 1, 6), np.array(wanted).reshape(1, -1, 6)
    is_same = (np.abs(rows - ground_truth) < 1e-3).all(axis=2)
    assert (is_same.sum(axis=0) == 1).all()
    assert (is_same.sum(axis=1) == 1).all()


@st.composite
def apart(draw: st.DrawFn) -> BatchAnnotations:
    """Objects on the maps of `GRID`, no two of which have their centre in the same cell."""
    count = draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limit = np.array([GRID.width - 1, GRID.height - 1]) * GRID.stride
    corners = np.sort(rng.uniform(0, 1, (count, 2, 2)) ** draw(st.sampled_from([0.5, 1, 3])) * limit, axis=1)
    boxes, images = corners.reshape(count, 4).astype(np.float32), rng.integers(GRID.batch, size=count)
    center = (boxes[:, :2] + boxes[:, 2:]) / 2 / GRID.stride
    _, kept = np.unique(np.column_stack([images, np.floor(center)]), axis=0, return_index=True)
    return BatchAnnotations(
        boxes=torch.from_numpy(boxes[kept]),
        labels=torch.from_numpy(rng.integers(3, size=len(kept))),
        image_index=torch.from_numpy(images[kept]),
    )


@given(apart(), st.booleans(), st.sampled_from([0.3, 0.7]), st.sampled_from([0.0, 0.5]))
@settings(max_examples=150, deadline=None)
def test_decoding_what_was_encoded_gives_the_objects(
    objects: BatchAnnotations, exact: bool, overlap: float, sides_weight: float
) -> None:
    task = replace(TASK, corrected_radius=exact, min_overlap=overlap, sides_weight=sides_weight)

    found = decoded(task, paint(task.encode(objects, GRID)), GRID)
    assert_same_rows(found, as_rows(objects))


@given(apart())
@settings(max_examples=50, deadline=None)
def test_a_perfect_network_has_only_the_loss_of_the_gaussians(objects: BatchAnnotations) -> None:
    task = replace(TASK, giou_weight=1.0)
    targets = task.encode(objects, GRID)
    terms = task.loss(paint(targets), targets)

    assert terms["size"].item() == pytest.approx(0, abs=1e-5)
    assert terms["offset"].item() == pytest.approx(0, abs=1e-5)
    assert terms["giou"].item() == pytest.approx(0, abs=1e-3)
    assert torch.isfinite(terms["heatmap"])


def test_an_object_by_hand() -> None:
    targets = TASK.encode(make_objects([[10, 20, 26, 28]], labels=[2]), GRID)

    # In cells 2.5, 5, 6.5, 7: centre (4.5, 6).
    assert targets["cells"].tolist() == [[0, 6, 4]]
    assert targets["offset"].tolist() == [[0.5, 0]]
    assert targets["size"].tolist() == [[4, 2]]
    assert targets["heatmap"][0, 2, 6, 4] == 1
    assert (targets["heatmap"] == 1).sum() == 1


def test_a_flipped_object_has_flipped_maps() -> None:
    width = (GRID.width - 1) * GRID.stride
    # The centre is the corner of a cell, so that a flip does not move it into the next.
    box = [16.0, 8.0, 48.0, 40.0]
    plain = TASK.encode(make_objects([box]), GRID)
    flipped = TASK.encode(make_objects([[width - box[2], box[1], width - box[0], box[3]]]), GRID)

    assert (flipped["heatmap"] == plain["heatmap"].flip(3)).all()
    assert (flipped["size"] == plain["size"]).all()


@pytest.mark.parametrize(("down", "across"), [(1, 0), (0, 3), (2, 5)])
def test_a_shift_by_whole_cells_shifts_the_maps(down: int, across: int) -> None:
    box = torch.tensor([[17.0, 9.0, 40.0, 30.0]])
    shift = torch.tensor([across, down, across, down]) * GRID.stride
    plain, shifted = (TASK.encode(make_objects(boxes.tolist()), GRID) for boxes in (box, box + shift))

    assert (shifted["heatmap"] == plain["heatmap"].roll((down, across), (2, 3))).all()
    assert (shifted["offset"] == plain["offset"]).all()
    assert (shifted["cells"] - plain["cells"]).tolist() == [[0, down, across]]


def test_only_boxes_in_cells_matter() -> None:
    boxes = torch.tensor([[17.0, 9.0, 40.0, 30.0], [3.0, 5.0, 20.0, 50.0]])
    fine = TASK.encode(make_objects(boxes.tolist()), GRID)
    coarse = TASK.encode(make_objects((2 * boxes).tolist()), replace(GRID, stride=8))

    assert all((fine[name] == coarse[name]).all() for name in fine)


def test_a_batch_is_encoded_as_its_images_are() -> None:
    boxes = [[1.0, 2, 30, 40], [50, 5, 90, 30], [20, 20, 40, 50]]
    both = TASK.encode(make_objects(boxes, [0, 1, 2], [1, 0, 1]), GRID)
    first = TASK.encode(make_objects(boxes[1:2], [1]), replace(GRID, batch=1))
    second = TASK.encode(make_objects([boxes[0], boxes[2]], [0, 2]), replace(GRID, batch=1))

    assert (both["heatmap"] == torch.cat([first["heatmap"], second["heatmap"]])).all()


def test_an_object_cut_by_the_border_is_found_by_the_centre_of_its_visible_part() -> None:
    targets = TASK.encode(make_objects([[-40, 8, 40, 24]]), GRID)

    assert targets["size"].tolist() == [[10, 4]]
    assert targets["cells"].tolist() == [[0, 4, 5]]


@pytest.mark.parametrize(
    "box", [[-50, 0, -10, 20], [200, 0, 300, 20], [0, 70, 20, 90], [10, 10, 10, 20], [30, 10, 20, 20]]
)
def test_boxes_outside_the_input_are_dropped(box: list[float]) -> None:
    targets = TASK.encode(make_objects([box]), GRID)

    assert len(targets["cells"]) == 0
    assert not targets["heatmap"].any()


def test_no_objects_give_empty_maps_and_a_loss_that_trains() -> None:
    targets = TASK.encode(BatchAnnotations.none(), GRID)
    channels = {name: spec.channels for name, spec in TASK.heads.items()}
    maps = {name: torch.zeros(2, count, 16, 24, requires_grad=True) for name, count in channels.items()}
    loss = torch.stack(list(TASK.loss(maps, targets).values())).sum()
    loss.backward()

    assert targets["cells"].shape == (0, 3)
    assert targets["size"].shape == targets["offset"].shape == (0, 2)
    assert not targets["heatmap"].any()
    assert torch.isfinite(loss)
    assert maps["heatmap"].grad is not None
    assert (maps["heatmap"].grad > 0).all()


def test_thousands_of_objects_of_any_size_give_finite_targets() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-200, 400, (3000, 4)).astype(np.float32)
    objects = BatchAnnotations(
        boxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(rng.integers(3, size=3000)),
        image_index=torch.from_numpy(rng.integers(2, size=3000)),
    )
    targets = TASK.encode(objects, GRID)

    assert all(torch.isfinite(value.float()).all() for value in targets.values())
    assert len(targets["cells"]) > 200
    assert (targets["size"] > 0).all()
    assert ((targets["offset"] >= 0) & (targets["offset"] < 1)).all()
    assert targets["heatmap"].max() == 1


def test_size_and_offset_are_learned_round_the_centre_too() -> None:
    wide = replace(TASK, spread=1)
    objects = make_objects([[0, 0, 2, 2], [40, 20, 60, 40]])
    targets = wide.encode(objects, GRID)
    centers = TASK.encode(objects, GRID)["cells"]

    # Four cells of the corner's nine lie on the map.
    assert len(targets["cells"]) == 4 + 9
    assert set(map(tuple, centers.tolist())) <= set(map(tuple, targets["cells"].tolist()))
    centers = targets["cells"][:, [2, 1]] + targets["offset"]
    assert centers[4:].tolist() == [[12.5, 7.5]] * 9


@given(apart())
@settings(max_examples=50, deadline=None)
def test_the_cell_of_a_centre_learns_its_own_box_where_boxes_overlap(
    objects: BatchAnnotations,
) -> None:
    task = replace(TASK, spread_share=0.54, sides_weight=1.0)

    found = decoded(task, paint(task.encode(objects, GRID)), GRID)
    assert_same_rows(found, as_rows(objects))


@given(apart(), st.sampled_from([0.0, 0.5]))
@settings(max_examples=50, deadline=None)
def test_the_target_of_a_peak_stays_one_for_ground_truth_boxes(
    objects: BatchAnnotations, sides_weight: float
) -> None:
    plain = replace(TASK, sides_weight=sides_weight)
    with_quality = replace(plain, quality=1.0)
    maps = paint(plain.encode(objects, GRID))
    ours, without = (task.loss(maps, task.encode(objects, GRID))["heatmap"] for task in (with_quality, plain))

    assert ours.item() == pytest.approx(without.item(), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("quality", "best"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_the_best_peak_is_the_iou_of_its_box(quality: float, best: float) -> None:
    task = replace(TASK, quality=quality)
    targets = task.encode(make_objects([[10, 20, 26, 28]], labels=[2]), GRID)
    maps = paint(targets)
    # Half as wide about the same centre: an IoU of one half.
    maps["size"][0, 0, 6, 4] /= 2
    soft_targets = torch.arange(0.05, 1.0, 0.05)
    losses = []
    for height in soft_targets:
        maps["heatmap"][0, 2, 6, 4] = torch.logit(height)
        losses.append(task.loss(maps, targets)["heatmap"])

    assert soft_targets[torch.stack(losses).argmin()].item() == pytest.approx(min(best, 0.95))


def test_the_quality_target_gives_the_box_no_gradient() -> None:
    task = replace(TASK, quality=1.0, size_weight=0.0, offset_weight=0.0)
    targets = task.encode(make_objects([[10, 20, 26, 28]]), GRID)
    maps = paint(targets)
    maps["size"] /= 2
    for value in maps.values():
        value.requires_grad_()
    torch.stack(list(task.loss(maps, targets).values())).sum().backward()

    assert maps["size"].grad is not None
    assert not maps["size"].grad.any()


def test_of_two_objects_of_a_class_in_a_cell_the_higher_iou_sets_the_peak() -> None:
    task = replace(TASK, quality=1.0)
    objects = make_objects([[10, 20, 26, 28], [14, 20, 22, 28]])
    targets = task.encode(objects, GRID)
    alone = task.encode(make_objects([[14, 20, 22, 28]]), GRID)
    # The maps give the second box. One positive cell, whose height is 1.
    maps = {**paint(alone), "heatmap": torch.zeros(2, 3, 16, 24)}
    plain = TASK.loss(maps, TASK.encode(objects, GRID))["heatmap"]

    assert task.loss(maps, targets)["heatmap"].item() == pytest.approx(plain.item())


def test_best_detections_come_first_and_no_more_than_asked_for() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = {
        name: torch.randn(2, spec.channels, 16, 24, generator=generator) for name, spec in TASK.heads.items()
    }
    found = replace(TASK, top_k=20).decode(maps, 4)

    assert found["boxes"].shape == (2, 20, 4)
    assert (found["scores"].diff(dim=1) <= 0).all()
    assert ((found["scores"] > 0) & (found["scores"] < 1)).all()


def test_maps_of_half_precision_decode() -> None:
    targets = TASK.encode(make_objects([[10, 20, 26, 28]], labels=[1]), GRID)
    maps: dict[str, Tensor] = {name: value.bfloat16() for name, value in paint(targets).items()}

    found = TASK.decode(maps, 4)
    assert found["boxes"].dtype == torch.float32
    assert found["boxes"][0, 0].tolist() == [10, 20, 26, 28]


def random_maps(seed: int) -> Maps:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: 3 * torch.randn(2, spec.channels, 16, 24, generator=generator)
        for name, spec in TASK.heads.items()
    }


def flipped(maps: Maps) -> Maps:
    return {name: value.flip(3) for name, value in maps.items()}


def test_maps_merged_with_their_own_flip_stay_unchanged() -> None:
    maps = random_maps(0)
    merged = TASK.merge_flipped(maps, flipped(maps))

    assert merged.keys() == maps.keys()
    assert all(torch.allclose(merged[name], maps[name], atol=1e-5) for name in maps)


def test_probabilities_and_sizes_are_averaged_and_offsets_are_not() -> None:
    one, other = random_maps(0), random_maps(1)
    merged = TASK.merge_flipped(one, other)
    flipped_other = flipped(other)

    probability = (one["heatmap"].sigmoid() + flipped_other["heatmap"].sigmoid()) / 2
    assert torch.allclose(merged["heatmap"].sigmoid(), probability, atol=1e-6)
    assert torch.allclose(merged["size"], (one["size"] + flipped_other["size"]) / 2)
    assert (merged["offset"] == one["offset"]).all()


def test_merging_in_the_other_order_gives_the_flip() -> None:
    one, other = random_maps(0), random_maps(1)
    this, that = TASK.merge_flipped(one, other), TASK.merge_flipped(other, one)

    assert torch.allclose(this["heatmap"], that["heatmap"].flip(3), atol=1e-6)
    assert torch.allclose(this["size"], that["size"].flip(3))


@pytest.mark.parametrize("value", [-60.0, -20.0, 20.0, 60.0])
def test_confident_maps_stay_distinct_when_they_are_averaged(value: float) -> None:
    maps = {
        name: torch.full((1, spec.channels, 4, 4), value, dtype=torch.bfloat16)
        for name, spec in TASK.heads.items()
    }

    # The float32 sigmoid of 20 is 1, whose logit is infinite.
    assert TASK.merge_flipped(maps, maps)["heatmap"].flatten()[0].item() == pytest.approx(value)


def test_each_cell_has_one_class_if_class_agnostic() -> None:
    maps = random_maps(2)
    # Two classes in one cell, the second a little less confident.
    maps["heatmap"][0, :2, 8, 12] = torch.tensor([19.0, 18.9])
    plain, agnostic = (replace(TASK, class_agnostic=value).decode(maps, 4) for value in (False, True))

    assert plain["labels"][0, :2].tolist() == [0, 1]
    assert (plain["boxes"][0, 0] == plain["boxes"][0, 1]).all()
    assert agnostic["labels"][0, 0] == 0
    assert (agnostic["boxes"][0, 0] == plain["boxes"][0, 0]).all()
    assert len(agnostic["boxes"][0].unique(dim=0)) == len(agnostic["boxes"][0])


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one class; got num_classes=0"):
        Detect(num_classes=0)
    with pytest.raises(ValueError, match="between 0 and 1; got 1"):
        Detect(num_classes=1, min_overlap=1.5)
    with pytest.raises(ValueError, match="quality is a fraction from 0 to 1; got 2"):
        Detect(num_classes=1, quality=2.0)
    with pytest.raises(ValueError, match="spread_share is a fraction from 0 to 1; got -1"):
        Detect(num_classes=1, spread_share=-1.0)
    with pytest.raises(ValueError, match="soft_heatmap those of all cells: choose one"):
        Detect(num_classes=1, soft_heatmap=True, quality=0.5)
    with pytest.raises(ValueError, match=r"with box_scale and sides_weight above 0; got 17, 0\.0 and 0\.5"):
        Detect(num_classes=1, sides_weight=0.5, box_bins=17)


@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_a_temperature_changes_scores_and_neither_their_order_nor_anything_else(temperature: float) -> None:
    maps = {
        name: torch.randn(2, spec.channels, 16, 24, generator=torch.Generator().manual_seed(0))
        for name, spec in TASK.heads.items()
    }
    plain, scaled = (
        task.decode(maps, 4) for task in (TASK, replace(TASK, temperature=temperature, score_bias=0.3))
    )

    assert torch.allclose(
        scaled["scores"], (plain["scores"].logit() / temperature + 0.3).sigmoid(), atol=1e-5
    )
    assert all(torch.equal(plain[name], scaled[name]) for name in ("boxes", "labels"))
    with pytest.raises(ValueError, match=r"temperature must be above 0; got 0\.0"):
        replace(TASK, temperature=0.0)


def test_a_box_is_the_mean_of_those_of_the_cells_round_its_peak() -> None:
    maps = {
        "heatmap": torch.full((1, 3, 8, 8), -50.0),
        "size": torch.zeros(1, 2, 8, 8),
        "offset": torch.zeros(1, 2, 8, 8),
    }
    # A corner cell at 0.6 and its right neighbour at 0.2; there is nothing above or to the left.
    maps["heatmap"][0, 1, 0, 0] = torch.logit(torch.tensor(0.6))
    maps["heatmap"][0, 1, 0, 1] = torch.logit(torch.tensor(0.2))
    maps["size"][0, :, 0, 0] = 4.0
    maps["size"][0, :, 0, 1] = 8.0
    maps["offset"][0, 0, 0, 1] = -1.0
    found = replace(TASK, spread=1, top_k=1).decode(maps, stride=4)

    assert found["labels"].tolist() == [[1]]
    assert found["scores"].tolist() == [[pytest.approx(0.6)]]
    # Both give the centre (0, 0); sides are (0.6 · 4 + 0.2 · 8) / 0.8 = 5 cells.
    assert found["boxes"][0, 0].tolist() == pytest.approx([-10, -10, 10, 10])


def test_boxes_are_computed_once_for_all_their_losses() -> None:
    class Counted:
        """A map that counts how often it is read."""

        asked = 0

        def __init__(self, maps: Tensor) -> None:
            self.maps = maps

        def at(self, cells: Tensor) -> Tensor:
            self.asked += 1
            return read(self.maps, cells)

    task = replace(TASK, giou_weight=2.0, spread=1)
    objects = make_objects([[4, 4, 20, 30]], [1], [0])
    maps = {**random_maps(0), "size": Counted(random_maps(1)["size"])}
    task.loss(cast("Maps", maps), task.encode(objects, GRID))

    assert cast("Counted", maps["size"]).asked == 1


CLASSES = replace(TASK, class_weight=2.0, spread=0)


def with_classes(maps: Maps, cell: tuple[int, int, int], logits: list[float]) -> Maps:
    """The maps with these logits of the classes at a cell, and equal ones everywhere else."""
    batch, _, height, width = maps["heatmap"].shape
    classes = torch.zeros(batch, len(logits), height, width)
    image, y, x = cell
    classes[image, :, y, x] = torch.tensor(logits)
    return {**maps, "classes": classes}


def test_a_score_is_the_geometric_mean_of_the_peak_and_the_probability_of_its_class() -> None:
    targets = TASK.encode(make_objects([[20, 20, 40, 40]], [1]), GRID)
    logits = [0.5, 2.0, -1.0]
    maps = with_classes(paint(targets), (0, 7, 7), logits)
    plain, found = TASK.decode(maps, 4), CLASSES.decode(maps, 4)

    expected = (torch.tensor(logits).softmax(0)[1] * plain["scores"][0, 0]).sqrt()
    assert found["scores"][0, 0] == pytest.approx(float(expected), abs=1e-5)
    assert torch.equal(found["boxes"][0, 0], plain["boxes"][0, 0])
    assert found["labels"][0, 0] == 1


def test_of_two_classes_that_rise_over_one_object_the_more_probable_comes_first() -> None:
    maps = paint(TASK.encode(make_objects([[20, 20, 40, 40]], [1]), GRID))
    maps["heatmap"][0, 2, 7, 7] = maps["heatmap"][0, 1, 7, 7] + 1
    found = CLASSES.decode(with_classes(maps, (0, 7, 7), [0.0, 4.0, 0.0]), 4)

    assert TASK.decode(maps, 4)["labels"][0, 0] == 2
    assert found["labels"][0, 0] == 1
    assert (found["scores"].diff(dim=1) <= 0).all()


def test_the_loss_of_classes_is_their_cross_entropy_where_boxes_are_learned() -> None:
    objects = make_objects([[20, 20, 40, 40], [60, 20, 80, 40]], [1, 2])
    targets = CLASSES.encode(objects, GRID)
    maps = with_classes(paint(targets), (0, 7, 7), [0.0, 3.0, 0.0])

    entropies = [-torch.tensor([0.0, 3.0, 0.0]).log_softmax(0)[1], -torch.zeros(3).log_softmax(0)[2]]
    assert targets["classes"].tolist() == [1, 2]
    assert CLASSES.loss(maps, targets)["classes"] == pytest.approx(2.0 * float(sum(entropies)) / 2, rel=1e-3)
    assert "classes" not in TASK.loss(maps, TASK.encode(objects, GRID))


def test_a_temperature_is_one_of_the_whole_score() -> None:
    maps = {
        name: torch.randn(2, spec.channels, 16, 24, generator=torch.Generator().manual_seed(1))
        for name, spec in CLASSES.heads.items()
    }
    plain, scaled = (
        task.decode(maps, 4) for task in (CLASSES, replace(CLASSES, temperature=2.0, score_bias=-0.5))
    )

    assert torch.allclose(scaled["scores"], (plain["scores"].logit() / 2 - 0.5).sigmoid(), atol=1e-5)
    assert all(torch.equal(plain[name], scaled[name]) for name in ("boxes", "labels"))
