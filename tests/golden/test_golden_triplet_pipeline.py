"""From an image to final boxes by keypoint triplets: our predictor against the steps of the original.

The steps are reimplemented here in plain Python, from their description. `test_golden_triplet` and
`test_golden_triplet_softnms` compare pairs, centres and soft-NMS with the output of the original.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from centernet.geometry.resize import PadBelowMultiple
from centernet.inference.options import InferenceOptions
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture, build_backbone
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.protocols import Maps
from centernet.structures import Categories
from centernet.structures.sample import sample_of
from centernet.tasks.triplet.task import Triplet

MEAN, STD = (0.40789654, 0.44719302, 0.47026115), (0.28863828, 0.27408164, 0.27809835)
POINTS = ("top_left", "bottom_right", "center")
TOP_K, TAG_DISTANCE, MAX_PAIRS = 70, 0.5, 1000
ALL_SCALES = (0.6, 1.0, 1.2)
TALL, ODD, EXACT = (301, 421), (250, 333), (255, 383)
"""Image sizes, rows and columns; those of the last are 127 mod 128."""


class Noisy(Network):
    """One seeded convolution of the pixels, with many corners, centres and pairs.

    It restores the integer pixel values of its input: small differences in normalisation do not matter.

    Args:
        classes: Number of classes with different heatmaps.
        twins: Repeat every class with the same heatmap.
        tag_spread: Scale of the tags; at 0 all are equal.
    """

    def __init__(self, classes: int = 3, twins: bool = False, tag_spread: float = 0.3) -> None:
        super().__init__(build_backbone("timm/resnet10t", channels=16), {})
        kernel = np.random.default_rng(5).standard_normal((3 * classes + 8, 3, 7, 7))
        kernel -= kernel.mean(axis=(2, 3), keepdims=True)
        self.kernel = torch.from_numpy(kernel)
        self.classes, self.twins, self.tag_spread = classes, twins, tag_spread

    def last_maps(self, images: Tensor, *, at_cells: bool = False) -> Maps:
        del at_cells
        mean, std = (torch.tensor(value, dtype=torch.float64).view(3, 1, 1) for value in (MEAN, STD))
        pixels = ((images.double() * std + mean) * 255).round()
        found = F.conv2d(pixels, self.kernel, stride=4, padding=3)
        found = (found / found.std(dim=(2, 3), keepdim=True)).float()
        heatmaps, tags, offsets = found.split([3 * self.classes, 2, 6], dim=1)
        maps = {}
        for i, name in enumerate(POINTS):
            heatmap = 1.2 * heatmaps[:, i * self.classes : (i + 1) * self.classes] - 3
            maps[f"{name}_heatmap"] = torch.cat([heatmap, heatmap], dim=1) if self.twins else heatmap
            maps[f"{name}_offset"] = 0.5 + offsets[:, 2 * i : 2 * i + 2]
            if name != "center":
                maps[f"{name}_tag"] = self.tag_spread * tags[:, i : i + 1]
        return maps


NOISY = Noisy()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules of the original, each of which a test changes to see that it matters."""

    drops_last: bool = True
    max_pairs: int = MAX_PAIRS
    flip_shift: int = 0
    margin: float = 5.0
    all_centers: bool = False
    first_center: bool = True
    largest_small: float = 150.0**2
    leftovers: bool = True
    keeps_corner_places: bool = True
    ties: bool = True


RULES = Rules()

Row = list[float]
"""`x1, y1, x2, y2, score, score of the top-left corner, of the bottom-right one, class`."""

Center = tuple[float, float, int, float]
"""`x, y, class, score`."""


def make_image(size: tuple[int, int]) -> np.ndarray:
    """Blobs of random colours, most of them dark like the padding."""
    rows, columns = size
    blobs = 255 * np.random.default_rng(7).random((rows // 4, columns // 4, 3)) ** 3
    return cv2.resize(blobs.astype(np.uint8), (columns, rows))


class Placement(NamedTuple):
    """Placement of an image on an input: its left and top border, its size, and cells for each pixel."""

    left: int
    top: int
    width: int
    height: int
    across: float
    down: float


def padded(bgr: np.ndarray, scale: float, drops_last: bool) -> tuple[np.ndarray, Placement]:
    """Network input `(1 3 h w)`, and the placement of the image on it."""
    size = (int(bgr.shape[0] * scale), int(bgr.shape[1] * scale))
    scaled = cv2.resize(bgr, (size[1], size[0]))
    pixels = np.zeros((size[0] | 127, size[1] | 127, 3))
    border, sources, targets = [], [], []
    for side, input_side in zip(size, pixels.shape, strict=False):
        first = max(0, side // 2 - input_side // 2)
        last = min(side, side // 2 + input_side // 2) if drops_last else side
        start = input_side // 2 - (side // 2 - first)
        border.append(start)
        sources.append(slice(first, last))
        targets.append(slice(start, start + last - first))
    pixels[tuple(targets)] = scaled[tuple(sources)]
    normalized = (pixels / 255 - MEAN) / STD
    down, across = ((side + 1) // 4 / side for side in pixels.shape[:2])
    placement = Placement(border[1], border[0], size[1], size[0], across, down)
    return normalized.transpose(2, 0, 1)[None].astype(np.float32), placement


def best_peaks(logits: np.ndarray, offset: np.ndarray) -> list[tuple[float, float, int, float, int, int]]:
    """`x, y, class, score, row, column` of the peaks with the highest scores over all classes, in order."""
    heat = 1 / (1 + np.exp(-logits))
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    rows, columns = heat.shape[1:]
    largest = np.max([padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)
    label, y, x = np.nonzero(heat == largest)
    best = np.argsort(-heat[label, y, x], kind="stable")[:TOP_K]
    found = []
    for c, i, j in zip(label[best].tolist(), y[best].tolist(), x[best].tolist(), strict=True):
        found.append((j + float(offset[0, i, j]), i + float(offset[1, i, j]), c, float(heat[c, i, j]), i, j))
    return found


def pairs_and_centers(maps: dict[str, np.ndarray], max_pairs: int) -> tuple[list[Row], list[Center]]:
    """All pairs of corners and all centres in the maps of one input, in cells."""
    firsts, lasts, centers = (best_peaks(maps[f"{name}_heatmap"], maps[f"{name}_offset"]) for name in POINTS)
    rows = []
    for x1, y1, label, first_score, i1, j1 in firsts:
        for x2, y2, other_label, last_score, i2, j2 in lasts:
            apart = abs(maps["top_left_tag"][0, i1, j1] - maps["bottom_right_tag"][0, i2, j2])
            if label == other_label and apart <= TAG_DISTANCE and x2 >= x1 and y2 >= y1:
                # In 32 bits here and below, so that almost equal scores have the same order.
                score = float(np.float32(first_score + last_score)) / 2
                rows.append([x1, y1, x2, y2, score, first_score, last_score, float(label)])
    rows.sort(key=lambda row: -row[4])
    return rows[:max_pairs], [center[:4] for center in centers]


@cache
def pairs_and_centers_at(
    network: Network, size: tuple[int, int], scale: float, flip: bool, drops_last: bool, max_pairs: int
) -> tuple[Placement, int, list[tuple[list[Row], list[Center]]]]:
    """Placement of the image, columns of the maps, and pairs and centres of the image and its flip."""
    pixels, placement = padded(make_image(size), scale, drops_last)
    both = np.concatenate([pixels, pixels[..., ::-1]]) if flip else pixels
    with torch.inference_mode():
        maps = {name: v.numpy() for name, v in network.last_maps(torch.from_numpy(both.copy())).items()}
    per_image = [{name: value[i] for name, value in maps.items()} for i in range(len(both))]
    return (
        placement,
        maps["center_heatmap"].shape[3],
        [pairs_and_centers(one, max_pairs) for one in per_image],
    )


def detections_at_scale(
    network: Network, size: tuple[int, int], scale: float, flip: bool, rules: Rules
) -> tuple[list[Row], list[Center]]:
    """Pairs and centres at one scale, in image pixels."""
    placement, columns, per_image = pairs_and_centers_at(
        network, size, scale, flip, rules.drops_last, rules.max_pairs
    )
    left, top, width, height, across, down = placement
    found: list[Row] = []
    centers: list[Center] = []
    for i, (pairs, points) in enumerate(per_image):
        for x1, y1, x2, y2, *rest in pairs:
            if i == 1:
                x1, x2 = columns - rules.flip_shift - x2, columns - rules.flip_shift - x1
            x1, x2, y1, y2 = x1 / across - left, x2 / across - left, y1 / down - top, y2 / down - top
            if min(x1, y1) <= -rules.margin or x2 >= width + rules.margin or y2 >= height + rules.margin:
                continue
            x1, x2 = (min(max(x, 0.0), width) / scale for x in (x1, x2))
            y1, y2 = (min(max(y, 0.0), height) / scale for y in (y1, y2))
            found.append([x1, y1, x2, y2, *rest])
        for x, y, label, score in points:
            x = columns - rules.flip_shift - x if i == 1 else x
            centers.append(((x / across - left) / scale, (y / down - top) / scale, label, score))
    return found, centers


def confirmed(row: Row, centers: Sequence[Center], rules: Rules) -> Row | None:
    """The pair with its new score, if a centre lies in its central region."""
    x1, y1, x2, y2, score, first_score, last_score, label = row
    parts = 3 if (x2 - x1) * (y2 - y1) <= rules.largest_small else 5
    before, after = parts // 2, parts // 2 + 1
    left, right = (after * x1 + before * x2) / parts, (before * x1 + after * x2) / parts
    top, bottom = (after * y1 + before * y2) / parts, (before * y1 + after * y2) / parts
    inside = [s for x, y, c, s in centers if c == label and left < x < right and top < y < bottom]
    if not inside:
        return None
    center = inside[0] if rules.first_center else max(inside)
    mean = float((2 * np.float32(score) + np.float32(center)) / np.float32(3))
    return [x1, y1, x2, y2, mean, first_score, last_score, label]


def factor_of(iou: float, method: str) -> float:
    """Factor by which a more confident box multiplies the score."""
    if method == "gaussian":
        return math.exp(-(iou**2) / 0.5)
    return 1.0 if iou <= 0.5 else {"linear": 1 - iou, "hard": 0.0}[method]


def suppressed(rows: Sequence[Row], method: str, merge: float, rules: Rules) -> list[Row]:
    """Soft-NMS of one class in an array that keeps its length, most confident first."""
    table = [row[:5] for row in rows]
    corners = [row[5:7] for row in rows]
    end = len(table)
    for place in range(len(table)):
        if place >= end:
            break
        best = max(range(place, end), key=lambda i: table[i][4])
        table[place], table[best] = table[best], table[place]
        if not rules.keeps_corner_places:
            corners[place], corners[best] = corners[best], corners[place]
        x1, y1, x2, y2, _ = table[place]
        area = (x2 - x1 + 1) * (y2 - y1 + 1)
        first_weight, last_weight = corners[place]
        sums = [x1 * first_weight, y1 * first_weight, x2 * last_weight, y2 * last_weight]
        other = place + 1
        while other < end:
            a1, b1, a2, b2, score = table[other]
            across, down = min(x2, a2) - max(x1, a1) + 1, min(y2, b2) - max(y1, b1) + 1
            if across > 0 and down > 0:
                iou = across * down / (area + (a2 - a1 + 1) * (b2 - b1 + 1) - across * down)
                factor = factor_of(iou, method)
                weight = (1 - factor) ** merge
                first, last = corners[other][0] * weight, corners[other][1] * weight
                sums = [
                    s + v for s, v in zip(sums, (a1 * first, b1 * first, a2 * last, b2 * last), strict=True)
                ]
                first_weight, last_weight = first_weight + first, last_weight + last
                table[other] = [a1, b1, a2, b2, score * factor]
                if score * factor < 0.001:
                    end -= 1
                    table[other] = [*table[end]]
                    if not rules.keeps_corner_places:
                        corners[other] = corners[end]
                    continue
            other += 1
        if merge:
            weights = [first_weight, first_weight, last_weight, last_weight]
            table[place][:4] = [s / w for s, w in zip(sums, weights, strict=True)]
    return table if rules.leftovers else table[:end]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, an image size and inference options."""

    network: Noisy = NOISY
    size: tuple[int, int] = TALL
    flip: bool = True
    scales: tuple[float, ...] = (1.0,)
    nms: str = "gaussian"
    merge: float = 0.0
    max_detections: int = 100

    def original(self, rules: Rules = RULES) -> np.ndarray:
        """Final rows `(x1, y1, x2, y2, score, class)` of the steps above."""
        rows = []
        for label, kept in self.confirmed(rules).items():
            rows += [[*row, label] for row in suppressed(kept, self.nms, self.merge, rules)]
        table = np.array(rows)
        table = table[np.argsort(-table[:, 4], kind="stable")]
        lowest = table[min(self.max_detections, len(table)) - 1, 4]
        return table[table[:, 4] >= lowest] if rules.ties else table[: self.max_detections]

    def confirmed(self, rules: Rules = RULES) -> dict[float, list[Row]]:
        """Pairs with a centre by class, most confident first."""
        pairs, centers = [], []
        for scale in self.scales:
            found, points = detections_at_scale(self.network, self.size, scale, self.flip, rules)
            pairs += found
            centers += points if scale == 1 or rules.all_centers else []
        kept = [row for pair in pairs if (row := confirmed(pair, centers, rules))]
        kept.sort(key=lambda row: -row[4])
        return {label: [row for row in kept if row[7] == label] for label in sorted({row[7] for row in kept})}

    def ours(self) -> np.ndarray:
        """The same rows of our predictor."""
        classes = 2 * self.network.classes if self.network.twins else self.network.classes
        predictor = TorchPredictor(
            network=self.network,
            task=Triplet(num_classes=classes, top_k=self.max_detections),
            categories=Categories.of(*(f"class{i}" for i in range(classes))),
            rule=PadBelowMultiple(),
            normalize=Normalize(mean=MEAN, std=STD, bgr=True),
            architecture=Architecture(backbone="timm/resnet10t"),
        )
        sample = sample_of(np.ascontiguousarray(make_image(self.size)[..., ::-1]), "image")
        inference = InferenceOptions(
            flip=self.flip, scales=self.scales, nms=self.nms, exact=True, merge_boxes=self.merge
        )
        (found,) = predictor.detect([sample], inference)
        return np.column_stack([found.boxes, found.scores, found.labels])


CASES = {
    "one scale": Case(flip=False),
    "flip": Case(),
    "flip, merged": Case(merge=10.0),
    "scales": Case(scales=ALL_SCALES),
    "scales, all boxes": Case(scales=ALL_SCALES, max_detections=1000),
    "scales, merged": Case(scales=ALL_SCALES, merge=10.0),
    "scales, all boxes merged": Case(scales=ALL_SCALES, merge=10.0, max_detections=1000),
    "other sides, scales": Case(size=ODD, scales=ALL_SCALES),
    "sides of 127 mod 128": Case(size=EXACT),
    "sides of 127 mod 128, scales": Case(size=EXACT, scales=ALL_SCALES),
    "linear": Case(size=EXACT, nms="linear", merge=6.0),
    "hard": Case(size=EXACT, nms="hard"),
    "one class": Case(network=Noisy(classes=1, tag_spread=0.0), flip=False),
    "ties": Case(network=Noisy(twins=True), max_detections=25),
}


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "the last row and column are dropped": ("sides of 127 mod 128", {"drops_last": False}),
    "a maximum number of pairs": ("one class", {"max_pairs": 5000}),
    "flipped x is width minus x": ("flip", {"flip_shift": 1}),
    "too far outside": ("scales", {"margin": math.inf}),
    "centres of scale 1 alone": ("scales", {"all_centers": True}),
    "the first centre": ("flip", {"first_center": False}),
    "thirds of small boxes": ("scales", {"largest_small": 0.0}),
    "fifths of large boxes": ("scales", {"largest_small": math.inf}),
    "leftovers": ("flip", {"leftovers": False}),
    "leftovers at their full score": ("hard", {"leftovers": False}),
    "leftovers of merged boxes": ("scales, all boxes merged", {"leftovers": False}),
    "corner scores that are not moved": ("scales, merged", {"keeps_corner_places": False}),
    "ties beyond the number asked for": ("ties", {"ties": False}),
}


def largest_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest distance of a row from the nearest of its class, in units of 1e-3 pixels or 1e-4 of score."""
    units = np.array([1e-3] * 4 + [1e-4, 1e-9])
    distances = np.abs((ours[:, None] - theirs) / units).max(axis=2)
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


@pytest.mark.parametrize("name", CASES)
def test_golden_boxes_of_keypoint_triplets(name: str) -> None:
    ours, theirs = CASES[name].ours(), CASES[name].original()

    assert len(ours) == len(theirs) > 25
    assert largest_error(ours, theirs) < 1
    assert ours[:, 4] == pytest.approx(theirs[:, 4], abs=1e-4)


@pytest.mark.parametrize("name", CHANGES)
def test_every_rule_of_the_original_changes_boxes_here(name: str) -> None:
    case, change = CHANGES[name]
    theirs, changed = CASES[case].original(), CASES[case].original(replace(RULES, **change))

    assert len(theirs) != len(changed) or largest_error(changed, theirs) > 100


def test_many_pairs_of_every_class_have_a_centre() -> None:
    kept = CASES["scales"].confirmed()
    areas = [(row[2] - row[0]) * (row[3] - row[1]) for rows in kept.values() for row in rows]

    assert [len(rows) > 40 for rows in kept.values()] == [True] * 3
    assert sum(area > 150**2 for area in areas) > 100
    assert sum(area <= 150**2 for area in areas) > 100
