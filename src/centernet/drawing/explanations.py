"""Explanations of detections: heatmaps, and the points from which boxes were decoded."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from centernet.drawing.colors import class_color
from centernet.drawing.contact_sheet import contact_sheet, fit
from centernet.drawing.heatmaps import draw_heatmap

_REJECTED = (150, 150, 150)
_LONG_SIDE = 640
"""Longer side of each drawing, pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """Detections and the points from which they were decoded, in input pixels.

    Attributes:
        boxes: Boxes of the detections.
        labels: Class of each box.
        keypoints: Keypoints of each box, `(x, y, score)`.
        rejected: Boxes of corner pairs without a centre keypoint; none if boxes are decoded from centres.
        regions: Central region of each box that was decoded from corners.
        centers: Centre keypoints that may confirm corner pairs.
        center_labels: Class of each centre keypoint.
    """

    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    keypoints: Float[np.ndarray, "n k 3"]
    rejected: Float[np.ndarray, "r 4"]
    regions: Float[np.ndarray, "m 4"]
    centers: Float[np.ndarray, "c 2"]
    center_labels: Int[np.ndarray, " c"]


def draw_explanation(
    image: UInt8[np.ndarray, "h w 3"],
    heatmaps: Mapping[str, Float[np.ndarray, "_ _ _"]],
    reasons: Reasons,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Contact sheet of the detections and of each heatmap over the input.

    Boxes decoded from corners are drawn with their diagonal, their central region, and centre keypoints as
    dots; corner pairs without a centre keypoint are grey. Boxes decoded from centres are drawn with a dot at
    the centre, and arrows to their sides and keypoints.

    Args:
        image: RGB, the input of the network.
        heatmaps: Heatmaps by name, classes or keypoints first, 0 to 1.
        reasons: The detections and their points.
    """
    drawings = [_draw_reasons(image, reasons)]
    drawings += [fit(draw_heatmap(image, heatmap), _LONG_SIDE) for heatmap in heatmaps.values()]
    captions = ["detections", *(name.replace("_", " ") for name in heatmaps)]
    return contact_sheet(drawings, captions, columns=2, tile=_LONG_SIDE)


def _draw_reasons(image: UInt8[np.ndarray, "h w 3"], reasons: Reasons) -> UInt8[np.ndarray, "h2 w2 3"]:
    drawn = np.ascontiguousarray(fit(image, _LONG_SIDE))
    scale = drawn.shape[1] / image.shape[1]
    for box in reasons.rejected * scale:
        _draw_pair(drawn, box, _REJECTED, 1)
    is_paired = bool(len(reasons.regions))
    for box, label, keypoints in zip(
        reasons.boxes * scale, reasons.labels.tolist(), reasons.keypoints, strict=True
    ):
        color = class_color(label)
        if is_paired:
            _draw_pair(drawn, box, color, 2)
        else:
            _draw_arrows(drawn, box, keypoints[keypoints[:, 2] > 0, :2] * scale, color)
    for region, label in zip(reasons.regions * scale, reasons.labels.tolist(), strict=False):
        cv2.rectangle(drawn, _pixel(region[:2]), _pixel(region[2:]), class_color(label), 1)
    for center, label in zip(reasons.centers * scale, reasons.center_labels.tolist(), strict=True):
        cv2.circle(drawn, _pixel(center), 4, class_color(label), cv2.FILLED)
        cv2.circle(drawn, _pixel(center), 5, (255, 255, 255), 1)
    return drawn


def _draw_pair(drawn: np.ndarray, box: np.ndarray, color: tuple[int, int, int], width: int) -> None:
    first, second = _pixel(box[:2]), _pixel(box[2:])
    cv2.rectangle(drawn, first, second, color, width)
    cv2.line(drawn, first, second, color, 1, cv2.LINE_AA)
    for corner in (first, second):
        cv2.circle(drawn, corner, 4, color, cv2.FILLED)


def _draw_arrows(
    drawn: np.ndarray, box: np.ndarray, keypoints: np.ndarray, color: tuple[int, int, int]
) -> None:
    center = (box[:2] + box[2:]) / 2
    cv2.rectangle(drawn, _pixel(box[:2]), _pixel(box[2:]), color, 1)
    sides = np.array([[box[0], center[1]], [box[2], center[1]], [center[0], box[1]], [center[0], box[3]]])
    for tip in (*sides, *keypoints):
        cv2.arrowedLine(drawn, _pixel(center), _pixel(tip), color, 1, cv2.LINE_AA, tipLength=0.08)
    cv2.circle(drawn, _pixel(center), 4, color, cv2.FILLED)
    cv2.circle(drawn, _pixel(center), 5, (255, 255, 255), 1)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
