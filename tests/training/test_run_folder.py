"""What is kept of a training."""

import math

import pytest

from centernet.training.run_folder import quality


def test_the_best_weights_are_those_with_the_best_keypoints_where_there_are_some() -> None:
    assert quality({"AP": 0.7, "AP50": 0.9}) == 0.7
    assert quality({"AP": 0.7, "OKS_AP": 0.4}) == 0.4
    # No labelled keypoint in the validation images.
    assert quality({"AP": 0.7, "OKS_AP": math.nan}) == 0.7


def test_the_best_weights_are_those_with_the_best_boxes_in_space_where_there_are_some() -> None:
    assert quality({"AP": 0.7, "3D_AP": 0.6, "3D_AP_strict": 0.2}) == pytest.approx(0.4)
    assert quality({"AP": 0.7, "3D_AP": math.nan, "3D_AP_strict": math.nan}) == 0.7
