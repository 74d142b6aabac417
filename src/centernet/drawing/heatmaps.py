"""Class heatmaps drawn over their image."""

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from centernet.drawing.colors import class_color


def draw_heatmap(
    image: UInt8[np.ndarray, "h w 3"],
    heatmap: Float[np.ndarray, "c h2 w2"],
    *,
    labels: Int[np.ndarray, " c"] | None = None,
    dim: float = 0.5,
) -> UInt8[np.ndarray, "h w 3"]:
    """The darkened image, overlaid with the heatmap of each class in the colour of the class.

    Cell `(i, j)` lies at pixel `(stride * i, stride * j)`, without a shift by half a cell.

    Args:
        image: RGB, the input of the network; its sides are those of the heatmap times the stride.
        heatmap: 0 to 1; values outside are clipped.
        labels: Class of each heatmap; by default they are those of all classes.
        dim: Fraction by which the image is darkened, 0 to 1.
    """
    height, width = image.shape[:2]
    rows, columns = heatmap.shape[1:]
    heat = np.nan_to_num(heatmap).clip(0, 1).astype(np.float32)
    strength = heat.max(axis=0, initial=0)
    # The colours of classes that overlap are averaged, weighted by their values.
    colors = [class_color(int(label)) for label in (range(len(heat)) if labels is None else labels)]
    mixed = np.tensordot(heat, np.array(colors, dtype=np.float32).reshape(-1, 3), axes=(0, 0))
    light = mixed / np.maximum(heat.sum(axis=0), 1e-6)[..., None] * strength[..., None]
    image_from_map = np.array([[width / columns, 0, 0], [0, height / rows, 0]])
    light, strength = (
        cv2.warpAffine(
            layer, image_from_map, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for layer in (light, strength)
    )
    overlaid = image * (1 - dim) * (1 - strength[..., None]) + light
    return np.rint(overlaid).clip(0, 255).astype(np.uint8)
