"""Layouts of synthetic images: each mode is one function that places shapes or figures."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from centernet.data.synthetic.figures import pose
from centernet.data.synthetic.shapes import Shape, Silhouette, place, stretch

Size = tuple[int, int]

_STRIDE = 4
"""Image pixels from one map cell to the next, for `collision` and `crossing`."""


@runtime_checkable
class SceneObject(Protocol):
    """An object of a layout: a shape, a figure or a cuboid.

    Attributes:
        label: Index into the scene's categories.
        num_colors: Number of colours it is painted in.
        keypoints: `(x, y)`, image pixels; may lie outside the image.
    """

    @property
    def label(self) -> int: ...  # noqa: D102

    @property
    def num_colors(self) -> int: ...  # noqa: D102

    @property
    def keypoints(self) -> Float[np.ndarray, "k 2"]: ...  # noqa: D102

    def silhouette(self) -> Silhouette:
        """The pixels it covers, outside the image too."""
        ...

    def paint(
        self, image: UInt8[np.ndarray, "h w d"], silhouette: Silhouette, colors: UInt8[np.ndarray, "n d"]
    ) -> None:
        """Fill its pixels in place."""
        ...


@dataclass(frozen=True, kw_only=True)
class SceneLayout:
    """The objects of one image, before it is painted.

    Attributes:
        size: Rows and columns of the image.
        shapes: Objects from the furthest to the nearest: later ones hide earlier ones.
        num_keypoints: Number of keypoints of each object.
        is_grey: True for a grey image.
    """

    size: Size
    shapes: tuple[SceneObject, ...]
    num_keypoints: int = 0
    is_grey: bool = False


Mode = Callable[[int, Size, tuple[str, ...], np.random.Generator], SceneLayout]
"""A function from image index, image size, names of shapes and random generator to a layout."""


def plain(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    """One to five shapes, wholly inside the image; learned in a few minutes on a CPU."""
    del index
    shapes = [_inside(size, shape_names, random) for _ in range(random.integers(1, 6))]
    return SceneLayout(size=size, shapes=tuple(shapes))


def crowd(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    """Twenty to sixty smaller shapes in a few clusters, many half hidden or cut by the border."""
    del index
    height, width = size
    clusters = random.uniform((0, 0), (width, height), size=(random.integers(2, 6), 2))
    short = min(size)
    shapes = []
    for _ in range(random.integers(20, 61)):
        x, y = random.choice(clusters) + random.uniform(-0.3, 0.3, size=2) * (width, height)
        # A shape may be cut by the border, but its middle is inside.
        center = (float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1)))
        shapes.append(_turned(shape_names, center, random.uniform(0.03, 0.12) * short, random))
    return SceneLayout(size=size, shapes=tuple(shapes))


def collision(
    index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator
) -> SceneLayout:
    """Shapes of one class inside each other, each less than half as large as the one round it.

    Their centres are in the same or in neighbouring cells.
    """
    del index
    return _colliding_centers(size, shape_names, random, _nested)


def crossing(
    index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator
) -> SceneLayout:
    """A tall and a wide shape of one class and of equal area across each other.

    Their centres are in the same or in neighbouring cells.
    """
    del index
    return _colliding_centers(size, shape_names, random, _crossed)


def _colliding_centers(
    size: Size,
    shape_names: tuple[str, ...],
    random: np.random.Generator,
    group: Callable[[tuple[str, ...], tuple[float, float], float, np.random.Generator], list[Shape]],
) -> SceneLayout:
    """Two to four separate groups of shapes with colliding centres."""
    height, width = size
    short = min(size)
    shapes: list[Shape] = []
    taken: list[tuple[float, float, float]] = []
    for _ in range(int(random.integers(2, 5))):
        radius = random.uniform(0.14, 0.22) * short
        x, y = random.uniform((0, 0), (width, height))
        center = (_keep_inside(x, radius, width), _keep_inside(y, radius, height))
        if any(math.dist(center, (x, y)) < radius + other for x, y, other in taken):
            continue
        taken.append((*center, radius))
        shapes.extend(group(shape_names, center, radius, random))
    return SceneLayout(size=size, shapes=tuple(shapes))


def hard(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    """The hard cases of `HARD_CASES` in turn, starting with the first for image 0."""
    cases = tuple(HARD_CASES.values())
    return cases[index % len(cases)](index // len(cases), size, shape_names, random)


def figures(size: Size, num_keypoints: int, random: np.random.Generator) -> SceneLayout:
    """One to four figures, some of them behind others or cut by the border."""
    height, width = size
    placed = []
    for _ in range(int(random.integers(1, 5))):
        figure_px = random.uniform(0.35, 0.75) * min(size)
        x, y = random.uniform((0.1 * width, 0.2 * height), (0.9 * width, 0.8 * height))
        placed.append(pose(num_keypoints, (float(x), float(y)), figure_px, random))
    # Lower figures are nearer, as on a floor.
    placed.sort(key=lambda figure: figure.keypoints[:, 1].max())
    return SceneLayout(size=size, shapes=tuple(placed), num_keypoints=num_keypoints)


def _empty(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    del index, shape_names, random
    return SceneLayout(size=size, shapes=())


def _cut(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    del index
    height, width = size
    border = {
        "left": (0.0, None),
        "right": (width - 1.0, None),
        "top": (None, 0.0),
        "bottom": (None, height - 1.0),
    }
    shapes = []
    for x, y in border.values():
        center = (
            random.uniform(0, width - 1) if x is None else x,
            random.uniform(0, height - 1) if y is None else y,
        )
        shapes.append(_turned(shape_names, center, random.uniform(0.1, 0.25) * min(size), random))
    return SceneLayout(size=size, shapes=tuple(shapes))


def _tiny(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    del index
    height, width = size
    shapes = []
    for _ in range(int(random.integers(4, 13))):
        columns, rows = (int(side) for side in random.integers(1, 4, size=2))
        x1 = int(random.integers(0, max(width - columns, 0) + 1))
        y1 = int(random.integers(0, max(height - rows, 0) + 1))
        # Outlines run through the middles of the outermost pixels: the sides of three columns are two apart.
        box = (float(x1), float(y1), float(x1 + columns - 1), float(y1 + rows - 1))
        label = int(random.integers(len(shape_names)))
        shapes.append(Shape(polygon=stretch(shape_names[label], box, 0.0), label=label))
    return SceneLayout(size=size, shapes=tuple(shapes))


def _whole(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    del index
    height, width = size
    label = int(random.integers(len(shape_names)))
    box = (0.0, 0.0, width - 1.0, height - 1.0)
    return SceneLayout(
        size=size, shapes=(Shape(polygon=stretch(shape_names[label], box, _angle(random)), label=label),)
    )


def _odd(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    del size
    return plain(index, ODD_SIZES[index % len(ODD_SIZES)], shape_names, random)


def _grey(index: int, size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> SceneLayout:
    return SceneLayout(size=size, shapes=plain(index, size, shape_names, random).shapes, is_grey=True)


FIGURES = "figures"
"""The name of the mode of stick figures."""

MODES: dict[str, Mode] = {
    "plain": plain,
    "crowd": crowd,
    "collision": collision,
    "crossing": crossing,
    "hard": hard,
}
"""The modes of shapes, by name."""

HARD_CASES: dict[str, Mode] = {
    "no object": _empty,
    "cut by the border": _cut,
    "one to three pixels": _tiny,
    "as large as the image": _whole,
    "odd image size": _odd,
    "grey image": _grey,
}
"""The cases of mode `hard`, in this order, repeated."""

ODD_SIZES: tuple[Size, ...] = ((33, 517), (517, 33), (1, 37), (37, 1), (127, 129), (5, 5))
"""Rows and columns of the images of odd size, in this order, repeated."""


def _inside(size: Size, shape_names: tuple[str, ...], random: np.random.Generator) -> Shape:
    height, width = size
    radius = random.uniform(0.05, 0.19) * min(size)
    x, y = random.uniform((0, 0), (width, height))
    return _turned(
        shape_names, (_keep_inside(x, radius, width), _keep_inside(y, radius, height)), radius, random
    )


def _nested(
    shape_names: tuple[str, ...], center: tuple[float, float], radius: float, random: np.random.Generator
) -> list[Shape]:
    label, angle = int(random.integers(len(shape_names))), _angle(random)
    shapes: list[Shape] = []
    for fraction in (1.0, 0.46, 0.2)[: random.integers(2, 4)]:
        middle = _near(center, random) if shapes else center
        shapes.append(Shape(polygon=place(shape_names[label], middle, radius * fraction, angle), label=label))
    return shapes


def _crossed(
    shape_names: tuple[str, ...], center: tuple[float, float], radius: float, random: np.random.Generator
) -> list[Shape]:
    label, angle = int(random.integers(len(shape_names))), _angle(random)
    long, short = radius, radius / random.uniform(2.0, 2.8)
    shapes: list[Shape] = []
    for half_width, half_height in random.permutation([(long, short), (short, long)]).tolist():
        x, y = _near(center, random) if shapes else center
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        shapes.append(Shape(polygon=stretch(shape_names[label], box, angle), label=label))
    return shapes


def _near(center: tuple[float, float], random: np.random.Generator) -> tuple[float, float]:
    """A random point less than a cell away, so in the same cell or in a neighbouring one."""
    shift_x, shift_y = random.uniform(-0.3, 0.3, size=2) * _STRIDE
    return center[0] + float(shift_x), center[1] + float(shift_y)


def _turned(
    shape_names: tuple[str, ...], center: tuple[float, float], radius: float, random: np.random.Generator
) -> Shape:
    label = int(random.integers(len(shape_names)))
    return Shape(polygon=place(shape_names[label], center, radius, _angle(random)), label=label)


def _angle(random: np.random.Generator) -> float:
    return random.uniform(0, 2 * math.pi)


def _keep_inside(middle: float, radius: float, side: int) -> float:
    """`middle` moved until `radius` fits into pixels 0 to `side - 1`, or to the centre if it does not fit."""
    room = max((side - 1) / 2 - radius, 0)
    return float(np.clip(middle, (side - 1) / 2 - room, (side - 1) / 2 + room))
