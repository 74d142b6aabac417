"""The baseline of the benchmarks reproduces golden data of the original, and the reports are correct."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.original import Draws
from torch import nn

from benchmarks import accelerator, networks, original
from centernet.models.convolutions import DeformableConv
from centernet.recipes.presets import RECIPES

PLAIN = ["A_default", "B_default", "C_default_142objs", "A_256"]
CROPS = ["A_crop08", "A_crop13flip", "B_crop06flip"]


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """The golden data of the algorithms that are timed."""
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
def test_gaussians_are_those_of_the_original(golden: dict[str, np.ndarray], name: str) -> None:
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


def test_persons_are_those_of_the_original(golden: dict[str, np.ndarray]) -> None:
    names = {"hm": "heatmap", "wh": "size", "reg": "offset", "hps": "keypoints"}
    names |= {"hm_hp": "keypoint_heatmap", "hp_offset": "keypoint_offset"}
    maps = {ours: torch.from_numpy(golden[f"mp_{name}"]) for name, ours in names.items()}
    rows, keypoints = original.decode_pose(maps)

    assert np.abs(rows[..., :5].numpy() - golden["mp_dets"][..., :5]).max() < 1e-4
    assert np.abs(keypoints.flatten(2).numpy() - golden["mp_dets"][..., 5:39]).max() < 1e-4


def test_3d_boxes_are_those_of_the_original(golden_folder: Path) -> None:
    golden = np.load(golden_folder / "mono3d.npz")
    names = {
        "hm": "heatmap",
        "rot": "heading",
        "dep": "depth",
        "dim": "size3d",
        "wh": "size",
        "reg": "offset",
    }
    rows = original.decode_boxes3d(
        {ours: torch.from_numpy(golden[f"ddd_{theirs}"]) for theirs, ours in names.items()}
    )
    placed = original.place_boxes3d(
        golden["ddd_dets_in"][0], golden["calib"].astype(float), (1242, 375), (320, 96)
    )

    assert np.abs(rows.numpy() - golden["ddd_dets"]).max() < 1e-4
    theirs = golden["ddd_post"]
    # Classes of the original count from 1, and its rows are sorted by class.
    placed[:, 0] += 1
    order = [np.lexsort((table[:, 2], -table[:, 13].round(4), table[:, 0])) for table in (placed, theirs)]
    assert placed[order[0]] == pytest.approx(theirs[order[1]], rel=1e-3, abs=1e-2)


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


@pytest.mark.parametrize("name", ["resnet18-dcn", "dla34", "dla34-dcn"])
def test_the_original_implementation_gives_the_same_maps(name: str) -> None:
    network = networks.trained_alike(RECIPES[name](), num_classes=2, side=128).network
    images = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = network(images)[-1], networks.as_original(network)(images)[-1]

    assert networks.largest_difference(ours, theirs) < 1e-3


def test_the_original_implementation_uses_none_of_our_deformable_layers() -> None:
    network = networks.trained_alike(RECIPES["resnet18-dcn"](), num_classes=2, side=64).network
    theirs = networks.as_original(network)

    assert sum(isinstance(module, DeformableConv) for module in network.modules()) == 3
    assert not any(isinstance(module, DeformableConv) for module in theirs.modules())
    assert sum(isinstance(module, networks.CompiledDeformableConv) for module in theirs.modules()) == 3
    assert all(weight.is_contiguous() for weight in theirs.parameters())


def test_the_original_implementation_computes_the_unused_shortcuts() -> None:
    network = networks.trained_alike(RECIPES["dla34"](), num_classes=2, side=64).network
    theirs = networks.as_original(network)

    sizes = [sum(weight.numel() for weight in module.parameters()) for module in (network, theirs)]
    # 64 to 128 and 128 to 256 channels, each with the two numbers of a normalisation.
    assert sizes[1] - sizes[0] == 64 * 128 + 2 * 128 + 128 * 256 + 2 * 256


def test_a_multiply_add_counts_as_two_operations() -> None:
    # 8×8 outputs, 3 channels of 5×3×3 weights each.
    assert networks.gflops(nn.Conv2d(3, 5, 3, padding=1), 8) * 1e9 == pytest.approx(2 * 64 * 5 * 27)


def test_operations_of_a_deformable_convolution_are_those_of_its_three_steps() -> None:
    offsets, samples, product = 2 * 64 * 27 * 27, 8 * 64 * 27, 2 * 64 * 5 * 27

    counted = networks.gflops(DeformableConv(3, 5), 8) * 1e9

    assert counted == pytest.approx(offsets + samples + product)


def test_a_network_is_reported_with_times_of_both_implementations() -> None:
    predictor = networks.trained_alike(RECIPES["small"](), num_classes=2, side=64)
    row = networks.measure(predictor, side=64, rounds=2)

    assert row["parameters_m"] == pytest.approx(5.2, abs=0.05)
    assert row["ratio"] == pytest.approx(row["original_ms"] / row["ours_ms"], abs=0.01)
    assert min(row["original_ms"], row["ours_ms"], row["bf16_ms"], row["gflops"]) > 0


def test_networks_that_differ_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = networks.trained_alike(RECIPES["small"](), num_classes=2, side=64)
    monkeypatch.setattr(networks, "TOLERANCE", -1.0)

    with pytest.raises(RuntimeError, match="nothing is timed"):
        networks.measure(predictor, side=64, rounds=1)


def test_the_tables_of_networks_hold_names_and_speed_ups() -> None:
    times = {f"{way}{kind}_ms": 10.0 for way in ("original", "ours", "bf16") for kind in ("", "_median")}
    ratios = {"ratio": 1.5, "ratio_of_medians": 1.25}
    row = {"name": "small", "parameters_m": 5.2, "gflops": 17.1, **times, **ratios}
    fast = {"name": "small", "batch": 32, "ms": 4.0, "images_per_second": 8000.0, "share_of_peak": 0.25}
    on_device = {"device": "a device", "peak_tflops": 700.0, "rows": [fast]}
    report = {"command": "", "commit": "", "machine": {}, "rows": [row], "accelerator": on_device}

    text = networks.as_markdown(report)

    assert "| `small` | 5.20 | 17.1 | 10 (10) | 10 (10) | 1.50 (1.25) | 10 (10) |" in text
    assert "| `small` | 32 | 4.00 | 8000 | 25% |" in text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_network_is_reported_for_each_batch() -> None:
    network = networks.trained_alike(RECIPES["resnet18-dcn"](), num_classes=2, side=64).network
    rows = list(accelerator.rows(network, 64, flops=1e9))

    assert [row["batch"] for row in rows] == [1, 32]
    assert all(row["images_per_second"] > 0 for row in rows)


def test_networks_compute_in_bfloat16_throughout() -> None:
    """As on the accelerator: no layer computes in another type."""
    network = networks.trained_alike(RECIPES["resnet18-dcn"](), num_classes=2, side=64).network
    with torch.inference_mode():
        maps = network.to(torch.bfloat16)(torch.randn(1, 3, 64, 64, dtype=torch.bfloat16))[-1]

    assert {value.dtype for value in maps.values()} == {torch.bfloat16}
