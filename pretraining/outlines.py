"""Outlines of generated objects: closed curves in the square from -1 to 1."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Outline = Float[np.ndarray, "n 2"]

_POINTS = 72
_ANGLES = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)


def outline(rng: np.random.Generator) -> tuple[Outline, Outline | None]:
    """A random outline that touches the borders of the square, and a hole in it for one in twelve."""
    names = list(FAMILIES)
    weights = np.array([weight for weight, _ in FAMILIES.values()], dtype=float)
    family = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    points = FAMILIES[family][1](rng)
    low, high = points.min(axis=0), points.max(axis=0)
    points = 2 * (points - low) / np.maximum(high - low, 1e-6) - 1
    hole = None
    if rng.random() < 0.08:
        hole = points * rng.uniform(0.4, 0.75)
    return points, hole


def _polar(radius: Float[np.ndarray, " n"]) -> Outline:
    return np.column_stack([radius * np.cos(_ANGLES), radius * np.sin(_ANGLES)])


def _fourier(rng: np.random.Generator) -> Outline:
    """A blob: a circle whose radius has a few random waves."""
    order = int(rng.integers(2, 9))
    waves = np.arange(1, order + 1)
    strength = rng.normal(size=order) * rng.uniform(0.1, 0.5) / waves ** rng.uniform(0.5, 1.2)
    phases = rng.uniform(0, 2 * np.pi, order)
    radius = 1 + (strength[:, None] * np.cos(waves[:, None] * _ANGLES + phases[:, None])).sum(axis=0)
    return _polar(np.maximum(radius, 0.15))


def _superformula(rng: np.random.Generator) -> Outline:
    """Gielis 2003: shells, flowers and rounded polygons."""
    m, n1, n2, n3 = rng.integers(2, 10), rng.uniform(0.4, 6), rng.uniform(0.5, 8), rng.uniform(0.5, 8)
    radius = (np.abs(np.cos(m * _ANGLES / 4)) ** n2 + np.abs(np.sin(m * _ANGLES / 4)) ** n3) ** (-1 / n1)
    return _polar(np.clip(radius / np.median(radius), 0.2, 2.5))


def _polygon(rng: np.random.Generator) -> Outline:
    """A polygon of three to nine corners, regular or not."""
    count = int(rng.integers(3, 10))
    angles = np.arange(count) / count * 2 * np.pi + rng.normal(size=count) * rng.choice([0.0, 0.6]) / count
    radius = 1 + rng.normal(size=count) * rng.choice([0.0, 0.15])
    return np.column_stack([radius * np.cos(angles), radius * np.sin(angles)])


def _star(rng: np.random.Generator) -> Outline:
    count = int(rng.integers(4, 12))
    radius = np.where(np.arange(2 * count) % 2, rng.uniform(0.35, 0.8), 1.0)
    angles = np.arange(2 * count) / (2 * count) * 2 * np.pi
    return np.column_stack([radius * np.cos(angles), radius * np.sin(angles)])


def _superellipse(rng: np.random.Generator) -> Outline:
    """Ellipses, rounded rectangles and diamonds."""
    power = 2 / rng.choice([1.2, 2.0, 2.0, 3.0, 5.0, 9.0])
    cosine, sine = np.cos(_ANGLES), np.sin(_ANGLES)
    return np.column_stack([np.sign(cosine) * np.abs(cosine) ** power, np.sign(sine) * np.abs(sine) ** power])


def _notched(rng: np.random.Generator) -> Outline:
    """A rectangle with steps cut out of its corners: letters, tools, buildings, furniture."""
    x, y = rng.uniform(0.15, 0.8, size=(2, 4)) * rng.integers(0, 2, size=4)
    return np.array(
        [
            (-1, -1 + y[0]),
            (-1 + x[0], -1 + y[0]),
            (-1 + x[0], -1),
            (1 - x[1], -1),
            (1 - x[1], -1 + y[1]),
            (1, -1 + y[1]),
            (1, 1 - y[2]),
            (1 - x[2], 1 - y[2]),
            (1 - x[2], 1),
            (-1 + x[3], 1),
            (-1 + x[3], 1 - y[3]),
            (-1, 1 - y[3]),
        ]
    )


def _limbs(rng: np.random.Generator) -> Outline:
    """A body with limbs: narrow bulges of a small circle, as of animals, plants and machines."""
    radius = np.full(_POINTS, rng.uniform(0.25, 0.5))
    for _ in range(int(rng.integers(3, 8))):
        distance = np.abs((_ANGLES - rng.uniform(0, 2 * np.pi) + np.pi) % (2 * np.pi) - np.pi)
        radius = np.maximum(
            radius, rng.uniform(0.5, 1.0) * np.exp(-((distance / rng.uniform(0.1, 0.35)) ** 4))
        )
    return _polar(radius)


FAMILIES: dict[str, tuple[float, Callable[[np.random.Generator], Outline]]] = {
    "fourier": (3, _fourier),
    "superformula": (2, _superformula),
    "polygon": (2, _polygon),
    "star": (0.7, _star),
    "superellipse": (3, _superellipse),
    "notched": (1.3, _notched),
    "limbs": (2, _limbs),
}
"""Weight and generator of each family."""
