"""Generated objects: an outline, and a picture of its surface with inner parts."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import UInt8
from pretraining.outlines import Outline, outline
from pretraining.textures import patch

SIDE = 112
"""Side of the picture of an object, pixels, which is the square from -1 to 1."""

SPECIES = 256
"""Number of kinds of objects that come again and again."""

_SISTERS = 4
"""Kinds that share everything but their inner parts."""


@dataclass(frozen=True, eq=False)
class Thing:
    """An object before it has a place.

    Attributes:
        outline: Its outline.
        hole: The outline of a hole, if it has one.
        surface: Picture of its surface, RGB.
        aspect: Its height over its width.
    """

    outline: Outline
    hole: Outline | None
    surface: UInt8[np.ndarray, "s s 3"]
    aspect: float


@lru_cache(maxsize=SPECIES)
def species(number: int) -> Thing:
    """The object of a kind."""
    return _thing(
        np.random.default_rng((7, number // _SISTERS)), np.random.default_rng((8, number)), always_marked=True
    )


def fresh(rng: np.random.Generator) -> Thing:
    """An object that comes once."""
    return _thing(rng, rng)


def _thing(shape: np.random.Generator, marks: np.random.Generator, *, always_marked: bool = False) -> Thing:
    points, hole = outline(shape)
    surface = patch(shape, SIDE, SIDE, contrast=shape.uniform(0.1, 0.9))
    if shape.random() < 0.35:
        # Another texture in a band or a part, as of cars, clothes and packets.
        other = patch(shape, SIDE, SIDE, contrast=shape.uniform(0.1, 0.9))
        first, last = sorted(shape.integers(0, SIDE, 2))
        surface[first:last] = other[first:last]
    if always_marked or shape.random() < 0.6:
        _draw_marks(surface, points, marks)
    if shape.random() < 0.4:
        width = int(shape.integers(2, 9))
        at = _pixels(points)
        cv2.polylines(surface, [at], True, _color(shape), width, cv2.LINE_AA)
    spread = 0.6 if shape.random() < 0.85 else 1.4
    aspect = float(np.exp(np.clip(shape.normal() * spread, -1.9, 1.9)))
    return Thing(points, hole, surface, aspect)


def _draw_marks(surface: UInt8[np.ndarray, "s s 3"], points: Outline, rng: np.random.Generator) -> None:
    """Inner parts: spots, bars, signs, rings, or the outline once more, smaller."""
    for _ in range(int(rng.integers(1, 4))):
        color, kind = _color(rng), int(rng.integers(5))
        if kind == 0:
            size = float(rng.uniform(0.06, 0.3))
            for _ in range(int(rng.integers(1, 9))):
                x, y = (int(v) for v in _pixels(rng.uniform(-0.7, 0.7, (1, 2)))[0])
                cv2.circle(surface, (x, y), int(size * SIDE / 2), color, -1, cv2.LINE_AA)
        elif kind == 1:
            for _ in range(int(rng.integers(1, 6))):
                ends = [(int(p[0]), int(p[1])) for p in _pixels(rng.uniform(-1, 1, (2, 2)))]
                cv2.line(surface, ends[0], ends[1], color, int(rng.integers(2, 12)), cv2.LINE_AA)
        elif kind == 2:
            sign = rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2))
            middles = rng.uniform(-0.6, 0.6, (int(rng.choice([1, 1, 2, 4])), 2))
            size = rng.uniform(0.2, 0.6) / len(middles) ** 0.5
            for middle in middles:
                at = _pixels(middle + sign * size)
                cv2.polylines(surface, [at], bool(len(sign) % 2), color, int(rng.integers(2, 7)), cv2.LINE_AA)
        elif kind == 3:
            center = _pixels(rng.uniform(-0.4, 0.4, (1, 2)))[0]
            radius = int(rng.uniform(0.15, 0.6) * SIDE / 2)
            at = (int(center[0]), int(center[1]))
            cv2.circle(surface, at, radius, color, int(rng.choice([-1, 3, 7])), cv2.LINE_AA)
        else:
            at = _pixels(points * rng.uniform(0.3, 0.8) + rng.uniform(-0.15, 0.15, 2))
            cv2.fillPoly(surface, [at], color, cv2.LINE_AA)


def _color(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _pixels(points: Outline) -> np.ndarray:
    return np.round((points + 1) / 2 * (SIDE - 1)).astype(np.int32)
