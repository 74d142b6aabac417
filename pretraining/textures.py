"""Textures: a bank of grey tiles that repeat, and patches of them in random colours."""

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Tile = UInt8[np.ndarray, "h w"]
Patch = UInt8[np.ndarray, "h w 3"]

SIDE = 256
"""Side of a tile, pixels."""

_VARIANTS = 5
"""Tiles of each family."""


@lru_cache(maxsize=1)
def bank() -> tuple[Tile, ...]:
    """All tiles, the same in every process."""
    rng = np.random.default_rng(20_061)
    families = (
        _flat, _gradient, _cloud, _cloud, _cloud, _stripes, _checks, _dots, _leaves, _leaves, _cells,
        _wood, _strokes, _speckle, _glyphs, _bricks, _waves,
    )  # fmt: skip
    return tuple(_stretched(family(rng)) for family in families for _ in range(_VARIANTS))


def patch(rng: np.random.Generator, height: int, width: int, contrast: float = 1.0) -> Patch:
    """A patch of a random tile, turned and scaled, in random colours.

    Args:
        rng: Random generator.
        height: Rows.
        width: Columns.
        contrast: Distance of its colours from each other, 0 to 1.
    """
    tiles = bank()
    tile = tiles[int(rng.integers(len(tiles)))]
    angle, scale = rng.uniform(0, 2 * np.pi), 2 ** rng.uniform(-1.5, 1.5)
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cosine, -sine, rng.uniform(0, SIDE)], [sine, cosine, rng.uniform(0, SIDE)]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grey = cv2.warpAffine(tile, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)
    return colored(grey, palette(rng, contrast))


def palette(rng: np.random.Generator, contrast: float = 1.0) -> UInt8[np.ndarray, "256 1 3"]:
    """A ramp of two to four colours: of any hue, of one hue, or natural browns, greens and greys."""
    count = int(rng.integers(2, 5))
    style = rng.random()
    first = rng.uniform(0, 255, 3)
    if style < 0.4:
        colors = rng.uniform(0, 255, (count, 3))
    elif style < 0.7:
        colors = (
            first * np.linspace(*rng.uniform(0.3, 1.5, 2), count)[:, None] + rng.normal(size=(count, 3)) * 12
        )
    else:
        grey = rng.uniform(20, 235, (count, 1))
        colors = grey + rng.normal(size=3) * 25 + rng.normal(size=(count, 3)) * 8
    middle = colors.mean(axis=0)
    colors = np.clip(middle + (colors - middle) * contrast, 0, 255)
    if rng.random() < 0.3:
        # Few distinct colours rather than a ramp.
        ramp = colors[np.minimum(np.arange(256) * count // 256, count - 1)]
    else:
        places = np.linspace(0, 255, count)
        ramp = np.column_stack([np.interp(np.arange(256), places, colors[:, i]) for i in range(3)])
    return ramp.astype(np.uint8).reshape(256, 1, 3)


def colored(grey: Tile, colors: UInt8[np.ndarray, "256 1 3"]) -> Patch:
    """A grey image in the colours of a ramp."""
    return cv2.LUT(cv2.merge([grey, grey, grey]), colors)


def _stretched(tile: Float[np.ndarray, "h w"]) -> Tile:
    low, high = np.percentile(tile, (1, 99))
    return (np.clip((tile - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)


def _grid() -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return y, x


def _flat(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    return rng.normal(size=(SIDE, SIDE)) * 0.02 + _cloud(rng) * 0.02


def _gradient(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    y, x = _grid()
    return np.sin(np.pi * x) * rng.uniform(0.2, 1) + np.sin(np.pi * y) * rng.uniform(0.2, 1)


def _cloud(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Noise with a spectrum of 1/f to some power, which repeats."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency ** rng.uniform(0.5, 2.2)
    spectrum[0, 0] = 0
    cloud = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return cloud / cloud.std()


def _stripes(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    _, x = _grid()
    wave = np.sin(2 * np.pi * (int(rng.integers(4, 24)) * x + _cloud(rng) * rng.choice([0.0, 0.05, 0.2])))
    return np.clip(wave * rng.choice([1.0, 4.0]), -1, 1)


def _checks(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    y, x = _grid()
    count = int(rng.integers(3, 16)) * 2
    return ((np.floor(count * x) + np.floor(count * y)) % 2) + _cloud(rng) * 0.1


def _dots(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    image = np.zeros((SIDE, SIDE), np.float32)
    count, radius = int(rng.integers(4, 14)), rng.uniform(0.15, 0.45)
    step = SIDE / count
    for i in range(count):
        for j in range(count):
            shift = rng.normal(size=2) * step * rng.choice([0.0, 0.2])
            place = ((np.array([i, j]) + 0.5) * step + shift).astype(int)
            cv2.circle(
                image, (int(place[0]), int(place[1])), max(1, int(radius * step)), 1.0, -1, cv2.LINE_AA
            )
    return image


def _leaves(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Dead leaves: discs and boxes of all sizes that cover each other, wrapped around."""
    image = np.zeros((SIDE, SIDE), np.float32)
    is_round = rng.random() < 0.6
    for _ in range(700):
        size = float(np.clip(3 / rng.random() ** 0.7, 3, 60))
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        color = float(rng.random())
        for dx in (-SIDE, 0, SIDE):
            for dy in (-SIDE, 0, SIDE):
                if not (-size < x + dx < SIDE + size and -size < y + dy < SIDE + size):
                    continue
                if is_round:
                    cv2.circle(image, (x + dx, y + dy), int(size), color, -1)
                else:
                    far = (x + dx + int(size * 1.5), y + dy + int(size))
                    cv2.rectangle(image, (x + dx, y + dy), far, color, -1)
    return image


def _cells(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Voronoi cells: their borders, or a grey for each."""
    count = int(rng.integers(15, 90))
    seeds = rng.uniform(0, 1, (count, 2))
    y, x = _grid()
    delta = [np.abs(axis[..., None] - seeds[:, i]) for i, axis in enumerate((y, x))]
    distance = np.hypot(*(np.minimum(d, 1 - d) for d in delta))
    nearest = np.partition(distance, 1, axis=-1)
    if rng.random() < 0.5:
        return np.minimum((nearest[..., 1] - nearest[..., 0]) * count**0.5, 0.4)
    return rng.random(count)[distance.argmin(axis=-1)]


def _wood(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    y, x = _grid()
    return np.sin(2 * np.pi * (rng.integers(3, 9) * x + 0.15 * _cloud(rng) + np.sin(2 * np.pi * y) * 0.2))


def _strokes(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    image = np.zeros((SIDE, SIDE), np.float32)
    direction = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(100, 600))):
        angle = direction + rng.normal() * rng.choice([0.1, 1.0])
        start, length = rng.uniform(0, SIDE, 2), rng.uniform(8, 60)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        ends = [(int(v[0]), int(v[1])) for v in (start, end)]
        cv2.line(image, ends[0], ends[1], float(rng.random()), int(rng.integers(1, 4)), cv2.LINE_AA)
    return image


def _speckle(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    noise = np.pad(rng.normal(size=(SIDE, SIDE)), 16, mode="wrap")
    return cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 2))[16:-16, 16:-16] ** 2


def _glyphs(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Lines of signs, as print looks."""
    image = np.ones((SIDE, SIDE), np.float32)
    step = int(rng.integers(10, 32))
    for y in range(step, SIDE, step):
        for x in range(0, SIDE, step):
            points = (rng.uniform(0, 0.8, (int(rng.integers(2, 6)), 2)) * step + (x, y - step)).astype(
                np.int32
            )
            cv2.polylines(image, [points], False, 0.0, max(1, step // 10), cv2.LINE_AA)
    return image


def _bricks(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    image = np.zeros((SIDE, SIDE), np.float32)
    rows = int(rng.choice([4, 8, 16]))
    step = SIDE // rows
    for row in range(rows):
        for column in range(-1, rows):
            x = column * 2 * step + (row % 2) * step
            grey = float(rng.uniform(0.4, 1))
            cv2.rectangle(image, (x + 1, row * step + 1), (x + 2 * step - 2, row * step + step - 2), grey, -1)
    return image


def _waves(rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    y, x = _grid()
    total = np.zeros((SIDE, SIDE))
    for _ in range(4):
        u, v = rng.integers(-9, 10, 2)
        total += np.sin(2 * np.pi * (u * x + v * y) + rng.uniform(0, 6))
    return total
