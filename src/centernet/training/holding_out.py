"""Holding out images for validation where the data set has none for it."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from centernet.data.splitting.partition import MIN_IMAGES, Partition, split_by_content
from centernet.io.messages import say
from centernet.io.writing import write_atomically
from centernet.structures import Dataset
from centernet.structures.records import Records

LIST = "held_out.txt"
"""File of a run folder: the paths of the images that were held out, one a line."""

_SUFFIX = ", held out"


def hold_out(
    data: str, dataset: Dataset, fraction: float, before: Collection[str] = ()
) -> tuple[Dataset, Dataset | None]:
    """Images to train on and images to validate on; prints how many are held out, or why none are.

    Which ones depends on the images and their names alone, and near-copies stay together.

    Args:
        data: Name of the data set in messages.
        dataset: All images.
        fraction: Part to hold out, 0 to below 1.
        before: Paths of images to hold out whatever the fraction.
    """
    count = len(dataset)
    paths = Records.of(dataset.records).paths
    is_known = np.fromiter((path in before for path in paths), bool, count)
    if is_known.any() and not is_known.all():
        return _divided(dataset, is_known)
    if not fraction:
        _say(f"{data} has no validation images, so AP is not measured")
        return dataset, None
    if count < MIN_IMAGES:
        _say(
            f"{data} has no validation images and too few to hold some out ({count}, not {MIN_IMAGES}), "
            "so AP is not measured: annotate more"
        )
        return dataset, None
    partition = split_by_content(dataset.records, fraction)
    _say(f"{data} has no validation images: {_what(partition)} (val_split={fraction:g})")
    return _divided(dataset, partition.is_held_out)


def write_list(folder: Path, validation: Dataset | None) -> None:
    """Writes the list of a run folder if the validation images were held out; else removes an old one."""
    if validation is None or not validation.name.endswith(_SUFFIX):
        (folder / LIST).unlink(missing_ok=True)
        return
    lines = "".join(f"{path}\n" for path in Records.of(validation.records).paths)
    write_atomically(folder / LIST, lines.encode("utf-8", "surrogateescape"))


def read_list(folder: Path) -> frozenset[str]:
    """The paths of the images that a run held out; empty if it did not."""
    file = folder / LIST
    if not file.is_file():
        return frozenset()
    return frozenset(file.read_text(encoding="utf-8", errors="surrogateescape").splitlines())


def _divided(dataset: Dataset, is_held_out: Bool[np.ndarray, " n"]) -> tuple[Dataset, Dataset]:
    records = Records.of(dataset.records)
    rest = replace(dataset, name=f"{dataset.name}{_SUFFIX}", records=records.take(is_held_out))
    return replace(dataset, records=records.take(~is_held_out)), rest


def _what(partition: Partition) -> str:
    number = f"{int(partition.is_held_out.sum())} of {len(partition.is_held_out)}"
    if partition.is_by_name:
        return (
            f"its images are near-copies of each other, so AP on the {number} that are held out, the last "
            "by name, will be too high"
        )
    copies = f" with the near-copies of each ({partition.num_copies} images have some)"
    return f"{number} are held out, the same in every run{copies * bool(partition.num_copies)}"


def _say(line: str) -> None:
    say(line)
