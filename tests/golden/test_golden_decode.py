"""Peaks, detections and boxes in image pixels of the original program."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.helpers.detection_rows import detection_rows

from centernet.geometry.affine import crop_to_input, transform_boxes
from centernet.geometry.resize import Letterbox, PadToMultiple
from centernet.ops.peaks import find_peaks, is_peak
from centernet.structures import View
from centernet.tasks.detect import Detect


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Everything in `decode.npz`."""
    return dict(np.load(golden_folder / "decode.npz"))


def test_golden_local_maxima(golden: dict[str, np.ndarray]) -> None:
    heatmap = torch.from_numpy(golden["ct_heat"])

    # The heatmap has a plateau of two cells; both survive.
    assert (heatmap * is_peak(heatmap)).numpy() == pytest.approx(golden["nms3"], abs=0)


def test_golden_top_peaks(golden: dict[str, np.ndarray]) -> None:
    peaks = find_peaks(torch.from_numpy(golden["ct_heat"]), 100)
    ours = torch.cat([peaks.labels[..., None], peaks.cells[..., 1:]], dim=2).numpy()
    theirs = np.stack([golden["topk_cls"], golden["topk_y"], golden["topk_x"]], axis=2)

    assert (peaks.values.numpy() == golden["topk_score"]).all()
    for our_peaks, their_peaks, scores in zip(
        ours.tolist(), theirs.astype(int).tolist(), golden["topk_score"], strict=True
    ):
        # Equal scores come in any order; of those at the end of the list, any may be kept.
        above = int((scores > scores[-1]).sum())
        assert sorted(our_peaks[:above]) == sorted(their_peaks[:above])


@pytest.mark.parametrize(("name", "top_k"), [("ct_dets", 100), ("ct_dets_K10", 10)])
def test_golden_detections(golden: dict[str, np.ndarray], name: str, top_k: int) -> None:
    maps = {
        # The original decodes probabilities, ours logits: the order is the same.
        "heatmap": torch.logit(torch.from_numpy(golden["ct_heat"]).double()).float(),
        "size": torch.from_numpy(golden["ct_wh"]),
        "offset": torch.from_numpy(golden["ct_reg"]),
    }
    found = Detect(num_classes=8, top_k=top_k).decode(maps, stride=1)

    for i, expected in enumerate(golden[name]):
        ours = detection_rows(*(found[key][i].numpy() for key in ("boxes", "scores", "labels")))
        assert ours == pytest.approx(
            detection_rows(expected[:, :4], expected[:, 4], expected[:, 5]), abs=1e-4
        )


@pytest.mark.parametrize("name", ["fix", "keep"])
def test_golden_post_process(golden_folder: Path, name: str) -> None:
    golden = dict(np.load(golden_folder / "postprocess.npz"))
    x, y = golden["c"].tolist()
    height, width = (4 * golden[f"out_hw_{name}"]).tolist()
    input_from_image = crop_to_input((x, y), float(np.ravel(golden[f"s_{name}"])[0]), (height, width))
    view = View(
        name="image", image_size=(427, 640), input_size=(height, width), input_from_image=input_from_image
    )
    in_cells = golden["ct_dets_in"]
    boxes = transform_boxes(view.image_from_input, 4 * in_cells[..., :4].reshape(-1, 4).astype(np.float64))
    image, labels, scores = np.repeat([0, 1], 100), in_cells[..., 5].ravel(), in_cells[..., 4].ravel()

    expected = golden[f"ct_post_{name}"]
    # The original groups by class, numbered from 1; our hull of a box orders its corners.
    hull = np.concatenate(
        [np.minimum(expected[:, 2:4], expected[:, 4:6]), np.maximum(expected[:, 2:4], expected[:, 4:6])],
        axis=1,
    )
    ours = np.column_stack([image, labels + 1, boxes, scores])
    theirs = np.column_stack([expected[:, :2], hull, expected[:, 6]])
    assert sort(ours) == pytest.approx(sort(theirs), abs=2e-2)


def test_golden_resize_rules(golden_folder: Path) -> None:
    golden = dict(np.load(golden_folder / "postprocess.npz"))
    x, y = golden["c"].tolist()
    fit_size, fit = Letterbox(height=512, width=512)((427, 640))
    keep_size, keep = PadToMultiple()((427, 640))

    assert fit_size == tuple((4 * golden["out_hw_fix"]).tolist())
    assert keep_size == tuple((4 * golden["out_hw_keep"]).tolist())
    assert fit == pytest.approx(crop_to_input((x, y), float(golden["s_fix"]), fit_size))
    # The original's detector takes the whole pixel below the middle.
    assert keep == pytest.approx(crop_to_input((x, y // 1), float(golden["s_keep"][0]), keep_size))


def sort(table: np.ndarray) -> np.ndarray:
    return table[np.lexsort((table[:, 2].round(2), -table[:, -1].round(6), table[:, 1], table[:, 0]))]
