"""Left-right pairs of keypoints: found by their names, and required for horizontal flips."""

import re
from collections.abc import Sequence

from centernet.structures import Categories

Links = tuple[tuple[int, int], ...]

_SIDES = {"left": ("left", "right"), "right": ("left", "right"), "l": ("l", "r"), "r": ("l", "r")}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def pairs_in(names: Sequence[str]) -> Links:
    """Left-right pairs that follow unambiguously from the names.

    Two names pair if they are equal but for one whole word, `left` and `right` or `l` and `r`, and no third
    one could pair with either. `paw_LF` and `paw_RF` do not pair: the meaning of such letters is not known.
    """
    places: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for number, name in enumerate(names):
        parts = _parts_of(name)
        sides = [index for index, part in enumerate(parts) if part in _SIDES]
        if len(sides) == 1:
            (index,) = sides
            key = (*parts[:index], "/".join(_SIDES[parts[index]]), *parts[index + 1 :])
            places.setdefault(key, {}).setdefault(parts[index][0], []).append(number)
    found = [(sides.get("l", []), sides.get("r", [])) for sides in places.values()]
    return tuple((left[0], right[0]) for left, right in found if len(left) == len(right) == 1)


def why_not_flipped(categories: Categories) -> str | None:
    """The reason why images of these classes cannot be flipped horizontally; None if they can."""
    for name, skeleton in zip(categories.names, categories.skeletons, strict=False):
        if skeleton is None:
            continue
        if not skeleton.pairs:
            return f"the keypoints of {name} have no left-right pairs"
        paired = {keypoint for pair in skeleton.pairs for keypoint in pair}
        for keypoint, keypoint_name in enumerate(skeleton.names):
            if keypoint not in paired and {"left", "right"} & set(_parts_of(keypoint_name)):
                return f"keypoint {keypoint_name} of {name} has no partner on the other side"
    return None


def _parts_of(name: str) -> tuple[str, ...]:
    """The words in a name, in lower case: left and eye in `left_eye`, `leftEye` and `Left eye`."""
    return tuple(part.lower() for part in _PART.findall(name))
