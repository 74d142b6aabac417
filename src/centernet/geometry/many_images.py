"""Boxes of many images at once, each image with the transform that a resize rule has for its size."""

import numpy as np
from jaxtyping import Float, Int

from centernet.geometry.resize import ResizeRule

_AT_ONCE = 1 << 17
"""Boxes that are transformed together, so that the memory stays small."""


def boxes_in_inputs(
    rule: ResizeRule,
    sizes: Int[np.ndarray, "n 2"],
    image_index: Int[np.ndarray, " m"],
    boxes: Float[np.ndarray, "m 4"],
) -> Float[np.ndarray, "m 4"]:
    """Axis-aligned bounds of boxes in the inputs of their images, input pixels.

    Args:
        rule: The resize rule.
        sizes: Rows and columns of each image.
        image_index: Image of each box.
        boxes: `(x1, y1, x2, y2)`, image pixels.
    """
    # One whole number for each pair: rows of a matrix are slow to sort.
    _, first, kind = np.unique(sizes[:, 0] << 32 | sizes[:, 1], return_index=True, return_inverse=True)
    matrices = np.array([rule((rows, columns))[1] for rows, columns in sizes[first].tolist()])
    kinds = kind.reshape(-1)[image_index]
    inputs = np.empty((len(boxes), 4))
    for start in range(0, len(boxes), _AT_ONCE):
        span = slice(start, start + _AT_ONCE)
        a, b, c = matrices[kinds[span], 0].T[:, :, None]
        d, e, f = matrices[kinds[span], 1].T[:, :, None]
        x, y = boxes[span][:, [0, 2, 2, 0]], boxes[span][:, [1, 1, 3, 3]]
        moved_x, moved_y = a * x + b * y + c, d * x + e * y + f
        inputs[span] = np.stack([moved_x.min(1), moved_y.min(1), moved_x.max(1), moved_y.max(1)], axis=1)
    return inputs
