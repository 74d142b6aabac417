"""KITTI's average precision of boxes on the image (2D), with heading (AOS), seen from above (BEV), and in 3D.

Sources: Geiger et al. 2012, "Are we ready for autonomous driving?"; the evaluation program of the object
development kit; Simonelli et al. 2019, "Disentangling monocular 3D object detection", for 40 recalls.
Recall is not sampled evenly over all objects: a score at which precision is measured is taken from each match
that comes nearest to a recall of 0, 1/40, 2/40, ... Fewer than 41 matches give fewer scores, and the recalls
that are left count 0. So the truth itself scores below 1 where a class has few objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.errors import UsageError
from centernet.metrics.kitti_overlaps import Pairs, covered_shares, overlapping_pairs
from centernet.structures import KittiObjects

NEIGHBOURS = {"car": ("van",), "pedestrian": ("person_sitting",), "cyclist": ()}
"""The classes that are measured, each with those that may be taken for it."""

METRICS = ("2d", "aos", "bev", "3d")
NUM_RECALLS = 41
POINTS = {11: slice(None, None, 4), 40: slice(1, None)}
"""Which of the recalls 0, 1/40, ... 1 are averaged."""


@dataclass(frozen=True, kw_only=True)
class KittiProtocol:
    """What must overlap how much.

    Attributes:
        name: What it is called.
        min_iou: For each class the overlap that a match exceeds: on the image, seen from above, in 3D.
        counts_limit: Whether a true object exactly as high as the limit of its difficulty counts.
    """

    name: str
    min_iou: Mapping[str, tuple[float, float, float]]
    counts_limit: bool


ORIGINAL = KittiProtocol(
    name="original",
    min_iou={"car": (0.7, 0.5, 0.5), "pedestrian": (0.5, 0.25, 0.25), "cyclist": (0.5, 0.25, 0.25)},
    counts_limit=True,
)
"""As the original program of "Objects as Points" and others of its time measure."""

STRICT = KittiProtocol(
    name="strict",
    min_iou={"car": (0.7, 0.7, 0.7), "pedestrian": (0.5, 0.5, 0.5), "cyclist": (0.5, 0.5, 0.5)},
    counts_limit=False,
)
"""As KITTI's own server measures."""

PROTOCOLS = {protocol.name: protocol for protocol in (ORIGINAL, STRICT)}


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """Which true objects must be found.

    Attributes:
        name: What it is called.
        min_height: Of their boxes, image pixels; found ones that are less high do not count either.
        max_occlusion: How hidden they may be.
        max_truncation: How much of them may be outside the image.
    """

    name: str
    min_height: int
    max_occlusion: int
    max_truncation: float


DIFFICULTIES = (
    Difficulty(name="easy", min_height=40, max_occlusion=0, max_truncation=0.15),
    Difficulty(name="moderate", min_height=25, max_occlusion=1, max_truncation=0.3),
    Difficulty(name="hard", min_height=25, max_occlusion=2, max_truncation=0.5),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class KittiClass:
    """How well one class was found at one difficulty.

    Attributes:
        name: The class: car, pedestrian or cyclist.
        difficulty: Name of the difficulty.
        objects: True objects that must be found.
        found: Found objects of the class that are high enough to count.
        curves: For each of `METRICS` the best precision (of `aos`, orientation similarity) at each recall
            0, 1/40, ... 1 or a higher one. NaN where it cannot be measured: the class is neither there nor
            found; nothing found has a box of the kind; or, for `aos`, a heading is not known.
    """

    name: str
    difficulty: str
    objects: int
    found: int
    curves: Mapping[str, Float[np.ndarray, " 41"]] = field(repr=False)

    def ap(self, metric: str, points: int = 40) -> float:
        """Average of a curve of `METRICS` over 11 or 40 recalls, from 0 to 1; KITTI prints 100 times that."""
        return float(self.curves[metric][POINTS[points]].mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class KittiMetrics:
    """KITTI's numbers.

    Attributes:
        protocol: What had to overlap how much.
        classes: Each class at each difficulty.
    """

    protocol: KittiProtocol
    classes: tuple[KittiClass, ...]

    def to_dict(self, points: int = 40) -> dict[str, float]:
        """Every average by name: `car_3d_moderate`."""
        return {
            f"{one.name}_{metric}_{one.difficulty}": one.ap(metric, points)
            for one in self.classes
            for metric in METRICS
        }


def evaluate_kitti(ground_truth: KittiObjects, found: KittiObjects, protocol: KittiProtocol) -> KittiMetrics:
    """Compare what was found with what is there, as KITTI's program does.

    In each frame true objects take found ones in the order of their file: once the surest that overlaps
    enough, to learn at which scores to measure; then, of those above each score, the one that overlaps most.
    True objects that are too hard, and neighbours (a van is nearly a car), need not be found, and take found
    ones out of the count. So do found ones less high than the limit, of any class. What lies in a `DontCare`
    region is not wrong. An AP without any true object is 0 as soon as the class was found.

    Args:
        ground_truth: True objects.
        found: What was found in the same frames.
        protocol: What must overlap how much.

    Raises:
        UsageError: Truth and results are of different frames.
    """
    if ground_truth.frames != found.frames:
        raise UsageError("truth and results are of different frames: read both with the same list")
    names = np.strings.lower(ground_truth.types)
    least = np.array(list(protocol.min_iou.values())).min(axis=0)
    matched = [name for pair in NEIGHBOURS.items() for name in (pair[0], *pair[1])]
    scene = _Scene(
        ground_truth=ground_truth,
        found=found,
        true_names=names,
        found_names=np.strings.lower(found.types),
        pairs=overlapping_pairs(ground_truth, found, np.isin(names, matched), least),
        covered=covered_shares(ground_truth, found, names == "dontcare"),
    )
    return KittiMetrics(
        protocol=protocol,
        classes=tuple(
            _evaluate_class(scene, name, difficulty, protocol)
            for name in NEIGHBOURS
            for difficulty in DIFFICULTIES
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scene:
    """All there is to know, whatever is measured."""

    ground_truth: KittiObjects
    found: KittiObjects
    true_names: np.ndarray
    found_names: np.ndarray
    pairs: Pairs
    covered: Float[np.ndarray, "m 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Roles:
    """What each object is to one class at one difficulty; an object that is nothing takes no part."""

    must_be_found: Bool[np.ndarray, " n"]
    may_be_found: Bool[np.ndarray, " n"]
    counts: Bool[np.ndarray, " m"]
    is_too_low: Bool[np.ndarray, " m"]


def _evaluate_class(scene: _Scene, name: str, difficulty: Difficulty, protocol: KittiProtocol) -> KittiClass:
    roles = _roles(scene, name, difficulty, protocol)
    curves = dict.fromkeys(METRICS, np.full(NUM_RECALLS, np.nan))
    is_measured = _what_can_be_measured(scene, name, bool(roles.must_be_found.any()))
    for column, metric in enumerate(("2d", "bev", "3d")):
        if is_measured[column]:
            precision, similarity = _curves(scene, roles, column, protocol.min_iou[name][column])
            curves[metric] = precision
            if metric == "2d" and scene.found.have_alpha.all():
                curves["aos"] = similarity
    return KittiClass(
        name=name,
        difficulty=difficulty.name,
        objects=int(roles.must_be_found.sum()),
        found=int(roles.counts.sum()),
        curves=curves,
    )


def _roles(scene: _Scene, name: str, difficulty: Difficulty, protocol: KittiProtocol) -> _Roles:
    ground_truth, found = scene.ground_truth, scene.found
    height = ground_truth.boxes[:, 3] - ground_truth.boxes[:, 1]
    is_high = height >= difficulty.min_height if protocol.counts_limit else height > difficulty.min_height
    is_clear = ground_truth.occlusion <= difficulty.max_occlusion
    is_whole = ground_truth.truncation <= difficulty.max_truncation
    is_class = scene.true_names == name
    must_be_found = is_class & is_high & is_clear & is_whole
    is_too_low = np.abs(found.boxes[:, 3] - found.boxes[:, 1]) < difficulty.min_height
    return _Roles(
        must_be_found=must_be_found,
        may_be_found=(is_class & ~must_be_found) | np.isin(scene.true_names, NEIGHBOURS[name]),
        counts=(scene.found_names == name) & ~is_too_low,
        is_too_low=is_too_low,
    )


def _what_can_be_measured(scene: _Scene, name: str, is_there: bool) -> tuple[bool, bool, bool]:
    """On the image, from above, in 3D: a class that was never found with such a box was not looked for."""
    is_class = scene.found_names == name
    if not is_class.any():
        return is_there, is_there, is_there
    has_box3d = bool(scene.found.have_boxes3d[is_class].any())
    return bool((scene.found.boxes[is_class, 0] >= 0).any()), has_box3d, has_box3d


def _curves(
    scene: _Scene, roles: _Roles, column: int, min_iou: float
) -> tuple[Float[np.ndarray, " 41"], Float[np.ndarray, " 41"]]:
    """Precision and orientation similarity at each recall or a higher one."""
    ground_truth, found = scene.ground_truth, scene.found
    candidates = _Candidates.of(scene, roles, column, min_iou)
    by_score = candidates.sorted(found.scores[candidates.found])
    (is_taken,) = by_score.assign(np.ones((1, len(by_score.found)), dtype=bool))
    matched = by_score.found[is_taken & by_score.is_right]
    thresholds = _thresholds(found.scores[matched], int(roles.must_be_found.sum()))

    # Found ones that are too low are taken only where there is no other, in the order of their file.
    by_iou = candidates.sorted(np.where(roles.counts[candidates.found], candidates.iou, -1))
    is_taken = by_iou.assign(found.scores[by_iou.found] >= thresholds[:, None])
    is_right = is_taken & by_iou.is_right
    is_exposed = roles.counts & (scene.covered[:, column] <= min_iou)
    above = np.sort(found.scores[is_exposed])
    exposed = len(above) - np.searchsorted(above, thresholds, side="left")
    right = is_right.sum(axis=1)
    wrong = exposed - (is_taken & is_exposed[by_iou.found]).sum(axis=1)
    turn = ground_truth.alpha_rad[by_iou.ground_truth] - found.alpha_rad[by_iou.found]
    similarity = np.where(is_right, (1 + np.cos(turn)) / 2, 0).sum(axis=1)
    return _envelope(right, right + wrong), _envelope(similarity, right + wrong)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidates:
    """Pairs that overlap enough: round after round, true object after true object, the preferred one first.

    Attributes:
        ground_truth: Which true object.
        found: Which found object.
        iou: How much they overlap.
        is_right: Whether it counts for the detector if they are matched; otherwise it counts neither way.
        round: True objects of a frame that could take the same found object choose one after the other.
    """

    ground_truth: Int[np.ndarray, " p"]
    found: Int[np.ndarray, " p"]
    iou: Float[np.ndarray, " p"]
    is_right: Bool[np.ndarray, " p"]
    round: Int[np.ndarray, " p"]

    @classmethod
    def of(cls, scene: _Scene, roles: _Roles, column: int, min_iou: float) -> "_Candidates":
        pairs = scene.pairs
        use = pairs.iou[:, column] > min_iou
        use &= (roles.must_be_found | roles.may_be_found)[pairs.ground_truth]
        use &= (roles.counts | roles.is_too_low)[pairs.found]
        ground_truth, found = pairs.ground_truth[use], pairs.found[use]
        return cls(
            ground_truth=ground_truth,
            found=found,
            iou=pairs.iou[use, column],
            is_right=roles.must_be_found[ground_truth] & roles.counts[found],
            round=_rounds(ground_truth, found, scene.ground_truth.frame),
        )

    def sorted(self, preference: Float[np.ndarray, " p"]) -> "_Candidates":
        """Each true object's pairs by falling preference; what is equal stays in the order of the file."""
        order = np.lexsort((self.found, -preference, self.ground_truth, self.round))
        return _Candidates(
            ground_truth=self.ground_truth[order],
            found=self.found[order],
            iou=self.iou[order],
            is_right=self.is_right[order],
            round=self.round[order],
        )

    def assign(self, is_allowed: Bool[np.ndarray, "t p"]) -> Bool[np.ndarray, "t p"]:
        """Which pairs are matched, for each row of allowed ones: each object at most once."""
        _, place = np.unique(self.found, return_inverse=True)
        is_free = np.ones((len(is_allowed), len(place)), dtype=bool)
        is_taken = np.zeros_like(is_allowed)
        rounds = np.searchsorted(self.round, np.arange(self.round.max(initial=-1) + 2))
        for start, end in zip(rounds[:-1].tolist(), rounds[1:].tolist(), strict=True):
            is_open = is_allowed[:, start:end] & is_free[:, place[start:end]]
            is_first = _first_of_each(self.ground_truth[start:end], is_open)
            is_taken[:, start:end] = is_first
            row, column = np.nonzero(is_first)
            is_free[row, place[start:end][column]] = False
        return is_taken


def _rounds(
    ground_truth: Int[np.ndarray, " p"], found: Int[np.ndarray, " p"], frame: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " p"]:
    """When each true object may choose; those whose found objects nobody else wants do so at once."""
    wanted = np.bincount(found, minlength=1)
    rivals = np.unique(ground_truth[wanted[found] > 1])
    turn = np.zeros(len(frame), dtype=np.int64)
    turn[rivals] = np.arange(len(rivals)) - np.searchsorted(frame[rivals], frame[rivals])
    return turn[ground_truth]


def _first_of_each(
    groups: Int[np.ndarray, " p"], is_open: Bool[np.ndarray, "t p"]
) -> Bool[np.ndarray, "t p"]:
    """The first open one in each run of equal groups."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    left = np.arange(len(groups), 0, -1, dtype=np.int32) * is_open
    most = np.maximum.reduceat(left, starts, axis=1)
    return is_open & (left == np.repeat(most, np.diff(starts, append=len(groups)), axis=1))


def _thresholds(scores: Float[np.ndarray, " n"], objects: int) -> Float[np.ndarray, " t"]:
    """The scores of matches nearest to each recall, the last one always; with the official rounding."""
    scores = np.sort(scores)[::-1]
    recall = np.arange(1, len(scores) + 1) / max(objects, 1)
    chosen: list[int] = []
    start, wanted = 0, 0.0
    while start < len(scores):
        # The next match is nearer to the recall that is wanted.
        skip = recall[start + 1 :] - wanted < wanted - recall[start:-1]
        start += int(np.argmin(np.append(skip, False)))
        chosen.append(start)
        start, wanted = start + 1, wanted + 1 / (NUM_RECALLS - 1)
    return scores[chosen]


def _envelope(part: np.ndarray, whole: np.ndarray) -> Float[np.ndarray, " 41"]:
    """Shares at all recalls, each at least as large as those after it; 0 where there is none."""
    shares = np.zeros(NUM_RECALLS)
    np.divide(part, whole, out=shares[: len(part)], where=whole > 0)
    return np.maximum.accumulate(shares[::-1])[::-1]
