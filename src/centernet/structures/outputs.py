"""Unit, group and role of each output of a task; without torch, since exported files carry them too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")

Unit = Literal["pixels", "metres", "radians", "score", "label", ""]
# fmt: off
Role = Literal[
    "location", "score", "label",
    "keypoints", "center3d", "depth", "size3d", "alpha", "focal",
    "corner_scores",
    "",
]
# fmt: on


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """An output of a task: an array with a row for each of the things that its group lists.

    Attributes:
        unit: `pixels` of the input, `metres`, `radians`, `score` from 0 to 1, `label`; empty for any other.
            An exported file may differ from the network by an amount that depends on it.
        group: The things listed: `boxes` are the detections. Tasks that match corners also give `pairs`, the
            candidate boxes, and `centers`, the keypoints that confirm them. Any other group is exported and
            compared, but not used by `predict`.
        role: Its meaning. Each group has a `location` (a box or a point), a `score` and a `label`. Boxes may
            have `keypoints` (x, y, score); and, for a 3D box, `center3d` (the projected centre of the box),
            `depth`, `size3d` (height, width, length), `alpha` (observation angle) and `focal` (the focal
            length that depths are relative to). Pairs have `corner_scores`. An output without a role is
            exported and compared, but not used by `predict`.
    """

    unit: Unit = ""
    group: str = "boxes"
    role: Role = ""


BOX_OUTPUTS: Mapping[str, OutputSpec] = {
    "boxes": OutputSpec(unit="pixels", role="location"),
    "scores": OutputSpec(unit="score", role="score"),
    "labels": OutputSpec(unit="label", role="label"),
}
"""The outputs that every task gives: boxes `(b k 4)`, scores `(b k)` and labels `(b k)`, best first."""


def groups_of(specs: Mapping[str, OutputSpec]) -> Iterator[str]:
    """Each group once, in the order of the outputs."""
    yield from dict.fromkeys(spec.group for spec in specs.values())


def values_by_role(
    values: Mapping[str, T], specs: Mapping[str, OutputSpec], group: str = "boxes"
) -> dict[str, T]:
    """The outputs of one group by their roles; empty if the task has no such group."""
    return {spec.role: values[name] for name, spec in specs.items() if spec.group == group and spec.role}
