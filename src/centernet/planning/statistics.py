"""Numbers about a data set that decide how to train on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from centernet.structures import Dataset
from centernet.structures.records import Records

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
        records = Records.of(dataset.records)
        assert (records.sizes > 0).all()
        is_object = ~records.objects["is_crowd"]
        boxes, image_index = records.objects["boxes"][is_object], records.image_index[is_object]
        counts = np.bincount(image_index, minlength=len(records))
        pixels = np.sqrt(np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0).prod(axis=1))
        long_sides = records.sizes.max(axis=1)
        heights, widths = records.sizes.T
        height, width = float(np.median(heights)), float(np.median(widths))
        strayed = np.abs(np.log(widths / heights) - np.log(width / height)) > np.log(1.2)
        return cls(
            name=dataset.name,
            num_images=len(dataset),
            num_objects=len(boxes),
            num_classes=len(dataset.categories),
            most_objects=int(counts.max()),
            has_single_objects=bool(counts.max() <= 1),
            width=round(width),
            height=round(height),
            long_side=round(float(np.median(long_sides))),
            is_one_shape=bool(strayed.mean() < 0.1),
            longest_side=int(long_sides.max()),
            has_one_scale=_have_one_scale(long_sides.astype(float), pixels, image_index),
            sizes=tuple(
                np.percentile(pixels / long_sides[image_index].astype(pixels.dtype), (10, 50, 90)).tolist()
            ),
            pixels=tuple(np.percentile(pixels, (10, 50, 90)).tolist()),
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


def _have_one_scale(
    long_sides: Float[np.ndarray, " n"], sizes: Float[np.ndarray, " m"], image_index: Int[np.ndarray, " m"]
) -> bool:
    """True if images differ in size, and objects less in pixels than relative to their image.

    Args:
        long_sides: Longer side of each image, pixels.
        sizes: Size of each object, pixels.
        image_index: Image of each object.
    """
    low, high = np.percentile(long_sides, (10, 90))
    if high < _DIFFERENT * low:
        return False
    counts = np.bincount(image_index, minlength=len(long_sides))
    has_objects = counts > 0
    sums = np.bincount(image_index, np.log(sizes), minlength=len(long_sides))
    typical = sums[has_objects] / counts[has_objects]
    relative = typical - np.log(long_sides[has_objects])
    return bool(typical.std() < _LESS * relative.std())
