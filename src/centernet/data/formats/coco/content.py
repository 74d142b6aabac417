"""The content of a COCO file, each entry checked and spelled in one way: training and `score` read this."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centernet.data.formats.coco.defect_log import DefectLog, Ids, whole_number
from centernet.data.formats.coco.fields import CocoObjects, checked_categories, checked_objects
from centernet.data.formats.coco.raw_file import read_raw_file


@dataclass(frozen=True)
class CocoContent:
    """The valid entries of a file.

    Attributes:
        images: Entries as the file has them, by number of their id.
        image_ids: Numbers of the ids of images.
        categories: Entries as the file has them, by id.
        objects: The annotations.
        log: Invalid entries, which are left out here.
    """

    images: dict[int, dict[str, Any]]
    image_ids: Ids
    categories: dict[int, dict[str, Any]]
    objects: CocoObjects
    log: DefectLog


def read_content(file: Path, *, with_files: bool = True) -> CocoContent:
    """The valid entries of a COCO file.

    Args:
        file: The file.
        with_files: Images are to be read: those without a file name are invalid, and entries hold no fields
            but those that training reads.

    Raises:
        InputError: The file is not COCO json, or its categories are broken.
    """
    raw = read_raw_file(file, is_typed=with_files)
    log = DefectLog(str(file))
    categories = checked_categories(file, raw.categories)
    entries = [entry.get("id") if isinstance(entry, dict) else None for entry in raw.images]
    image_ids = Ids(entries)
    if image_ids.texts:
        text, number = next(iter(image_ids.texts.items()))
        count = len(image_ids.texts)
        message = f"{count} images have ids that are no numbers, the first is {text!r}"
        log.note("ids of images", message, f"numbered from {number}")
    images = _checked_images(raw.images, image_ids, with_files, log)
    objects = checked_objects(raw.objects, image_ids, images, categories, log)
    return CocoContent(images, image_ids, categories, objects, log)


def _checked_images(
    entries: list[Any], ids: Ids, with_files: bool, log: DefectLog
) -> dict[int, dict[str, Any]]:
    images: dict[int, dict[str, Any]] = {}
    for position, entry in enumerate(entries):
        place = f"images[{position}]"
        if not isinstance(entry, dict):
            log.add("broken image entry", place, f"{entry!r} is not an object")
            continue
        image_id, name = ids.number(entry.get("id")), entry.get("file_name")
        if image_id is None:
            log.add("broken image entry", place, f"id {entry.get('id')!r} is not a whole number")
        elif with_files and not (isinstance(name, str) and name.strip()):
            log.add("broken image entry", f"image {image_id}", f"file_name is {name!r}")
        elif image_id in images:
            log.add("duplicate image id", f"image {image_id}", f"{name} has the id of another image")
        else:
            images[image_id] = entry
    return images


def stated_size(entry: dict[str, Any]) -> tuple[int, int] | None:
    """Rows and columns that the entry of an image states; None where it states none."""
    rows, columns = whole_number(entry.get("height")), whole_number(entry.get("width"))
    return (rows, columns) if rows and columns and rows > 0 and columns > 0 else None
