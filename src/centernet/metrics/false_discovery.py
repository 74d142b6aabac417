"""How many of the boxes are wrong altogether: Duan et al. 2019, "CenterNet: Keypoint Triplets", sec. 4.3.

Where a box must overlap the truth by little, what it loses against full precision is boxes on nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from centernet.metrics.coco import box_tables
from centernet.metrics.coco_tables import mean_of_known

LOW_IOUS = np.linspace(0.05, 0.5, 10)


@dataclass(frozen=True, kw_only=True)
class FalseDiscovery:
    """1 − AP at low overlaps, 0 to 1; lower is better. NaN where there is no true object to find.

    Attributes:
        fd: Mean over IoU thresholds .05, .10, ... .50.
        fd5: At IoU 0.05.
        fd25: At IoU 0.25.
        fd50: At IoU 0.5.
        fd_small: Of true objects of less than 32² square pixels.
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
        """The numbers by the paper's names."""
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
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], most: int = 100
) -> FalseDiscovery:
    """Compare results with the truth; as `evaluate_coco`, at low overlaps.

    Args:
        ground_truth: Content of a COCO file.
        results: Entries with `image_id`, `category_id`, `bbox` and `score`.
        most: Best detections of a class in an image that are counted.
    """
    precision = box_tables(ground_truth, results, [most], LOW_IOUS)["precision"][..., -1]
    sizes = [1 - mean_of_known(precision[..., place]) for place in range(4)]
    at = [1 - mean_of_known(precision[place, ..., 0]) for place in (0, 4, 9)]
    return FalseDiscovery(
        fd=sizes[0],
        fd5=at[0],
        fd25=at[1],
        fd50=at[2],
        fd_small=sizes[1],
        fd_medium=sizes[2],
        fd_large=sizes[3],
    )
