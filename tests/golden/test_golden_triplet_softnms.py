"""Soft-NMS of the keypoint-triplet original: the boxes kept, and the whole array afterwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centernet.ops.nms import METHODS, Kept, Suppression, soft_nms, soft_nms_with_leftovers

CASES = ("a30", "dense60", "one", "sorted25")
METHOD_NUMBERS = {"hard": 0, "linear": 1, "gaussian": 2}


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> Any:
    return np.load(golden_folder / "triplet_softnms.npz")


def kept(boxes: np.ndarray, scores: np.ndarray, how: Suppression) -> Kept:
    return soft_nms(boxes, scores, np.zeros(len(boxes), dtype=np.int64), top_k=len(boxes), how=how)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_golden_soft_nms_with_and_without_leftovers(golden: Any, case: str, method: str) -> None:
    boxes, scores = golden[f"{case}.input"][:, :4], golden[f"{case}.input"][:, 4]
    name = f"{case}.method{METHOD_NUMBERS[method]}"
    theirs, number = golden[f"{name}.boxes"], int(golden[f"{name}.kept"])
    array = soft_nms_with_leftovers(boxes, scores, how=Suppression(method=method))
    best = kept(boxes, scores, Suppression(method=method))

    assert array.boxes == pytest.approx(theirs[:, :4], abs=1e-4)
    assert array.scores == pytest.approx(theirs[:, 4], abs=1e-4)
    assert len(best.rows) == number
    assert best.boxes == pytest.approx(theirs[:number, :4], abs=1e-4)
    assert best.scores == pytest.approx(theirs[:number, 4], abs=1e-4)


@pytest.mark.parametrize("exponent", [6.0, 10.0])
@pytest.mark.parametrize("case", CASES)
def test_golden_merged_boxes(golden: Any, case: str, exponent: float) -> None:
    given = golden[f"{case}.input"]
    array = soft_nms_with_leftovers(
        given[:, :4], given[:, 4], how=Suppression(merge=exponent), corner_scores=given[:, 5:]
    )

    theirs = golden[f"{case}.merge_exp{exponent:.0f}.boxes"]
    assert array.boxes == pytest.approx(theirs[:, :4], abs=1e-4)
    assert array.scores == pytest.approx(theirs[:, 4], abs=1e-4)


def test_golden_plain_nms(golden: Any) -> None:
    given = golden["nms.input"]

    ours = kept(given[:, :4], given[:, 4], Suppression(method="hard"))
    assert sorted(ours.rows.tolist()) == sorted(golden["nms.keep_thr0.5"].tolist())
