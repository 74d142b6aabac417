"""The nouns that travel into the network: tensors of a whole batch."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from centernet.structures import View


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a batch of maps.

    Attributes:
        batch: Images.
        height: Map rows.
        width: Map columns.
        stride: Input pixels from one cell to the next.
    """

    batch: int
    height: int
    width: int
    stride: int = 4


def _no_keypoints() -> Tensor:
    return torch.zeros(0, 0, 3)


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The true objects of a batch, all images in one list.

    Attributes:
        boxes: `(x1, y1, x2, y2)`, input pixels.
        labels: Class of each object.
        image_index: Which image of the batch each object is in.
        keypoints: `(x, y, visibility)`, input pixels, as in `structures.Annotations`; `(m 0 3)` where no
            class has any.
    """

    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    image_index: Int[Tensor, " m"]
    keypoints: Float[Tensor, "m k 3"] = field(default_factory=_no_keypoints)

    def __post_init__(self) -> None:
        if not self.keypoints.numel():
            # Objects without keypoints need not say so.
            none = self.boxes.new_zeros(len(self.boxes), self.keypoints.shape[1], 3)
            object.__setattr__(self, "keypoints", none)

    @classmethod
    def none(cls) -> "Objects":
        """A batch without objects."""
        empty = torch.zeros(0, dtype=torch.long)
        return cls(boxes=torch.zeros(0, 4), labels=empty, image_index=empty)

    def to(self, device: torch.device | str) -> "Objects":
        """The same objects on another device."""
        return replace(
            self,
            boxes=self.boxes.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            image_index=self.image_index.to(device, non_blocking=True),
            keypoints=self.keypoints.to(device, non_blocking=True),
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
    objects: Objects
    views: tuple[View, ...]
    image_ids: tuple[int, ...]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return replace(
            self, images=self.images.to(device, non_blocking=True), objects=self.objects.to(device)
        )

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory, from where copies to a GPU overlap with work."""
        objects = replace(
            self.objects,
            boxes=self.objects.boxes.pin_memory(),
            labels=self.objects.labels.pin_memory(),
            image_index=self.objects.image_index.pin_memory(),
            keypoints=self.objects.keypoints.pin_memory(),
        )
        return replace(self, images=self.images.pin_memory(), objects=objects)
