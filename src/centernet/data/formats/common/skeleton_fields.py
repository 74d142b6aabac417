"""Validation of the fields of a file that describe a skeleton."""

from collections.abc import Callable, Sequence
from typing import Any

from centernet.data.formats.common.left_right import Links, pairs_in
from centernet.structures import Skeleton
from centernet.structures.skeletons import known_skeleton

ReportDefect = Callable[[str, str, str], None]
"""Receives kind, message and action of a defect."""


def skeleton_of(
    names: Sequence[str],
    report: ReportDefect,
    *,
    edges: Any = None,
    pairs: Any = None,
    sigmas: Any = None,
    first: int = 0,
) -> Skeleton:
    """The skeleton that a file describes; missing fields follow from the names where those are known.

    Args:
        names: One for each keypoint.
        report: Receives invalid fields, which are not used.
        edges: Value of the file's field: pairs of numbers or names, to join by lines.
        pairs: Likewise: left-right pairs.
        sigmas: Likewise: one number for each keypoint.
        first: Number of the first keypoint in the file, 0 or 1.
    """
    known = known_skeleton(names) or Skeleton(names=tuple(names))
    return Skeleton(
        names=known.names,
        edges=known.edges if edges is None else _edges(edges, known, first, report),
        pairs=pairs_in(names) if pairs is None else _pairs(pairs, names, first, report),
        sigmas=known.sigmas if sigmas is None else _sigmas(sigmas, known, report),
    )


def numbered_names(count: int) -> tuple[str, ...]:
    """Names for keypoints without names."""
    return tuple(f"keypoint_{number}" for number in range(1, count + 1))


def are_names(value: Any) -> bool:
    """True if the value of a field is a list of names."""
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _edges(value: Any, known: Skeleton, first: int, report: ReportDefect) -> Links:
    try:
        return _links(value, known.names, first)
    except ValueError as error:
        try:
            edges = _links(value, known.names, 1 - first)
        except ValueError:
            action = "those known for these names are drawn" if known.edges else "none is drawn"
            report("edges", f"edge {error}", action)
            return known.edges
        report("edges", f"the edges count keypoints from {1 - first}, not from {first}", "they are shifted")
        return edges


def _pairs(value: Any, names: Sequence[str], first: int, report: ReportDefect) -> Links:
    try:
        pairs = _links(value, names, first)
        ends = [keypoint for pair in pairs for keypoint in pair]
        twice = next((keypoint for keypoint in ends if ends.count(keypoint) > 1), None)
        if twice is not None:
            raise ValueError(f"list has {names[twice]} twice")
    except ValueError as error:
        report("left-right pairs", f"flip pair {error}", "no pair is used, so images are not flipped")
        return ()
    return pairs


def _links(value: Any, names: Sequence[str], first: int) -> Links:
    if not isinstance(value, list):
        raise ValueError(f"list is {value!r}, no list")
    numbers: dict[Any, int] = {number + first: number for number in range(len(names))}
    numbers |= {name: number for number, name in enumerate(names)}
    links = []
    for link in value:
        if not isinstance(link, list) or len(link) != 2:
            raise ValueError(f"{link!r} is no pair of keypoints")
        if any(type(end) not in (int, str) or end not in numbers for end in link):
            raise ValueError(f"{link!r} names no keypoints: there are {len(names)}, counted from {first}")
        if numbers[link[0]] == numbers[link[1]]:
            raise ValueError(f"{link!r} joins a keypoint with itself")
        links.append((numbers[link[0]], numbers[link[1]]))
    return tuple(links)


def _sigmas(value: Any, known: Skeleton, report: ReportDefect) -> tuple[float, ...]:
    is_list = isinstance(value, list)
    if is_list and len(value) == len(known):
        if all(type(sigma) in (int, float) and 0 < sigma < 1e9 for sigma in value):
            return tuple(float(sigma) for sigma in value)
        message = f"sigmas {value!r} are not all numbers above 0"
    else:
        message = (
            f"there are {len(value)} sigmas for {len(known)} keypoints"
            if is_list
            else f"sigmas {value!r} are no list"
        )
    report("sigmas", message, "those known for these names are used" if known.sigmas else "they are not used")
    return known.sigmas
