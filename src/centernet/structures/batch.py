"""Tensors of a whole batch: images, their annotations, and the grid of the network's maps."""

from dataclasses import dataclass, fields, replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from centernet.structures.optional_columns import fill_columns, optional_column
from centernet.structures.sample import View


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a batch of maps.

    Attributes:
        batch: Images.
        height: Map rows.
        width: Map columns.
        stride: Input pixels from one cell to the next.
        edge: `(x, y)` in cells to which boxes are clipped; None for the last column and row, as in the
            original implementations.
        sparse: Wants ideal heatmaps as sparse tensors, the lists of their cells: see `ops.sparse_heatmaps`.
    """

    batch: int
    height: int
    width: int
    stride: int = 4
    edge: tuple[float, float] | None = None
    sparse: bool = False

    def coarser(self, level: int) -> "Grid":
        """The grid after halving it `level` times; boxes are clipped at the same place as before."""
        height, width = (-(-side // (1 << level)) for side in (self.height, self.width))
        x, y = self.edge or (self.width - 1, self.height - 1)
        return Grid(
            batch=self.batch,
            height=height,
            width=width,
            stride=self.stride << level,
            edge=(x / (1 << level), y / (1 << level)) if level else self.edge,
            sparse=self.sparse,
        )


@dataclass(frozen=True, kw_only=True)
class BatchAnnotations:
    """The annotated objects of a batch, all images in one list.

    Attributes:
        boxes: `(x1, y1, x2, y2)`, input pixels.
        labels: Class of each object.
        image_index: Index in the batch of each object's image.
        keypoints: `(x, y, visibility)`, input pixels, as in `structures.Annotations`; `(m 0 3)` where no
            class has any.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, camera metres; NaN where not known, or not to be learned
            from this view.
        alpha_rad: Observation angle, the heading relative to the line of sight; NaN where not known.
        cameras: Projection from camera metres to input pixels of each object's image; NaN where not known.
        is_ignored: Regions that contribute no loss, neither as objects nor as background.
    """

    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    image_index: Int[Tensor, " m"]
    keypoints: Float[Tensor, "m k 3"] = optional_column(0, 3, fill=0.0, empty=torch.zeros)
    boxes3d: Float[Tensor, "m 7"] = optional_column(7, empty=torch.zeros)
    alpha_rad: Float[Tensor, " m"] = optional_column(empty=torch.zeros)
    cameras: Float[Tensor, "m 3 4"] = optional_column(3, 4, empty=torch.zeros)
    is_ignored: Bool[Tensor, " m"] = optional_column(fill=False, empty=partial(torch.zeros, dtype=torch.bool))

    def __post_init__(self) -> None:
        fill_columns(self, self._full)

    @classmethod
    def none(cls) -> "BatchAnnotations":
        """A batch without objects."""
        empty = torch.zeros(0, dtype=torch.long)
        return cls(boxes=torch.zeros(0, 4), labels=empty, image_index=empty)

    def _full(self, value: float | bool, *shape: int) -> Tensor:
        dtype = torch.bool if isinstance(value, bool) else self.boxes.dtype
        return self.boxes.new_full(shape, value, dtype=dtype)

    def to(self, device: torch.device | str) -> "BatchAnnotations":
        """The same objects on another device."""
        return BatchAnnotations(
            **{item.name: getattr(self, item.name).to(device, non_blocking=True) for item in fields(self)}
        )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images of one size with their objects.

    Attributes:
        images: RGB, 0 to 255; the network's `Normalize` scales them.
        objects: The ground truth; empty when predicting.
        views: Size, name and transform of each image.
        image_ids: Ids of the images in the data set.
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
        """The same batch in page-locked memory, so that copies to a GPU overlap with computation."""
        values = {item.name: getattr(self.objects, item.name) for item in fields(self.objects)}
        objects = BatchAnnotations(**{name: value.pin_memory() for name, value in values.items()})
        return replace(self, images=self.images.pin_memory(), objects=objects)
