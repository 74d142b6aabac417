"""Which format a data set has is found by looking at it. To add a format, add its module to `FORMATS`."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from centernet.data.formats import coco, deeplabcut, kitti, voc, yolo
from centernet.data.formats.coco import pose_format as coco_pose
from centernet.errors import InputError
from centernet.structures import Dataset


@runtime_checkable
class Format(Protocol):
    """What a module of this folder offers for one format.

    Attributes:
        NAME: What `Dataset.format` says.
        LOOKED_FOR: What it recognises, in a few words, for the message when nothing was.
    """

    NAME: str
    LOOKED_FOR: str

    def identify(self, path: Path) -> bool:
        """Whether there is such a data set at `path`."""
        ...

    def splits(self, path: Path) -> tuple[str, ...]:
        """The splits there are."""
        ...

    def read(self, path: Path, split: str | None = None) -> Dataset:
        """One split; with `None` the only one."""
        ...


@runtime_checkable
class WritableFormat(Format, Protocol):
    """A format that holds all that is known of boxes, and so can be written.

    Attributes:
        HOLDS: What it says of objects besides: of `KEYPOINTS` and `BOXES3D`.
    """

    HOLDS: tuple[str, ...]

    def write(self, dataset: Dataset, folder: Path, split: str) -> None:
        """Write a data set, images included."""
        ...


WRITABLE: tuple[WritableFormat, ...] = (coco, yolo, voc)

WRITERS: tuple[WritableFormat, ...] = (*WRITABLE, kitti)
"""KITTI too, which holds boxes in 3D, but no names with blanks and no classes that nothing belongs to."""

FORMATS: tuple[Format, ...] = (coco, coco_pose, kitti, yolo, deeplabcut, voc)
"""In the order they are tried: COCO states most about an object, VOC's folders say least for sure."""


def format_of(path: Path, with_keypoints: bool = False) -> Format:
    """The format of the data set at `path`.

    Args:
        path: A folder or a file.
        with_keypoints: Of a folder that holds files of all objects and files of keypoints, take the latter.

    Raises:
        InputError: There is nothing, or nothing that a format recognises.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: give a folder, a COCO .json or a YOLO data.yaml")
    for candidate in (coco_pose, *FORMATS) if with_keypoints else FORMATS:
        if candidate.identify(path):
            return candidate
    wanted = "; ".join(candidate.LOOKED_FOR for candidate in FORMATS if candidate is not coco_pose)
    raise InputError(f"{path} is no data set that is known here; looked for {wanted}")


def splits(path: str | Path, with_keypoints: bool = False) -> tuple[str, ...]:
    """The names of the splits of a data set; `("all",)` where it is not split.

    Args:
        path: As for `open_dataset`.
        with_keypoints: As for `open_dataset`.

    Raises:
        InputError: There is no data set.
    """
    return format_of(Path(path), with_keypoints).splits(Path(path))


def open_dataset(path: str | Path, split: str | None = None, with_keypoints: bool = False) -> Dataset:
    """Read one split of a COCO, VOC, YOLO, KITTI or DeepLabCut data set.

    Args:
        path: A folder, a COCO `.json`, a YOLO `data.yaml` or a DeepLabCut `.csv`.
        split: `train`, `val` (or `valid`, `validation`, else `test`), `test`, or a name that `splits` gives;
            `None` for the only one there is.
        with_keypoints: Keypoints are what it is for: where COCO's files of all objects lie beside those of
            keypoints, the latter are taken, and a data set without any keypoints is an error.

    Raises:
        InputError: There is no data set, it is broken, has no such split or no images.
    """
    dataset = format_of(Path(path), with_keypoints).read(Path(path), split)
    if not dataset.records:
        reason = f": {dataset.defects[0]}" if dataset.defects else ": add some, or check the path"
        raise InputError(f"{dataset.name} has no images{reason}")
    if with_keypoints and not dataset.categories.max_keypoints:
        raise InputError(
            f"{dataset.name} has no keypoints: COCO lists them in its categories, YOLO in kpt_shape, "
            "DeepLabCut in the head of its csv"
        )
    return dataset
