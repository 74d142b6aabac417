"""A data set as read from disk: its images, their annotations, and the defects found in them."""

from dataclasses import dataclass, replace
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
        records: All images, including those without objects.
        defects: Invalid entries, which the reader left out.
        notes: Properties that are no defects.
    """

    name: str
    format: str
    categories: Categories
    records: tuple[ImageRecord, ...]
    defects: tuple[Defect, ...] = ()
    notes: tuple[Defect, ...] = ()

    def __len__(self) -> int:
        return len(self.records)


def with_labels_of(dataset: Dataset, categories: Categories) -> Dataset:
    """A data set with the labels of other categories, which are found by name.

    Args:
        dataset: It may have the classes in another order, or lack some.
        categories: They take the place of its own.

    Raises:
        InputError: It has a class that they lack, or other keypoints of one.
    """
    own, known = dataset.categories, categories
    if own.names == known.names:
        return dataset
    if unknown := [name for name in own.names if name not in known.names]:
        raise InputError(
            f"{dataset.name} has {listed(unknown)}, but the classes of training are {listed(known.names)}: "
            "give both the same list of classes"
        )
    if len(set(known.names)) < len(known) or len(set(own.names)) < len(own):
        raise InputError(f"{dataset.name} has other classes than training, and two have one name: rename one")
    labels = np.array([known.names.index(name) for name in own.names], dtype=np.int64)
    for name, label, count in zip(own.names, labels, own.num_keypoints, strict=True):
        if count != known.num_keypoints[label]:
            raise InputError(
                f"{dataset.name} has {count} keypoints of {name}, in training it has "
                f"{known.num_keypoints[label]}: give both the same keypoints"
            )

    def relabelled(record: ImageRecord) -> ImageRecord:
        objects = record.annotations
        keypoints = objects.keypoints[:, : known.max_keypoints]
        missing = known.max_keypoints - keypoints.shape[1]
        keypoints = np.pad(keypoints, ((0, 0), (0, missing), (0, 0)))
        return replace(
            record, annotations=replace(objects, labels=labels[objects.labels], keypoints=keypoints)
        )

    return replace(dataset, categories=known, records=tuple(map(relabelled, dataset.records)))
