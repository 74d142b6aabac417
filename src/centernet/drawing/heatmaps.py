"""Class heatmaps over the image they belong to."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.drawing.colors import class_colors


def draw_heatmap(
    image: UInt8[np.ndarray, "h w 3"], heatmap: Float[np.ndarray, "c h2 w2"], *, dim: float = 0.5
) -> UInt8[np.ndarray, "h w 3"]:
    """The darkened image, with each class shining through it in its colour.

    Cell `(i, j)` lies over pixel `(stride * i, stride * j)`, as everywhere: nothing shifts by half a cell.

    Args:
        image: RGB, what the network saw; its sides are those of the map times the stride.
        heatmap: 0 to 1; values outside are taken for 0 or 1.
        dim: How much light the image loses, 0 to 1.
    """
    height, width = image.shape[:2]
    rows, columns = heatmap.shape[1:]
    heat = np.nan_to_num(heatmap).clip(0, 1).astype(np.float32)
    strength = heat.max(axis=0, initial=0)
    # Where classes meet their colours mix, by how strong each is.
    mixed = np.tensordot(heat, class_colors(len(heat)).astype(np.float32), axes=(0, 0))
    light = mixed / np.maximum(heat.sum(axis=0), 1e-6)[..., None] * strength[..., None]
    image_from_map = np.array([[width / columns, 0, 0], [0, height / rows, 0]])
    light, strength = (
        cv2.warpAffine(
            layer, image_from_map, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for layer in (light, strength)
    )
    shown = image * (1 - dim) * (1 - strength[..., None]) + light
    return np.rint(shown).clip(0, 255).astype(np.uint8)
