"""Detections drawn on their image."""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from centernet.detections.images import box_texts, drawn_keypoints

MIN_KEYPOINT_SCORE = 0.1
"""Keypoints below this score are guesses: no peak of the heatmap is near them."""


def plotted(
    found: Any,
    pixels: UInt8[np.ndarray, "h w 3"],
    *,
    show_names: bool = True,
    show_scores: bool = True,
    long_side: int | None = None,
    min_keypoint_score: float = MIN_KEYPOINT_SCORE,
    birds_eye: bool = True,
    ground_truth: Float[np.ndarray, "m 7"] | None = None,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The plot of `Detections.plot`, with its arguments, as an array: videos need no Pillow image of a frame.

    `found` are `Detections`, whose module imports this one.
    """
    from centernet.drawing import draw_boxes, draw_boxes3d_and_birds_eye, draw_keypoints

    texts = box_texts(
        found.names, found.scores, found.depths_m, show_names=show_names, show_scores=show_scores
    )
    has_box3d = found.have_boxes3d & (found.camera is not None)
    plot = draw_boxes(pixels, found.boxes, texts, found.labels, long_side=long_side, outlined=~has_box3d)
    if found.keypoints.shape[1]:
        keypoints = drawn_keypoints(found.keypoints, min_keypoint_score)
        plot = draw_keypoints(plot, keypoints, found.skeletons, image_size=pixels.shape[:2])
    if found.camera is None:
        return plot
    return draw_boxes3d_and_birds_eye(
        plot,
        found.boxes3d,
        found.labels,
        found.camera,
        image_size=(pixels.shape[0], pixels.shape[1]),
        ground_truth=ground_truth,
        birds_eye=birds_eye,
    )
