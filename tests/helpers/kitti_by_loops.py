"""KITTI's metrics by loops over objects, with shapely for areas, as a reference; and random frames."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from shapely import Polygon

from centernet.metrics.kitti import KittiProtocol
from centernet.structures import KittiObjects

CLASSES = {"car": "van", "pedestrian": "person_sitting", "cyclist": None}
LIMITS = {"easy": (40, 0, 0.15), "moderate": (25, 1, 0.3), "hard": (25, 2, 0.5)}


@dataclass(eq=False)
class Row:
    """An object as a row of KITTI's files."""

    type: str
    truncation: float
    occlusion: float
    alpha: float
    box: list[float]
    box3d: list[float]
    score: float
    ground: Polygon

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def rows_by_frame(objects: KittiObjects) -> list[list[Row]]:
    frames: list[list[Row]] = [[] for _ in objects.frames]
    for index, frame in enumerate(objects.frame.tolist()):
        box3d = objects.boxes3d[index].tolist()
        frames[frame].append(
            Row(
                type=str(objects.types[index]).lower(),
                truncation=objects.truncation[index],
                occlusion=objects.occlusion[index],
                alpha=objects.alpha_rad[index],
                box=objects.boxes[index].tolist(),
                box3d=box3d,
                score=objects.scores[index],
                ground=rectangle(box3d),
            )
        )
    return frames


def rectangle(box3d: list[float]) -> Polygon:
    """A 3D box in bird's-eye view: half a length forwards or back, half a width to a side."""
    _, w, l, x, _, z, turn = box3d  # noqa: E741
    forward, side = np.array([math.cos(turn), -math.sin(turn)]), np.array([math.sin(turn), math.cos(turn)])
    steps = [(1, 1), (1, -1), (-1, -1), (-1, 1)]
    return Polygon([np.array([x, z]) + a * l / 2 * forward + b * w / 2 * side for a, b in steps])


@cache
def shared_and_sizes(one: Row, other: Row, metric: str) -> tuple[float, float, float]:
    """Area or volume of the intersection of two objects and of each object."""
    if metric == "2d":
        (a1, b1, a2, b2), (c1, d1, c2, d2) = one.box, other.box
        wide, high = min(a2, c2) - max(a1, c1), min(b2, d2) - max(b1, d1)
        shared = wide * high if wide > 0 and high > 0 else 0.0
        return shared, (a2 - a1) * (b2 - b1), (c2 - c1) * (d2 - d1)
    ground = one.ground.intersection(other.ground).area
    areas = [row.box3d[1] * row.box3d[2] for row in (one, other)]
    if metric == "bev":
        return ground, areas[0], areas[1]
    bottom = min(row.box3d[4] for row in (one, other))
    top = max(row.box3d[4] - row.box3d[0] for row in (one, other))
    volumes = [row.box3d[0] * area for row, area in zip((one, other), areas, strict=True)]
    return ground * max(0.0, bottom - top), volumes[0], volumes[1]


def iou(one: Row, other: Row, metric: str) -> float:
    shared, first, second = shared_and_sizes(one, other, metric)
    return shared / (first + second - shared) if shared else 0.0


def numbers(ground_truth: KittiObjects, found: KittiObjects, protocol: KittiProtocol) -> dict[str, Any]:
    """Precision and similarity curves by class, metric and difficulty."""
    true_frames, found_frames = rows_by_frame(ground_truth), rows_by_frame(found)
    shared_and_sizes.cache_clear()
    curves = {}
    for name in CLASSES:
        for difficulty in LIMITS:
            for metric, min_iou in zip(("2d", "bev", "3d"), protocol.min_iou[name], strict=True):
                frames = [
                    Frame(true, predicted, name, difficulty, metric, min_iou, protocol.counts_limit)
                    for true, predicted in zip(true_frames, found_frames, strict=True)
                ]
                precision, similarity = curve([one for one in frames if one.targets or one.predicted])
                curves[name, metric, difficulty] = precision
                if metric == "2d":
                    curves[name, "aos", difficulty] = similarity
    return curves


class Frame:
    """One frame, for one class, difficulty and metric."""

    def __init__(
        self,
        true: list[Row],
        predicted: list[Row],
        name: str,
        difficulty: str,
        metric: str,
        min_iou: float,
        counts_limit: bool,
    ) -> None:
        height, occlusion, truncation = LIMITS[difficulty]
        self.min_iou = min_iou
        self.targets: list[tuple[Row, bool]] = []
        for row in true:
            is_high = row.height > height or (counts_limit and row.height == height)
            is_easy = is_high and row.occlusion <= occlusion and row.truncation <= truncation
            if row.type == name:
                self.targets.append((row, is_easy))
            elif row.type == CLASSES[name]:
                self.targets.append((row, False))
        self.predicted: list[tuple[Row, bool]] = []
        for row in predicted:
            is_low = abs(row.height) < height
            if is_low or row.type == name:
                self.predicted.append((row, not is_low))
        regions = [row for row in true if row.type == "dontcare"]
        self.is_in_region = [
            any(
                shared / size > min_iou
                for shared, size, _ in (shared_and_sizes(row, region, metric) for region in regions)
                if shared
            )
            for row, _ in self.predicted
        ]
        self.iou = [[iou(row, target, metric) for row, _ in self.predicted] for target, _ in self.targets]

    @property
    def num_objects(self) -> int:
        return sum(must_be_found for _, must_be_found in self.targets)

    def scores_of_matches(self) -> list[float]:
        used: set[int] = set()
        scores = []
        for number, (_, must_be_found) in enumerate(self.targets):
            best = None
            for index, (row, _) in enumerate(self.predicted):
                if index in used or self.iou[number][index] <= self.min_iou:
                    continue
                if best is None or row.score > self.predicted[best][0].score:
                    best = index
            if best is not None:
                used.add(best)
                if must_be_found and self.predicted[best][1]:
                    scores.append(self.predicted[best][0].score)
        return scores

    def count(self, threshold: float) -> tuple[int, int, float]:
        """Numbers of true and false positives, and the similarity of headings."""
        used: set[int] = set()
        right, similarity = 0, 0.0
        for number, (target, must_be_found) in enumerate(self.targets):
            open_ones = [
                index
                for index, (row, _) in enumerate(self.predicted)
                if index not in used and row.score >= threshold and self.iou[number][index] > self.min_iou
            ]
            high = [index for index in open_ones if self.predicted[index][1]]
            if not open_ones:
                continue
            best = max(high, key=lambda index: self.iou[number][index]) if high else open_ones[0]
            used.add(best)
            if must_be_found and high:
                right += 1
                similarity += (1 + math.cos(target.alpha - self.predicted[best][0].alpha)) / 2
        wrong = sum(
            index not in used and is_high and row.score >= threshold and not self.is_in_region[index]
            for index, (row, is_high) in enumerate(self.predicted)
        )
        return right, wrong, similarity


def curve(frames: list[Frame]) -> tuple[list[float], list[float]]:
    num_objects = sum(frame.num_objects for frame in frames)
    scores = sorted((score for frame in frames for score in frame.scores_of_matches()), reverse=True)
    precision, similarity = [0.0] * 41, [0.0] * 41
    for index, threshold in enumerate(thresholds(scores, num_objects)):
        counts = [frame.count(threshold) for frame in frames]
        right, wrong, alike = map(sum, zip(*counts, strict=True))
        if right + wrong:
            precision[index] = right / (right + wrong)
            similarity[index] = alike / (right + wrong)
    return [max(precision[i:]) for i in range(41)], [max(similarity[i:]) for i in range(41)]


def thresholds(scores: list[float], num_objects: int) -> list[float]:
    chosen = []
    recall = 0.0
    for index, score in enumerate(scores):
        is_last = index == len(scores) - 1
        here, next_one = (index + 1) / num_objects, (index + 2) / num_objects
        if is_last or next_one - recall >= recall - here:
            chosen.append(score)
            recall += 1 / 40
    return chosen


def random_frames(seed: int, num_frames: int) -> tuple[KittiObjects, KittiObjects]:
    """Random ground truth and detections with many special cases.

    Objects crowd at a few places, so that they compete; pixels are whole, so that heights are 25 and 40 and
    IoU equals 0.5 and 0.7; scores have one digit; some frames have no objects or no detections, or only
    DontCare.
    """
    generator = np.random.default_rng(seed)
    types = np.array(["Car", "Van", "Pedestrian", "Person_sitting", "Cyclist", "car", "Truck", "DontCare"])
    true, found = [], []
    for frame in range(num_frames):
        content = generator.choice(["all", "all", "all", "all", "no objects", "no detections", "regions"])
        for number in range(int(generator.integers(0, 7))):
            row = _random_row(generator, frame, number + 1, str(generator.choice(types)))
            if content == "regions":
                row["type"] = "DontCare"
            if row["type"] == "DontCare":
                row |= {"box3d": [-1, -1, -1, -1000, -1000, -1000, -10], "alpha": -10}
            if content != "no objects":
                true.append(row)
            if content != "no detections":
                found += [_near(generator, row) for _ in range(int(generator.integers(0, 4)))]
    for number, row in enumerate(found):
        row["line"] = number
    frames = tuple(f"{frame:06d}" for frame in range(num_frames))
    return as_objects(frames, true), as_objects(frames, found)


def _random_row(generator: np.random.Generator, frame: int, line: int, name: str) -> dict[str, Any]:
    spot = int(generator.integers(3))
    left, top = 60 * spot + int(generator.integers(-3, 4)), 100 + int(generator.integers(-3, 4))
    width, height = int(generator.choice([20, 40, 50])), int(generator.choice([24, 25, 26, 39, 40, 41, 80]))
    sizes = np.array([1.5, 1.6, 3.9]) * generator.uniform(0.8, 1.2, 3)
    middle = np.array([4.0 * spot, 1.5, 20.0]) + generator.normal(0, 0.3, 3)
    return {
        "frame": frame,
        "line": line,
        "type": name,
        "truncation": float(generator.choice([0, 0.15, 0.3, 0.5, 0.6])),
        "occlusion": float(generator.integers(4)),
        "alpha": generator.uniform(-3, 3),
        "box": [left, top, left + width, top + height],
        "box3d": [*sizes, *middle, generator.choice([-1.5, 0.1, 1.6]) + generator.normal(0, 0.05)],
        "score": 1.0,
    }


def _near(generator: np.random.Generator, row: dict[str, Any]) -> dict[str, Any]:
    near = dict(row)
    near["type"] = row["type"] if generator.random() < 0.8 else str(generator.choice(["Car", "Cyclist"]))
    if near["type"] == "DontCare":
        near["type"] = "Pedestrian"
    if row["type"] == "DontCare" and generator.random() < 0.7:
        near["box3d"] = _random_row(generator, 0, 0, "Car")["box3d"]
    else:
        near["box3d"] = (np.array(row["box3d"]) + generator.normal(0, 0.12, 7)).tolist()
        near["box3d"][:3] = row["box3d"][:3]
    moved = np.array(row["box"]) + generator.choice([-5, 0, 0, 0, 1], 4)
    near["box"] = moved.tolist()
    near["alpha"] = row["alpha"] + generator.normal(0, 0.5)
    near["score"] = round(float(generator.random()), 1)
    return near


def as_objects(frames: tuple[str, ...], rows: list[dict[str, Any]]) -> KittiObjects:
    """Rows as `KittiObjects`."""
    return KittiObjects(
        frames=frames,
        frame=np.array([row["frame"] for row in rows], dtype=np.int64),
        lines=np.array([row["line"] for row in rows], dtype=np.int64),
        types=np.array([row["type"] for row in rows], dtype=str),
        truncation=np.array([row["truncation"] for row in rows], dtype=np.float64),
        occlusion=np.array([row["occlusion"] for row in rows], dtype=np.float64),
        alpha_rad=np.array([row["alpha"] for row in rows], dtype=np.float64),
        boxes=np.array([row["box"] for row in rows], dtype=np.float64).reshape(-1, 4),
        boxes3d=np.array([row["box3d"] for row in rows], dtype=np.float64).reshape(-1, 7),
        scores=np.array([row["score"] for row in rows], dtype=np.float64),
    )
