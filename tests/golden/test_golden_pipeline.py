"""From an image file to final boxes: our detector against the steps of the original.

The steps are reimplemented here in plain numpy, from their description. `test_golden_preprocess`,
`test_golden_networks`, `test_golden_decode` and `test_golden_tta` compare each with the original.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from tests.helpers.seeded_networks import build, load_seeded

from centernet.detector import CenterNet
from centernet.geometry.resize import Letterbox
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.weights import files as weights

MEAN, STD = (0.40789654, 0.44719302, 0.47026115), (0.28863828, 0.27408164, 0.27809835)
SIDE, TOP_K = 256, 100
OPTIONS: dict[str, dict[str, object]] = {
    "fit": {},
    "keep": {"resize": "keep"},
    "fit, flip": {"flip": True},
    "keep, flip": {"resize": "keep", "flip": True},
    "fit, one smaller scale": {"scales": (0.75,)},
    "fit, soft-NMS": {"nms": "gaussian", "exact": True},
    "fit, scales": {"scales": (0.5, 1.0, 1.5), "exact": True},
    "keep, scales, flip": {"resize": "keep", "scales": (0.5, 1.25), "flip": True, "exact": True},
}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> CenterNet:
    """ResNet-18 of the original with seeded weights, whose heatmaps have scores over the whole range."""
    network = build("res_18").eval()
    load_seeded(network, "res_18")
    predictor = TorchPredictor(
        network=network,
        task=Detect(num_classes=80),
        categories=Categories.of(*(f"class{i}" for i in range(80))),
        rule=Letterbox(height=SIDE, width=SIDE),
        normalize=Normalize(mean=MEAN, std=STD, bgr=True),
        architecture=Architecture(backbone="resnet18"),
    )
    return CenterNet(weights.save(predictor, tmp_path_factory.mktemp("weights")), device="cpu")


@pytest.fixture(scope="module", params=["A", "B"])
def image_file(
    request: pytest.FixtureRequest, golden_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Image A of 240×320 pixels, B of 333×250."""
    bgr = np.load(golden_folder / "preprocess.npz")[f"img_{request.param}"]
    path = tmp_path_factory.mktemp("images") / "image.png"
    Image.fromarray(np.ascontiguousarray(bgr[..., ::-1])).save(path)
    return path


Window = tuple[np.ndarray, float, tuple[int, int]]
"""Middle `(x, y)`, width, and input size `(height, width)`."""


def preprocess(bgr: np.ndarray, scale: float, keep: bool) -> tuple[np.ndarray, Window]:
    """Network input `(1 3 h w)`, and its crop of the scaled image."""
    height, width = bgr.shape[:2]
    rows, columns = int(height * scale), int(width * scale)
    if keep:
        size = ((rows | 31) + 1, (columns | 31) + 1)
        center, side = np.array([columns // 2, rows // 2]), float(size[1])
    else:
        size = (SIDE, SIDE)
        center, side = np.array([columns / 2, rows / 2]), float(max(height, width))
    factor = size[1] / side
    matrix = np.array(
        [[factor, 0, size[1] / 2 - factor * center[0]], [0, factor, size[0] / 2 - factor * center[1]]]
    )
    pixels = cv2.warpAffine(cv2.resize(bgr, (columns, rows)), matrix, (size[1], size[0]))
    normalized = (pixels / 255.0 - MEAN) / STD
    return normalized.transpose(2, 0, 1)[None].astype(np.float32), (center, side, size)


def maps_of(network: Network, pixels: np.ndarray, flip: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities `(c h w)`, sizes and offsets `(2 h w)` of one image."""
    both = np.concatenate([pixels, pixels[..., ::-1]]) if flip else pixels
    with torch.inference_mode():
        maps = {
            name: value.double().numpy() for name, value in network(torch.from_numpy(both.copy()))[-1].items()
        }
    heat, size = 1 / (1 + np.exp(-maps["heatmap"])), maps["size"]
    if flip:
        heat, size = (value[:1] / 2 + value[1:, ..., ::-1] / 2 for value in (heat, size))
    return heat[0], size[0], maps["offset"][0]


def detections_in_cells(heat: np.ndarray, size: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Rows `(x1, y1, x2, y2, score, label)` of the highest scores over all classes."""
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).max(axis=(3, 4))
    label, y, x = np.nonzero(heat == around)
    best = np.argsort(-heat[label, y, x])[:TOP_K]
    label, y, x = label[best], y[best], x[best]
    center = np.stack([x, y], axis=1) + offset[:, y, x].T
    half = size[:, y, x].T / 2
    return np.column_stack([center - half, center + half, heat[label, y, x], label])


def in_image(table: np.ndarray, window: Window, scale: float) -> np.ndarray:
    """The same rows with corners in image pixels."""
    center, side, (height, width) = window
    middle = np.array([width / 4, height / 4]) / 2
    corners = (table[:, :4].reshape(-1, 2, 2) - middle) * side / (width / 4) + center
    # Corners are sorted, since seeded weights give negative sizes too.
    corners = np.sort(corners / scale, axis=1)
    return np.column_stack([corners.reshape(-1, 4), table[:, 4:]])


def suppressed(table: np.ndarray) -> np.ndarray:
    """Gaussian soft-NMS of one class, pair by pair, in an array that keeps its length."""
    table, end = table.copy(), len(table)
    for place in range(len(table)):
        if place >= end:
            break
        best = place + int(table[place:end, 4].argmax())
        table[[place, best]] = table[[best, place]]
        other = place + 1
        while other < end:
            one, two = table[place], table[other]
            across, down = np.minimum(one[2:4], two[2:4]) - np.maximum(one[:2], two[:2]) + 1
            if across > 0 and down > 0:
                areas = [float(np.prod(box[2:4] - box[:2] + 1)) for box in (one, two)]
                iou = across * down / (sum(areas) - across * down)
                table[other, 4] *= np.exp(-(iou**2) / 0.5)
                if table[other, 4] < 0.001:
                    table[other] = table[end - 1]
                    end -= 1
                    continue
            other += 1
    return table


def original(
    network: Network, bgr: np.ndarray, *, keep: bool, flip: bool, scales: Sequence[float], soft_nms: bool
) -> np.ndarray:
    """Final rows `(x1, y1, x2, y2, score, label)`, clipped to the image."""
    found = []
    for scale in scales:
        pixels, window = preprocess(bgr, scale, keep)
        found.append(in_image(detections_in_cells(*maps_of(network, pixels, flip)), window, scale))
    table = np.concatenate(found)
    if soft_nms or len(scales) > 1:
        table = np.concatenate([suppressed(table[table[:, 5] == label]) for label in np.unique(table[:, 5])])
    if len(table) > TOP_K:
        table = table[table[:, 4] >= np.sort(table[:, 4])[-TOP_K]]
    height, width = bgr.shape[:2]
    table[:, :4] = table[:, :4].clip(0, [width, height] * 2)
    return table


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Largest distance of a row of `first` from its nearest row of `second`; near ties come in any order."""
    return float(np.abs(first[:, None] - second).max(axis=2).min(axis=1).max())


@pytest.mark.parametrize("name", OPTIONS)
def test_golden_boxes_of_an_image_file(detector: CenterNet, image_file: Path, name: str) -> None:
    options = dict(OPTIONS[name])
    (found,) = detector.predict(image_file, conf=0.0, **options)
    network = detector.predictor.network
    bgr = cv2.imread(str(image_file))
    expected = original(
        network,
        bgr,
        keep=options.get("resize") == "keep",
        flip=bool(options.get("flip")),
        scales=options.get("scales", (1.0,)),
        soft_nms=bool(options.get("nms")),
    )
    ours = np.column_stack([found.boxes, found.scores, found.labels])

    assert len(ours) == len(expected) >= TOP_K
    assert distance(ours, expected) < 1e-2
    assert distance(expected, ours) < 1e-2
    assert found.scores == pytest.approx(np.sort(expected[:, 4])[::-1], abs=1e-5)
