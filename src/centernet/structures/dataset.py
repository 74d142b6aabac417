"""A data set as read from disk: its images, their annotations, and the defects found in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from centernet.errors import InputError, listed
from centernet.structures.annotations import Annotations
from centernet.structures.categories import Categories


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image of a data set, with its annotations, before its pixels are read.

    Attributes:
        path: The image file.
        image_id: Id of the image in the data set, or its position where the format has none.
        annotations: Ground truth.
        source: `file` or `file:line` the objects were read from, for messages.
        size: Rows and columns as stated by the annotations; None where they state none.
        camera: Projection from camera metres to image pixels, `(3 4)`; None where it is not known.
    """

    path: Path
    image_id: int
    annotations: Annotations
    source: str
    size: tuple[int, int] | None = None
    camera: Float[np.ndarray, "3 4"] | None = None


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One defect of a data set, and how it is handled.

    Attributes:
        kind: Short name of the kind of defect, `zero-area box`: defects are counted by it.
        where: `file`, `file:line` or `file, annotation 17`.
        message: The error, with the offending value.
        action: How training handles it.
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
        name: Name in messages: the folder, and the split where there are several.
        format: `coco`, `voc`, `yolo`, `kitti`, `deeplabcut`, `labelme` or `torchvision`.
        categories: The classes that labels index.
        records: All images, including those without objects: a tuple, or `records.Records`, which makes the
            record of an image when it is asked for.
        defects: Invalid entries, which the reader left out.
        notes: Properties that are no defects.
    """

    name: str
    format: str
    categories: Categories
    records: Sequence[ImageRecord]
    defects: tuple[Defect, ...] = ()
    notes: tuple[Defect, ...] = ()

    def __len__(self) -> int:
        return len(self.records)


def check_same_classes(categories: Categories, dataset: Dataset) -> None:
    """Raises an `InputError` unless a data set has exactly these classes in this order."""
    came, known = dataset.categories.names, categories.names
    if came != known:
        raise InputError(
            f"{dataset.name} has {len(came)} classes ({listed(came)}), "
            f"but the detector knows {len(known)} ({listed(known)}): train it on this data set first"
        )
