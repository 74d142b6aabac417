"""KITTI's average precision of 2D boxes, with heading (AOS), in bird's-eye view (BEV), and of 3D boxes.

Sources: Geiger et al. 2012, "Are we ready for autonomous driving?"; the evaluation program of the object
development kit; Simonelli et al. 2019, "Disentangling monocular 3D object detection", for 40 recalls.
Recall is not sampled evenly over all objects: precision is measured at the scores of the matches nearest to a
recall of 0, 1/40, 2/40, ... Fewer than 41 matches give fewer scores, and the precision at the remaining
recalls is 0. So even perfect detections of a class with few objects have an AP below 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.errors import UsageError
from centernet.metrics.kitti_overlaps import OverlappingPairs, covered_fractions, overlapping_pairs
from centernet.structures import KittiObjects

NEIGHBOURING_CLASSES = {"car": ("van",), "pedestrian": ("person_sitting",), "cyclist": ()}
"""The evaluated classes, each with the classes that may be mistaken for it at no cost."""

METRICS = ("2d", "aos", "bev", "3d")
NUM_RECALLS = 41
POINTS = {11: slice(None, None, 4), 40: slice(1, None)}
"""The recalls out of 0, 1/40, ... 1 that are averaged, by their number."""


@dataclass(frozen=True, kw_only=True)
class KittiProtocol:
    """IoU thresholds of an evaluation.

    Attributes:
        name: Name of the protocol.
        min_iou: IoU that a match of each class exceeds: 2D, bird's-eye view, 3D.
        counts_limit: True if an object exactly as high as the minimum height of a difficulty counts.
    """

    name: str
    min_iou: Mapping[str, tuple[float, float, float]]
    counts_limit: bool


ORIGINAL = KittiProtocol(
    name="original",
    min_iou={"car": (0.7, 0.5, 0.5), "pedestrian": (0.5, 0.25, 0.25), "cyclist": (0.5, 0.25, 0.25)},
    counts_limit=True,
)
"""Protocol of the evaluation program used by "Objects as Points" and others of its time."""

STRICT = KittiProtocol(
    name="strict",
    min_iou={"car": (0.7, 0.7, 0.7), "pedestrian": (0.5, 0.5, 0.5), "cyclist": (0.5, 0.5, 0.5)},
    counts_limit=False,
)
"""Protocol of KITTI's own server."""

PROTOCOLS = {protocol.name: protocol for protocol in (ORIGINAL, STRICT)}


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """Ground-truth objects that must be found at one level of difficulty.

    Attributes:
        name: Name of the level.
        min_height: Minimum height of boxes, image pixels; detections below it do not count either.
        max_occlusion: Maximum occlusion level, 0 to 3.
        max_truncation: Maximum fraction outside the image.
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
    """KITTI's numbers of one class at one difficulty.

    Attributes:
        name: The class: car, pedestrian or cyclist.
        difficulty: Name of the difficulty.
        objects: Ground-truth objects that must be found.
        detections: Detections of the class that are high enough to count.
        curves: For each of `METRICS` the best precision (orientation similarity for `aos`) at each recall
            0, 1/40, ... 1 or a higher one. NaN if it cannot be measured: there are neither objects nor
            detections of the class; no detection has a box of this type; or, for `aos`, a heading is unknown.
    """

    name: str
    difficulty: str
    objects: int
    detections: int
    curves: Mapping[str, Float[np.ndarray, " 41"]] = field(repr=False)

    def ap(self, metric: str, points: int = 40) -> float:
        """Average of a curve of `METRICS` over 11 or 40 recalls, from 0 to 1; KITTI prints 100 times that."""
        return float(self.curves[metric][POINTS[points]].mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class KittiMetrics:
    """KITTI's numbers of all classes.

    Attributes:
        protocol: IoU thresholds of the evaluation.
        classes: Numbers of each class at each difficulty.
    """

    protocol: KittiProtocol
    classes: tuple[KittiClass, ...]

    def to_dict(self, points: int = 40) -> dict[str, float]:
        """Average precision of each class, metric and difficulty by name: `car_3d_moderate`."""
        return {
            f"{one.name}_{metric}_{one.difficulty}": one.ap(metric, points)
            for one in self.classes
            for metric in METRICS
        }


def evaluate_kitti(ground_truth: KittiObjects, found: KittiObjects, protocol: KittiProtocol) -> KittiMetrics:
    """Evaluate detections against ground truth as KITTI's program does.

    In each frame ground-truth objects are matched to detections in the order of their file: first to the most
    confident one that overlaps enough, to find the scores at which to measure; then, among those above each
    score, to the one with the largest IoU. Objects that are too hard and objects of neighbouring classes (a
    van is nearly a car) need not be found, and detections matched to them do not count. Nor do detections of
    any class below the minimum height. Detections in a `DontCare` region are not wrong. The AP of a class
    without objects is 0 as soon as there are detections of it.

    Args:
        ground_truth: Ground-truth objects.
        found: Detections in the same frames.
        protocol: IoU thresholds.

    Raises:
        UsageError: Ground truth and detections are of different frames.
    """
    if ground_truth.frames != found.frames:
        raise UsageError("ground truth and results are of different frames: read both with the same list")
    true_names = np.strings.lower(ground_truth.types)
    min_iou = np.array(list(protocol.min_iou.values())).min(axis=0)
    evaluated = [name for pair in NEIGHBOURING_CLASSES.items() for name in (pair[0], *pair[1])]
    inputs = _Inputs(
        ground_truth=ground_truth,
        found=found,
        true_names=true_names,
        found_names=np.strings.lower(found.types),
        pairs=overlapping_pairs(ground_truth, found, np.isin(true_names, evaluated), min_iou),
        covered=covered_fractions(ground_truth, found, true_names == "dontcare"),
    )
    return KittiMetrics(
        protocol=protocol,
        classes=tuple(
            _evaluate_class(inputs, name, difficulty, protocol)
            for name in NEIGHBOURING_CLASSES
            for difficulty in DIFFICULTIES
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Inputs:
    """The data that the evaluations of all classes and difficulties use."""

    ground_truth: KittiObjects
    found: KittiObjects
    true_names: np.ndarray
    found_names: np.ndarray
    pairs: OverlappingPairs
    covered: Float[np.ndarray, "m 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Roles:
    """Masks of objects and detections for one class at one difficulty; those in no mask are left out."""

    must_be_found: Bool[np.ndarray, " n"]
    may_be_found: Bool[np.ndarray, " n"]
    counts: Bool[np.ndarray, " m"]
    is_too_low: Bool[np.ndarray, " m"]


def _evaluate_class(
    inputs: _Inputs, name: str, difficulty: Difficulty, protocol: KittiProtocol
) -> KittiClass:
    roles = _roles(inputs, name, difficulty, protocol)
    curves = dict.fromkeys(METRICS, np.full(NUM_RECALLS, np.nan))
    is_measurable = _is_measurable(inputs, name, bool(roles.must_be_found.any()))
    for column, metric in enumerate(("2d", "bev", "3d")):
        if is_measurable[column]:
            precision, similarity = _curves(inputs, roles, column, protocol.min_iou[name][column])
            curves[metric] = precision
            if metric == "2d" and inputs.found.have_alpha.all():
                curves["aos"] = similarity
    return KittiClass(
        name=name,
        difficulty=difficulty.name,
        objects=int(roles.must_be_found.sum()),
        detections=int(roles.counts.sum()),
        curves=curves,
    )


def _roles(inputs: _Inputs, name: str, difficulty: Difficulty, protocol: KittiProtocol) -> _Roles:
    ground_truth, found = inputs.ground_truth, inputs.found
    height = ground_truth.boxes[:, 3] - ground_truth.boxes[:, 1]
    is_high_enough = (
        height >= difficulty.min_height if protocol.counts_limit else height > difficulty.min_height
    )
    is_visible = ground_truth.occlusion <= difficulty.max_occlusion
    is_inside = ground_truth.truncation <= difficulty.max_truncation
    is_class = inputs.true_names == name
    must_be_found = is_class & is_high_enough & is_visible & is_inside
    is_too_low = np.abs(found.boxes[:, 3] - found.boxes[:, 1]) < difficulty.min_height
    return _Roles(
        must_be_found=must_be_found,
        may_be_found=(is_class & ~must_be_found) | np.isin(inputs.true_names, NEIGHBOURING_CLASSES[name]),
        counts=(inputs.found_names == name) & ~is_too_low,
        is_too_low=is_too_low,
    )


def _is_measurable(inputs: _Inputs, name: str, has_objects: bool) -> tuple[bool, bool, bool]:
    """True for 2D, bird's-eye view and 3D if the detections of the class have boxes of that type.

    A class without detections is measurable if it has objects.
    """
    is_class = inputs.found_names == name
    if not is_class.any():
        return has_objects, has_objects, has_objects
    has_box3d = bool(inputs.found.have_boxes3d[is_class].any())
    return bool((inputs.found.boxes[is_class, 0] >= 0).any()), has_box3d, has_box3d


def _curves(
    inputs: _Inputs, roles: _Roles, column: int, min_iou: float
) -> tuple[Float[np.ndarray, " 41"], Float[np.ndarray, " 41"]]:
    """Best precision and orientation similarity at each recall or a higher one."""
    ground_truth, found = inputs.ground_truth, inputs.found
    candidates = _Candidates.of(inputs, roles, column, min_iou)
    by_score = candidates.sorted(found.scores[candidates.found])
    (is_matched,) = by_score.assign(np.ones((1, len(by_score.found)), dtype=bool))
    matched = by_score.found[is_matched & by_score.is_right]
    thresholds = _thresholds(found.scores[matched], int(roles.must_be_found.sum()))

    # Detections below the minimum height are matched only if there is no other, in the order of their file.
    by_iou = candidates.sorted(np.where(roles.counts[candidates.found], candidates.iou, -1))
    is_matched = by_iou.assign(found.scores[by_iou.found] >= thresholds[:, None])
    is_right = is_matched & by_iou.is_right
    is_exposed = roles.counts & (inputs.covered[:, column] <= min_iou)
    above = np.sort(found.scores[is_exposed])
    exposed = len(above) - np.searchsorted(above, thresholds, side="left")
    right = is_right.sum(axis=1)
    wrong = exposed - (is_matched & is_exposed[by_iou.found]).sum(axis=1)
    turn = ground_truth.alpha_rad[by_iou.ground_truth] - found.alpha_rad[by_iou.found]
    similarity = np.where(is_right, (1 + np.cos(turn)) / 2, 0).sum(axis=1)
    return _envelope(right, right + wrong), _envelope(similarity, right + wrong)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidates:
    """Pairs that overlap enough, sorted by round, then by ground-truth object, then by preference.

    Attributes:
        ground_truth: Index of the ground-truth object.
        found: Index of the detection.
        iou: IoU of the two.
        is_right: True if their match is a true positive; otherwise it counts neither way.
        round: Round in which the ground-truth object is matched: objects of a frame that compete for the same
            detection are matched one after the other.
    """

    ground_truth: Int[np.ndarray, " p"]
    found: Int[np.ndarray, " p"]
    iou: Float[np.ndarray, " p"]
    is_right: Bool[np.ndarray, " p"]
    round: Int[np.ndarray, " p"]

    @classmethod
    def of(cls, inputs: _Inputs, roles: _Roles, column: int, min_iou: float) -> "_Candidates":
        pairs = inputs.pairs
        use = pairs.iou[:, column] > min_iou
        use &= (roles.must_be_found | roles.may_be_found)[pairs.ground_truth]
        use &= (roles.counts | roles.is_too_low)[pairs.found]
        ground_truth, found = pairs.ground_truth[use], pairs.found[use]
        return cls(
            ground_truth=ground_truth,
            found=found,
            iou=pairs.iou[use, column],
            is_right=roles.must_be_found[ground_truth] & roles.counts[found],
            round=_rounds(ground_truth, found, inputs.ground_truth.frame),
        )

    def sorted(self, preference: Float[np.ndarray, " p"]) -> "_Candidates":
        """The pairs of each object by descending preference, equal ones in the order of the file."""
        order = np.lexsort((self.found, -preference, self.ground_truth, self.round))
        return _Candidates(
            ground_truth=self.ground_truth[order],
            found=self.found[order],
            iou=self.iou[order],
            is_right=self.is_right[order],
            round=self.round[order],
        )

    def assign(self, is_allowed: Bool[np.ndarray, "t p"]) -> Bool[np.ndarray, "t p"]:
        """True for matched pairs, for each row of allowed ones; each object is matched at most once."""
        _, detection = np.unique(self.found, return_inverse=True)
        is_free = np.ones((len(is_allowed), len(detection)), dtype=bool)
        is_matched = np.zeros_like(is_allowed)
        rounds = np.searchsorted(self.round, np.arange(self.round.max(initial=-1) + 2))
        for start, end in zip(rounds[:-1].tolist(), rounds[1:].tolist(), strict=True):
            is_open = is_allowed[:, start:end] & is_free[:, detection[start:end]]
            is_first = _first_of_each(self.ground_truth[start:end], is_open)
            is_matched[:, start:end] = is_first
            row, column = np.nonzero(is_first)
            is_free[row, detection[start:end][column]] = False
        return is_matched


def _rounds(
    ground_truth: Int[np.ndarray, " p"], found: Int[np.ndarray, " p"], frame: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " p"]:
    """Round of each pair: 0 unless several objects overlap one of the detections of its object."""
    num_rivals = np.bincount(found, minlength=1)
    rivals = np.unique(ground_truth[num_rivals[found] > 1])
    rounds = np.zeros(len(frame), dtype=np.int64)
    rounds[rivals] = np.arange(len(rivals)) - np.searchsorted(frame[rivals], frame[rivals])
    return rounds[ground_truth]


def _first_of_each(
    groups: Int[np.ndarray, " p"], is_open: Bool[np.ndarray, "t p"]
) -> Bool[np.ndarray, "t p"]:
    """True for the first open element in each run of equal groups."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    rank = np.arange(len(groups), 0, -1, dtype=np.int32) * is_open
    highest = np.maximum.reduceat(rank, starts, axis=1)
    return is_open & (rank == np.repeat(highest, np.diff(starts, append=len(groups)), axis=1))


def _thresholds(scores: Float[np.ndarray, " n"], objects: int) -> Float[np.ndarray, " t"]:
    """Scores of the matches nearest to each recall, as KITTI's program picks them; always the last one."""
    scores = np.sort(scores)[::-1]
    recall = np.arange(1, len(scores) + 1) / max(objects, 1)
    chosen: list[int] = []
    start, wanted_recall = 0, 0.0
    while start < len(scores):
        # Skip matches while the next one is nearer to the wanted recall.
        skip = recall[start + 1 :] - wanted_recall < wanted_recall - recall[start:-1]
        start += int(np.argmin(np.append(skip, False)))
        chosen.append(start)
        start, wanted_recall = start + 1, wanted_recall + 1 / (NUM_RECALLS - 1)
    return scores[chosen]


def _envelope(part: np.ndarray, whole: np.ndarray) -> Float[np.ndarray, " 41"]:
    """Ratios at all recalls, each the maximum of itself and those after it; 0 where there is none."""
    ratios = np.zeros(NUM_RECALLS)
    np.divide(part, whole, out=ratios[: len(part)], where=whole > 0)
    return np.maximum.accumulate(ratios[::-1])[::-1]
