"""What led to detections: heatmaps, and the points that boxes were made of."""

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
"""Of each picture, pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """Why boxes were reported, in pixels of the input.

    Attributes:
        boxes: Those that were reported.
        labels: Class of each.
        keypoints: Of each box `(x, y, score)`.
        rejected: Pairs of corners that no centre confirmed; none where boxes are made of their centres.
        regions: The part of each box in which a centre had to be, where it is made of corners.
        centers: Centres that may confirm pairs.
        center_labels: Class of each centre.
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
    """A sheet of pictures: what was decided, and each heatmap over the input.

    Boxes made of corners have a line between them, the part in which a centre must be, and the centres as
    dots; pairs without one are grey. Boxes made of their centre have a dot there, and arrows to their sides
    and keypoints.

    Args:
        image: RGB, what the network saw.
        heatmaps: By name, classes or keypoints first, 0 to 1.
        reasons: What was decided.
    """
    pictures = [_draw_reasons(image, reasons)]
    pictures += [fit(draw_heatmap(image, heatmap), _LONG_SIDE) for heatmap in heatmaps.values()]
    captions = ["what was decided", *(name.replace("_", " ") for name in heatmaps)]
    return contact_sheet(pictures, captions, columns=2, tile=_LONG_SIDE)


def _draw_reasons(image: UInt8[np.ndarray, "h w 3"], reasons: Reasons) -> UInt8[np.ndarray, "h2 w2 3"]:
    picture = np.ascontiguousarray(fit(image, _LONG_SIDE))
    scale = picture.shape[1] / image.shape[1]
    for box in reasons.rejected * scale:
        _draw_pair(picture, box, _REJECTED, 1)
    is_paired = bool(len(reasons.regions))
    for box, label, keypoints in zip(
        reasons.boxes * scale, reasons.labels.tolist(), reasons.keypoints, strict=True
    ):
        color = class_color(label)
        if is_paired:
            _draw_pair(picture, box, color, 2)
        else:
            _draw_arrows(picture, box, keypoints[keypoints[:, 2] > 0, :2] * scale, color)
    for region, label in zip(reasons.regions * scale, reasons.labels.tolist(), strict=False):
        cv2.rectangle(picture, _pixel(region[:2]), _pixel(region[2:]), class_color(label), 1)
    for center, label in zip(reasons.centers * scale, reasons.center_labels.tolist(), strict=True):
        cv2.circle(picture, _pixel(center), 4, class_color(label), cv2.FILLED)
        cv2.circle(picture, _pixel(center), 5, (255, 255, 255), 1)
    return picture


def _draw_pair(picture: np.ndarray, box: np.ndarray, color: tuple[int, int, int], width: int) -> None:
    first, second = _pixel(box[:2]), _pixel(box[2:])
    cv2.rectangle(picture, first, second, color, width)
    cv2.line(picture, first, second, color, 1, cv2.LINE_AA)
    for corner in (first, second):
        cv2.circle(picture, corner, 4, color, cv2.FILLED)


def _draw_arrows(
    picture: np.ndarray, box: np.ndarray, keypoints: np.ndarray, color: tuple[int, int, int]
) -> None:
    center = (box[:2] + box[2:]) / 2
    cv2.rectangle(picture, _pixel(box[:2]), _pixel(box[2:]), color, 1)
    sides = np.array([[box[0], center[1]], [box[2], center[1]], [center[0], box[1]], [center[0], box[3]]])
    for tip in (*sides, *keypoints):
        cv2.arrowedLine(picture, _pixel(center), _pixel(tip), color, 1, cv2.LINE_AA, tipLength=0.08)
    cv2.circle(picture, _pixel(center), 4, color, cv2.FILLED)
    cv2.circle(picture, _pixel(center), 5, (255, 255, 255), 1)


def _pixel(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))
