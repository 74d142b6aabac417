"""Images of results, found by the names of their files where the ids are not those of the ground truth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from centernet.data.formats.coco.defect_log import whole_number
from centernet.errors import InputError


def with_ids_of_names(
    entries: list[Any], images: Sequence[Mapping[str, Any]], place: str, ground_truth_name: str
) -> tuple[list[Any], bool]:
    """Results with the ids that their images have in the ground truth, and True if names gave them.

    If every result has `file_name`, as those that `predict` writes, and the image of its id has another or
    there is none, all are matched by name: the whole path if several images share the last part.

    Args:
        entries: Results as read.
        images: Images of the ground truth.
        place: Name of the results in messages.
        ground_truth_name: Name of the ground truth in messages.

    Raises:
        InputError: The name of a result fits no image, or several.
    """
    names = [entry.get("file_name") if isinstance(entry, Mapping) else None for entry in entries]
    by_last: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for image in images:
        if isinstance(image.get("file_name"), str):
            by_last[_parts(image["file_name"])[-1]].append(image)
    if not entries or not by_last or not all(isinstance(name, str) and name for name in names):
        return entries, False
    last_of_id = {
        _key(image["id"]): _parts(image["file_name"])[-1] for found in by_last.values() for image in found
    }
    if all(
        last_of_id.get(_key(entry.get("image_id"))) == _parts(str(name))[-1]
        for entry, name in zip(entries, names, strict=True)
    ):
        return entries, False
    found: dict[str, Any] = {}
    for position, name in enumerate(map(str, names)):
        if name not in found:
            found[name] = _image_of(name, by_last, f"{place}, results[{position}]", ground_truth_name)["id"]
    return [{**entry, "image_id": found[str(entry["file_name"])]} for entry in entries], True


def _image_of(
    name: str, by_last: Mapping[str, Sequence[Mapping[str, Any]]], place: str, ground_truth_name: str
) -> Mapping[str, Any]:
    """The image of a file name."""
    parts = _parts(name)
    candidates = list(by_last.get(parts[-1], ()))
    if not candidates:
        raise InputError(f"{place}: no image of {ground_truth_name} is called {parts[-1]!r}")
    common = [_num_common(parts, _parts(image["file_name"])) for image in candidates]
    best = [image for image, count in zip(candidates, common, strict=True) if count == max(common)]
    if len(best) > 1:
        raise InputError(
            f"{place}: {len(best)} images of {ground_truth_name} are called {parts[-1]!r}: give image_id"
        )
    return best[0]


def _num_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Number of equal parts at the end of two paths."""
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts or (name,)


def _key(value: Any) -> Any:
    """An id, equal for 1, 1.0 and "1"."""
    number = whole_number(value)
    return str(value) if number is None else number
