"""Colour jitter of Objects as Points, as one matrix: its steps are affine in RGB, and so is a chain of them.

Like the original, contrast and saturation use the grey of the unchanged image, whatever the steps before.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Colors = Float[np.ndarray, "3 4"]
"""`new = matrix[:, :3] @ rgb + matrix[:, 3]`, RGB from 0 to 1."""

GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

# Principal components of the colours of ImageNet (Krizhevsky et al. 2012, sec. 4.1), rows in RGB order.
EIGENVALUES = np.array([0.2141788, 0.01817699, 0.00341571])
EIGENVECTORS = np.array(
    [
        [-0.56089297, 0.71832671, 0.41158938],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.58752847, -0.69563484, 0.41340352],
    ]
)


def unchanged() -> Colors:
    """The matrix that changes no colour."""
    return np.eye(3, 4)


def brightness(colors: Colors, factor: float) -> Colors:
    """Colours multiplied by `factor`."""
    return colors * factor


def contrast(colors: Colors, factor: float, mean_rgb: Float[np.ndarray, " 3"]) -> Colors:
    """Colours moved away from the mean grey of the unchanged image, or towards it if `factor` is below 1.

    Args:
        colors: Matrix of the steps before.
        factor: Strength; 1 changes nothing.
        mean_rgb: Mean colour of the unchanged image.
    """
    changed = colors * factor
    changed[:, 3] += (1 - factor) * (GREY @ mean_rgb)
    return changed


def saturation(colors: Colors, factor: float) -> Colors:
    """Colours moved away from the grey of each unchanged pixel, or towards it if `factor` is below 1."""
    changed = colors * factor
    changed[:, :3] += (1 - factor) * GREY
    return changed


def lighting(colors: Colors, shifts: Float[np.ndarray, " 3"]) -> Colors:
    """Colours shifted along the principal components of ImageNet's colours."""
    changed = colors.copy()
    changed[:, 3] += EIGENVECTORS @ (EIGENVALUES * shifts)
    return changed


@dataclass(frozen=True, kw_only=True)
class ColorJitter:
    """Brightness, contrast and saturation in random order, then lighting: as in Objects as Points.

    Attributes:
        strength: Largest change of the three factors.
        lighting_deviation: Standard deviation of the shift along each principal component.
    """

    strength: float = 0.4
    lighting_deviation: float = 0.1

    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The image with jittered colours, clipped to 0 to 255."""
        colors = unchanged()
        factors = rng.uniform(1 - self.strength, 1 + self.strength, 3)
        for kind in rng.permutation(3):
            if kind == 0:
                colors = brightness(colors, factors[0])
            elif kind == 1:
                colors = contrast(colors, factors[1], np.array(cv2.mean(image)[:3]) / 255)
            else:
                colors = saturation(colors, factors[2])
        colors = lighting(colors, rng.normal(0, self.lighting_deviation, 3))
        colors[:, 3] *= 255
        return cv2.transform(image, colors)
