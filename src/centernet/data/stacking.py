"""From images to the array of a batch."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8


def stacked(images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "b 3 h w"]:
    """Images of different sizes are filled up with black on the right and below."""
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    array = np.zeros((len(images), 3, height, width), dtype=np.uint8)
    for place, image in zip(array, images, strict=True):
        place[:, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
    return array
