"""Causes of errors of boxes, and the AP that each costs: Bolya et al. 2020, "TIDE", sec. 2.

A detection that is not right at IoU 0.5 has one cause; so has an object that nothing explains: it is missed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from centernet.metrics.coco_tables import BoxEngine

_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "classification": "Cls",
        "localisation": "Loc",
        "both": "Both",
        "duplicate": "Dupe",
        "background": "Bkg",
        "missed": "Miss",
    }
)
"""Causes in the order of the paper, and their names in the engine."""


@dataclass(frozen=True, kw_only=True)
class ErrorCause:
    """One cause of errors.

    Attributes:
        name: `classification`: on an object of another class, IoU 0.5 or more. `localisation`: on an object
            of its class, IoU 0.1 to 0.5. `both`: on an object of another class, IoU 0.1 to 0.5. `duplicate`:
            on an object that a detection with a higher score has found. `background`: on no object, IoU less
            than 0.1. `missed`: an object that neither a right detection nor one of the first two kinds is on.
        count: Number of such detections, or objects.
        lost_ap50: AP50 that would be gained if there were none of them, 0 to 1; NaN without objects.
    """

    name: str
    count: int
    lost_ap50: float


def error_causes(engine: BoxEngine, max_detections: int = 100) -> tuple[ErrorCause, ...]:
    """The six causes, in the order of the paper, of boxes that the engine has read.

    Args:
        engine: Objects and detections.
        max_detections: Number of best detections per class and image.
    """
    found = engine.tide(max_detections)
    return tuple(
        ErrorCause(
            name=name,
            count=int(found["counts"][key]),
            lost_ap50=float(found["delta_ap"][key]) if engine.has_objects else math.nan,
        )
        for name, key in _CAUSES.items()
    )
