"""The lists of a COCO file as its json has them: by a typed reader, or as `json` reads them where that fails.

A file of COCO's size holds polygons of hundreds of megabytes that nothing here needs. The typed reader skips
them. It refuses some of what `json` accepts: NaN, and entries that are no objects.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from centernet.data.formats.common.files import text_of
from centernet.errors import InputError
from centernet.io.plain_files import read_plain
from centernet.io.values import read_json

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class RawObjects:
    """Fields of the annotations of a file as it has them, a list for each; None where one is missing.

    Attributes:
        ids: `id`.
        image_ids: `image_id`.
        category_ids: `category_id`.
        boxes: `bbox`.
        areas: `area`.
        crowds: `iscrowd`.
        keypoints: `keypoints`.
        with_boxes3d: Positions of those with fields of a 3D box.
        entry: The annotation at a position; that of a typed reader has the fields that are read here alone.
    """

    ids: list[Any]
    image_ids: list[Any]
    category_ids: list[Any]
    boxes: list[Any]
    areas: list[Any]
    crowds: list[Any]
    keypoints: list[Any]
    with_boxes3d: list[int]
    entry: Callable[[int], Any]

    @classmethod
    def of(cls, entries: Sequence[Any]) -> "RawObjects":
        """The fields of entries, which may be of any type."""
        dicts = [entry if isinstance(entry, dict) else {} for entry in entries]
        return cls(
            ids=[entry.get("id") for entry in dicts],
            image_ids=[entry.get("image_id") for entry in dicts],
            category_ids=[entry.get("category_id") for entry in dicts],
            boxes=[entry.get("bbox") for entry in dicts],
            areas=[entry.get("area") for entry in dicts],
            crowds=[entry.get("iscrowd") for entry in dicts],
            keypoints=[entry.get("keypoints") for entry in dicts],
            with_boxes3d=[
                position for position, entry in enumerate(dicts) if "dim" in entry or "location" in entry
            ],
            entry=entries.__getitem__,
        )


@dataclass(frozen=True)
class RawFile:
    """The lists of a file as it has them.

    Attributes:
        images: Entries of images.
        categories: Entries of categories.
        objects: Fields of annotations.
    """

    images: list[Any]
    categories: list[Any]
    objects: RawObjects


def read_raw_file(file: Path, *, is_typed: bool = True) -> RawFile:
    """The lists of a file.

    Args:
        file: The file.
        is_typed: Entries need no fields but those that training reads.

    Raises:
        InputError: It cannot be read, or is not COCO json.
    """
    data = read_plain(file)
    found = _read_typed(data) if is_typed else None
    if found is not None:
        return found
    content = read_json(text_of(data, file), str(file))
    del data
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a COCO file: it holds a {type(content).__name__}, not an object")
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise InputError(f"{file} has no list {key!r}: COCO needs images, annotations and categories")
    return RawFile(content["images"], content["categories"], RawObjects.of(content["annotations"]))


class _Image(msgspec.Struct, gc=False):
    id: Any = None
    file_name: Any = None
    height: Any = None
    width: Any = None
    camera: Any = msgspec.UNSET
    calib: Any = msgspec.UNSET


class _Object(msgspec.Struct, gc=False):
    id: Any = None
    image_id: Any = None
    category_id: Any = None
    bbox: Any = None
    area: Any = None
    iscrowd: Any = None


class _RareObject(_Object, gc=False):
    keypoints: Any = None
    dim: Any = msgspec.UNSET
    location: Any = msgspec.UNSET
    rotation_y: Any = None
    alpha: Any = None
    truncated: Any = None
    occluded: Any = None


class _Outline(msgspec.Struct, gc=False):
    segmentation: msgspec.Raw = msgspec.Raw(b"null")


class _File(msgspec.Struct):
    images: list[_Image]
    categories: list[Any]
    annotations: list[_Object]


class _RareFile(msgspec.Struct):
    images: list[_Image]
    categories: list[Any]
    annotations: list[_RareObject]


class _Outlines(msgspec.Struct):
    annotations: list[_Outline]


def _read_typed(data: bytes) -> RawFile | None:
    """The lists of a file; None if they are not what the typed reader accepts."""
    text = memoryview(data)[len(_BOM) :] if data.startswith(_BOM) else memoryview(data)
    # A struct of few fields saves an eighth of the memory. Letters of a name may be escaped.
    is_rare = any(name in data for name in (b"\\", b'"keypoints"', b'"dim"', b'"location"'))
    kind: Any = _RareFile if is_rare else _File
    try:
        found = msgspec.json.decode(text, type=kind)
        objects = found.annotations
        boxes = [one.bbox for one in objects]
        outlines = _outlines(text, [position for position, box in enumerate(boxes) if not box])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    count = len(objects)
    raw = RawObjects(
        ids=[one.id for one in objects],
        image_ids=[one.image_id for one in objects],
        category_ids=[one.category_id for one in objects],
        boxes=boxes,
        areas=[one.area for one in objects],
        crowds=[one.iscrowd for one in objects],
        keypoints=[one.keypoints for one in objects] if is_rare else [None] * count,
        with_boxes3d=[
            position
            for position, one in enumerate(objects if is_rare else ())
            if one.dim is not msgspec.UNSET or one.location is not msgspec.UNSET
        ],
        entry=lambda position: _fields_of(objects[position]) | outlines.get(position, {}),
    )
    return RawFile([_fields_of(image) for image in found.images], found.categories, raw)


def _outlines(text: memoryview, positions: list[int]) -> dict[int, dict[str, Any]]:
    """The outlines of the annotations at some positions, those without a box."""
    if not positions:
        return {}
    found = msgspec.json.decode(text, type=_Outlines).annotations
    return {
        position: {"segmentation": json.loads(bytes(found[position].segmentation))} for position in positions
    }


def _fields_of(entry: msgspec.Struct) -> dict[str, Any]:
    fields = msgspec.structs.asdict(entry)
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}
