"""Candidates of several scales merged: boxes outside the image, centres that count, positions of boxes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from centernet.geometry.affine import scaling
from centernet.geometry.resize import PadBelowMultiple
from centernet.inference.options import InferenceOptions
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture, build_backbone
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.protocols import Maps
from centernet.structures import Categories, View
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.structures.sample import sample_of
from centernet.tasks.triplet.multi_scale import Candidates, candidates_of, merge_candidates
from centernet.tasks.triplet.task import KEYPOINTS, Triplet

CENTERS = {
    "location": np.array([[[50.0, 50.0]]]),
    "score": np.array([[0.8]]),
    "label": np.array([[0]]),
}


def pairs(boxes: list[list[float]]) -> dict[str, np.ndarray]:
    count = len(boxes)
    return {
        "location": np.array([boxes]),
        "score": np.full((1, count), 0.5),
        "label": np.zeros((1, count), dtype=int),
        "corner_scores": np.full((1, count, 2), 0.5),
    }


VIEW = View(name="a.jpg", image_size=(100, 100), input_size=(100, 100))


def test_a_box_five_pixels_out_of_the_image_is_dropped_and_others_are_clipped() -> None:
    boxes = [[-4.0, 0, 100, 104], [-5.0, 0, 100, 100], [0.0, 0, 100, 105], [10.0, 20, 30, 40]]
    (found,) = candidates_of(pairs(boxes), CENTERS, [VIEW], 1.0)

    assert found.boxes.tolist() == [[0, 0, 100, 100], [10, 20, 30, 40]]


def test_the_margin_counts_in_pixels_of_the_resized_image() -> None:
    view = replace(VIEW, input_size=(50, 50), input_from_image=scaling(0.5))
    (found,) = candidates_of(pairs([[-4.0, 0, 50, 50], [10.0, 10, 20, 20]]), CENTERS, [view], 0.5)

    # Eight pixels of the image are four of the resized one.
    assert found.boxes.tolist() == [[0, 0, 100, 100], [20, 20, 40, 40]]
    assert found.centers.tolist() == [[100, 100]]


def candidates(box: list[float], center: tuple[float, float], score: float) -> Candidates:
    return Candidates(
        boxes=np.array([box]),
        scores=np.array([0.6]),
        labels=np.array([0]),
        corner_scores=np.array([[0.7, 0.5]]),
        centers=np.array([center]),
        center_scores=np.array([score]),
        center_labels=np.array([0]),
    )


def test_centres_of_the_scale_nearest_one_confirm_boxes_of_all_scales() -> None:
    small = candidates([0.0, 0, 12, 12], (100.0, 100.0), 0.9)
    own = candidates([0.0, 0, 10, 10], (5.0, 5.0), 0.3)
    both = merge_candidates([small, own], (0.5, 1.0))
    other_way = merge_candidates([small, own], (0.9, 0.5))

    assert sorted(both.boxes.tolist()) == [[0, 0, 10, 10], [0, 0, 12, 12]]
    assert both.scores == pytest.approx([(2 * 0.6 + 0.3) / 3] * 2)
    assert both.corner_scores == pytest.approx(np.array([[0.7, 0.5]] * 2))
    assert len(other_way.boxes) == 0


def test_the_central_region_is_a_fifth_of_a_large_box_and_a_third_of_a_small_one() -> None:
    # 0.35 of the side: within the middle third, outside the middle fifth.
    small, large = (
        candidates([0.0, 0, 100, 100], (35.0, 50.0), 0.9),
        candidates([0.0, 0, 200, 200], (70.0, 100.0), 0.9),
    )

    assert len(merge_candidates([small], (1.0,)).boxes) == 1
    assert len(merge_candidates([large], (1.0,)).boxes) == 0


class Ideal(Network):
    """Gives the maps of one known object in an image of 300×500 pixels, flipped if the input is."""

    box = (40.0, 30.0, 460.0, 250.0)

    def __init__(self) -> None:
        super().__init__(build_backbone("timm/resnet10t"), {})

    def last_maps(self, images: Tensor, *, at_cells: bool = False) -> Maps:
        del at_cells
        _, _, height, width = images.shape
        shift_x, shift_y = width // 2 - 250, height // 2 - 150
        x1, y1, x2, y2 = self.box
        placed = torch.tensor([[x1 + shift_x, y1 + shift_y, x2 + shift_x, y2 + shift_y]])
        boxes = [placed, placed.clone()][: len(images)]
        if len(images) == 2:
            boxes[1][:, [0, 2]] = width - placed[:, [2, 0]]
        grid = Grid(batch=len(images), height=(height + 1) // 4, width=(width + 1) // 4)
        stretch = torch.tensor([grid.width * 4 / width, grid.height * 4 / height] * 2)
        targets = Triplet(num_classes=1).encode(
            BatchAnnotations(
                boxes=torch.cat(boxes) * stretch,
                labels=torch.zeros(len(images), dtype=torch.long),
                image_index=torch.arange(len(images)),
            ),
            grid,
        )
        maps = {}
        for name in KEYPOINTS:
            heatmap = targets[f"{name}_heatmap"]
            offset = torch.zeros(len(images), 2, grid.height, grid.width)
            image, y, x = targets[f"{name}_cells"].unbind(1)
            offset[image, :, y, x] = targets[f"{name}_offset"]
            maps |= {f"{name}_heatmap": torch.logit(heatmap, eps=1e-5), f"{name}_offset": offset}
            maps[f"{name}_tag"] = torch.zeros(len(images), 1, grid.height, grid.width)
        return maps


@pytest.mark.parametrize("flip", [False, True])
def test_boxes_on_an_input_one_short_of_a_multiple_are_mapped_back_exactly(flip: bool) -> None:
    predictor = TorchPredictor(
        network=Ideal(),
        task=Triplet(num_classes=1),
        categories=Categories.of("thing"),
        rule=PadBelowMultiple(),
        normalize=Normalize(),
        architecture=Architecture(backbone="timm/resnet10t"),
    )
    image = np.zeros((300, 500, 3), np.uint8)
    (found,) = predictor.detect(
        [sample_of(image, "a.jpg")],
        InferenceOptions(flip=flip, nms="gaussian" if flip else "none", exact=flip),
    )

    assert found.boxes[0] == pytest.approx(Ideal.box, abs=1e-2)
    assert found.scores[0] > 0.99
    # The flipped image finds it again, and soft-NMS lowers that.
    assert len(found.above(0.5)) == 1
