"""A data set as it is read from disk: its images, their annotations, and what is wrong with them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from centernet.structures.annotations import Annotations
from centernet.structures.categories import Categories


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image of a data set before it is read.

    Attributes:
        path: The image file.
        image_id: The data set's own id, or its position where the format has none.
        annotations: Its objects.
        source: `file` or `file:line` the objects were read from, for messages.
        size: Rows and columns as the annotations state them, where they do.
        camera: Image pixels from camera metres, `(3 4)`; None where it is not known.
    """

    path: Path
    image_id: int
    annotations: Annotations
    source: str
    size: tuple[int, int] | None = None
    camera: Float[np.ndarray, "3 4"] | None = None


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
