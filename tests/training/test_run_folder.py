"""What is kept of a training."""

import math

from centernet.training.run_folder import quality


def test_the_best_weights_are_those_with_the_best_keypoints_where_there_are_some() -> None:
    assert quality({"AP": 0.7, "AP50": 0.9}) == 0.7
    assert quality({"AP": 0.7, "OKS_AP": 0.4}) == 0.4
    # No labelled keypoint in the validation images.
    assert quality({"AP": 0.7, "OKS_AP": math.nan}) == 0.7
