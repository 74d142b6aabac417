"""The baseline of keypoint triplets reproduces golden data of the original."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.triplets import original_decode, times_faster
from tests.helpers.golden_triplet import MAPS


def test_the_baseline_decoding_gives_the_scores_of_the_original(golden_folder: Path) -> None:
    golden = np.load(golden_folder / "triplet_decode.npz")
    maps = {f"{name}_{kind}": torch.from_numpy(golden[f"paper.{key}"]) for name, kind, key in MAPS}
    boxes, centers = original_decode(maps)

    for image, number in enumerate(golden["paper.valid_count"].tolist()):
        expected = np.sort(golden["paper.detections_valid"][image, :number, 4])[::-1]
        assert boxes[image, :number, 5].numpy() == pytest.approx(expected, abs=1e-5)
        assert (boxes[image, number:, 5] == -1).all()
    assert centers[..., :2].numpy() == pytest.approx(golden["paper.centers"][..., :2], abs=1e-4)


def test_times_are_compared_with_those_measured_here_if_there_are_any() -> None:
    assert times_faster({"original_ms": 100.0, "ours_ms": 10.0}) == "10.0"
    assert times_faster({"original_ms": 100.0, "original_here_ms": 50.0, "ours_ms": 10.0}) == "5.0"
