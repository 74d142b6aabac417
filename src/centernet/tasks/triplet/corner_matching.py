"""From corners and centres to boxes: Duan et al. 2019, "CenterNet: Keypoint Triplets", sec. 3.2.

Matching of corners: Law & Deng 2018, "CornerNet", sec. 3.1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from centernet.tasks.triplet.central_region import SMALL_SIDE


@dataclass(frozen=True, kw_only=True)
class Points:
    """Keypoints of each image, best first.

    Attributes:
        places: `(x, y)`.
        scores: 0 to 1.
        labels: Class of each.
    """

    places: Float[Tensor, "b k 2"]
    scores: Float[Tensor, "b k"]
    labels: Int[Tensor, "b k"]

    def flipped(self, width: float) -> "Points":
        """The keypoints in the horizontal flip of an input `width` wide."""
        places = torch.stack([width - self.places[..., 0], self.places[..., 1]], dim=-1)
        return Points(places=places, scores=self.scores, labels=self.labels)

    def concatenated(self, other: "Points") -> "Points":
        """These first, then the others."""
        names = ("places", "scores", "labels")
        return Points(**{name: torch.cat([getattr(self, name), getattr(other, name)], 1) for name in names})


@dataclass(frozen=True, kw_only=True)
class CornerPairs:
    """Boxes made of two corners each.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        scores: Mean of the scores of the two corners; 0 for corners of different objects.
        labels: Class of each.
        corner_scores: Of the top-left and the bottom-right corner.
    """

    boxes: Float[Tensor, "b n 4"]
    scores: Float[Tensor, "b n"]
    labels: Int[Tensor, "b n"]
    corner_scores: Float[Tensor, "b n 2"]

    def flipped(self, width: float) -> "CornerPairs":
        """The pairs in the horizontal flip of an input `width` wide."""
        x1, y1, x2, y2 = self.boxes.unbind(-1)
        boxes = torch.stack([width - x2, y1, width - x1, y2], dim=-1)
        return CornerPairs(
            boxes=boxes, scores=self.scores, labels=self.labels, corner_scores=self.corner_scores
        )

    def concatenated(self, other: "CornerPairs") -> "CornerPairs":
        """These first, then the others."""
        names = ("boxes", "scores", "labels", "corner_scores")
        return CornerPairs(
            **{name: torch.cat([getattr(self, name), getattr(other, name)], 1) for name in names}
        )


def pair_corners(
    top_left: Points,
    bottom_right: Points,
    tags: tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]],
    *,
    tag_distance: float,
    max_pairs: int,
) -> CornerPairs:
    """The best pairs of corners of one class, with similar tags, and top-left before bottom-right.

    Args:
        top_left: Corners.
        bottom_right: Corners.
        tags: Of both.
        tag_distance: Maximum distance of the tags of one object.
        max_pairs: Maximum number of pairs per image.
    """
    count = bottom_right.scores.shape[1]
    sides = bottom_right.places[:, None] - top_left.places[:, :, None]
    is_match = (
        (top_left.labels[:, :, None] == bottom_right.labels[:, None])
        & ((tags[0][:, :, None] - tags[1][:, None]).abs() <= tag_distance)
        & (sides >= 0).all(dim=-1)
        & (top_left.scores[:, :, None] > 0)
        & (bottom_right.scores[:, None] > 0)
    )
    scores = (top_left.scores[:, :, None] + bottom_right.scores[:, None]) / 2 * is_match
    scores, order = scores.flatten(1).topk(min(max_pairs, scores[0].numel()), dim=1)
    first = torch.div(order, count, rounding_mode="floor")
    second = order - first * count
    corners = (_pick(top_left.places, first), _pick(bottom_right.places, second))
    of_each = (top_left.scores.gather(1, first), bottom_right.scores.gather(1, second))
    return CornerPairs(
        boxes=torch.cat(corners, dim=-1),
        scores=scores,
        labels=top_left.labels.gather(1, first),
        corner_scores=torch.stack(of_each, dim=-1),
    )


def confirmed(pairs: CornerPairs, centers: Points) -> Float[Tensor, "b n"]:
    """Scores of boxes whose central region contains a centre of their class; 0 for others.

    A third of the score is that of the first such centre. The central region is a third of both sides, a
    fifth for boxes of more than `SMALL_SIDE` squared; a centre on its border is outside.

    Args:
        pairs: Boxes, pixels.
        centers: Centres, pixels.
    """
    region = central_region(pairs.boxes)[..., None, :]
    start, end = region[..., :2], region[..., 2:]
    place = centers.places[:, None]
    confirms: Bool[Tensor, "b n k"] = (
        ((place > start) & (place < end)).all(dim=-1)
        & (centers.labels[:, None] == pairs.labels[..., None])
        & (centers.scores[:, None] > 0)
    )
    # The first, not the best: at a single scale it is the best, see test_golden_triplet.
    count = centers.scores.shape[1]
    first = torch.where(confirms, torch.arange(count, device=place.device), count).amin(dim=-1)
    score = (2 * pairs.scores + centers.scores.gather(1, first.clamp(max=count - 1))) / 3
    return score * (first < count) * (pairs.scores > 0)


def central_region(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """The central region of each box, in which its centre must lie: see `confirmed`."""
    corner, far_corner = boxes[..., :2], boxes[..., 2:]
    width, height = (far_corner - corner).unbind(-1)
    parts = torch.where(width * height <= SMALL_SIDE**2, 3.0, 5.0)[..., None]
    before = (parts + 1) / 2
    start = (before * corner + (parts - before) * far_corner) / parts
    end = ((parts - before) * corner + before * far_corner) / parts
    return torch.cat([start, end], dim=-1)


def _pick(places: Float[Tensor, "b k 2"], index: Int[Tensor, "b n"]) -> Float[Tensor, "b n 2"]:
    return places.gather(1, index[..., None].expand(-1, -1, 2))
