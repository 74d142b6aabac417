"""Copying the images of a data set into another one."""

import filecmp
import io
import shutil
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from centernet.errors import InputError
from centernet.io.images import inspect_image, is_image, read_image
from centernet.io.paths import is_file
from centernet.structures import ImageRecord


def copy_images(records: Iterable[ImageRecord], folder: Path, *, with_sizes: bool = True) -> None:
    """Copy the images of a data set into one folder; those that are there already stay.

    Args:
        records: Images to copy.
        folder: Created if missing.
        with_sizes: The annotations will state the size of each image. If they do not, an image whose
            annotations were made on the stored pixels is written without its EXIF orientation.

    Raises:
        InputError: An image is missing, two have the same name but for the suffix, or another image of that
            name is there already; nothing is copied then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = {file.stem: file for file in folder.iterdir() if is_image(file)}
    copies: list[tuple[ImageRecord, Path]] = []
    for record in records:
        if not is_file(record.path):
            raise InputError(f"{record.path} does not exist: it cannot be copied to {folder}")
        try:
            inspect_image(record.path)
        except InputError as error:
            raise InputError(f"{record.source}: {error}: only images are copied") from error
        target = folder / record.path.name
        other = taken.setdefault(record.path.stem, record.path)
        if other is record.path:
            copies.append((record, target))
        elif other != target or not _is_there(record, target, with_sizes):
            raise InputError(f"{record.path} and {other} would share one name in {folder}: rename one")
    for record, target in copies:
        if _is_as_stored(record, with_sizes):
            target.write_bytes(_pixels_alone(record))
        else:
            shutil.copyfile(record.path, target)


def _is_there(record: ImageRecord, target: Path, with_sizes: bool) -> bool:
    """True if `target` is already the copy of an image."""
    if not target.is_file():
        return False
    if target.samefile(record.path):
        return True
    if _is_as_stored(record, with_sizes):
        return target.read_bytes() == _pixels_alone(record)
    return filecmp.cmp(record.path, target, shallow=False)


def _is_as_stored(record: ImageRecord, with_sizes: bool) -> bool:
    """True if annotations are of the stored pixels, which readers cannot know without a stated size."""
    if with_sizes or record.size is None:
        return False
    try:
        return not inspect_image(record.path).is_upright_for(record.size)
    except InputError:
        return False


def _pixels_alone(record: ImageRecord) -> bytes:
    """A file of the same format with the stored pixels, at the highest quality, and no metadata."""
    file = io.BytesIO()
    with Image.open(record.path) as image:
        image_format = image.format
    options = {"quality": 100, "subsampling": 0} if image_format in ("JPEG", "MPO") else {"lossless": True}
    pixels = Image.fromarray(read_image(record.path, record.size))
    pixels.save(file, format="JPEG" if image_format == "MPO" else image_format, **options)
    return file.getvalue()
