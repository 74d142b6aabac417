"""The program ours is timed against gives the numbers of the original."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import original
from benchmarks.original import Draws

PLAIN = ["A_default", "B_default", "C_default_142objs", "A_256"]
CROPS = ["A_crop08", "A_crop13flip", "B_crop06flip"]


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """All golden numbers that concern the algorithms timed."""
    files = ("image", "targets", "decode", "preprocess")
    return {key: value for name in files for key, value in np.load(golden_folder / f"{name}.npz").items()}


def boxes_and_labels(golden: dict[str, np.ndarray], image: str) -> tuple[np.ndarray, np.ndarray]:
    boxes = golden[f"ann_{image}_bbox_xywh"].copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.searchsorted(golden["coco_cat_ids"], golden[f"ann_{image}_category_id"])


def check_targets(ours: dict[str, np.ndarray], golden: dict[str, np.ndarray], case: str) -> None:
    assert np.abs(ours["heatmap"] - golden[f"{case}__hm"]).max() < 1e-6
    assert (ours["mask"] == golden[f"{case}__reg_mask"]).all()
    assert (ours["index"] == golden[f"{case}__ind"]).all()
    assert np.abs(ours["size"] - golden[f"{case}__wh"]).max() < 1e-4
    assert np.abs(ours["offset"] - golden[f"{case}__reg"]).max() < 1e-4


def test_radii_are_those_of_the_original(golden: dict[str, np.ndarray]) -> None:
    for overlap in (0.7, 0.5, 0.3):
        radii = [original.radius_of(h, w, overlap) for h, w in golden["gr_hw"]]

        assert radii == pytest.approx(golden[f"gr_radius_{overlap}"].tolist())


@pytest.mark.parametrize("name", ["a", "b"])
def test_bumps_are_those_of_the_original(golden: dict[str, np.ndarray], name: str) -> None:
    heatmap = np.zeros((48, 64), dtype=np.float32)
    for x, y, radius in golden[f"umich_{name}_xyr"].astype(int).tolist():
        original.draw(heatmap, x, y, radius)

    assert np.abs(heatmap - golden[f"umich_{name}_hm"]).max() < 1e-6


@pytest.mark.parametrize("case", PLAIN)
def test_targets_are_those_of_the_original(golden: dict[str, np.ndarray], case: str) -> None:
    boxes, labels = boxes_and_labels(golden, case[0])
    height, width = golden["img_B" if case[0] == "B" else "img_A"].shape[:2]
    size = golden[f"{case}__hm"].shape[:0:-1]
    matrix = original.affine(np.array([width / 2, height / 2]), max(height, width), size)
    ours = original.targets(boxes, labels, matrix, 80, size)

    check_targets(ours, golden, case)


@pytest.mark.parametrize("case", CROPS)
def test_training_samples_are_those_of_the_original(golden: dict[str, np.ndarray], case: str) -> None:
    boxes, labels = boxes_and_labels(golden, case[0])
    scale, x, y, flip = golden[f"{case}__aug"].tolist()
    draws = Draws(scale=scale, center=(x, y), flip=bool(flip))
    ours = original.sample(golden[f"img_{case[0]}"], boxes, labels, 80, draws)

    check_targets(ours, golden, case)
    if f"{case}__input_slice" in golden:
        difference = np.abs(ours["input"][:, 5::16, 3::16] - golden[f"{case}__input_slice"])
        # OpenCV versions differ by up to 3 grey levels in a scaling warp.
        assert difference.max() < 3.5 / 255 / original.STD.min()
        assert difference.mean() < 0.01


def test_detections_are_those_of_the_original(golden: dict[str, np.ndarray]) -> None:
    maps = [torch.from_numpy(golden[f"ct_{name}"]) for name in ("heat", "wh", "reg")]
    ours = original.decode(*maps).numpy()

    assert np.abs(ours - golden["ct_dets"]).max() < 1e-5


def test_inputs_are_those_of_the_original(golden: dict[str, np.ndarray]) -> None:
    ours = original.preprocess(golden["img_A"], mean=golden["mean"], std=golden["std"]).numpy()

    assert str(golden["00__args"]).strip() == "ctdet image=A scale=1.0"
    assert np.abs(ours[:, :, 3::16, 5::16] - golden["00__slice"]).max() < 3.5 / 255 / golden["std"].min()


def test_colours_are_those_of_the_original(golden: dict[str, np.ndarray]) -> None:
    image, factors = golden["color_in"].copy(), 1 + golden["color_alpha"]
    grey = golden["color_gray"]
    original.brightness(image, factors[0])
    original.blend(image, factors[1], float(grey.mean()))
    original.blend(image, factors[2], grey[:, :, None])
    original.lighting(image, golden["color_light"])

    assert np.abs(image - golden["color_full_bcs"]).max() < 1e-6
