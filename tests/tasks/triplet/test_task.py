"""Keypoint triplets: encoding and decoding undo each other, and the loss counts what it should."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.protocols import Maps, Targets
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.triplet.task import KEYPOINTS, Triplet

SIDE = 32
TASK = Triplet(num_classes=2, top_k=20)
GRID = Grid(batch=2, height=SIDE, width=SIDE)


def ideal_maps(targets: Targets, task: Triplet = TASK) -> Maps:
    """The maps of a perfect network, with a tag for each object."""
    maps = {}
    for name in KEYPOINTS:
        heatmap, cells = targets[f"{name}_heatmap"], targets[f"{name}_cells"]
        image, y, x = cells.unbind(1)
        offset = torch.zeros(len(heatmap), 2, *heatmap.shape[2:])
        offset[image, :, y, x] = targets[f"{name}_offset"]
        maps[f"{name}_heatmap"] = torch.logit(heatmap, eps=1e-6)
        maps[f"{name}_offset"] = offset
        if name != "center":
            tag = torch.zeros(len(heatmap), 1, *heatmap.shape[2:])
            tag[image, 0, y, x] = 2.0 + 2.0 * torch.arange(len(cells))
            maps[f"{name}_tag"] = tag
    return maps


def objects_of(
    boxes: list[list[float]], labels: list[int], images: list[int] | None = None
) -> BatchAnnotations:
    return BatchAnnotations(
        boxes=torch.tensor(boxes).view(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        image_index=torch.tensor(images or [0] * len(labels), dtype=torch.long),
    )


def number() -> st.SearchStrategy[float]:
    return st.floats(0, 4 * SIDE - 1, width=32)


@st.composite
def scenes(draw: st.DrawFn) -> BatchAnnotations:
    """Objects whose corners and centres are each in a cell of their own."""
    boxes: list[list[float]] = []
    taken: list[set[tuple[int, int, int]]] = [set(), set(), set()]
    labels, images = [], []
    for _ in range(draw(st.integers(0, 8))):
        (x1, x2), (y1, y2) = (sorted((draw(number()), draw(number()))) for _ in range(2))
        image = draw(st.integers(0, 1))
        places = ((x1, y1), (x2, y2), ((x1 + x2) / 2, (y1 + y2) / 2))
        cells = [(image, int(x // 4), int(y // 4)) for x, y in places]
        if x2 - x1 < 1 or y2 - y1 < 1 or any(cell in of for cell, of in zip(cells, taken, strict=True)):
            continue
        for cell, of in zip(cells, taken, strict=True):
            of.add(cell)
        boxes.append([x1, y1, x2, y2])
        labels.append(draw(st.integers(0, 1)))
        images.append(image)
    return objects_of(boxes, labels, images)


def rows(boxes: Tensor, labels: Tensor) -> list[list[float]]:
    return sorted([*box, float(label)] for box, label in zip(boxes.tolist(), labels.tolist(), strict=True))


@settings(deadline=None, max_examples=60)
@given(scenes())
def test_decoding_gives_back_what_was_encoded(objects: BatchAnnotations) -> None:
    found = TASK.decode(ideal_maps(TASK.encode(objects, GRID)), GRID.stride)

    for image in range(2):
        mine = objects.image_index == image
        sure = found["scores"][image] > 0.999
        ours = rows(found["boxes"][image][sure], found["labels"][image][sure])
        ground_truth = rows(objects.boxes[mine], objects.labels[mine])
        assert len(ours) == len(ground_truth)
        for one, other in zip(ours, ground_truth, strict=True):
            assert one == pytest.approx(other, abs=2e-3)


def test_more_objects_than_the_original_allows_are_all_learned() -> None:
    boxes = [[8.0 * (i % 16), 8.0 * (i // 16), 8.0 * (i % 16) + 6, 8.0 * (i // 16) + 6] for i in range(200)]
    targets = TASK.encode(objects_of(boxes, [0] * 200), Grid(batch=1, height=SIDE, width=SIDE))
    terms = TASK.loss(ideal_maps(targets), targets)

    assert len(targets["center_cells"]) == 200
    assert terms["pull"].item() == 0
    assert terms["push"].item() == 0
    assert all(term.isfinite() for term in terms.values())


def loss_with_tags(first: list[float], second: list[float], images: list[int]) -> tuple[float, float]:
    """Pull and push losses of neighbouring objects with these tags at their corners."""
    task = Triplet(num_classes=1, pull_weight=1.0, push_weight=1.0)
    boxes = [[16.0 * i, 16.0, 16.0 * i + 9, 30.0] for i in range(len(first))]
    targets = task.encode(objects_of(boxes, [0] * len(first), images), GRID)
    maps = ideal_maps(targets, task)
    for name, tags in (("top_left", first), ("bottom_right", second)):
        image, y, x = targets[f"{name}_cells"].unbind(1)
        maps[f"{name}_tag"][image, 0, y, x] = torch.tensor(tags)
    terms = task.loss(maps, targets)
    return terms["pull"].item(), terms["push"].item()


def test_tags_of_an_object_pull_and_those_of_two_push() -> None:
    # The mean tags are 0.5 and 1.0; each tag of the first is 0.5 from its mean. One image of two is empty.
    pull, push = loss_with_tags([0.0, 1.0], [1.0, 1.0], [0, 0])

    assert pull == pytest.approx((0.5**2 + 0.5**2 + 0) / 2 / 2)
    assert push == pytest.approx((1 - 0.5) / 2)


def test_objects_of_different_images_do_not_push() -> None:
    assert loss_with_tags([1.0, 1.0], [1.0, 1.0], [0, 1]) == (0, 0)


def test_one_object_alone_has_nothing_to_push() -> None:
    assert loss_with_tags([1.0], [3.0], [0]) == (pytest.approx(2.0 / 2), 0)


def decoded(maps: Maps, **changes: float) -> list[list[float]]:
    task = Triplet(num_classes=2, top_k=20, **changes)  # type: ignore[arg-type]
    found = task.decode(maps, GRID.stride)
    sure = found["scores"][0] > 0.9
    return rows(found["boxes"][0][sure], found["labels"][0][sure])


ONE = objects_of([[8.0, 8, 40, 40]], [1])


def test_a_box_without_a_centre_is_dropped() -> None:
    maps = ideal_maps(TASK.encode(ONE, GRID))
    found = decoded(maps)
    maps["center_heatmap"] = torch.full_like(maps["center_heatmap"], -30.0)

    assert found == [[8, 8, 40, 40, 1]]
    assert decoded(maps) == []


def test_a_centre_of_another_class_confirms_nothing() -> None:
    maps = ideal_maps(TASK.encode(ONE, GRID))
    maps["center_heatmap"] = maps["center_heatmap"].flip(1)

    assert decoded(maps) == []


def test_corners_with_other_tags_are_no_pair() -> None:
    maps = ideal_maps(TASK.encode(ONE, GRID))
    maps["bottom_right_tag"] += 0.6

    assert decoded(maps) == []
    assert decoded(maps, tag_distance=0.7) == [[8, 8, 40, 40, 1]]


def test_maps_of_the_flipped_input_add_their_detections() -> None:
    """Objects found in the flipped image alone are mapped back to the image."""
    maps = ideal_maps(TASK.encode(ONE, GRID))
    nothing = {name: torch.full_like(v, -30.0) if "heatmap" in name else v for name, v in maps.items()}

    assert decoded(TASK.merge_flipped(nothing, maps)) == [[4 * SIDE - 40, 8, 4 * SIDE - 8, 40, 1]]
    assert decoded(TASK.merge_flipped(maps, nothing)) == [[8, 8, 40, 40, 1]]


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one class; got num_classes=0"):
        Triplet(num_classes=0)
    with pytest.raises(ValueError, match=r"an IoU between 0 and 1; got 1\.5"):
        Triplet(num_classes=1, min_overlap=1.5)
    with pytest.raises(ValueError, match="pool_channels are 1 or more; got 0"):
        Triplet(num_classes=1, pool_channels=0)
