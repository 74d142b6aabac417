"""Radii, Gaussians, affine matrices and colours of the original program."""

from pathlib import Path

import numpy as np
import pytest
import torch

from centernet.data.transforms import color_jitter as colors
from centernet.data.transforms.augment import RandomCrop
from centernet.geometry.affine import crop_to_input, transform_points
from centernet.ops.gaussian import draw_gaussians, original_radius
from centernet.structures.batch import Grid


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Everything in `image.npz`."""
    return dict(np.load(golden_folder / "image.npz"))


@pytest.mark.parametrize("overlap", [0.7, 0.5, 0.3])
def test_golden_radius(golden: dict[str, np.ndarray], overlap: float) -> None:
    sizes = torch.from_numpy(golden["gr_hw"][:, ::-1].copy()).float()

    assert original_radius(sizes, overlap).numpy() == pytest.approx(golden[f"gr_radius_{overlap}"], abs=1e-4)


def test_golden_radius_in_whole_cells(golden: dict[str, np.ndarray]) -> None:
    sizes = torch.from_numpy(golden["gr_hw"][:, ::-1].copy()).float()

    # Sides are rounded up, the radius is rounded down.
    assert original_radius(sizes.ceil()).long().tolist() == golden["gr_int07"].tolist()


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 10])
def test_golden_gaussian(golden: dict[str, np.ndarray], radius: int) -> None:
    side = 2 * radius + 1
    middle = torch.tensor([[0, radius, radius]])
    heatmap = draw_gaussians(
        Grid(batch=1, height=side, width=side), 1, middle, torch.tensor([0]), torch.tensor([radius])
    )

    assert heatmap[0, 0].numpy() == pytest.approx(golden[f"gauss2d_r{radius}"], abs=1e-6)


@pytest.mark.parametrize("name", ["a", "b", "float"])
def test_golden_heatmap(golden: dict[str, np.ndarray], name: str) -> None:
    # Truncates, not rounds, as the original does: the centres of `float` lie between cells.
    x, y, radii = torch.from_numpy(golden[f"umich_{name}_xyr"].astype(int)).unbind(1)
    image = torch.zeros_like(x)
    heatmap = draw_gaussians(
        Grid(batch=1, height=48, width=64), 1, torch.stack([image, y, x], 1), image, radii
    )

    assert heatmap[0, 0].numpy() == pytest.approx(golden[f"umich_{name}_hm"], abs=1e-6)


def test_golden_affine(golden: dict[str, np.ndarray]) -> None:
    for row, expected in zip(golden["affine_args"], golden["affine_mats"], strict=True):
        x, y, side, _, _, degrees, width, height, is_inverse = row.tolist()
        matrix = crop_to_input((x, y), side, (int(height), int(width)), np.deg2rad(degrees))
        if is_inverse:
            matrix = np.linalg.inv(matrix)

        # The original solves for three float32 points: 1e-5 of noise in the scale, times coordinates.
        assert matrix[:2, :2] == pytest.approx(expected[:, :2], rel=1e-4, abs=1e-4)
        assert matrix[:2, 2] == pytest.approx(expected[:, 2], rel=1e-4, abs=2e-2)


def test_golden_points(golden: dict[str, np.ndarray]) -> None:
    width, height = golden["pts_wh"].tolist()
    x, y = golden["pts_c"].tolist()
    map_from_image = crop_to_input((x, y), float(golden["pts_s"]), (height, width))
    points = golden["pts_in"].astype(np.float64)

    assert map_from_image[:2] == pytest.approx(golden["pts_fwd_mat"], abs=1e-5)
    assert transform_points(map_from_image, points) == pytest.approx(
        golden["pts_affine_transform"], rel=1e-4, abs=1e-4
    )
    assert transform_points(np.linalg.inv(map_from_image), points) == pytest.approx(
        golden["pts_transform_preds"], rel=1e-4, abs=1e-3
    )


class Lowest(np.random.Generator):
    """A generator that draws the smallest value and records the ranges it was asked for."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))
        self.ranges: list[tuple[int, int]] = []
        self.choices: list[float] = []

    def integers(self, low: int, high: int) -> int:  # type: ignore[override]
        self.ranges.append((low, high))
        return low

    def choice(self, values: np.ndarray) -> float:  # type: ignore[override]
        self.choices = values.tolist()
        return self.choices[0]


def test_golden_crop_ranges(golden: dict[str, np.ndarray]) -> None:
    for size, border in zip(golden["border_size"].tolist(), golden["border_out"].tolist(), strict=True):
        rng = Lowest()
        center, side = RandomCrop()((size, size), 100.0, rng)

        assert rng.ranges == [(border, size - border)] * 2
        assert center == (border, border)
        assert rng.choices == pytest.approx(golden["scale_choices"].tolist())
        assert side == pytest.approx(60)


def recolored(matrix: np.ndarray, golden: dict[str, np.ndarray]) -> np.ndarray:
    """The golden BGR image under a matrix for RGB."""
    rgb = golden["color_in"][..., ::-1].astype(np.float64)
    return (rgb @ matrix[:, :3].T + matrix[:, 3])[..., ::-1]


def test_golden_colours(golden: dict[str, np.ndarray]) -> None:
    brighter, contrasting, saturating = (1 + golden["color_alpha"]).tolist()
    mean_rgb = golden["color_in"].mean((0, 1))[::-1].astype(np.float64)
    start, shifts = colors.unchanged(), golden["color_light"]
    chain = colors.brightness(start, brighter)
    chain = colors.contrast(chain, contrasting, mean_rgb)
    chain = colors.saturation(chain, saturating)
    chain = colors.lighting(chain, shifts)

    for name, matrix in {
        "brightness": colors.brightness(start, brighter),
        "contrast": colors.contrast(start, contrasting, mean_rgb),
        "saturation": colors.saturation(start, saturating),
        "lighting": colors.lighting(start, shifts),
        "full_bcs": chain,
    }.items():
        assert np.abs(recolored(matrix, golden) - golden[f"color_{name}"]).max() < 1e-6, name
