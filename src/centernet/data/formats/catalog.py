"""The formats of data sets, and reading a data set whose format is identified by its files.

To add a format, write a module or a package with `NAME`, `LOOKED_FOR`, `identify`, `splits` and `read`, as
`DatasetFormat` describes, and add it to `FORMATS`. One that can be written also has `SUPPORTS` and `write`,
and is added to `WRITABLE`, and to `ROUND_TRIP` if reading gives back all that was written.
"""

from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from centernet.data.formats import coco, deeplabcut, kitti, labelme, torchvision_json, voc, yolo
from centernet.data.formats.coco import pose_format as coco_pose
from centernet.errors import InputError
from centernet.io.paths import expanded, is_file
from centernet.structures import Dataset
from centernet.structures.records import Records


@runtime_checkable
class DatasetFormat(Protocol):
    """The functions of a module that reads one format.

    Attributes:
        NAME: Value of `Dataset.format`.
        LOOKED_FOR: The files that identify the format, in a few words, for the message when none were found.
    """

    NAME: str
    LOOKED_FOR: str

    def identify(self, path: Path) -> bool:
        """True if there is a data set of this format at `path`."""
        ...

    def splits(self, path: Path) -> tuple[str, ...]:
        """Names of the splits."""
        ...

    def read(self, path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
        """One split; with `None` the only one. `images` is the folder of the images if the user named one."""
        ...


@runtime_checkable
class WritableFormat(DatasetFormat, Protocol):
    """A format that can be written.

    Attributes:
        SUPPORTS: Annotations besides boxes that the format can store: of `KEYPOINTS` and `BOXES3D`.
    """

    SUPPORTS: tuple[str, ...]

    def write(self, dataset: Dataset, folder: Path, split: str) -> None:
        """Write a data set, images included."""
        ...


ROUND_TRIP: tuple[WritableFormat, ...] = (coco, yolo, voc)
"""Formats that store all boxes and classes of any data set."""

WRITABLE: tuple[WritableFormat, ...] = (*ROUND_TRIP, kitti)
"""KITTI too, which stores 3D boxes, but neither class names with blanks nor classes without objects."""

FORMATS: tuple[DatasetFormat, ...] = (
    *(coco, coco_pose, kitti, yolo, deeplabcut, voc),
    *(labelme, torchvision_json),
)
"""In the order they are tried: COCO stores most about an object; the last ones search all folders."""

SMALLEST = (
    '{"images":[{"id":1,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"car"}],'
    '"annotations":[{"image_id":1,"category_id":1,"bbox":[x,y,w,h]}]}'
)
"""The least that a COCO file needs."""


def format_of(path: Path, with_keypoints: bool = False) -> DatasetFormat:
    """The format of the data set at `path`.

    Args:
        path: A folder or a file.
        with_keypoints: Prefer COCO's files of keypoints to its files of all objects where a folder has both.

    Raises:
        InputError: The path does not exist, or no format is identified.
    """
    if not (is_file(path) or path.is_dir()):
        raise InputError(f"{path} does not exist: give a folder, a COCO .json or a YOLO data.yaml")
    for candidate in (coco_pose, *FORMATS) if with_keypoints else FORMATS:
        if candidate.identify(path):
            return candidate
    wanted = ", ".join(dict.fromkeys(candidate.LOOKED_FOR for candidate in FORMATS))
    raise InputError(f"{path} is not a data set: no {wanted}; smallest train.json: {SMALLEST}")


def splits(path: str | Path, with_keypoints: bool = False) -> tuple[str, ...]:
    """The names of the splits of a data set; `("all",)` where it is not split.

    Args:
        path: As for `open_dataset`.
        with_keypoints: As for `open_dataset`.

    Raises:
        InputError: There is no data set.
    """
    return format_of(expanded(path), with_keypoints).splits(expanded(path))


def open_dataset(
    path: str | Path,
    split: str | None = None,
    with_keypoints: bool = False,
    images: str | Path | None = None,
) -> Dataset:
    """Read one split of a data set of any format that is known.

    Args:
        path: A folder, a COCO `.json`, a YOLO `data.yaml` or `obj.data`, or a DeepLabCut `.csv`.
        split: `train`, `val` (or `valid`, `validation`, else `test`), `test`, or a name that `splits` gives;
            `None` for the only one there is.
        with_keypoints: Keypoints are needed: COCO's files of keypoints are preferred to its files of all
            objects, and a data set without keypoints is an error.
        images: Folder of the images, or one above it, where they are not where the data set says.

    Raises:
        InputError: There is no data set, it is broken, has no such split or no images.
    """
    path, folder = expanded(path), expanded(images) if images else None
    if folder and not folder.is_dir():
        raise InputError(f"images={images} is not a folder")
    dataset = format_of(path, with_keypoints).read(path, split, folder)
    if not dataset.records:
        reason = f": {dataset.defects[0]}" if dataset.defects else ": add some, or check the path"
        raise InputError(f"{dataset.name} has no images{reason}")
    if with_keypoints and not dataset.categories.max_keypoints:
        raise InputError(
            f"{dataset.name} has no keypoints: COCO lists them in its categories, YOLO in kpt_shape, "
            "DeepLabCut in the header rows of its csv"
        )
    # Some readers make a record of each image.
    return replace(dataset, records=Records.of(dataset.records, dataset.categories.max_keypoints))
