"""Defects of images that are found by decoding them."""

from collections.abc import Callable, Iterable, Sequence

from centernet.data.doctor.decoding import decoded
from centernet.data.doctor.report import STOPS
from centernet.structures import Defect, ImageRecord
from centernet.structures.records import Records

Progress = Callable[[Sequence[ImageRecord]], Iterable[ImageRecord]]
"""A function that yields the images and displays progress, such as `rich.progress.track`."""

_ACTION = (
    "the image is used with grey or shifted pixels behind the broken place: take it from its source again"
)


def broken_images(records: Sequence[ImageRecord], progress: Progress = iter) -> list[Defect]:
    """A defect for each image that cannot be decoded, then one for each JPEG with broken pixels.

    Args:
        records: The images.
        progress: Wraps the images that are decoded.
    """
    paths = Records.of(records).paths
    found = [
        one for one, _ in zip(decoded(records), progress(records), strict=True) if one.error or one.warning
    ]
    found.sort(key=lambda one: one.index)
    corrupt = [
        Defect(kind="corrupt image", where=paths[one.index], message=one.error, action=STOPS)
        for one in found
        if one.error
    ]
    broken = [
        Defect(
            kind="broken pixels",
            where=paths[one.index],
            message=f"its pixels are broken ({one.warning.partition(': ')[2]})",
            action=_ACTION,
        )
        for one in found
        if one.warning and not one.error
    ]
    return corrupt + broken
