"""Parts of plots, and crops: arrays and texts that `Detections` draws or returns."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

MIN_FILLED_SCORE = 0.3
"""Keypoints below this score are drawn as rings."""


def box_texts(
    names: Sequence[str],
    scores: Float[np.ndarray, " n"],
    depths_m: Float[np.ndarray, " n"],
    *,
    show_names: bool,
    show_scores: bool,
) -> list[str]:
    """The text at each box: class, score to two decimals, and depth in metres if there is one."""
    depths = [f"{depth:.0f} m" if np.isfinite(depth) else "" for depth in depths_m]
    return [
        " ".join([name] * show_names + [f"{score:.2f}"] * show_scores + [depth] * show_scores).strip()
        for name, score, depth in zip(names, scores, depths, strict=True)
    ]


def surest_below(
    names: Sequence[str], scores: Float[np.ndarray, " n"], min_scores: Float[np.ndarray, " n"]
) -> str:
    """The most confident of one or more objects below their minimum scores, in words."""
    row = int(scores.argmax())
    shown = np.floor(scores[row] * 100) / 100
    return (
        f" from score {min_scores[row]:.2g} on; the surest below is {names[row]} {scores[row]:.2g}"
        + f": conf={shown:g} shows it" * bool(shown)
    )


def drawn_keypoints(keypoints: Float[np.ndarray, "n k 3"], min_score: float) -> Float[np.ndarray, "n k 3"]:
    """Keypoints with a visibility in place of the score: 0 is not drawn, 1 is a ring, 2 a dot."""
    points, scores = keypoints[..., :2], keypoints[..., 2:]
    visibility = (scores >= min_score) * (1 + (scores >= MIN_FILLED_SCORE))
    return np.concatenate([points, visibility.astype(points.dtype)], axis=-1)


def crop_boxes(
    image: UInt8[np.ndarray, "h w 3"], boxes: Float[np.ndarray, "n 4"]
) -> list[UInt8[np.ndarray, "_ _ 3"]]:
    """A copy of the pixels that each box touches, at least one."""
    size = np.array([image.shape[1], image.shape[0]])
    first = np.clip(np.floor(boxes[:, :2]).astype(int), 0, size - 1)
    last = np.clip(np.ceil(boxes[:, 2:]).astype(int), first + 1, size)
    return [
        image[y1:y2, x1:x2].copy() for (x1, y1), (x2, y2) in zip(first.tolist(), last.tolist(), strict=True)
    ]
