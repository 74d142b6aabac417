"""Numbers about a data set that decide how to train on it."""

from dataclasses import dataclass

import numpy as np

from centernet.structures import Dataset


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
        sizes: The 10th, 50th and 90th percentile of the objects' sizes, the geometric mean of width and
            height, as fractions of the longer side of their image.
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
    sizes: tuple[float, float, float]

    @classmethod
    def of(cls, dataset: Dataset) -> "Statistics":
        """The statistics of a cleaned data set, in which every image has a size and some have objects."""
        sizes, counts, objects = [], [], []
        for record in dataset.records:
            assert record.size is not None
            kept = record.annotations[~record.annotations.is_crowd]
            sides = np.maximum(kept.boxes[:, 2:] - kept.boxes[:, :2], 1.0)
            sizes.append(record.size)
            counts.append(len(kept))
            objects.append(np.sqrt(sides.prod(axis=1)) / max(record.size))
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
            sizes=tuple(np.percentile(np.concatenate(objects), (10, 50, 90)).tolist()),
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
