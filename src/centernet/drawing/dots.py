"""Dots that mark places in a picture."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_RADIUS = 4


def draw_dots(
    picture: UInt8[np.ndarray, "h w 3"], places: Float[np.ndarray, "n 2"], color: tuple[int, int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with a dot in a white ring at each place; the picture itself stays as it is.

    Args:
        picture: RGB.
        places: `(x, y)`, pixels of the picture.
        color: RGB, 0 to 255.
    """
    marked = picture.copy()
    for place in places:
        middle = (round(float(place[0])), round(float(place[1])))
        cv2.circle(marked, middle, _RADIUS + 1, (255, 255, 255), cv2.FILLED)
        cv2.circle(marked, middle, _RADIUS, color, cv2.FILLED)
    return marked
