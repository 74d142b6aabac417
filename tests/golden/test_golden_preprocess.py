"""The network input that the original computes from an image."""

from pathlib import Path

import numpy as np
import pytest
import torch

from centernet.data.loading.collate import collate
from centernet.data.transforms.warp import resize, warp_sample
from centernet.geometry.affine import crop_to_input
from centernet.geometry.resize import Letterbox, PadToMultiple, ResizeRule, Size
from centernet.models.normalize import Normalize
from centernet.structures.sample import sample_of

LEVELS = 3.5 / 255
"""OpenCV versions differ by up to 3 grey levels in warps that scale."""

RULES: dict[str, ResizeRule | Size] = {
    "": Letterbox(),
    "--flip_test": Letterbox(),
    "--keep_res": PadToMultiple(),
    "--keep_res --arch hourglass": PadToMultiple(pad=127),
    "--input_res 256": Letterbox(height=256, width=256),
    "--input_h 256 --input_w 384": (256, 384),
    "--input_h 128 --input_w 512": (128, 512),
}
"""Resize rules by the options of the original."""

NUM_CASES = 28


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Everything in `preprocess.npz`."""
    return dict(np.load(golden_folder / "preprocess.npz"))


@pytest.mark.parametrize("number", range(NUM_CASES))
def test_golden_input(golden: dict[str, np.ndarray], number: int) -> None:
    arguments = str(golden[f"{number:02d}__args"]).strip()
    _, image, scale, *options = arguments.split()
    rgb = np.ascontiguousarray(golden[f"img_{image[-1]}"][..., ::-1])
    rule, scale_factor = RULES[" ".join(options)], float(scale.removeprefix("scale="))
    mean, std = golden["mean"].tolist(), golden["std"].tolist()
    normalize = Normalize(mean=tuple(mean), std=tuple(std), bgr=True)
    sample = sample_of(rgb, "image")
    if isinstance(rule, tuple):
        # The original scales by the longer side and crops the rest; `Letterbox` keeps the whole image.
        height, width = sample.view.image_size
        resized = warp_sample(
            sample, rule, crop_to_input((width / 2, height / 2), float(max(height, width)), rule)
        )
    else:
        resized = resize(sample, rule, scale_factor)
    images = normalize(collate([resized]).images)
    pixels = (torch.cat([images, images.flip(3)]) if "--flip_test" in options else images).numpy()

    middle = [slice(side // 2 - 10, side // 2 + 10) for side in pixels.shape[2:]]
    largest = 1e-5 if isinstance(rule, PadToMultiple) and scale_factor == 1 else LEVELS / min(std)
    assert pixels.shape == tuple(golden[f"{number:02d}__shape"].tolist())
    assert np.abs(pixels[:, :, 3::16, 5::16] - golden[f"{number:02d}__slice"]).max() < largest
    assert np.abs(pixels[:, :, *middle] - golden[f"{number:02d}__crop"]).max() < largest


def test_every_golden_input_is_compared(golden: dict[str, np.ndarray]) -> None:
    assert int(golden["num_cases"]) == NUM_CASES
