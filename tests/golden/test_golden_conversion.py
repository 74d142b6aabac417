"""Maps of the original's networks, from a checkpoint in its format through a converted weights folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.helpers.seeded_weights import checksum, fill, make_input, manifests

from centernet import CenterNet, convert
from centernet.conversion.dataset_presets import COCO, KITTI, PERSONS
from centernet.conversion.weight_names import HEADS
from centernet.data.loading.collate import collate
from centernet.data.transforms.warp import resize
from centernet.structures.sample import sample_of

LEVELS = 3.5 / 255
"""OpenCV versions differ by up to 3 grey levels in warps that scale."""

FORWARDS = {
    "ctdet_res_18": "res_18",
    "ctdet_resdcn_18": "resdcn_18",
    "ctdet_dla_34": "dla_34",
    "ctdet_hourglass": "hourglass",
    "multi_pose_resdcn_18": "multi_pose_resdcn_18",
    "ddd_resdcn_18": "ddd_resdcn_18",
}
"""Networks of the original with golden maps, and the file of these."""


def write_checkpoint(name: str, path: Path) -> list[float]:
    """Writes seeded weights as the original writes a checkpoint, and returns their checksum."""
    weights = fill(manifests()[name])
    state = {key: torch.from_numpy(value) for key, value in weights.items()}
    torch.save({"epoch": 1, "state_dict": state}, path)
    return checksum(weights)


@pytest.mark.parametrize("name", FORWARDS)
def test_golden_maps_of_converted_weights(name: str, golden_folder: Path, tmp_path: Path) -> None:
    golden = np.load(golden_folder / f"forward_{FORWARDS[name]}.npz")
    total = write_checkpoint(name, tmp_path / "original.pth")
    convert(tmp_path / "original.pth", tmp_path / "converted")
    (tmp_path / "original.pth").unlink()
    network = CenterNet(tmp_path / "converted", device="cpu").network
    (tmp_path / "converted" / "model.safetensors").unlink()
    with torch.inference_mode():
        stacks = network(torch.from_numpy(make_input(*golden["input_hw"].tolist())))

    assert total == pytest.approx(golden["weights_checksum"].tolist())
    assert len(stacks) == int(golden["num_stacks"])
    step = int(golden["slice_stride"])
    for i, maps in enumerate(stacks):
        heads = [
            key.split("__")[1] for key in golden if key.startswith(f"out{i}__") and key.endswith("stats")
        ]
        assert maps.keys() == {HEADS[head] for head in heads}
        for head in heads:
            values, key = maps[HEADS[head]].numpy(), f"out{i}__{head}__"
            mean, std, minimum, maximum, _ = golden[f"{key}stats"].tolist()
            border = np.concatenate([values[0, :, :2, :8].ravel(), values[0, :, -2:, -8:].ravel()])
            assert values.shape == tuple(golden[f"{key}shape"].tolist())
            assert np.abs(values[:, :, ::step, ::step] - golden[f"{key}slice"]).max() < 1e-4 * std, key
            assert np.abs(border - golden[f"{key}border"]).max() < 1e-4 * std, key
            assert [values.mean(), values.std(), values.min(), values.max()] == pytest.approx(
                [mean, std, minimum, maximum], abs=1e-4 * std
            )


def test_constants_of_coco_equal_those_of_the_original_demo_to_three_digits(golden_folder: Path) -> None:
    golden = np.load(golden_folder / "preprocess.npz")

    for preset in (COCO, PERSONS):
        assert preset.normalize.mean == pytest.approx(golden["mean"].tolist(), abs=5e-4)
        assert preset.normalize.std == pytest.approx(golden["std"].tolist(), abs=5e-4)


@pytest.mark.parametrize("size", [(384, 1280), (192, 640)])
def test_golden_input_of_kitti(golden_folder: Path, size: tuple[int, int]) -> None:
    image = np.load(golden_folder / "preprocess.npz")["img_K"]
    golden = np.load(golden_folder / "preprocess_kitti.npz")
    rule = replace(KITTI.rule, height=size[0], width=size[1])
    resized = resize(sample_of(np.ascontiguousarray(image[..., ::-1]), "image"), rule)
    pixels = KITTI.normalize(collate([resized]).images).numpy()

    middle = [slice(side // 2 - 10, side // 2 + 10) for side in size]
    key = f"{size[0]}__"
    assert pixels.shape == (1, 3, *size)
    assert np.abs(pixels[:, :, 3::16, 5::16] - golden[f"{key}slice"]).max() < LEVELS / min(
        KITTI.normalize.std
    )
    assert np.abs(pixels[:, :, *middle] - golden[f"{key}crop"]).max() < LEVELS / min(KITTI.normalize.std)
