"""Which format a data set has is found by looking at it. To add a format, add its module to `FORMATS`."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from centernet.data import coco, voc, yolo
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

    def recognise(self, path: Path) -> bool:
        """Whether there is such a data set at `path`."""
        ...

    def splits(self, path: Path) -> tuple[str, ...]:
        """The splits there are."""
        ...

    def read(self, path: Path, split: str | None = None) -> Dataset:
        """One split; with `None` the only one."""
        ...

    def write(self, dataset: Dataset, folder: Path, split: str) -> None:
        """Write a data set, images included."""
        ...


FORMATS: tuple[Format, ...] = (coco, yolo, voc)
"""In the order they are tried: COCO states most about an object, VOC's folders say least for sure."""


def format_of(path: Path) -> Format:
    """The format of the data set at `path`.

    Raises:
        InputError: There is nothing, or nothing that a format recognises.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: give a folder, a COCO .json or a YOLO data.yaml")
    for candidate in FORMATS:
        if candidate.recognise(path):
            return candidate
    wanted = "; ".join(candidate.LOOKED_FOR for candidate in FORMATS)
    raise InputError(f"{path} is no data set that is known here; looked for {wanted}")


def splits(path: str | Path) -> tuple[str, ...]:
    """The names of the splits of a data set; `("all",)` where it is not split.

    Raises:
        InputError: There is no data set.
    """
    return format_of(Path(path)).splits(Path(path))


def open_dataset(path: str | Path, split: str | None = None) -> Dataset:
    """Read one split of a COCO, VOC or YOLO data set.

    Args:
        path: A folder, a COCO `.json` or a YOLO `data.yaml`.
        split: `train`, `val` (or `valid`, `validation`, else `test`), `test`, or a name that `splits` gives;
            `None` for the only one there is.

    Raises:
        InputError: There is no data set, it is broken, has no such split or no images.
    """
    dataset = format_of(Path(path)).read(Path(path), split)
    if not dataset.records:
        reason = f": {dataset.defects[0]}" if dataset.defects else ": add some, or check the path"
        raise InputError(f"{dataset.name} has no images{reason}")
    return dataset
