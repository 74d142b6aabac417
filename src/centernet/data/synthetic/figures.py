"""Stick figures with a head, limbs and any number of keypoints.

Figures face the viewer, so their left is on the right. The limbs of each side have a random colour of their
own: limbs of one side can be recognised, and a horizontally flipped figure, left and right exchanged, is a
valid figure.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.data.formats.common.left_right import pairs_in
from centernet.data.synthetic.shapes import MARGIN, SHIFT, Silhouette
from centernet.structures import Skeleton

PERSON = 13
"""Number of keypoints of a person: head, and shoulder, elbow, wrist, hip, knee, ankle on each side."""

SIGMA = 0.05
"""OKS sigma of every keypoint: half way between those of COCO's eyes and hips."""

_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
_JOINTS = 3

# Lengths are fractions of a figure's height.
_SHOULDERS, _HIPS = 0.25, 0.55
_HEAD_RADIUS = 0.09
_HEAD = 0.09
_TAIL = 0.72
_THICKNESS = 0.055
_DISC_RADIUS = 0.04

_BODY, _LEFT, _RIGHT, _LEFT_DISC, _RIGHT_DISC, _TAIL_DISC = range(1, 7)
"""Labels of a figure's pixels."""


def figure_skeleton(num_keypoints: int) -> Skeleton:
    """The skeleton of a figure: a head, arms, legs, then more limbs between them.

    13 keypoints are those of a person. An even number adds a tail at the lower end of the body.
    """
    names, edges = ["head"], []
    limbs = _limbs(num_keypoints)
    for limb in limbs:
        for side in ("left", "right"):
            names += [f"{side}_{joint}" for joint in limb]
    numbers = {name: number for number, name in enumerate(names)}
    from_above = [limbs[number][0] for number in _from_above(len(limbs))]
    for side in ("left", "right"):
        starts = [numbers[f"{side}_{joint}"] for joint in from_above]
        edges += list(zip([0, *starts], starts, strict=False))
        for limb in limbs:
            chain = [numbers[f"{side}_{joint}"] for joint in limb]
            edges += list(pairwise(chain))
    edges += [(numbers[f"left_{joint}"], numbers[f"right_{joint}"]) for joint in from_above]
    if num_keypoints % 2 == 0:
        ends = [numbers[f"{side}_{from_above[-1]}"] for side in ("left", "right")] if limbs else [0]
        edges += [(end, len(names)) for end in ends]
        names.append("tail")
    return Skeleton(
        names=tuple(names), edges=tuple(edges), pairs=pairs_in(names), sigmas=(SIGMA,) * num_keypoints
    )


def _limbs(num_keypoints: int) -> list[tuple[str, ...]]:
    """The joints of each limb of one side, from the body outwards: arms, legs, then limbs between them."""
    per_side = (num_keypoints - 1) // 2
    limbs = []
    for number in range(math.ceil(per_side / _JOINTS)):
        more = tuple(f"limb{number + 1}_{joint}" for joint in ("root", "bend", "tip"))
        joints = _LIMBS[number] if number < len(_LIMBS) else more
        limbs.append(joints[: per_side - _JOINTS * number])
    return limbs


def _from_above(num_limbs: int) -> list[int]:
    return [0, *range(2, num_limbs), 1][:num_limbs]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of a scene at its place.

    Attributes:
        keypoints: `(x, y)`, image pixels, in the order of `figure_skeleton`; may lie outside the image.
        height_px: Height of the upright figure.
        label: Index into the scene's categories.
    """

    keypoints: Float[np.ndarray, "k 2"]
    height_px: float
    label: int = 0

    @property
    def num_colors(self) -> int:
        """Three colours: body, left and right."""
        return 3

    def silhouette(self) -> Silhouette:
        """The pixels it covers."""
        parts, left, top = self._parts()
        return Silhouette(mask=parts > 0, left=left, top=top)

    def paint(
        self, image: UInt8[np.ndarray, "h w d"], silhouette: Silhouette, colors: UInt8[np.ndarray, "3 d"]
    ) -> None:
        """Fill the silhouette's pixels in place."""
        parts, left, top = self._parts()
        body, left_side, right_side = colors
        bright = [(color.astype(int) + 2 * 255) // 3 for color in (left_side, right_side, body)]
        table = np.array([body, body, left_side, right_side, *bright], dtype=np.uint8)
        rows, columns, mask = silhouette.inside((image.shape[0], image.shape[1]))
        inside = parts[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        image[rows, columns][mask] = table[inside[mask]]

    def _parts(self) -> tuple[UInt8[np.ndarray, "h w"], int, int]:
        """Labels of the pixels of a window, 0 for the background; and the window's first column and row."""
        margin = math.ceil((_HEAD_RADIUS + _THICKNESS) * self.height_px) + MARGIN
        left, top = (math.floor(value) - margin for value in self.keypoints.min(0))
        right, bottom = (math.ceil(value) + margin for value in self.keypoints.max(0))
        canvas = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
        fixed = np.round((self.keypoints - np.array([left, top])) * 2**SHIFT).astype(np.int32)
        self._draw(canvas, [(int(x), int(y)) for x, y in fixed])
        return canvas, left, top

    def _draw(self, canvas: UInt8[np.ndarray, "h w"], points: list[tuple[int, int]]) -> None:
        thickness = max(2, round(_THICKNESS * self.height_px))

        def line(start: tuple[int, int], end: tuple[int, int], part: int) -> None:
            cv2.line(canvas, start, end, color=part, thickness=thickness, shift=SHIFT)

        def disc(middle: tuple[int, int], radius: float, part: int) -> None:
            radius_px = round(max(radius * self.height_px, 1.5) * 2**SHIFT)
            cv2.circle(canvas, middle, radius_px, color=part, thickness=-1, shift=SHIFT)

        limbs = _limb_numbers(len(points))
        has_tail = len(points) % 2 == 0
        if limbs:
            order = _from_above(len(limbs))
            starts = [[points[limbs[number][side][0]] for number in order] for side in (0, 1)]
            outline = np.array([*starts[0], *starts[1][::-1]], dtype=np.int32)
            cv2.fillPoly(canvas, [outline], color=_BODY, shift=SHIFT)
            for start, end in zip(outline, np.roll(outline, 1, axis=0), strict=True):
                line((int(start[0]), int(start[1])), (int(end[0]), int(end[1])), _BODY)
            line(points[0], _middle(starts[0][0], starts[1][0]), _BODY)
            if has_tail:
                line(_middle(starts[0][-1], starts[1][-1]), points[-1], _BODY)
        elif has_tail:
            line(points[0], points[-1], _BODY)
        for both in limbs:
            for numbers, part in zip(both, (_LEFT, _RIGHT), strict=True):
                for start_number, end_number in pairwise(numbers):
                    line(points[start_number], points[end_number], part)
        disc(points[0], _HEAD_RADIUS, _BODY)
        for both in limbs:
            for numbers, part in zip(both, (_LEFT_DISC, _RIGHT_DISC), strict=True):
                for number in numbers:
                    disc(points[number], _DISC_RADIUS, part)
        if has_tail:
            disc(points[-1], _DISC_RADIUS, _TAIL_DISC)


def _limb_numbers(num_keypoints: int) -> list[tuple[list[int], list[int]]]:
    """The keypoints of each limb, on the left and on the right."""
    numbers, first = [], 1
    for limb in _limbs(num_keypoints):
        count = len(limb)
        numbers.append((list(range(first, first + count)), list(range(first + count, first + 2 * count))))
        first += 2 * count
    return numbers


def _middle(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return (first[0] + second[0]) // 2, (first[1] + second[1]) // 2


def pose(
    num_keypoints: int, center: tuple[float, float], height_px: float, random: np.random.Generator
) -> Figure:
    """A figure in a random pose.

    Args:
        num_keypoints: As for `figure_skeleton`.
        center: `(x, y)` of the middle of the figure, image pixels.
        height_px: Height of the upright figure.
        random: Random generator.
    """
    points = np.zeros((num_keypoints, 2))
    points[0] = 0, _HEAD
    limbs = _limb_numbers(num_keypoints)
    for place, limb in enumerate(_from_above(len(limbs))):
        fraction = place / max(len(limbs) - 1, 1)
        for numbers, side in zip(limbs[limb], (1, -1), strict=True):
            points[numbers] = _limb(limb, fraction, len(numbers), random) * (side, 1)
    if num_keypoints % 2 == 0:
        points[-1] = 0.1 * random.uniform(-1, 1), _TAIL
    lean = math.radians(random.uniform(-25, 25))
    cos, sin = math.cos(lean), math.sin(lean)
    rotated = (points - (0, 0.5)) @ np.array([[cos, sin], [-sin, cos]])
    return Figure(keypoints=rotated * height_px + np.array(center), height_px=height_px)


def _limb(
    limb: int, fraction: float, count: int, random: np.random.Generator
) -> Float[np.ndarray, "{count} 2"]:
    """Joints of a limb on the side of positive x; `fraction` is its root's place along the body, 0 to 1."""
    arm, leg, other = ((10, 150), (-60, 60)), ((0, 40), (-30, 15)), ((70, 110), (-30, 30))
    outwards, bend = (arm, leg, other)[min(limb, 2)]
    lengths = ((0.18, 0.17), (0.21, 0.2), (0.16, 0.14))[min(limb, 2)]
    joints = [(0.14 - 0.05 * fraction, _SHOULDERS + (_HIPS - _SHOULDERS) * fraction)]
    angle = math.radians(random.uniform(*outwards))
    for length in lengths[: count - 1]:
        x, y = joints[-1]
        # Angles are measured outwards from straight down.
        joints.append((x + length * math.sin(angle), y + length * math.cos(angle)))
        angle += math.radians(random.uniform(*bend))
    return np.array(joints[:count])
