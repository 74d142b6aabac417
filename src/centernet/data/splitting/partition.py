"""Which images of a data set are held out: a fixed part, decided by what the images are and show.

Neither the order of the images, nor a seed, nor the machine changes it. Near-copies, such as frames of one
video, stay together: a detector that trained on one of them knows the other.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from jaxtyping import Bool, Int64

from centernet.data.splitting.fingerprints import Fingerprints, group_near_copies
from centernet.structures import ImageRecord
from centernet.structures.annotation_table import AnnotationTable

MIN_IMAGES = 4
"""Fewer images than this are not divided."""

MIN_GROUPS = 5
"""A class that occurs in so many groups of near-copies occurs in each part."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """The division of images into those that are held out and the rest.

    Attributes:
        is_held_out: For each image.
        num_copies: Number of images that have near-copies, which stay with them.
        is_by_name: True if nearly all images are near-copies of each other: the last ones in the order of
            names are held out, and metrics on them will be too high.
    """

    is_held_out: Bool[np.ndarray, " n"]
    num_copies: int = 0
    is_by_name: bool = False


def split_by_content(records: Sequence[ImageRecord], fraction: float) -> Partition:
    """Holds out a fraction of images, near-copies together.

    Args:
        records: At least `MIN_IMAGES` images.
        fraction: Of the images, above 0 and below 1.
    """
    groups = groups_by_content(records)
    is_held_out, is_by_name = hold_out(records, groups, fraction)
    return Partition(is_held_out=is_held_out, num_copies=count_copies(groups), is_by_name=is_by_name)


def groups_by_content(records: Sequence[ImageRecord]) -> Int64[np.ndarray, " n"]:
    """A number for each image, the same for near-copies; the files are read."""
    fingerprints = Fingerprints.of_files(records)
    return group_near_copies(fingerprints, list(map(_place_of, records)), list(map(_source_of, records)))


def groups_by_folder(records: Sequence[ImageRecord]) -> Int64[np.ndarray, " n"]:
    """A number for each image, the same for those of one folder."""
    folders = [record.path.parent for record in records]
    number_of = {folder: number for number, folder in enumerate(dict.fromkeys(folders))}
    return np.array([number_of[folder] for folder in folders])


def count_copies(groups: Int64[np.ndarray, " n"]) -> int:
    """Number of images that are not alone in their group."""
    return len(groups) - int((np.unique(groups, return_counts=True)[1] == 1).sum())


def hold_out(
    records: Sequence[ImageRecord], groups: Int64[np.ndarray, " n"], fraction: float
) -> tuple[Bool[np.ndarray, " n"], bool]:
    """Chooses whole groups of images.

    Classes with objects in `MIN_GROUPS` groups or more occur in both parts where possible, the rarest first;
    the other groups come in an order of their names' hashes. If all but the largest group are less than half
    of what is wanted, groups are not kept together.

    Args:
        records: The images.
        groups: Number of the group of each.
        fraction: Of the images, above 0 and below 1.

    Returns:
        Which images are held out; and True if groups were not kept together.
    """
    wanted = min(max(1, round(fraction * len(records))), len(records) - 1)
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group)
    if len(records) - sizes.max() < wanted / 2:
        order = sorted(range(len(records)), key=lambda index: _place_of(records[index]))
        is_held_out = np.zeros(len(records), dtype=bool)
        is_held_out[order[len(order) - wanted :]] = True
        return is_held_out, True
    choice = _Choice(sizes=sizes, has=_classes_in(records, group, len(sizes)), wanted=wanted)
    return choice.made_from(_order_of(records, group, len(sizes)))[group], False


def _place_of(record: ImageRecord) -> str:
    """The path of an image, whose order is that of frames of a video: `7.jpg` comes before `10.jpg`."""
    path = unicodedata.normalize("NFC", record.path.as_posix())
    return re.sub(r"\d+", lambda number: number[0].zfill(12), path)


def _source_of(record: ImageRecord) -> str:
    """What copies of an image have in common: Roboflow names those it changed `7_jpg.rf.HASH.jpg`."""
    return re.sub(r"\.rf\.[0-9A-Za-z]+(\.\w+)$", "", str(record.path))


def _classes_in(
    records: Sequence[ImageRecord], group: Int64[np.ndarray, " n"], num_groups: int
) -> Bool[np.ndarray, "g c"]:
    """The classes with objects in each group; the last column is any class."""
    objects = AnnotationTable.of(records)
    objects = objects[~objects.is_crowd]
    num_classes = int(objects.labels.max(initial=-1)) + 1
    has = np.zeros((num_groups, num_classes + 1), dtype=bool)
    has[group[objects.image_index], objects.labels] = True
    has[:, -1] = has[:, :-1].any(axis=1)
    return has


def _order_of(
    records: Sequence[ImageRecord], group: Int64[np.ndarray, " n"], num_groups: int
) -> Int64[np.ndarray, " g"]:
    """Groups in the order of hashes of the first name of their files, wherever the data set lies."""
    first: dict[int, tuple[str, str]] = {}
    for record, number in zip(records, group.tolist(), strict=True):
        name = (unicodedata.normalize("NFC", record.path.name), _place_of(record))
        first[number] = min(name, first.get(number, name))
    keys = {number: (_hash(name), place) for number, (name, place) in first.items()}
    return np.array(sorted(range(num_groups), key=keys.__getitem__))


def _hash(name: str) -> bytes:
    # Of a name that is not UTF-8, the bytes that the file system has.
    return sha256(name.encode("utf-8", "surrogateescape")).digest()


class _Choice:
    """A choice of groups that grows until enough images are held out.

    Args:
        sizes: Images of each group.
        has: The classes of each group.
        wanted: Number of images to hold out.
    """

    def __init__(self, *, sizes: Int64[np.ndarray, " g"], has: Bool[np.ndarray, "g c"], wanted: int) -> None:
        self._sizes, self._has, self._wanted = sizes, has, wanted
        self._is_chosen = np.zeros(len(sizes), dtype=bool)
        self._num_images, self._num_all = 0, int(sizes.sum())
        self._remaining = has.sum(axis=0)

    def made_from(self, order: Int64[np.ndarray, " g"]) -> Bool[np.ndarray, " g"]:
        """The choice, of groups in this order."""
        occurrences = self._remaining.copy()
        by_size = order[np.argsort(self._sizes[order], kind="stable")]
        smallest = by_size[self._has[by_size, -1]]
        # Without an object nothing is measured: the first group has one, whatever it takes.
        self._take(order[self._has[order, -1]]) or self._take(smallest, 1e9) or self._take(
            smallest, 1e9, False
        )
        for label in np.argsort(occurrences, kind="stable").tolist():
            if occurrences[label] >= MIN_GROUPS and not self._has[self._is_chosen, label].any():
                self._take(order[self._has[order, label]], 1.5)
        for number in order:
            self._take(number[None])
        return self._is_chosen

    def _take(self, numbers: Int64[np.ndarray, " _"], limit: float = 1.0, with_rest: bool = True) -> bool:
        """Takes the first of some groups that leaves a group of each of its classes; False if there is none.

        Args:
            numbers: The groups.
            limit: Most images that may be chosen then, as a multiple of those wanted.
            with_rest: False to take even the last group of a class.
        """
        for number in numbers.tolist():
            total = self._num_images + int(self._sizes[number])
            is_known = not with_rest or bool((self._remaining[self._has[number]] >= 2).all())
            is_free = not self._is_chosen[number] and total < self._num_all
            if is_free and is_known and total <= limit * self._wanted:
                self._is_chosen[number], self._num_images = True, total
                self._remaining[self._has[number]] -= 1
                return True
        return False
