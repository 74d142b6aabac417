"""All options of inference, declared once: `InferenceOptions`.

`CenterNet.predict` and `CenterNet.val` take them as keywords, and `centernet predict` and `centernet val` as
keys; name, type, default, help and check of each are those of its field here. To add an option, add a field
and a line in `InferenceKeywords`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from centernet.errors import UsageError, check_bounds
from centernet.recipes.setting import Allowed, one_of

NMS_METHODS = ("none", "gaussian", "linear", "hard")
MIN_TILE_SIDE = 32
MAX_TILE_OVERLAP = 0.9
_MAX_SCALE, _MAX_SCALES = 10, 32


def _option(default: Any, about: str, allowed: Allowed | None = None, *, typed: str = "") -> Any:
    """A field with its help.

    Args:
        default: Value where it is not given.
        about: What it does, in a line.
        allowed: The values it may have; None for any of its type.
        typed: How help writes the default where it is None: what holds then, or a placeholder in capitals.
    """
    return field(default=default, metadata={"about": about, "allowed": allowed, "typed": typed})


def _are_scales(values: Sequence[float]) -> bool:
    return bool(values) and all(0 < value <= _MAX_SCALE for value in values)


@dataclass(frozen=True, kw_only=True)
class InferenceOptions:
    """Options of running a trained network on images.

    The line of help in each field describes it; `centernet predict --help` prints them all.

    Raises:
        UsageError: A value that is not allowed, or an option that has no effect without another one.
    """

    resize: str | None = _option(
        None, "fit, follow, keep or triplet: how images are resized; by default as in training", typed="RULE"
    )
    imgsz: int | None = _option(
        None,
        "side of the input for fit, longer side of the image for follow, pixels; by default as in training",
        typed="PIXELS",
    )
    flip: bool = _option(
        False, "test-time augmentation: average the maps of the image and of its flipped copy"
    )
    scales: Sequence[float] = _option(
        (1.0,),
        "test-time augmentation: run at several scales, 0.5,0.75,1,1.25,1.5, and merge by soft-NMS",
        Allowed(
            f"are numbers above 0, at most {_MAX_SCALE}, with 1 for the image as it is",
            _are_scales,
            hint="try scales=0.5,1,1.5",
        ),
    )
    nms: str = _option(
        "none",
        "lower scores of boxes that overlap more confident ones of their class: gaussian or linear, both "
        "soft-NMS, or hard; with several scales and for corner pairs, none means gaussian",
        one_of(*NMS_METHODS),
    )
    iou: float | None = _option(
        None,
        "IoU from which nms=linear and nms=hard lower scores",
        Allowed("is an overlap from 0 to below 1", lambda value: 0 <= value < 1),
        typed="0.5",
    )
    merge_boxes: float = _option(
        0.0,
        "above 0, NMS replaces a box by the mean of those it lowers; larger gives its own more weight; "
        "the original takes 10",
        Allowed("is 0 or more", lambda value: value >= 0),
    )
    class_agnostic: bool = _option(
        False, "keep only the most confident class at each place, and NMS across classes"
    )
    exact: bool = _option(False, "NMS as in the original, which keeps some boxes it meant to drop")
    slice: int | None = _option(
        None,
        "run on larger images in tiles of this side, image pixels, 640, and on the whole image, and merge",
        Allowed(
            f"is the side of the tiles, {MIN_TILE_SIDE} pixels or more", lambda value: value >= MIN_TILE_SIDE
        ),
        typed="PIXELS",
    )
    slice_overlap: float | None = _option(
        None,
        "minimum overlap of neighbouring tiles, a fraction of their side",
        Allowed(f"is a fraction from 0 to {MAX_TILE_OVERLAP}", lambda value: 0 <= value <= MAX_TILE_OVERLAP),
        typed="0.2",
    )
    half: bool = _option(False, "compute in bfloat16: faster where the hardware has it, a little less exact")

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(self.scales))
        for item in fields(self):
            value, allowed = getattr(self, item.name), item.metadata["allowed"]
            if value is not None and allowed is not None:
                allowed.check(item.name, value)
        check_bounds(**{key: value for key, value in vars(self).items() if key != "scales"})
        if len(self.scales) > _MAX_SCALES:
            raise UsageError(f"scales are at most {_MAX_SCALES}; got {len(self.scales)}")
        if self.iou is not None and self.nms not in ("linear", "hard"):
            raise UsageError("iou is a limit of nms=hard and nms=linear: add one of them")
        for name in ("exact", "merge_boxes"):
            if getattr(self, name) and not self.uses_nms:
                raise UsageError(f"{name} sets how NMS is done: add nms=gaussian, or several scales")
        if self.slice_overlap is not None and self.slice is None:
            raise UsageError("slice_overlap is the overlap of tiles: add slice=640, their side")

    @property
    def uses_nms(self) -> bool:
        """True if boxes are merged by NMS whatever the task: it was chosen, or there are several scales."""
        return self.nms != "none" or len(self.scales) > 1


class InferenceKeywords(TypedDict, total=False):
    """The same options as keywords of a function: `**options: Unpack[InferenceKeywords]`."""

    resize: str | None
    imgsz: int | None
    flip: bool
    scales: Sequence[float]
    nms: str
    iou: float | None
    merge_boxes: float
    class_agnostic: bool
    exact: bool
    slice: int | None
    slice_overlap: float | None
    half: bool
