"""Keypoints of the original: targets, decoding, flip augmentation, boxes and points in image pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from centernet.geometry.affine import crop_to_input, horizontal_flip, transform_boxes, transform_points
from centernet.structures import Categories
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.structures.skeletons import COCO_PERSON
from centernet.tasks.pose import Pose

TASK = Pose.of(Categories(("person",), (1,), (COCO_PERSON,)))
GRID = Grid(batch=1, height=128, width=128)


@pytest.fixture(scope="module")
def targets(golden_folder: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_folder / "targets_pose.npz"))


@pytest.fixture(scope="module")
def decoded(golden_folder: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_folder / "decode.npz"))


@pytest.fixture(scope="module")
def postprocessed(golden_folder: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_folder / "postprocess.npz"))


def input_annotations(golden: dict[str, np.ndarray], case: str) -> BatchAnnotations:
    """The persons of a case in input pixels; left and right keypoints are swapped if the case is flipped."""
    boxes = golden[f"ann_{case[0]}_bbox_xywh"].copy()
    boxes[:, 2:] += boxes[:, :2]
    keypoints = golden[f"ann_{case[0]}_keypoints"].copy()
    height, width = {"A": (240, 320), "B": (333, 250)}[case[0]]
    scale, x, y, is_flipped, angle = golden.get(f"{case}__aug", np.array([1, width / 2, height / 2, 0, 0]))
    matrix = crop_to_input((x, y), scale * max(height, width), (512, 512), np.deg2rad(angle))
    if is_flipped:
        window = (width - 1 - x, y)
        matrix = crop_to_input(
            window, scale * max(height, width), (512, 512), np.deg2rad(angle)
        ) @ horizontal_flip(width)
        keypoints = keypoints[:, COCO_PERSON.flip_indices]
    keypoints[..., :2] = transform_points(matrix, keypoints[..., :2].reshape(-1, 2)).reshape(-1, 17, 2)
    return BatchAnnotations(
        boxes=torch.from_numpy(transform_boxes(matrix, boxes)).float(),
        labels=torch.zeros(len(boxes), dtype=torch.long),
        image_index=torch.zeros(len(boxes), dtype=torch.long),
        keypoints=torch.from_numpy(keypoints).float(),
    )


@pytest.mark.parametrize("case", ["A_default", "B_default", "A_crop07", "A_crop12flip"])
def test_golden_targets(targets: dict[str, np.ndarray], case: str) -> None:
    ours = TASK.encode(input_annotations(targets, case), GRID)

    # The original gives every person a slot, in order, including those it does not learn.
    slots = np.flatnonzero(np.abs(targets[f"{case}__wh"]).sum(1))
    index = (ours["cells"][:, 1] * 128 + ours["cells"][:, 2]).tolist()
    assert index == targets[f"{case}__ind"][slots].tolist()
    assert ours["size"].numpy() == pytest.approx(targets[f"{case}__wh"][slots], abs=1e-3)
    assert ours["offset"].numpy() == pytest.approx(targets[f"{case}__reg"][slots], abs=1e-3)
    assert np.abs(ours["heatmap"][0].numpy() - targets[f"{case}__hm"]).max() < 1e-6
    assert np.abs(ours["keypoint_heatmap"][0].numpy() - targets[f"{case}__hm_hp"]).max() < 1e-6

    mask = targets[f"{case}__hps_mask"].reshape(-1, 17, 2)[..., 0] > 0
    person, keypoint = np.nonzero(mask)
    plane, y, x = ours["arrow_cells"].T.numpy()
    assert plane.tolist() == keypoint.tolist()
    assert (y * 128 + x).tolist() == targets[f"{case}__ind"][person].tolist()
    arrows = targets[f"{case}__hps"].reshape(-1, 17, 2)[person, keypoint]
    assert ours["keypoints"].numpy() == pytest.approx(arrows, abs=1e-3)

    has_joint = targets[f"{case}__hp_mask"] > 0
    joints = (ours["keypoint_cells"][:, 1] * 128 + ours["keypoint_cells"][:, 2]).tolist()
    assert joints == targets[f"{case}__hp_ind"][has_joint].tolist()
    offsets = targets[f"{case}__hp_offset"][has_joint]
    assert ours["keypoint_offset"].numpy() == pytest.approx(offsets, abs=1e-3)


def test_golden_keypoints_of_a_rotated_person(targets: dict[str, np.ndarray]) -> None:
    ours = TASK.encode(input_annotations(targets, "A_rot20flip"), GRID)

    # The original learns no boxes of rotated images, and ours are the hulls of the rotated boxes; the
    # keypoints are the same.
    joints = ours["keypoint_cells"][:, 1] * 128 + ours["keypoint_cells"][:, 2]
    theirs = targets["A_rot20flip__hp_ind"][targets["A_rot20flip__hp_mask"] > 0]
    assert sorted(joints.tolist()) == sorted(theirs.tolist())


def maps_of(
    golden: dict[str, np.ndarray], prefix: str, image: slice = slice(None)
) -> dict[str, torch.Tensor]:
    """Golden maps by our names, with logits in place of probabilities."""
    names = {
        "hm": "heatmap",
        "wh": "size",
        "reg": "offset",
        "hps": "keypoints",
        "hm_hp": "keypoint_heatmap",
        "hp_offset": "keypoint_offset",
    }
    maps = {ours: torch.from_numpy(golden[f"{prefix}_{theirs}"][image]) for theirs, ours in names.items()}
    for name in ("heatmap", "keypoint_heatmap"):
        if prefix == "mp":
            maps[name] = torch.logit(maps[name].double()).float()
    return maps


def matched(found: dict[str, torch.Tensor], golden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of box, score and keypoints of both, sorted so that the order of equal scores does not matter."""
    keypoints = found["keypoints"][0, :, :, :2].flatten(1)
    ours = torch.cat([found["boxes"][0], found["scores"][0, :, None], keypoints], dim=1).numpy()
    theirs = golden[:, :39]
    return tuple(rows[np.lexsort((rows[:, 0], -rows[:, 4].round(4)))] for rows in (ours, theirs))


def test_golden_decode(decoded: dict[str, np.ndarray]) -> None:
    ours, theirs = matched(TASK.decode(maps_of(decoded, "mp"), 1), decoded["mp_dets"][0])

    assert ours == pytest.approx(theirs, abs=2e-3)


def test_golden_merge_with_a_horizontal_flip(postprocessed: dict[str, np.ndarray]) -> None:
    plain, flipped = (maps_of(postprocessed, "fliptest_mp", slice(i, i + 1)) for i in range(2))
    merged = TASK.merge_flipped(plain, flipped)

    assert merged["heatmap"].sigmoid().numpy() == pytest.approx(
        postprocessed["fliptest_mp_merged_hm"], abs=1e-5
    )
    assert merged["size"].numpy() == pytest.approx(postprocessed["fliptest_mp_merged_wh"], abs=1e-5)
    assert merged["keypoints"].numpy() == pytest.approx(postprocessed["fliptest_mp_merged_hps"], abs=1e-5)
    found = replace(TASK, top_k=40).decode(merged, 1)
    ours, theirs = matched(found, postprocessed["fliptest_mp_dets_K40"][0])
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_golden_points_in_image_pixels(postprocessed: dict[str, np.ndarray]) -> None:
    center, side = postprocessed["c"], float(np.ravel(postprocessed["s_fix"])[0])
    height, width = (int(value) for value in np.ravel(postprocessed["out_hw_fix"]))
    cells_from_image = crop_to_input((float(center[0]), float(center[1])), side, (height, width))
    image_from_cells = np.linalg.inv(cells_from_image)
    rows = postprocessed["mp_dets_in"][0]
    points = transform_points(image_from_cells, rows[:, 5:39].reshape(-1, 2)).reshape(-1, 34)
    boxes = transform_boxes(image_from_cells, rows[:, :4])

    assert boxes == pytest.approx(postprocessed["mp_post_fix"][:, :4], abs=2e-3)
    assert points == pytest.approx(postprocessed["mp_post_fix"][:, 5:], abs=2e-3)
