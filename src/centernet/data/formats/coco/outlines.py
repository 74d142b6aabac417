"""Boxes round the outlines of a COCO file: polygons, and masks as run lengths, without making the mask.

Source: https://cocodataset.org/#format-data. A mask is a list of run lengths, of background first, down the
columns one after the other; or that list as text, five bits to a letter.
"""

from typing import Any

import numpy as np

from centernet.data.formats.common.files import LARGEST_PX

BoxAndArea = tuple[list[float], float]
"""`x, y, width, height`, and the area inside the outline."""


def box_of_outline(outline: Any) -> BoxAndArea | None:
    """The box round an annotation's `segmentation`; None where that holds no outline.

    Raises:
        ValueError: There is one, but it is broken; the message says how.
    """
    if not outline:
        return None
    if isinstance(outline, dict):
        return _box_of_mask(outline)
    if not isinstance(outline, list):
        raise ValueError(f"segmentation is {outline!r}, neither polygons nor a mask")
    polygons = outline if isinstance(outline[0], list) else [outline]
    corners, area = [], 0.0
    for polygon in filter(None, polygons):
        points = _points_of(polygon)
        corners.append(points)
        following = np.roll(points, -1, axis=0)
        area += abs(float((points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).sum())) / 2
    if not corners:
        return None
    hull = np.concatenate(corners)
    (left, top), (right, bottom) = hull.min(axis=0).tolist(), hull.max(axis=0).tolist()
    return [left, top, right - left, bottom - top], area


def _points_of(polygon: Any) -> np.ndarray:
    is_list = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
    if not is_list or not all(type(value) in (int, float) and abs(value) < LARGEST_PX for value in polygon):
        raise ValueError("a polygon of its segmentation is not x, y, x, y, x, y and so on, finite numbers")
    return np.array(polygon, dtype=np.float64).reshape(-1, 2)


def _box_of_mask(mask: dict[str, Any]) -> BoxAndArea | None:
    size: Any = mask.get("size")
    counts = mask.get("counts")
    is_pair = isinstance(size, list) and len(size) == 2
    if not is_pair or not all(type(side) is int and 0 < side < LARGEST_PX for side in size):
        raise ValueError(f"the mask of its segmentation has size {size!r}, not [height, width]")
    runs: Any = _runs_in(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("the mask of its segmentation has counts that are no run lengths")
    height, width = size
    if sum(runs) != height * width:
        raise ValueError(f"the run lengths of its mask add up to {sum(runs)}, not to {height}×{width} pixels")
    # Python's numbers, as the sides of a hostile file have no bound.
    left, top, right, bottom, area, place = width, height, 0, 0, 0, 0
    for number, run in enumerate(runs):
        start, place = place, place + run
        if number % 2 == 0 or run == 0:
            continue
        area += run
        first, last = start // height, (place - 1) // height
        left, right = min(left, first), max(right, last + 1)
        is_one_column = first == last
        top = min(top, start % height if is_one_column else 0)
        bottom = max(bottom, (place - 1) % height + 1 if is_one_column else height)
    return (
        ([float(left), float(top), float(right - left), float(bottom - top)], float(area)) if area else None
    )


def _runs_in(text: str) -> list[int]:
    """The run lengths in a text: letters from `0`, five bits each, low bits first, the sixth for "go on".

    From the fourth on each is the difference to the last but one.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or shift > 60:
            raise ValueError("the mask of its segmentation has counts that are no run lengths")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs
