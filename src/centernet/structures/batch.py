"""The nouns that travel into the network: tensors of a whole batch."""

from dataclasses import dataclass, field, fields, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from centernet.structures.sample import View


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a batch of maps.

    Attributes:
        batch: Images.
        height: Map rows.
        width: Map columns.
        stride: Input pixels from one cell to the next.
        edge: `(x, y)` in cells at which boxes are cut; None for the last column and row, as in the originals.
    """

    batch: int
    height: int
    width: int
    stride: int = 4
    edge: tuple[float, float] | None = None

    def coarser(self, level: int) -> "Grid":
        """The cells after halving so many times; boxes are cut where they were."""
        height, width = (-(-side // (1 << level)) for side in (self.height, self.width))
        x, y = self.edge or (self.width - 1, self.height - 1)
        return Grid(
            batch=self.batch,
            height=height,
            width=width,
            stride=self.stride << level,
            edge=(x / (1 << level), y / (1 << level)) if level else self.edge,
        )


def _no_keypoints() -> Tensor:
    return torch.zeros(0, 0, 3)


def _no_boxes3d() -> Tensor:
    return torch.zeros(0, 7)


def _no_cameras() -> Tensor:
    return torch.zeros(0, 3, 4)


def _no_numbers() -> Tensor:
    return torch.zeros(0)


def _no_flags() -> Tensor:
    return torch.zeros(0, dtype=torch.bool)


@dataclass(frozen=True, kw_only=True)
class BatchAnnotations:
    """The true objects of a batch, all images in one list.

    Attributes:
        boxes: `(x1, y1, x2, y2)`, input pixels.
        labels: Class of each object.
        image_index: Which image of the batch each object is in.
        keypoints: `(x, y, visibility)`, input pixels, as in `structures.Annotations`; `(m 0 3)` where no
            class has any.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, camera metres; NaN where not known, or not to be learned
            from this view.
        alpha_rad: Heading against the line of sight; NaN where not known.
        cameras: Input pixels from camera metres, of the image that each object is in; NaN where not known.
        is_ignored: Regions in which nothing is learned, neither that something is there nor that it is not.
    """

    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    image_index: Int[Tensor, " m"]
    keypoints: Float[Tensor, "m k 3"] = field(default_factory=_no_keypoints)
    boxes3d: Float[Tensor, "m 7"] = field(default_factory=_no_boxes3d)
    alpha_rad: Float[Tensor, " m"] = field(default_factory=_no_numbers)
    cameras: Float[Tensor, "m 3 4"] = field(default_factory=_no_cameras)
    is_ignored: Bool[Tensor, " m"] = field(default_factory=_no_flags)

    def __post_init__(self) -> None:
        # Objects without keypoints, without a third dimension, that are no region: they need not say so.
        count, device = len(self.boxes), self.boxes.device
        if not self.keypoints.numel():
            none = self.boxes.new_zeros(count, self.keypoints.shape[1], 3)
            object.__setattr__(self, "keypoints", none)
        for name, shape in {"boxes3d": (7,), "alpha_rad": (), "cameras": (3, 4)}.items():
            if not len(getattr(self, name)):
                object.__setattr__(self, name, self.boxes.new_full((count, *shape), torch.nan))
        if not len(self.is_ignored):
            flags = torch.zeros(count, dtype=torch.bool, device=device)
            object.__setattr__(self, "is_ignored", flags)

    @classmethod
    def none(cls) -> "BatchAnnotations":
        """A batch without objects."""
        empty = torch.zeros(0, dtype=torch.long)
        return cls(boxes=torch.zeros(0, 4), labels=empty, image_index=empty)

    def to(self, device: torch.device | str) -> "BatchAnnotations":
        """The same objects on another device."""
        return BatchAnnotations(
            **{item.name: getattr(self, item.name).to(device, non_blocking=True) for item in fields(self)}
        )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images of one size with their objects.

    Attributes:
        images: RGB, 0 to 255; `Normalize` turns them into what the network eats.
        objects: The true objects; none when predicting.
        views: How each image came to be shown.
        image_ids: The data set's own ids.
    """

    images: UInt8[Tensor, "b 3 h w"]
    objects: BatchAnnotations
    views: tuple[View, ...]
    image_ids: tuple[int, ...]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return replace(
            self, images=self.images.to(device, non_blocking=True), objects=self.objects.to(device)
        )

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory, from where copies to a GPU overlap with work."""
        values = {item.name: getattr(self.objects, item.name) for item in fields(self.objects)}
        objects = BatchAnnotations(**{name: value.pin_memory() for name, value in values.items()})
        return replace(self, images=self.images.pin_memory(), objects=objects)
