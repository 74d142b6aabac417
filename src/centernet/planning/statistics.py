"""Numbers about a data set that decide how to train on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from centernet.structures import Dataset

_DIFFERENT = 1.5
"""Images differ in size if the longer sides of nine in ten span this ratio."""

_LESS = 0.7
"""Objects have one size in pixels if its spread is below this fraction of that relative to the image."""


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Numbers about the training images of a data set.

    Attributes:
        name: Name of the data set.
        num_images: Images.
        num_objects: Objects, without crowd regions.
        num_classes: Classes.
        most_objects: Most objects in one image.
        has_single_objects: True if no image has more than one object.
        width: Median width of the images, pixels.
        height: Median height, pixels.
        long_side: Median of the longer side, pixels.
        is_one_shape: True if nine images in ten have nearly the aspect ratio of the median.
        longest_side: The longest side of all images, pixels.
        has_one_scale: True if the images have different sizes and their objects the same size in pixels.
        sizes: The 10th, 50th and 90th percentile of the objects' sizes, the geometric mean of width and
            height, as fractions of the longer side of their image.
        pixels: The same, in image pixels.
    """

    name: str
    num_images: int
    num_objects: int
    num_classes: int
    most_objects: int
    has_single_objects: bool
    width: int
    height: int
    long_side: int
    is_one_shape: bool
    longest_side: int
    has_one_scale: bool
    sizes: tuple[float, float, float]
    pixels: tuple[float, float, float]

    @classmethod
    def of(cls, dataset: Dataset) -> "Statistics":
        """The statistics of a cleaned data set, in which every image has a size and some have objects."""
        sizes, counts, objects, pixels = [], [], [], []
        for record in dataset.records:
            assert record.size is not None
            kept = record.annotations[~record.annotations.is_crowd]
            sides = np.maximum(kept.boxes[:, 2:] - kept.boxes[:, :2], 1.0)
            sizes.append(record.size)
            counts.append(len(kept))
            pixels.append(np.sqrt(sides.prod(axis=1)))
            objects.append(pixels[-1] / max(record.size))
        heights, widths = np.array(sizes).T
        height, width = float(np.median(heights)), float(np.median(widths))
        strayed = np.abs(np.log(widths / heights) - np.log(width / height)) > np.log(1.2)
        return cls(
            name=dataset.name,
            num_images=len(dataset),
            num_objects=sum(counts),
            num_classes=len(dataset.categories),
            most_objects=max(counts),
            has_single_objects=max(counts) <= 1,
            width=round(width),
            height=round(height),
            long_side=round(float(np.median(np.maximum(heights, widths)))),
            is_one_shape=bool(strayed.mean() < 0.1),
            longest_side=max(max(size) for size in sizes),
            has_one_scale=_have_one_scale(np.array(sizes, dtype=float).max(axis=1), pixels),
            sizes=tuple(np.percentile(np.concatenate(objects), (10, 50, 90)).tolist()),
            pixels=tuple(np.percentile(np.concatenate(pixels), (10, 50, 90)).tolist()),
        )

    def __str__(self) -> str:
        small, typical, large = (f"{100 * size:.0f}" for size in self.sizes)
        shape = "" if self.is_one_shape else " and other shapes"
        images = "1 image" if self.num_images == 1 else f"{self.num_images} images"
        classes = "1 class" if self.num_classes == 1 else f"{self.num_classes} classes"
        return (
            f"{self.name}: {images} of {self.width}×{self.height}{shape}; {self.num_objects} objects of "
            f"{classes}, at most {self.most_objects} in an image, sizes {small}, {typical}, {large} % of its "
            "longer side (10th, 50th, 90th percentile)"
        )


def _have_one_scale(long_sides: Float[np.ndarray, " n"], sizes: Sequence[Float[np.ndarray, " _"]]) -> bool:
    """True if images differ in size, and objects less in pixels than relative to their image.

    Args:
        long_sides: Longer side of each image, pixels.
        sizes: Sizes of the objects of each image, pixels.
    """
    low, high = np.percentile(long_sides, (10, 90))
    if high < _DIFFERENT * low:
        return False
    has_objects = np.array([len(one) > 0 for one in sizes])
    typical = np.array([np.log(one).mean() for one in sizes if len(one)])
    relative = typical - np.log(long_sides[has_objects])
    return bool(typical.std() < _LESS * relative.std())
