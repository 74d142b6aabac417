"""Generated scenes to pre-train detectors on: varied objects with clear extents on varied grounds."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from pretraining.textures import patch
from pretraining.things import SIDE, SPECIES, Thing, fresh, species

__all__ = ["SPECIES", "Scene", "scene"]

_SMALLEST, _LARGEST = 0.04, 0.7
"""Sizes of objects, as fractions of the longer side of the image."""

_MIN_VISIBLE = 0.25
"""Objects that others cover further than this, or the border cuts, are left out."""

_NAMED_PX = 12
"""Objects smaller than this have no kind: nothing of it can be seen."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A generated image with its objects.

    Attributes:
        image: RGB.
        boxes: `(x1, y1, x2, y2)`, pixels, clipped to the image; of the whole object where another covers it.
        species: Kind of each object; -1 for one that comes once.
    """

    image: UInt8[np.ndarray, "h w 3"]
    boxes: Float[np.ndarray, "n 4"]
    species: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class _Place:
    """Where an object goes: centre and size in pixels, and its angle in radians."""

    x: float
    y: float
    size: float
    angle: float


def scene(seed: int, height: int, width: int) -> Scene:
    """The scene of a number, always the same."""
    rng = np.random.default_rng((11, seed))
    image = _ground(rng, height, width)
    owners = np.full((height, width), -1, np.int16)
    kinds = _kinds(rng)
    boxes: list[Float[np.ndarray, " 4"]] = []
    names: list[int] = []
    areas: list[float] = []
    for place in _places(rng, height, width):
        kind = int(rng.choice(kinds)) if len(kinds) else -1
        thing = species(kind) if kind >= 0 else fresh(rng)
        drawn = _draw(image, owners, thing, place, len(boxes), rng)
        if drawn is None:
            continue
        box, area = drawn
        boxes.append(box)
        names.append(kind if min(box[2] - box[0], box[3] - box[1]) >= _NAMED_PX else -1)
        areas.append(area)
    visible = np.bincount(owners[owners >= 0], minlength=len(boxes)) if boxes else np.zeros(0)
    kept = visible >= _MIN_VISIBLE * np.array(areas) if boxes else np.zeros(0, bool)
    return Scene(
        image=_photographed(image, rng),
        boxes=np.array(boxes, np.float32).reshape(-1, 4)[kept],
        species=np.array(names, np.int64)[kept],
    )


def _kinds(rng: np.random.Generator) -> Int[np.ndarray, " k"]:
    """The kinds that an image draws its objects from; -1 for fresh ones."""
    chance = rng.random()
    if chance < 0.35:
        return np.array([], dtype=np.int64)
    known = rng.integers(0, SPECIES, int(rng.integers(1, 6)))
    if rng.random() < 0.3:
        # Sisters side by side: to be told apart by their inner parts.
        first = int(rng.integers(SPECIES // 4)) * 4
        known = np.arange(first, first + 4)
    return np.append(known, -1) if chance < 0.55 else known


def _places(rng: np.random.Generator, height: int, width: int) -> list[_Place]:
    """Scattered objects of all sizes, many small ones, rows, or a heap."""
    longer = max(height, width)
    style = rng.random()
    turn = rng.uniform(0, 2 * np.pi)
    freedom = float(rng.choice([0.0, 0.1, 0.5, np.pi]))

    def size(low: float, high: float) -> float:
        return longer * float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def angle() -> float:
        return float(turn + rng.uniform(-freedom, freedom))

    def anywhere(margin: float) -> tuple[float, float]:
        return float(rng.uniform(-margin, width + margin)), float(rng.uniform(-margin, height + margin))

    if style < 0.5:
        count = int(np.exp(rng.uniform(0, np.log(15.5))))
        largest = min(_LARGEST, 1.4 / count**0.5)
        smallest = _SMALLEST if rng.random() < 0.5 else largest / 4
        return [_Place(*anywhere(0), size(smallest, largest), angle()) for _ in range(count)]
    if style < 0.6:
        small = size(_SMALLEST, 0.09)
        spread = rng.uniform(0.1, 0.6)
        count = int(rng.integers(10, 40))
        return [
            _Place(*anywhere(0), small * float(np.exp(rng.normal() * spread)), angle()) for _ in range(count)
        ]
    if style < 0.8:
        side = size(0.06, 0.3)
        step = side * rng.uniform(0.9, 1.6)
        x, y = np.meshgrid(np.arange(step / 2, width, step), np.arange(step / 2, height, step))
        shift = rng.normal(size=(2, x.size)) * step * rng.uniform(0, 0.25)
        kept = rng.random(x.size) < rng.uniform(0.3, 1.0)
        centers = np.column_stack([x.ravel() + shift[0], y.ravel() + shift[1]])[kept][:45]
        return [
            _Place(float(x), float(y), side * float(np.exp(rng.normal() * 0.1)), angle()) for x, y in centers
        ]
    side = size(0.08, 0.45)
    middle, spread = anywhere(-side / 4), rng.uniform(0.5, 1.6) * side
    heap = rng.normal(size=(int(rng.integers(2, 16)), 2)) * spread + middle
    return [_Place(float(x), float(y), side * float(np.exp(rng.normal() * 0.2)), angle()) for x, y in heap]


def _ground(rng: np.random.Generator, height: int, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """The background: one texture or two, and lines that are no objects."""
    image = patch(rng, height, width, contrast=rng.uniform(0.05, 0.8))
    if rng.random() < 0.4:
        other = patch(rng, height, width, contrast=rng.uniform(0.05, 0.6))
        if rng.random() < 0.5:
            at = int(rng.uniform(0.2, 0.8) * height)
            image[at:] = other[at:]
        else:
            image = cv2.addWeighted(image, 0.5, other, 0.5, 0)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 12))):
            points = rng.uniform(0, 1, (int(rng.integers(2, 5)), 2)) * (width, height)
            color = rng.integers(0, 256, 3).tolist()
            cv2.polylines(
                image, [points.astype(np.int32)], False, color, int(rng.integers(1, 4)), cv2.LINE_AA
            )
    return image


def _draw(
    image: UInt8[np.ndarray, "h w 3"],
    owners: Int[np.ndarray, "h w"],
    thing: Thing,
    place: _Place,
    number: int,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " 4"], float] | None:
    """Draws an object; its box and area in the image, or None if too little of it lies within."""
    matrix = _matrix(thing, place, rng)
    points = _moved(thing.outline, matrix)
    low = np.floor(points.min(axis=0)).astype(int) - 1
    high = np.ceil(points.max(axis=0)).astype(int) + 2
    height, width = image.shape[:2]
    x1, y1 = max(low[0], 0), max(low[1], 0)
    x2, y2 = min(high[0], width), min(high[1], height)
    if x2 - x1 < 4 or y2 - y1 < 4 or (high - low).max() > 3 * max(height, width):
        return None
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    outlines = [thing.outline] if thing.hole is None else [thing.outline, thing.hole]
    shifted = [np.round((_moved(one, matrix) - (x1, y1)) * 16).astype(np.int32) for one in outlines]
    cv2.fillPoly(mask, shifted, 255, cv2.LINE_AA, 4)
    inside = mask > 127
    area = float(inside.sum())
    whole = cv2.contourArea(points.astype(np.float32)) * (0.6 if thing.hole is not None else 1.0)
    if area < 12 or area < _MIN_VISIBLE * whole:
        return None
    if rng.random() < 0.5:
        _shade_ground(image, mask, (x1, y1), rng)
    to_patch = matrix.copy()
    to_patch[:2] -= np.array([[x1], [y1]]) * matrix[2:]
    from_surface = to_patch @ np.array([[2 / (SIDE - 1), 0, -1], [0, 2 / (SIDE - 1), -1], [0, 0, 1]])
    size = (x2 - x1, y2 - y1)
    surface = cv2.warpPerspective(thing.surface, from_surface, size, borderMode=cv2.BORDER_REPLICATE)
    surface = _lit(surface, mask, rng)
    ground = image[y1:y2, x1:x2]
    alpha = mask[..., None].astype(np.uint16)
    image[y1:y2, x1:x2] = ((surface * alpha + ground * (255 - alpha)) // 255).astype(np.uint8)
    owners[y1:y2, x1:x2][inside] = number
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    box = np.array([x1 + columns[0], y1 + rows[0], x1 + columns[-1] + 1, y1 + rows[-1] + 1], np.float32)
    return box, area


def _matrix(thing: Thing, place: _Place, rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """From the square of an object to the image: size, angle, a little shear and perspective."""
    stretch = np.sqrt(thing.aspect) * np.exp(rng.normal() * 0.06)
    half = place.size / 2
    cosine, sine = np.cos(place.angle), np.sin(place.angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    scale = np.diag([half / stretch, half * stretch, 1.0])
    mirror = np.diag([float(rng.choice([-1, 1])), 1.0, 1.0])
    tilt = np.eye(3)
    tilt[0, 1] = rng.normal() * 0.06
    tilt[2, :2] = np.clip(rng.normal(size=2) * 0.07, -0.25, 0.25)
    move = np.array([[1, 0, place.x], [0, 1, place.y], [0, 0, 1]])
    return move @ turn @ scale @ tilt @ mirror


def _moved(points: Float[np.ndarray, "n 2"], matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "n 2"]:
    homogeneous = points @ matrix[:, :2].T + matrix[:, 2]
    return homogeneous[:, :2] / homogeneous[:, 2:]


def _shade_ground(
    image: UInt8[np.ndarray, "h w 3"],
    mask: UInt8[np.ndarray, "p q"],
    at: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """A soft shadow beside the object, within the rectangle that holds it and a margin."""
    x1, y1 = at
    reach = max(2, int(rng.uniform(0.03, 0.15) * max(mask.shape)))
    dx, dy = (int(v) for v in rng.integers(-reach, reach + 1, 2))
    blurred = cv2.blur(
        cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT), (reach, reach)
    )
    top, left = y1 - reach + dy, x1 - reach + dx
    bottom, right = top + blurred.shape[0], left + blurred.shape[1]
    height, width = image.shape[:2]
    t, l, b, r = max(top, 0), max(left, 0), min(bottom, height), min(right, width)  # noqa: E741
    if t >= b or l >= r:
        return
    part = blurred[t - top : b - top, l - left : r - left, None].astype(np.uint16)
    strength = int(rng.uniform(60, 200))
    image[t:b, l:r] = (image[t:b, l:r] * (255 - part * strength // 255) // 255).astype(np.uint8)


def _lit(
    surface: UInt8[np.ndarray, "p q 3"], mask: UInt8[np.ndarray, "p q"], rng: np.random.Generator
) -> UInt8[np.ndarray, "p q 3"]:
    """Light from one side, darker rims, and a small change of colour."""
    height, width = mask.shape
    light = np.full((height, width), rng.uniform(0.8, 1.2), np.float32)
    if rng.random() < 0.6:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
        x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
        light += strength * (np.cos(angle) * x[None] + np.sin(angle) * y[:, None]).astype(np.float32)
    if rng.random() < 0.3:
        reach = max(3, min(height, width) // 4)
        light *= 0.5 + 0.5 * cv2.blur(mask, (reach, reach)).astype(np.float32) / 255
    tint = light[..., None] * (1 + rng.normal(size=3) * 0.05).astype(np.float32)
    return np.clip(surface * tint, 0, 255).astype(np.uint8)


def _photographed(image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """The image as a camera gives it: blur, noise, light and colour of the whole, compression."""
    height, width = image.shape[:2]
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    gain = rng.uniform(0.6, 1.3) * (1 + rng.normal(size=3) * 0.06)
    offset = rng.normal() * 15
    table = np.clip(np.arange(256)[:, None] * gain + offset, 0, 255).astype(np.uint8).reshape(256, 1, 3)
    image = cv2.LUT(image, table)
    if rng.random() < 0.5:
        noise = rng.integers(0, 256, (height // 2 + 1, width), dtype=np.uint8)
        noise = np.concatenate([noise, noise[::-1, ::-1]])[:height]
        strength = rng.uniform(0.01, 0.12)
        image = cv2.addWeighted(image, 1.0, cv2.merge([noise, noise, noise]), strength, -128 * strength)
    if rng.random() < 0.12:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        image = cv2.merge([grey, grey, grey])
    if rng.random() < 0.2:
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        image = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return image
