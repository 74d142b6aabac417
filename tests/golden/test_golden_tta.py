"""Test-time augmentation and soft-NMS of the original program: horizontal flip and several scales."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.helpers.detection_rows import detection_rows

from centernet.detections import Detections
from centernet.inference.options import InferenceOptions
from centernet.inference.scale_merging import merge_detections
from centernet.ops.nms import Suppression, soft_nms, soft_nms_with_leftovers
from centernet.structures import Categories
from centernet.tasks.detect import Detect


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Everything in `postprocess.npz`."""
    return dict(np.load(golden_folder / "postprocess.npz"))


def detections_of(table: np.ndarray) -> Detections:
    """Detections of one scale from rows of the original: class (numbered from 1), box, score."""
    return Detections(
        boxes=table[:, 1:5].astype(np.float32),
        scores=table[:, 5].astype(np.float32),
        labels=table[:, 0].astype(np.int64) - 1,
        categories=Categories.of(*map(str, range(80))),
        name="image",
        image_size=(480, 640),
    )


def table_of(found: Detections) -> np.ndarray:
    return detection_rows(found.boxes, found.scores, found.labels)


@pytest.mark.parametrize(
    ("name", "options", "num_scales"),
    [
        ("merge_single", InferenceOptions(), 1),
        ("merge_single_nms", InferenceOptions(nms="gaussian", exact=True), 1),
        ("merge_multi", InferenceOptions(scales=(0.5, 1.0, 1.5), exact=True), 3),
    ],
)
def test_golden_merge(
    golden: dict[str, np.ndarray], name: str, options: InferenceOptions, num_scales: int
) -> None:
    per_scale = [detections_of(golden[f"merge_in{i}"]) for i in range(num_scales)]
    found = merge_detections(per_scale, options, top_k=100)

    assert len(found) == len(golden[name])
    assert table_of(found) == pytest.approx(table_of(detections_of(golden[name])), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("softnms_m2", {}), ("softnms_sigma01_thr005", {"sigma": 0.1, "min_score": 0.05})],
)
def test_golden_soft_nms(golden: dict[str, np.ndarray], name: str, settings: dict[str, float]) -> None:
    boxes, scores = golden["softnms_in"][:, :4], golden["softnms_in"][:, 4]
    expected, kept = golden[f"{name}_boxes"], len(golden[f"{name}_keep"])
    how = Suppression(**settings)
    array = soft_nms_with_leftovers(boxes, scores, how=how)
    found = soft_nms(boxes, scores, np.zeros(len(boxes), dtype=int), top_k=1000, how=how)

    # The whole array in order, and the first part of it, which the original means to keep.
    assert np.column_stack([array.boxes, array.scores]) == pytest.approx(expected, abs=1e-4)
    assert (found.boxes == expected[:kept, :4]).all()
    assert found.scores == pytest.approx(expected[:kept, 4], rel=1e-4)


def test_golden_merge_without_leftovers_gives_each_box_once(golden: dict[str, np.ndarray]) -> None:
    per_scale = [detections_of(golden[f"merge_in{i}"]) for i in range(3)]
    ours = merge_detections(per_scale, InferenceOptions(scales=(0.5, 1.0, 1.5)), top_k=1000)
    theirs = merge_detections(per_scale, InferenceOptions(scales=(0.5, 1.0, 1.5), exact=True), top_k=1000)

    # 268 boxes go in. The original returns as many, 46 of them twice.
    assert sum(map(len, per_scale)) == len(theirs) == 268
    assert len(np.unique(theirs.boxes, axis=0)) == 222
    assert len(np.unique(ours.boxes, axis=0)) == len(ours) == 210
    assert {tuple(row) for row in table_of(ours).round(4).tolist()} <= {
        tuple(row) for row in table_of(theirs).round(4).tolist()
    }


def test_golden_horizontal_flip(golden: dict[str, np.ndarray]) -> None:
    assert (torch.from_numpy(golden["flip_in17"]).flip(3).numpy() == golden["flip_tensor"]).all()


def test_golden_detections_of_an_image_and_its_horizontal_flip(golden: dict[str, np.ndarray]) -> None:
    both = {
        "heatmap": torch.from_numpy(golden["fliptest_ct_hm"]),
        "size": torch.from_numpy(golden["fliptest_ct_wh"]),
        "offset": torch.from_numpy(golden["fliptest_ct_reg"]),
    }
    task = Detect(num_classes=4)
    plain, flipped = ({name: value[i : i + 1] for name, value in both.items()} for i in range(2))
    found = task.decode(task.merge_flipped(plain, flipped), stride=1)

    ours = detection_rows(*(found[key][0].numpy() for key in ("boxes", "scores", "labels")))
    (expected,) = golden["fliptest_ct_dets"]
    assert ours == pytest.approx(detection_rows(expected[:, :4], expected[:, 4], expected[:, 5]), abs=1e-4)
