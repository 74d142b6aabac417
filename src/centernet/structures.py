"""The nouns that travel outside the network: frozen, plain arrays, no tensors.

Three frames, three names: image (the file's pixels), input (the network's pixels), map (cells). Boxes are
`(x1, y1, x2, y2)`, continuous, with the middle of the top-left pixel at (0, 0).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from centernet.geometry.affine import Matrix, identity


@dataclass(frozen=True)
class Categories:
    """What labels mean: label `i` is `names[i]`, and `ids[i]` in the data set it came from.

    Attributes:
        names: One name for each label.
        ids: The data set's own ids; sparse, 0-based and 1-based ones come back as they went in.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.ids):
            raise ValueError(
                f"{len(self.names)} category names but {len(self.ids)} ids: give one id for each name"
            )

    @classmethod
    def of(cls, *names: str) -> "Categories":
        """Categories numbered from 0."""
        return cls(names, tuple(range(len(names))))

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The true objects of one image, image pixels.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        labels: Index into the data set's categories.
        is_crowd: Regions that hold many objects: ignored in evaluation, by default not trained on.
        ids: The annotation's own id in the data set, for messages and results.
        areas: Square pixels, which sort objects into small, medium and large; a mask's where there is one.
    """

    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]
    ids: Int[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, boxes: Float[np.ndarray, "n 4"], labels: Int[np.ndarray, " n"]) -> "Annotations":
        """Ordinary objects numbered from 1, none of them a crowd."""
        sides = boxes[:, 2:] - boxes[:, :2]
        count = len(boxes)
        return cls(
            boxes=boxes,
            labels=labels,
            is_crowd=np.zeros(count, dtype=bool),
            ids=np.arange(1, count + 1),
            areas=sides[:, 0] * sides[:, 1],
        )

    @classmethod
    def none(cls) -> "Annotations":
        """An image without objects."""
        return cls.of(np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"]) -> "Annotations":
        return Annotations(
            boxes=self.boxes[keep],
            labels=self.labels[keep],
            is_crowd=self.is_crowd[keep],
            ids=self.ids[keep],
            areas=self.areas[keep],
        )


@dataclass(frozen=True, kw_only=True)
class View:
    """How one image is seen by the network.

    Attributes:
        name: What to call the image in messages: its path where it has one.
        image_size: Rows and columns of the image.
        input_size: Rows and columns of the input.
        input_from_image: Affine matrix from image pixels to input pixels.
    """

    name: str
    image_size: tuple[int, int]
    input_size: tuple[int, int]
    input_from_image: Matrix = field(default_factory=identity)

    @property
    def image_from_input(self) -> Matrix:
        """The way back."""
        return np.linalg.inv(self.input_from_image)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image with its objects, in the frame of `view`'s input.

    Attributes:
        image: RGB.
        annotations: Objects; boxes in input pixels.
        view: Where the pixels came from. As read from a file, input and image are the same frame.
        image_id: The data set's own id of the image.
    """

    image: UInt8[np.ndarray, "h w 3"]
    annotations: Annotations
    view: View
    image_id: int


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image of a data set before it is read.

    Attributes:
        path: The image file.
        image_id: The data set's own id, or its position where the format has none.
        annotations: Its objects.
        source: `file` or `file:line` the objects were read from, for messages.
        size: Rows and columns as the annotations state them, where they do.
    """

    path: Path
    image_id: int
    annotations: Annotations
    source: str
    size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One thing wrong with a data set, and what is done about it.

    Attributes:
        kind: Short name of the sort of defect, `zero-area box`: defects are counted by it.
        where: `file`, `file:line` or `file, annotation 17`.
        message: What is wrong, with the offending value.
        action: What the trainer does about it.
    """

    kind: str
    where: str
    message: str
    action: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}; {self.action}"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Annotated images of one split, as their files state them.

    Attributes:
        name: What to call it in messages: the folder, and the split where there are several.
        format: `coco`, `voc` or `yolo`.
        categories: What labels mean.
        records: The images; all of them, also those without objects.
        defects: What the reader could not make sense of, and so left out.
    """

    name: str
    format: str
    categories: Categories
    records: tuple[ImageRecord, ...]
    defects: tuple[Defect, ...] = ()

    def __len__(self) -> int:
        return len(self.records)
