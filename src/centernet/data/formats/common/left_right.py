"""Left and right: what names of keypoints say about it, and whether images may be mirrored."""

import re
from collections.abc import Sequence

from centernet.structures import Categories

Links = tuple[tuple[int, int], ...]

_SIDES = {"left": ("left", "right"), "right": ("left", "right"), "l": ("l", "r"), "r": ("l", "r")}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def pairs_in(names: Sequence[str]) -> Links:
    """Left-right pairs that names leave no doubt about.

    Two names pair that are the same but for one whole word, `left` and `right` or `l` and `r`, and that no
    third one could pair with. `paw_LF` and `paw_RF` do not pair: what such letters mean is not known.
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


def can_be_flipped(categories: Categories) -> bool:
    """Whether a mirrored image, left and right exchanged, shows what another image could show."""
    return why_not_flipped(categories) is None


def why_not_flipped(categories: Categories) -> str | None:
    """What speaks against mirroring images of these classes, in a few words; None where nothing does."""
    for name, skeleton in zip(categories.names, categories.skeletons, strict=False):
        if skeleton is None:
            continue
        if not skeleton.pairs:
            return f"the keypoints of {name} have no left-right pairs"
        paired = {keypoint for pair in skeleton.pairs for keypoint in pair}
        for keypoint, called in enumerate(skeleton.names):
            if keypoint not in paired and {"left", "right"} & set(_parts_of(called)):
                return f"keypoint {called} of {name} has no partner on the other side"
    return None


def _parts_of(name: str) -> tuple[str, ...]:
    """The words in a name, in small letters: left and eye in `left_eye`, `leftEye` and `Left eye`."""
    return tuple(part.lower() for part in _PART.findall(name))
