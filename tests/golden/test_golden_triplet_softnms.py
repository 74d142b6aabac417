"""Soft-NMS of the keypoint-triplet original: what is kept, and what its array holds afterwards."""

from pathlib import Path

import numpy as np
import pytest

from centernet.ops.nms import soft_nms, soft_nms_with_leftovers


@pytest.mark.parametrize("case", ["a30", "dense60", "one", "sorted25"])
def test_golden_soft_nms_with_and_without_leftovers(golden_folder: Path, case: str) -> None:
    golden = np.load(golden_folder / "triplet_softnms.npz")
    boxes, scores = golden[f"{case}.input"][:, :4], golden[f"{case}.input"][:, 4]
    theirs, kept = golden[f"{case}.method2.boxes"], int(golden[f"{case}.method2.kept"])
    rows, values = soft_nms_with_leftovers(boxes, scores)
    best, lowered = soft_nms(boxes, scores, np.zeros(len(boxes), dtype=np.int64), top_k=len(boxes))

    assert boxes[rows] == pytest.approx(theirs[:, :4], abs=1e-4)
    assert values == pytest.approx(theirs[:, 4], abs=1e-4)
    assert len(best) == kept
    assert boxes[best] == pytest.approx(theirs[:kept, :4], abs=1e-4)
    assert lowered == pytest.approx(theirs[:kept, 4], abs=1e-4)
