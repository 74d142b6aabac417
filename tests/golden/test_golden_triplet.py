"""Targets, losses and decoding of keypoint triplets as the original computes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.helpers.golden_triplet import MAPS, THEIRS, sorted_rows
from torch import Tensor

from centernet.protocols import Maps
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.triplet.corner_matching import CornerPairs, Points, confirmed
from centernet.tasks.triplet.task import KEYPOINTS, Triplet


@pytest.fixture(scope="module")
def targets(golden_folder: Path) -> Any:
    return np.load(golden_folder / "triplet_targets.npz")


@pytest.fixture(scope="module")
def losses(golden_folder: Path) -> dict[str, Tensor]:
    found = np.load(golden_folder / "triplet_losses.npz")
    return {key: torch.from_numpy(found[key]) for key in found if found[key].dtype.kind in "fiu"}


def input_annotations(targets: Any, case: str, side: tuple[int, int]) -> BatchAnnotations:
    """The annotations of three images in our input pixels, clipped to inputs of a size.

    The sides of the original's inputs are 127 mod 128 pixels, with a cell for each 511/128 pixels; ours have
    one pixel more.
    """
    height, width = side
    rows = []
    for image, (square, middle, is_flipped) in enumerate(crops(targets, case)):
        boxes = targets[f"detections{image}"].copy()
        for first, length in ((0, width), (1, height)):
            boxes[:, first:4:2] = (boxes[:, first:4:2] + square // 2 - middle[first]) * (length / square)
            boxes[:, first:4:2] = boxes[:, first:4:2].clip(0, length - 1)
        kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        boxes = boxes[kept]
        if is_flipped:
            boxes[:, 0:4:2] = width - boxes[:, 2::-2] - 1
        boxes[:, 0:4:2] *= 4 * ((width + 1) // 4 / width)
        boxes[:, 1:4:2] *= 4 * ((height + 1) // 4 / height)
        rows += [(*row[:4], row[4] - 1, image) for row in boxes.tolist()]
    table = torch.tensor(rows, dtype=torch.float64)
    return BatchAnnotations(boxes=table[:, :4], labels=table[:, 4].long(), image_index=table[:, 5].long())


def crops(targets: Any, case: str) -> list[tuple[int, tuple[int, int], bool]]:
    """For each image the side of the square crop, its middle (x, y), and True if it is flipped."""
    if f"{case}.draw_value" in targets:
        draws = targets[f"{case}.draw_value"].reshape(3, 4)
        return [(int(511 * scale), (int(x), int(y)), flip > 0.5) for scale, x, y, flip in draws.tolist()]
    flips = targets[f"{case}.uniform"] > 0.5 if f"{case}.uniform" in targets else [False] * 3
    sides = [targets[f"image{image}"].shape[:2] for image in range(3)]
    return [
        (max(rows, columns), (columns // 2, rows // 2), bool(flip))
        for (rows, columns), flip in zip(sides, flips, strict=True)
    ]


@pytest.mark.parametrize(
    ("case", "side", "settings"),
    [
        ("debug", (511, 511), {}),
        ("noaug_seed0", (511, 511), {}),
        ("noaug_seed5", (511, 511), {}),
        ("crop_seed3", (511, 511), {}),
        ("opt_iou0.3", (511, 511), {"min_overlap": 0.3}),
        ("opt_radius3", (511, 511), {"radius": 3}),
        ("opt_nobump", (511, 511), {"radius": 0}),
        ("opt_out96x64", (383, 255), {}),
    ],
)
def test_golden_targets(targets: Any, case: str, side: tuple[int, int], settings: dict[str, Any]) -> None:
    grid = Grid(batch=3, height=(side[0] + 1) // 4, width=(side[1] + 1) // 4)
    objects = input_annotations(targets, case, side)
    ours = Triplet(num_classes=80, **settings).encode(objects, grid)

    image, slot = targets[f"{case}.mask"].nonzero()
    for name, theirs in THEIRS.items():
        heatmap = np.zeros(targets[f"{case}.{theirs}_heat.shape"], np.float32)
        heatmap.ravel()[targets[f"{case}.{theirs}_heat.index"]] = targets[f"{case}.{theirs}_heat.value"]
        offset = targets[f"{case}.{theirs}_regr"][image, slot]
        # Rounding decides the cell of a centre on the border between two cells.
        on_border = (np.abs(offset - offset.round()) < 1e-6).any(axis=1)
        excluded = set(image[on_border].tolist()) if name == "center" else set()
        images = np.array([i for i in range(3) if i not in excluded])
        compared = np.isin(image, images)
        cells = ours[f"{name}_cells"][torch.from_numpy(compared)]

        assert len(images)
        assert np.abs(ours[f"{name}_heatmap"].numpy() - heatmap)[images].max() < 1e-6
        assert ours[f"{name}_cells"][:, 0].tolist() == image.tolist()
        assert (cells[:, 1] * grid.width + cells[:, 2]).tolist() == targets[f"{case}.{theirs}_tag"][
            image, slot
        ][compared].tolist()
        assert ours[f"{name}_offset"].numpy()[compared] == pytest.approx(offset[compared], abs=1e-6)


def their_targets(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """The original's targets, with a separate cell for every object of an image."""
    image, slot = losses["gt_mask_u8"].bool().nonzero(as_tuple=True)
    ours = {}
    for name, theirs in THEIRS.items():
        ours[f"{name}_heatmap"] = losses[f"gt_{theirs}_heat"]
        ours[f"{name}_cells"] = torch.stack([image, torch.zeros_like(image), slot], dim=1)
        ours[f"{name}_offset"] = losses[f"gt_{theirs}_regr"][image, slot]
    return ours


def their_maps(losses: dict[str, Tensor], case: str, stack: int) -> Maps:
    """Maps whose first row holds the values that the original gathered for each object."""
    maps = {}
    for name, kind, key in MAPS:
        values = losses[f"{case}.in.{key}_{stack}"].clone()
        maps[f"{name}_{kind}"] = values if kind == "heatmap" else F.pad(values.mT[:, :, None], (0, 8))
    return maps


@pytest.mark.parametrize(("case", "stacks"), [("total1", 1), ("total2", 2)])
def test_golden_losses_and_their_gradients(losses: dict[str, Tensor], case: str, stacks: int) -> None:
    expected = their_targets(losses)
    # The original sums over three images; here it is their mean.
    task = Triplet(num_classes=4, pull_weight=0.3, push_weight=0.3)
    maps = [their_maps(losses, case, stack) for stack in range(stacks)]
    for of_stack in maps:
        for value in of_stack.values():
            value.requires_grad_()
    stack_terms = [task.loss(of_stack, expected) for of_stack in maps]
    terms = {name: sum(stack[name] for stack in stack_terms) / stacks for name in stack_terms[0]}
    torch.stack(list(terms.values())).sum().backward()

    total = {name: value.item() for name, value in terms.items()}
    heatmaps, offsets = ([total[f"{name}_{kind}"] for name in KEYPOINTS] for kind in ("heatmap", "offset"))
    assert sum(heatmaps) == pytest.approx(losses[f"{case}.focal"].item(), rel=1e-5)
    assert sum(offsets) == pytest.approx(losses[f"{case}.regr"].item(), rel=1e-4)
    assert total["pull"] == pytest.approx(losses[f"{case}.pull"].item(), rel=1e-4)
    # An image with one object adds a constant 1 to that of the original.
    assert total["push"] + 0.1 == pytest.approx(losses[f"{case}.push"].item(), abs=1e-4)
    for stack, of_stack in enumerate(maps):
        for name, kind, key in MAPS:
            ours, theirs = of_stack[f"{name}_{kind}"].grad, losses[f"{case}.grad.{key}_{stack}"]
            assert ours is not None
            assert_near(ours if kind == "heatmap" else ours[:, :, 0, :16].mT, theirs)


def assert_near(ours: Tensor, theirs: Tensor) -> None:
    assert (ours - theirs).norm() < 1e-4 * theirs.norm() + 1e-7


@pytest.mark.parametrize("case", ["paper", "k20", "k100k1"])
def test_golden_pairs_and_centres(golden_folder: Path, case: str) -> None:
    golden = np.load(golden_folder / "triplet_decode.npz")
    count, kernel, distance, _ = golden[f"{case}.args_K_kernel_aethr_numdets"].tolist()
    maps = {f"{name}_{kind}": torch.from_numpy(golden[f"{case}.{key}"]) for name, kind, key in MAPS}
    task = Triplet(
        num_classes=maps["center_heatmap"].shape[1],
        num_keypoints=int(count),
        kernel=int(kernel),
        tag_distance=distance,
    )
    pairs, centers = task.candidates(maps, 1)

    for image, number in enumerate(golden[f"{case}.valid_count"].tolist()):
        ours = torch.cat(
            [
                pairs.boxes[image],
                pairs.scores[image][:, None],
                pairs.corner_scores[image],
                pairs.labels[image][:, None],
            ],
            dim=1,
        )[:number]
        assert int((pairs.scores[image] > 0).sum()) == number
        expected = golden[f"{case}.detections_valid"][image, :number]
        assert sorted_rows(ours.numpy()) == pytest.approx(sorted_rows(expected), abs=1e-4)
    assert centers.places.numpy() == pytest.approx(golden[f"{case}.centers"][..., :2], abs=1e-4)
    assert (centers.labels.numpy() == golden[f"{case}.centers"][..., 2]).all()
    assert centers.scores.numpy() == pytest.approx(golden[f"{case}.centers"][..., 3], abs=1e-5)


def test_the_first_of_several_centres_is_used() -> None:
    """As in the original, which lists the centres of the image before those of the flipped image."""
    centers = Points(
        places=torch.tensor([[[5.0, 5.0], [4.5, 5.5]]]),
        scores=torch.tensor([[0.3, 0.9]]),
        labels=torch.tensor([[0, 0]]),
    )
    pairs = CornerPairs(
        boxes=torch.tensor([[[0.0, 0, 10, 10]]]),
        scores=torch.tensor([[0.6]]),
        labels=torch.tensor([[0]]),
        corner_scores=torch.tensor([[[0.6, 0.6]]]),
    )

    assert confirmed(pairs, centers).item() == pytest.approx((2 * 0.6 + 0.3) / 3)
