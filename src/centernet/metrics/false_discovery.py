"""False discovery rate (FD) of boxes: Duan et al. 2019, "CenterNet: Keypoint Triplets", sec. 4.3.

FD is 1 − AP at low IoU thresholds: boxes that do not even overlap the ground truth a little are false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from centernet.metrics.coco_tables import BoxEngine, CocoBoxes, mean_of_known

LOW_IOUS = np.linspace(0.05, 0.5, 10)


@dataclass(frozen=True, kw_only=True)
class FalseDiscovery:
    """1 − AP at low IoU, 0 to 1; lower is better. NaN where there is no ground truth.

    Attributes:
        fd: Mean over IoU thresholds .05, .10, ... .50.
        fd5: At IoU 0.05.
        fd25: At IoU 0.25.
        fd50: At IoU 0.5.
        fd_small: Objects of less than 32² square pixels.
        fd_medium: From 32² to 96².
        fd_large: More than 96².
    """

    fd: float
    fd5: float
    fd25: float
    fd50: float
    fd_small: float
    fd_medium: float
    fd_large: float

    def to_dict(self) -> dict[str, float]:
        """The numbers by the names of the paper."""
        return {
            "FD": self.fd,
            "FD5": self.fd5,
            "FD25": self.fd25,
            "FD50": self.fd50,
            "FD_small": self.fd_small,
            "FD_medium": self.fd_medium,
            "FD_large": self.fd_large,
        }


def evaluate_false_discovery(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], max_detections: int = 100
) -> FalseDiscovery:
    """Evaluate results against ground truth as `evaluate_coco` does, at low IoU.

    Args:
        ground_truth: Content of a COCO file.
        results: Entries with `image_id`, `category_id`, `bbox` and `score`.
        max_detections: Number of best detections per class and image.
    """
    return false_discovery(BoxEngine(CocoBoxes.of(ground_truth, results)), max_detections)


def false_discovery(engine: BoxEngine, max_detections: int = 100) -> FalseDiscovery:
    """The rates of boxes that the engine has read.

    Args:
        engine: Objects and detections.
        max_detections: Number of best detections per class and image.
    """
    precision = engine.tables([max_detections], LOW_IOUS).precision
    by_size = [1 - mean_of_known(precision[..., size]) for size in range(4)]
    by_iou = [1 - mean_of_known(precision[index, ..., 0]) for index in (0, 4, 9)]
    return FalseDiscovery(
        fd=by_size[0],
        fd5=by_iou[0],
        fd25=by_iou[1],
        fd50=by_iou[2],
        fd_small=by_size[1],
        fd_medium=by_size[2],
        fd_large=by_size[3],
    )
