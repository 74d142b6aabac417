"""Rows of the table on scale: detections of many tiles merged."""

import math

import numpy as np
from benchmarks.scaling import Row, Side

from centernet.detections import Detections
from centernet.inference.slicing import Slicing, Tile, merge_tiles
from centernet.structures import Categories
from centernet.structures.sample import sample_of

CATEGORIES = Categories.of("car", "ship", "plane")
SIDE = 40
"""Mean side of an object, pixels."""

Tiles = list[tuple[Tile, Detections]]


def tiles(count: int) -> Tiles:
    """About so many boxes in tiles of 640 px, cut where a tile ends; an object for 80×80 pixels."""
    rng = np.random.default_rng(0)
    # Tiles overlap by a fifth along each side, so that an object is found 1.5 times.
    side = max(1000, round(80 * math.sqrt(count / 1.55)))
    sides = rng.uniform(0.5 * SIDE, 1.5 * SIDE, (round((side / 80) ** 2), 2))
    centers = rng.uniform(0, side, sides.shape)
    objects = np.concatenate([centers - sides / 2, centers + sides / 2], axis=1).clip(0, side)
    labels = rng.integers(0, len(CATEGORIES), len(objects))
    image = np.zeros((side, side, 3), dtype=np.uint8)
    windows = Slicing().tiles(sample_of(image, "image"))
    return [(tile, _in_window(rng, tile, objects, labels)) for tile in windows]


def _in_window(rng: np.random.Generator, tile: Tile, objects: np.ndarray, labels: np.ndarray) -> Detections:
    """The objects of a tile as a detector gives them; small ones are not seen in the whole image."""
    left, top, right, bottom = tile.window
    visible = np.stack(
        [
            objects[:, 0].clip(left, right),
            objects[:, 1].clip(top, bottom),
            objects[:, 2].clip(left, right),
            objects[:, 3].clip(top, bottom),
        ],
        axis=1,
    )
    is_seen = ((visible[:, 2:] - visible[:, :2]) > 8).all(axis=1) & (not tile.is_last)
    boxes = visible[is_seen] - np.array([left, top, left, top])
    return Detections(
        boxes=(boxes + rng.normal(0, 1, boxes.shape)).astype(np.float32),
        scores=rng.uniform(0.3, 1, len(boxes)).astype(np.float32),
        labels=labels[is_seen],
        categories=CATEGORIES,
        name="tile",
        image_size=(bottom - top, right - left),
    )


def merged(ready: Tiles) -> dict[str, float]:
    objects = merge_tiles(ready, max_detections=100_000)
    return {"boxes": sum(len(found) for _, found in ready), "objects": len(objects)}


ROWS = (
    Row(
        name="tiles merged",
        sizes=(2000, 15_728),
        unit="boxes",
        sides={"ours": Side(prepare=tiles, work=merged)},
        # A tenth of the prediction of these tiles.
        limits={"cpu_s": 1.0},
    ),
)
