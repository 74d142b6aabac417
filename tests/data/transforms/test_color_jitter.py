"""Colour jitter: one matrix gives what step after step would."""

import numpy as np
import pytest

from centernet.data.transforms import color_jitter as colors
from centernet.data.transforms.color_jitter import ColorJitter

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def apply(matrix: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    return rgb @ matrix[:, :3].T + matrix[:, 3]


def test_factors_of_one_change_nothing() -> None:
    start = colors.unchanged()
    mean = np.array([0.2, 0.3, 0.4])

    assert (colors.brightness(start, 1.0) == start).all()
    assert (colors.contrast(start, 1.0, mean) == start).all()
    assert (colors.saturation(start, 1.0) == start).all()
    assert (colors.lighting(start, np.zeros(3)) == start).all()


def test_no_contrast_is_the_mean_grey_and_no_saturation_each_pixels_grey() -> None:
    rgb = IMAGE / 255
    grey = rgb @ colors.GREY
    flat = apply(colors.contrast(colors.unchanged(), 0.0, rgb.mean((0, 1))), rgb)
    pale = apply(colors.saturation(colors.unchanged(), 0.0), rgb)

    assert flat == pytest.approx(np.full_like(rgb, grey.mean()))
    assert pale == pytest.approx(np.repeat(grey[..., None], 3, axis=2))


def test_a_chain_applies_one_step_after_the_other() -> None:
    rgb = IMAGE / 255
    grey = rgb @ colors.GREY
    matrix = colors.saturation(colors.unchanged(), 0.7)
    matrix = colors.brightness(matrix, 1.2)
    matrix = colors.contrast(matrix, 0.8, rgb.mean((0, 1)))
    matrix = colors.lighting(matrix, np.array([0.1, -0.2, 0.3]))

    saturated = 0.7 * rgb + 0.3 * grey[..., None]
    contrasted = 0.8 * (1.2 * saturated) + 0.2 * grey.mean()
    lit = contrasted + colors.EIGENVECTORS @ (colors.EIGENVALUES * [0.1, -0.2, 0.3])
    assert apply(matrix, rgb) == pytest.approx(lit)


def test_principal_components_are_orthogonal() -> None:
    assert pytest.approx(np.eye(3), abs=1e-6) == colors.EIGENVECTORS @ colors.EIGENVECTORS.T


def test_jitter_of_no_strength_changes_nothing() -> None:
    jitter = ColorJitter(strength=0.0, lighting_deviation=0.0)

    assert (jitter(IMAGE, np.random.default_rng(0)) == IMAGE).all()


def test_jitter_depends_on_its_generator_and_keeps_its_input() -> None:
    before = IMAGE.copy()
    first, again, other = (ColorJitter()(IMAGE, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert (first == again).all()
    assert (first != other).any()
    assert (before == IMAGE).all()


def test_jitter_clips_at_black_and_white() -> None:
    bright = np.full((4, 4, 3), 250, dtype=np.uint8)
    result = [ColorJitter(strength=0.9)(bright, np.random.default_rng(seed)) for seed in range(20)]

    # A value that wrapped round would be dark among bright ones.
    assert max(int(image.max()) for image in result) == 255
    assert all(np.ptp(image) < 60 for image in result)
