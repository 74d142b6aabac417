"""Rendering a layout: a cluttered background, and objects that occlude each other."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from centernet.data.synthetic.layouts import SceneLayout, SceneObject, Size
from centernet.data.synthetic.shapes import Silhouette
from centernet.structures import Annotations

NOISE = 12
"""Largest change of a channel by noise, out of 255."""


def render(
    layout: SceneLayout, max_hidden: float, random: np.random.Generator, noise: int = NOISE
) -> tuple[UInt8[np.ndarray, "h w 3"], Annotations]:
    """Paint a layout and derive the ground truth from the same pixels.

    An object of which a fraction of more than `max_hidden` is occluded or outside the image is left out of
    the ground truth and of the image: every visible object is annotated.

    Returns:
        The image and its annotations, nearest object last.
    """
    channels = 1 if layout.is_grey else 3
    image = _background(layout.size, channels, random)
    painted = visible(layout, max_hidden)
    background = image.reshape(-1, channels).mean(0)
    for item, silhouette in painted:
        item.paint(image, silhouette, contrasting(background, item.num_colors, random))
    image = np.broadcast_to(add_noise(image, noise, random), (*layout.size, 3)).copy()
    boxes = [silhouette.box(layout.size) for _, silhouette in painted]
    return image, Annotations.of(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array([item.label for item, _ in painted], dtype=np.int64),
        _keypoints(layout, painted),
    )


def add_noise(
    image: UInt8[np.ndarray, "h w d"], noise: int, random: np.random.Generator
) -> UInt8[np.ndarray, "h w d"]:
    """The image with every channel changed by up to `noise`, out of 255."""
    change = random.integers(-noise, noise, size=image.shape, dtype=np.int16, endpoint=True)
    return np.clip(image + change, 0, 255).astype(np.uint8)


def visible(layout: SceneLayout, max_hidden: float) -> list[tuple[SceneObject, Silhouette]]:
    """The sufficiently visible objects, furthest first. Objects that are left out do not occlude others."""
    free = np.ones(layout.size, dtype=bool)
    kept = []
    for item in reversed(layout.shapes):
        silhouette = item.silhouette()
        if _hidden_fraction(silhouette, free) <= max_hidden:
            rows, columns, mask = silhouette.inside(layout.size)
            free[rows, columns] &= ~mask
            kept.append((item, silhouette))
    return kept[::-1]


def _keypoints(
    layout: SceneLayout, painted: list[tuple[SceneObject, Silhouette]]
) -> Float[np.ndarray, "n k 3"]:
    """Keypoints of the objects: hidden behind a nearer object, not labelled outside the image."""
    height, width = layout.size
    keypoints = np.zeros((len(painted), layout.num_keypoints, 3), dtype=np.float32)
    free = np.ones(layout.size, dtype=bool)
    for row, (item, silhouette) in zip(keypoints[::-1], painted[::-1], strict=True):
        is_inside = ((item.keypoints >= 0) & (item.keypoints <= (width - 1, height - 1))).all(axis=1)
        pixels = np.rint(item.keypoints).astype(np.int64)
        row[is_inside, :2] = item.keypoints[is_inside]
        row[is_inside, 2] = 1 + free[pixels[is_inside, 1], pixels[is_inside, 0]]
        rows, columns, mask = silhouette.inside(layout.size)
        free[rows, columns] &= ~mask
    return keypoints


def _hidden_fraction(silhouette: Silhouette, free: Bool[np.ndarray, "h w"]) -> float:
    rows, columns, mask = silhouette.inside((free.shape[0], free.shape[1]))
    return 1 - int((mask & free[rows, columns]).sum()) / int(silhouette.mask.sum())


def _background(
    size: Size, channels: int, random: np.random.Generator
) -> UInt8[np.ndarray, "h w {channels}"]:
    """A background of soft patches of colour with lines across them."""
    height, width = size
    base = random.integers(40, 216, size=channels)
    patches = np.clip(base + random.integers(-30, 31, size=(5, 5, channels)), 0, 255).astype(np.uint8)
    # The exact interpolation: plain INTER_LINEAR differs between processors.
    image = cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    image = image.reshape(height, width, channels)
    for _ in range(int(random.integers(3, 9))):
        start, end = random.integers((0, 0), (width, height), size=(2, 2)).tolist()
        color = random.integers(0, 256, size=channels).tolist()
        cv2.line(image, start, end, color, thickness=int(random.integers(1, 3)))
    return image


def contrasting(
    background: Float[np.ndarray, " d"], count: int, random: np.random.Generator
) -> UInt8[np.ndarray, "{count} d"]:
    """The random colours that differ most from the background and from each other."""
    candidates = random.integers(0, 256, size=(4 * count, len(background)), dtype=np.uint8)
    others = background[None]
    for _ in range(count):
        distances = np.abs(candidates[:, None] - others).sum(2).min(1)
        others = np.concatenate([others, candidates[distances.argmax()][None]])
    return others[1:].astype(np.uint8)
