"""Reimplementation of the algorithm of the released Objects as Points code, object by object.

The baseline of the benchmarks; `tests/benchmarks/test_benchmarks.py` compares it with golden data.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MEAN = np.array([0.40789654, 0.44719302, 0.47026115], dtype=np.float32)
STD = np.array([0.28863828, 0.27408164, 0.27809835], dtype=np.float32)
EIGENVALUES = np.array([0.2141788, 0.01817699, 0.00341571], dtype=np.float32)
EIGENVECTORS = np.array(
    [
        [-0.58752847, -0.69563484, 0.41340352],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.56089297, 0.71832671, 0.41158938],
    ],
    dtype=np.float32,
)
"""Eigenvectors of colours in BGR order, as the images."""


def radius_of(height: float, width: float, min_overlap: float = 0.7) -> float:
    total, area = height + width, width * height
    c1 = area * (1 - min_overlap) / (1 + min_overlap)
    c2 = (1 - min_overlap) * area
    c3 = (min_overlap - 1) * area
    r1 = (total + np.sqrt(total**2 - 4 * c1)) / 2
    r2 = (2 * total + np.sqrt((2 * total) ** 2 - 16 * c2)) / 2
    b3 = -2 * min_overlap * total
    r3 = (b3 + np.sqrt(b3**2 - 16 * min_overlap * c3)) / 2
    return min(r1, r2, r3)


def gaussian(radius: int) -> np.ndarray:
    sigma = (2 * radius + 1) / 6
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    values = np.exp(-(x * x + y * y) / (2 * sigma * sigma))
    values[values < np.finfo(values.dtype).eps * values.max()] = 0
    return values


def draw(heatmap: np.ndarray, x: int, y: int, radius: int) -> None:
    """Draws a Gaussian on one `(h w)` heatmap, in place; the larger value is kept."""
    values = gaussian(radius)
    height, width = heatmap.shape
    left, right = min(x, radius), min(width - x, radius + 1)
    top, bottom = min(y, radius), min(height - y, radius + 1)
    part = heatmap[y - top : y + bottom, x - left : x + right]
    visible = values[radius - top : radius + bottom, radius - left : radius + right]
    if min(visible.shape) > 0 and min(part.shape) > 0:
        np.maximum(part, visible, out=part)


def affine(center: np.ndarray, side: float, size: tuple[int, int]) -> np.ndarray:
    """`(2 3)` matrix that maps a crop to `size`, width first, computed from three pairs of points."""
    width, height = size
    source, target = np.zeros((3, 2), dtype=np.float32), np.zeros((3, 2), dtype=np.float32)
    source[0], target[0] = center, (width / 2, height / 2)
    source[1], target[1] = center + np.array([0, -side / 2]), (width / 2, height / 2 - width / 2)
    for points in (source, target):
        along = points[0] - points[1]
        points[2] = points[1] + np.array([-along[1], along[0]], dtype=np.float32)
    return cv2.getAffineTransform(source, target)


def move(point: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.dot(matrix, np.array([point[0], point[1], 1.0], dtype=np.float32))[:2]


def targets(
    boxes: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
    num_classes: int,
    size: tuple[int, int],
    max_objects: int = 128,
    flipped_width: int | None = None,
) -> dict[str, np.ndarray]:
    """Targets for boxes in image pixels, on a map of `size`, width first.

    Args:
        boxes: `(n 4)`, `(x1, y1, x2, y2)`.
        labels: `(n)`.
        matrix: Matrix from pixels of the (flipped) image to map pixels.
        num_classes: Number of classes.
        size: Map columns and rows.
        max_objects: Maximum number of objects; the rest are dropped.
        flipped_width: Width of the image, if it is flipped.
    """
    width, height = size
    out = {
        "heatmap": np.zeros((num_classes, height, width), dtype=np.float32),
        "size": np.zeros((max_objects, 2), dtype=np.float32),
        "offset": np.zeros((max_objects, 2), dtype=np.float32),
        "index": np.zeros(max_objects, dtype=np.int64),
        "mask": np.zeros(max_objects, dtype=np.uint8),
    }
    for k in range(min(len(boxes), max_objects)):
        box = boxes[k].astype(np.float32)
        if flipped_width is not None:
            box[[0, 2]] = flipped_width - box[[2, 0]] - 1
        box[:2], box[2:] = move(box[:2], matrix), move(box[2:], matrix)
        box[[0, 2]] = np.clip(box[[0, 2]], 0, width - 1)
        box[[1, 3]] = np.clip(box[[1, 3]], 0, height - 1)
        h, w = box[3] - box[1], box[2] - box[0]
        if h > 0 and w > 0:
            radius = max(0, int(radius_of(math.ceil(h), math.ceil(w))))
            center = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], dtype=np.float32)
            cell = center.astype(np.int32)
            draw(out["heatmap"][int(labels[k])], int(cell[0]), int(cell[1]), radius)
            out["size"][k] = w, h
            out["index"][k] = cell[1] * width + cell[0]
            out["offset"][k] = center - cell
            out["mask"][k] = 1
    return out


def decode(heatmap: Tensor, size: Tensor, offset: Tensor, top_k: int = 100) -> Tensor:
    """`(b k 6)` rows `x1 y1 x2 y2 score class` in cells, from probabilities."""
    batch, num_classes, height, width = heatmap.shape
    heatmap = _peaks(heatmap)
    class_scores, class_index = torch.topk(heatmap.view(batch, num_classes, -1), top_k)
    class_index = class_index % (height * width)
    scores, best = torch.topk(class_scores.view(batch, -1), top_k)
    labels = (best / top_k).int()
    index = class_index.view(batch, -1).gather(1, best)
    y, x = (index / width).int().float(), (index % width).int().float()
    moved, side = _gather(offset, index), _gather(size, index)
    x, y = x[..., None] + moved[..., :1], y[..., None] + moved[..., 1:]
    w, h = side[..., :1], side[..., 1:]
    boxes = torch.cat([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=2)
    return torch.cat([boxes, scores[..., None], labels[..., None].float()], dim=2)


def decode_pose(maps: dict[str, Tensor], top_k: int = 100, min_score: float = 0.1) -> tuple[Tensor, Tensor]:
    """Rows `x1 y1 x2 y2 score class` `(b k 6)`, and keypoints `(b k j 2)`, in cells.

    Args:
        maps: Probabilities `heatmap` and `keypoint_heatmap`, and `size`, `offset`, `keypoints`,
            `keypoint_offset`.
        top_k: Persons, and candidates for each keypoint.
        min_score: Minimum probability of candidates.
    """
    rows = decode(maps["heatmap"], maps["size"], maps["offset"], top_k)
    batch, num_keypoints, _, width = maps["keypoint_heatmap"].shape
    person = torch.topk(_peaks(maps["heatmap"]).view(batch, 1, -1), top_k)[1][:, 0]
    corner = torch.stack([person % width, person // width], dim=2)[:, :, None]
    arrows = _gather(maps["keypoints"], person).view(batch, top_k, num_keypoints, 2) + corner

    scores, cells = torch.topk(_peaks(maps["keypoint_heatmap"]).view(batch, num_keypoints, -1), top_k)
    moved = _gather(maps["keypoint_offset"], cells.view(batch, -1)).view(batch, num_keypoints, top_k, 2)
    points = torch.stack([cells % width, cells // width], dim=3) + moved
    is_candidate = (scores > min_score).float()
    points = (1 - is_candidate[..., None]) * -10000 + is_candidate[..., None] * points
    scores = (1 - is_candidate) * -1 + is_candidate * scores

    # Every regressed keypoint against every candidate: (b, keypoint, person, candidate, 2).
    tips = arrows.permute(0, 2, 1, 3)
    shape = (batch, num_keypoints, top_k, top_k, 2)
    distance = (tips[:, :, :, None].expand(shape) - points[:, :, None].expand(shape)).pow(2).sum(4).sqrt()
    distance, nearest = distance.min(3, keepdim=True)
    best = points.gather(2, nearest.expand(*nearest.shape[:3], 2))
    score = scores.gather(2, nearest[..., 0])[..., None]
    left, top, right, bottom = (rows[:, None, :, side, None] for side in range(4))
    x, y = best[..., :1], best[..., 1:]
    refused = (x < left) | (x > right) | (y < top) | (y > bottom) | (score < min_score)
    refused = (refused | (distance > torch.maximum(bottom - top, right - left) * 0.3)).float()
    return rows, ((1 - refused) * best + refused * tips).permute(0, 2, 1, 3)


def to_image_pose(rows: np.ndarray, keypoints: np.ndarray, image_size: tuple[int, int]) -> list[np.ndarray]:
    """Persons `x1 y1 x2 y2 score x y x y ...` in image pixels, point by point.

    Args:
        rows: `(k 6)`, in cells of a square map of 128.
        keypoints: `(k j 2)`, in cells.
        image_size: Width and height of the image.
    """
    center = np.array(image_size, dtype=np.float32) / 2
    back = cv2.invertAffineTransform(affine(center, float(max(image_size)), (128, 128)))
    persons = []
    for row, points in zip(rows, keypoints, strict=True):
        box = np.concatenate([move(row[:2], back), move(row[2:4], back)])
        moved = np.concatenate([move(point, back) for point in points])
        persons.append(np.concatenate([box, row[4:5], moved]))
    return persons


def decode_boxes3d(maps: dict[str, Tensor], top_k: int = 100) -> Tensor:
    """Rows `x y score`, eight of the heading, depth, three sizes in metres, two in cells, class `(b k 18)`.

    Args:
        maps: Probabilities `heatmap`, metres `depth`, and `offset`, `size`, `size3d`, `heading`.
        top_k: Detections.
    """
    batch, num_classes, height, width = maps["heatmap"].shape
    class_scores, class_index = torch.topk(_peaks(maps["heatmap"]).view(batch, num_classes, -1), top_k)
    scores, best = torch.topk(class_scores.view(batch, -1), top_k)
    labels, index = (best / top_k).int(), (class_index % (height * width)).view(batch, -1).gather(1, best)
    corner = torch.stack([index % width, index // width], dim=2)
    center = corner + _gather(maps["offset"], index)
    rows = [center, scores[..., None]]
    rows += [_gather(maps[name], index) for name in ("heading", "depth", "size3d", "size")]
    return torch.cat([*rows, labels[..., None].float()], dim=2)


def place_boxes3d(
    rows: np.ndarray, camera: np.ndarray, image_size: tuple[int, int], cells: tuple[int, int]
) -> np.ndarray:
    """Rows class, alpha, 2D box, 3D size, location, heading, score `(k 14)`, object by object.

    Args:
        rows: `(k 18)` of `decode_boxes3d`.
        camera: Projection matrix, metres to image pixels.
        image_size: Width and height of the image.
        cells: Columns and rows of the map.
    """
    center = np.array(image_size, dtype=np.float32) / 2
    back = cv2.invertAffineTransform(affine(center, float(image_size[0]), cells))
    found = []
    for row in rows:
        place, sides = move(row[:2], back), move(row[15:17], back)
        rot, depth, size = row[3:11], row[11], row[12:15]
        first = rot[1] > rot[5]
        alpha = np.arctan2(rot[2], rot[3]) - np.pi / 2 if first else np.arctan2(rot[6], rot[7]) + np.pi / 2
        z = depth - camera[2, 3]
        x = (place[0] * depth - camera[0, 3] - camera[0, 2] * z) / camera[0, 0]
        y = (place[1] * depth - camera[1, 3] - camera[1, 2] * z) / camera[1, 1]
        turn = alpha + np.arctan2(place[0] - camera[0, 2], camera[0, 0])
        turn = turn - 2 * np.pi if turn > np.pi else turn + 2 * np.pi if turn < -np.pi else turn
        box = [*(place - sides / 2), *(place + sides / 2)]
        found.append([row[17], alpha, *box, *size, x, y + size[0] / 2, z, turn, row[2]])
    return np.array(found, dtype=np.float32)


def _peaks(heatmap: Tensor) -> Tensor:
    return heatmap * (F.max_pool2d(heatmap, 3, stride=1, padding=1) == heatmap).float()


def _gather(maps: Tensor, index: Tensor) -> Tensor:
    rows = maps.permute(0, 2, 3, 1).contiguous().view(maps.shape[0], -1, maps.shape[1])
    return rows.gather(1, index[..., None].expand(-1, -1, maps.shape[1]))


def preprocess(
    image: np.ndarray,
    size: tuple[int, int] = (512, 512),
    mean: np.ndarray = MEAN,
    std: np.ndarray = STD,
) -> Tensor:
    """`(1 3 h w)` input of `size`, width first, with the whole BGR image centred."""
    height, width = image.shape[:2]
    # The original resizes to the test scale first; at scale 1 that copies the image.
    image = cv2.resize(image, (width, height))
    center = np.array([width / 2, height / 2], dtype=np.float32)
    matrix = affine(center, float(max(height, width)), size)
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    scaled = ((warped / 255.0 - mean) / std).astype(np.float32)
    return torch.from_numpy(scaled.transpose(2, 0, 1).reshape(1, 3, size[1], size[0]))


def brightness(image: np.ndarray, factor: float) -> None:
    image *= factor


def blend(image: np.ndarray, factor: float, other: np.ndarray | float) -> None:
    """`other` is the mean grey for contrast, the grey image for saturation."""
    image *= factor
    image += other * (1 - factor)


def lighting(image: np.ndarray, shifts: np.ndarray) -> None:
    image += np.dot(EIGENVECTORS, EIGENVALUES * shifts).astype(np.float32)


def jitter(image: np.ndarray, rng: np.random.Generator) -> None:
    """Random colours of a BGR image from 0 to 1, in place."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    mean_grey = float(grey.mean())
    for kind in rng.permutation(3):
        factor = 1 + rng.uniform(-0.4, 0.4)
        if kind == 0:
            brightness(image, factor)
        elif kind == 1:
            blend(image, factor, mean_grey)
        else:
            blend(image, factor, grey[:, :, None])
    lighting(image, rng.normal(scale=0.1, size=3))


def border_of(border: int, size: int) -> int:
    part = 1
    while size - border // part <= border // part:
        part *= 2
    return border // part


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Random numbers of one training sample, except those of the colours."""

    scale: float
    center: tuple[float, float]
    flip: bool

    @classmethod
    def of(cls, image: np.ndarray, rng: np.random.Generator) -> "Draws":
        height, width = image.shape[:2]
        x_border, y_border = border_of(128, width), border_of(128, height)
        return cls(
            scale=float(rng.choice(np.arange(0.6, 1.4, 0.1))),
            center=(
                float(rng.integers(x_border, width - x_border)),
                float(rng.integers(y_border, height - y_border)),
            ),
            flip=bool(rng.random() < 0.5),
        )


def sample(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    draws: Draws,
    rng: np.random.Generator | None = None,
    size: tuple[int, int] = (512, 512),
) -> dict[str, np.ndarray]:
    """The input and its targets, from a BGR image as read.

    Args:
        image: `(h w 3)`.
        boxes: `(n 4)`, image pixels.
        labels: `(n)`.
        num_classes: Number of classes.
        draws: Crop and flip.
        rng: Random generator of the colours; None keeps them.
        size: Input columns and rows.
    """
    height, width = image.shape[:2]
    center, side = np.array(draws.center, dtype=np.float32), max(height, width) * draws.scale
    if draws.flip:
        image = image[:, ::-1, :]
        center[0] = width - center[0] - 1
    warped = cv2.warpAffine(image, affine(center, side, size), size, flags=cv2.INTER_LINEAR)
    scaled = warped.astype(np.float32) / 255.0
    if rng is not None:
        jitter(scaled, rng)
    scaled = ((scaled - MEAN) / STD).transpose(2, 0, 1)
    map_size = (size[0] // 4, size[1] // 4)
    flipped_width = width if draws.flip else None
    encoded = targets(
        boxes, labels, affine(center, side, map_size), num_classes, map_size, flipped_width=flipped_width
    )
    return {"input": scaled, **encoded}
