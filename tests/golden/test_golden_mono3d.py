"""3D boxes of the original: geometry, targets, losses, decoding, locations."""

from pathlib import Path

import numpy as np
import pytest
import torch

from centernet.geometry.affine import crop_to_input, transform_boxes
from centernet.geometry.boxes3d import corners_of
from centernet.geometry.camera import alpha_from_rotation, project, rotation_from_alpha, unproject
from centernet.geometry.resize import FitWidth
from centernet.inference.postprocess import boxes3d_of
from centernet.structures import View
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.mono3d import Mono3D

TASK = Mono3D(num_classes=3)
GRID = Grid(batch=1, height=96, width=320)
IGNORED_CLASS = {4: (1,), 5: (1,), 6: (0,), 9: (0, 1, 2)}
"""Classes for which a category is ignored: vans and trucks for cars, sitting persons for pedestrians."""


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    files = ("mono3d", "targets_mono3d")
    return {key: value for name in files for key, value in np.load(golden_folder / f"{name}.npz").items()}


def test_golden_corners_and_their_image(golden: dict[str, np.ndarray]) -> None:
    boxes = np.column_stack([golden[f"utils_{name}"] for name in ("dim_hwl", "location", "rotation_y")])
    corners = corners_of(boxes)
    theirs = golden["utils_box3d"]

    assert sorted_rows(corners) == pytest.approx(sorted_rows(theirs), abs=1e-4)
    projected = project(golden["utils_calib"], theirs.astype(float))
    is_finite = np.isfinite(projected).all((1, 2))
    assert projected[is_finite] == pytest.approx(golden["utils_box2d"][is_finite], rel=1e-4, abs=1e-2)


def sorted_rows(corners: np.ndarray) -> np.ndarray:
    """The eight corners of each box, sorted by coordinates."""
    return np.stack([box[np.lexsort(box.round(3).T)] for box in corners])


def test_golden_locations_and_headings(golden: dict[str, np.ndarray]) -> None:
    camera = golden["utils_calib"].astype(float)
    pixels, depth = golden["utils_pt2d"].astype(float), golden["utils_depth"].astype(float)

    assert unproject(camera, pixels, depth) == pytest.approx(golden["utils_unproject"], rel=1e-4, abs=1e-3)
    assert project(camera, unproject(camera, pixels, depth)) == pytest.approx(pixels)
    ours = rotation_from_alpha(camera, golden["utils_alpha"].astype(float), pixels[:, 0])
    assert ours == pytest.approx(golden["utils_alpha2rot_y"], abs=1e-4)
    back = alpha_from_rotation(camera, golden["utils_rotation_y"].astype(float), pixels[:, 0])
    assert back == pytest.approx(golden["utils_rot_y2alpha"], abs=1e-4)


def input_annotations(
    golden: dict[str, np.ndarray], input_from_image: np.ndarray, *, learned: bool
) -> BatchAnnotations:
    """The annotations in input pixels; regions to ignore once for each class that ignores them."""
    boxes = golden["ann_bbox_xywh"].copy()
    boxes[:, 2:] += boxes[:, :2]
    rows = [
        (row, label, category > 3)
        for row, category in enumerate(golden["ann_category_id"].tolist())
        for label in IGNORED_CLASS.get(category, (category - 1,) if category <= 3 else ())
    ]
    index = np.array([row for row, _, _ in rows])
    boxes3d = np.full((len(rows), 7), np.nan)
    if learned:
        boxes3d[:, :3], boxes3d[:, 5] = golden["ann_dim_hwl"][index], golden["ann_depth"][index]
    return BatchAnnotations(
        boxes=torch.from_numpy(transform_boxes(input_from_image, boxes[index])).float(),
        labels=torch.tensor([label for _, label, _ in rows]),
        image_index=torch.zeros(len(rows), dtype=torch.long),
        boxes3d=torch.from_numpy(boxes3d).float(),
        alpha_rad=torch.from_numpy(golden["ann_alpha"][index]).float(),
        is_ignored=torch.tensor([is_ignored for _, _, is_ignored in rows]),
    )


@pytest.mark.parametrize("case", ["default", "aug"])
def test_golden_targets(golden: dict[str, np.ndarray], case: str) -> None:
    scale, x_shift, y_shift = golden["aug__randn_scale_cx_cy"] if case == "aug" else (0, 0, 0)
    center = (621 + 1242 * 0.1 * float(x_shift), 187.5 + 375 * 0.1 * float(y_shift))
    matrix = crop_to_input(center, 1242 * (1 + 0.4 * float(scale)), (384, 1280))
    targets = TASK.encode(input_annotations(golden, matrix, learned=case != "aug"), GRID)

    assert np.abs(targets["heatmap"][0].numpy() - golden[f"{case}__hm"]).max() < 1e-5
    slots = np.flatnonzero(golden[f"{case}__rot_mask"])
    index = targets["cells"][:, 1] * 320 + targets["cells"][:, 2]
    assert index.tolist() == golden[f"{case}__ind"][slots].tolist()
    for ours, theirs in {"size": "wh", "offset": "reg"}.items():
        assert targets[ours].numpy() == pytest.approx(golden[f"{case}__{theirs}"][slots], abs=1e-3)
    assert (targets["bins"].numpy() == golden[f"{case}__rotbin"][slots]).all()
    angles, inside = golden[f"{case}__rotres"][slots], targets["bins"].numpy() == 1
    assert np.cos(targets["angles"].numpy() - angles)[inside] == pytest.approx(1, abs=1e-6)
    is_learned = golden[f"{case}__reg_mask"][slots] == 1
    assert (targets["depth"][:, 0].isfinite().numpy() == is_learned).all()
    for ours, theirs in {"depth": "dep", "size3d": "dim"}.items():
        known = targets[ours].numpy()[is_learned]
        assert known == pytest.approx(golden[f"{case}__{theirs}"][slots][is_learned], abs=1e-4)


def test_golden_heading_loss(golden: dict[str, np.ndarray]) -> None:
    output = torch.from_numpy(golden["rot_output"])
    mask = torch.from_numpy(golden["rot_mask"]) > 0
    image, slot = mask.nonzero(as_tuple=True)
    index = torch.from_numpy(golden["rot_ind"])[image, slot]
    bins = torch.from_numpy(golden["rot_bin"])[image, slot].long()
    angles = torch.from_numpy(golden["rot_res"])[image, slot].float()
    cells = torch.stack([image, index // 16, index % 16], dim=1)
    count = len(cells)
    targets = {
        "heatmap": torch.zeros(2, 3, 12, 16),
        "cells": cells,
        "size": torch.zeros(count, 2),
        "offset": torch.zeros(count, 2),
        "depth": torch.full((count, 1), torch.nan),
        "size3d": torch.full((count, 3), torch.nan),
        "bins": bins,
        "angles": angles,
    }
    maps = {name: torch.zeros(2, spec.channels, 12, 16) for name, spec in TASK.heads.items()}
    maps["heading"] = output.clone().requires_grad_()
    task = Mono3D(num_classes=3, slots=10)
    loss = task.loss(maps, targets)["heading"]
    loss.backward()

    assert loss.item() == pytest.approx(float(golden["BinRotLoss"]), rel=1e-5)
    assert maps["heading"].grad.numpy() == pytest.approx(golden["BinRotLoss__grad_output"], abs=1e-6)


def test_golden_decode(golden: dict[str, np.ndarray]) -> None:
    names = {"reg": "offset", "wh": "size", "dep": "depth", "dim": "size3d", "rot": "heading"}
    maps = {ours: torch.from_numpy(golden[f"ddd_{theirs}"]) for theirs, ours in names.items()}
    maps["heatmap"] = torch.logit(torch.from_numpy(golden["ddd_hm"]).double()).float()
    # The original decodes depths that are metres already.
    maps["depth"] = -maps["depth"].double().log().float()
    found = TASK.decode(maps, stride=1)
    # Rows of the original: x, y, score, eight of the heading, depth, three 3D sizes, two 2D sizes, class.
    theirs = golden["ddd_dets"][0]
    ours = np.column_stack(
        [
            found["centers"][0],
            found["scores"][0],
            found["depth"][0],
            found["size3d"][0],
            found["boxes"][0, :, 2:] - found["boxes"][0, :, :2],
            found["labels"][0],
        ]
    )
    expected = theirs[:, [0, 1, 2, 11, 12, 13, 14, 15, 16, 17]]
    # Depths of far objects are large, so the tolerance is relative.
    order = [np.lexsort((rows[:, 0], -rows[:, 2].round(4))) for rows in (ours, expected)]
    assert ours[order[0]] == pytest.approx(expected[order[1]], rel=1e-3, abs=2e-3)


def test_golden_alpha(golden: dict[str, np.ndarray]) -> None:
    count = len(golden["alpha_rot_in"])
    maps = {name: torch.zeros(1, spec.channels, count, 3) for name, spec in TASK.heads.items()}
    # One peak at a time.
    maps["heatmap"][:] = -9
    found = []
    for rows in torch.from_numpy(golden["alpha_rot_in"]).split(1):
        maps["heading"][0, :, 1, 1] = rows[0]
        maps["heatmap"][0, 0, 1, 1] = 5
        found.append(TASK.decode(maps, stride=1)["alpha_rad"][0, 0].item())

    assert found == pytest.approx(golden["alpha_out"].tolist(), abs=1e-5)


def test_golden_depth(golden: dict[str, np.ndarray]) -> None:
    maps = {name: torch.zeros(1, spec.channels, 8, 5) for name, spec in TASK.heads.items()}
    maps["depth"] = torch.from_numpy(golden["depth_raw"]).float().view(1, 1, 8, 5)
    maps["heatmap"][0, 0] = torch.randperm(40, generator=torch.Generator().manual_seed(0)).view(8, 5).float()
    found = TASK.decode(maps, stride=1)
    centers = found["centers"][0].long()
    index = centers[:, 1] * 5 + centers[:, 0]
    is_peak = found["scores"][0] > 0.51

    assert found["depth"][0][is_peak].numpy() == pytest.approx(
        golden["depth_decoded"].ravel()[index[is_peak].numpy()], rel=1e-4
    )


def test_golden_3d_boxes_in_camera_coordinates(golden: dict[str, np.ndarray]) -> None:
    rows, theirs = golden["ddd_dets_in"][0], golden["ddd_post"]
    headings = torch.from_numpy(rows[:, 3:11])[..., None, None]
    alpha = np.array([alpha_of(heading[None]) for heading in headings])
    input_size, input_from_image = FitWidth(height=384, width=1280)((375, 1242))
    view = View(
        name="a",
        image_size=(375, 1242),
        input_size=input_size,
        input_from_image=input_from_image,
        camera=golden["calib"].astype(float),
    )
    roles = {"center3d": rows[:, :2] * 4, "depth": rows[:, 11], "size3d": rows[:, 12:15], "alpha": alpha}

    found = boxes3d_of(roles, view)

    # Rows of the original: class, alpha, 2D box, height, width, length, location, rotation_y, score.
    ours = np.column_stack([rows[:, -1] + 1, alpha, found["boxes3d"]])
    expected = theirs[:, [0, 1, 6, 7, 8, 9, 10, 11, 12]]
    # Those of the original are sorted by class.
    order = np.argsort(ours[:, 0], kind="stable")
    rotation_errors = ours[order, -1] - expected[:, -1]
    assert ours[order, :-1] == pytest.approx(expected[:, :-1], rel=1e-3, abs=2e-3)
    assert np.cos(rotation_errors) == pytest.approx(1, abs=1e-5)


def alpha_of(heading: torch.Tensor) -> float:
    """The observation angle decoded from the heading map of one cell."""
    maps = {name: torch.zeros(1, spec.channels, 1, 1) for name, spec in TASK.heads.items()}
    return TASK.decode({**maps, "heading": heading}, stride=1)["alpha_rad"][0, 0].item()
