"""3D boxes: decoding gives back the encoded objects, for any view and camera."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from centernet.data.loading.collate import collate
from centernet.data.synthetic import ROADS, Scenes
from centernet.data.transforms.augment import Augment, ShiftScale
from centernet.data.transforms.warp import resize, warp_sample
from centernet.detections import Detections
from centernet.geometry.affine import horizontal_flip, scaling, translation
from centernet.geometry.camera import project
from centernet.geometry.resize import Letterbox, ResizeLongestSide
from centernet.inference.predictor import to_detections
from centernet.structures import Annotations, Sample
from centernet.structures.batch import Grid
from centernet.tasks.mono3d import Mono3D

SIZE = (192, 640)
OURS = Mono3D(num_classes=3, center3d_weight=1.0, focal_px=500.0)
PAPERS = Mono3D(num_classes=3)


def noise_free(count: int) -> list[Sample]:
    scenes = Scenes(mode=ROADS, size=SIZE, noise=0)
    return [scenes.sample(index) for index in range(count)]


def ideal_maps(task: Mono3D, samples: Sequence[Sample]) -> dict[str, Tensor]:
    """The maps of a perfect network."""
    batch = collate(samples, with_ignored=True)
    _, _, height, width = batch.images.shape
    grid = Grid(batch=len(samples), height=height // 4, width=width // 4)
    targets = task.encode(batch.objects, grid)
    maps = {
        name: torch.zeros(len(samples), spec.channels, grid.height, grid.width)
        for name, spec in task.heads.items()
    }
    maps["heatmap"] = targets["heatmap"].logit(1e-6)
    image, y, x = targets["cells"].unbind(1)
    raw = {name: targets[name] for name in ("size", "offset", "size3d", "center3d") if name in maps}
    raw["depth"] = (1 / (targets["depth"] + 1) - 1e-6).logit()
    inside, angles = targets["bins"].float(), targets["angles"]
    raw["heading"] = torch.stack([1 - inside, inside, angles.sin(), angles.cos()], dim=2).flatten(1)
    for name, values in raw.items():
        maps[name][image, :, y, x] = values
    return maps


def decoded(task: Mono3D, samples: Sequence[Sample]) -> list[Detections]:
    outputs = task.decode(ideal_maps(task, samples), stride=4)
    found = to_detections(outputs, task.outputs, collate(samples), Scenes(mode=ROADS).categories)
    return [one.above(0.9) for one in found]


def pairs(found: Detections, ground_truth: Annotations) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predicted and ground-truth 3D boxes of matched objects, clipped at the border by up to a cell."""
    matched = []
    for box, label, box3d in zip(ground_truth.boxes, ground_truth.labels, ground_truth.boxes3d, strict=True):
        distance = np.abs(found.boxes - box).max(axis=1) + 1000 * (found.labels != label)
        if len(distance) and distance.min() < 4.5:
            matched.append((found.boxes3d[distance.argmin()].astype(float), box3d.astype(float)))
    return matched


def turn(first: float, second: float) -> float:
    return abs((first - second + np.pi) % (2 * np.pi) - np.pi)


def check_exact(found: Sequence[Detections], ground_truths: Sequence[Annotations], max_lost: int) -> None:
    matched = [pair for one, target in zip(found, ground_truths, strict=True) for pair in pairs(one, target)]
    assert len(matched) >= sum(map(len, ground_truths)) - max_lost
    for predicted, expected in matched:
        assert predicted[5] == pytest.approx(expected[5], rel=0.01)
        np.testing.assert_allclose(predicted[:3], expected[:3], atol=0.01)
        assert turn(predicted[6], expected[6]) < np.radians(1)
        # A pixel in ten thousandths, times depth over focal length, is less than a centimetre.
        np.testing.assert_allclose(predicted[3:6], expected[3:6], atol=0.05)


def test_noise_free_scenes_are_decoded_exactly() -> None:
    samples = noise_free(20)

    check_exact(decoded(OURS, samples), [sample.annotations for sample in samples], max_lost=3)


@pytest.mark.parametrize(
    "rule", [Letterbox(height=384, width=1280), ResizeLongestSide(long_side=480)], ids=repr
)
def test_scenes_are_decoded_exactly_for_any_input_size(rule: Letterbox | ResizeLongestSide) -> None:
    samples = noise_free(8)
    views = [resize(sample, rule) for sample in samples]

    check_exact(decoded(OURS, views), [sample.annotations for sample in samples], max_lost=3)


def test_without_a_map_for_it_the_centre_of_the_2d_box_is_taken_for_that_of_the_3d_box() -> None:
    samples = noise_free(8)

    for one, sample in zip(decoded(PAPERS, samples), samples, strict=True):
        for (predicted, expected), box in zip(
            pairs(one, sample.annotations), sample.annotations.boxes, strict=False
        ):
            del box
            assert predicted[5] == pytest.approx(expected[5], rel=0.01)
            np.testing.assert_allclose(predicted[:3], expected[:3], atol=0.01)
        assert "center3d" not in PAPERS.heads


def test_a_flipped_and_zoomed_view_gives_the_flipped_scene_exactly() -> None:
    samples = noise_free(8)
    matrix = translation(-30.0, -20.0) @ scaling(1.25) @ horizontal_flip(SIZE[1])
    views = [warp_sample(sample, SIZE, matrix) for sample in samples]

    for sample, view in zip(samples, views, strict=True):
        expected, flipped = sample.annotations.boxes3d, view.annotations.boxes3d
        np.testing.assert_allclose(flipped[:, 3], -expected[:, 3])
        np.testing.assert_allclose(np.sin(flipped[:, 6]), np.sin(expected[:, 6]), atol=1e-6)
        np.testing.assert_allclose(np.cos(flipped[:, 6]), -np.cos(expected[:, 6]), atol=1e-6)
        where = project(sample.view.camera, expected[:, 3:6].astype(float)) @ matrix[:2, :2].T + matrix[:2, 2]
        camera = matrix @ view.view.camera
        np.testing.assert_allclose(project(camera, flipped[:, 3:6].astype(float)), where, atol=1e-3)
    check_exact(decoded(OURS, views), [replace_boxes(one) for one in views], max_lost=12)


def replace_boxes(sample: Sample) -> Annotations:
    """Its objects, with boxes in image pixels clipped to the input."""
    back = sample.view.image_from_input
    corners = np.clip(sample.annotations.boxes, 0, np.array([*SIZE[::-1]] * 2) - 4.0)
    ends = [corners[:, :2] @ back[:2, :2].T + back[:2, 2], corners[:, 2:] @ back[:2, :2].T + back[:2, 2]]
    boxes = np.concatenate([np.minimum(*ends), np.maximum(*ends)], axis=1)
    kept = (corners[:, 2:] - corners[:, :2] > 4).all(axis=1)
    return replace(sample.annotations, boxes=boxes.astype(np.float32))[kept]


def test_relative_to_a_focal_length_depth_doubles_with_half_the_zoom() -> None:
    (sample,) = noise_free(1)
    near, far = (resize(sample, ResizeLongestSide(long_side=side)) for side in (640, 320))
    grids = [Grid(batch=1, height=48, width=160), Grid(batch=1, height=24, width=80)]

    depths = [
        OURS.encode(collate([view]).objects, grid)["depth"]
        for view, grid in zip((near, far), grids, strict=True)
    ]

    torch.testing.assert_close(depths[1], 2 * depths[0])


@pytest.mark.parametrize("at_any_scale", [True, False])
def test_sizes_and_depths_are_learned_at_other_scales_only_relative_to_a_focal_length(
    at_any_scale: bool,
) -> None:
    (sample,) = noise_free(1)
    zoom = Augment(
        rule=ResizeLongestSide(long_side=640),
        window=ShiftScale(shift=0.0, scale=0.4),
        flip=0.0,
        box3d_at_any_scale=at_any_scale,
    )
    plain = replace(zoom, window=ShiftScale(shift=0.1, scale=0.0))

    zoomed = zoom([sample], np.random.default_rng(0)).annotations
    moved = plain([sample], np.random.default_rng(0)).annotations

    assert np.isfinite(zoomed.boxes3d).all() == at_any_scale
    assert np.isfinite(zoomed.alpha_rad).all()
    assert np.isfinite(moved.boxes3d).all()


def test_a_view_without_a_camera_gives_headings_alone() -> None:
    (sample,) = noise_free(1)
    blind = replace(sample, view=replace(sample.view, camera=None))
    outputs = PAPERS.decode(ideal_maps(PAPERS, [sample]), stride=4)

    (found,) = to_detections(outputs, PAPERS.outputs, collate([blind]), Scenes(mode=ROADS).categories)

    assert not found.have_boxes3d.any()
    assert np.isfinite(found.alpha_rad).all()
    assert found.camera is None


def test_objects_without_a_3d_box_are_still_detected() -> None:
    (sample,) = noise_free(1)
    flat = replace(
        sample,
        annotations=replace(
            sample.annotations,
            boxes3d=np.full_like(sample.annotations.boxes3d, np.nan),
            alpha_rad=np.full_like(sample.annotations.alpha_rad, np.nan),
        ),
    )
    targets = OURS.encode(collate([flat]).objects, Grid(batch=1, height=48, width=160))
    maps = {
        name: torch.zeros(1, spec.channels, 48, 160, requires_grad=True) for name, spec in OURS.heads.items()
    }

    losses = OURS.loss(maps, targets)

    assert losses["size"] > 0
    assert all(losses[name] == 0 for name in ("depth", "size3d", "heading", "center3d"))
    sum(losses.values()).backward()
    assert all(bool(value.grad.isfinite().all()) for value in maps.values() if value.grad is not None)


def test_ignored_regions_give_no_loss() -> None:
    (sample,) = noise_free(1)
    crowd = replace(
        sample, annotations=replace(sample.annotations, is_crowd=np.ones(len(sample.annotations), bool))
    )
    targets = OURS.encode(collate([crowd], with_ignored=True).objects, Grid(batch=1, height=48, width=160))

    assert len(targets["cells"]) == 0
    assert targets["heatmap"].max() == pytest.approx(0.9999)


def test_a_focal_length_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="focal_px is 0, or a focal length in pixels; got -1"):
        Mono3D(num_classes=1, focal_px=-1.0)
