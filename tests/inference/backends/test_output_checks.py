"""A broken graph computes something all the same: what no network gives is refused."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from centernet.errors import InputError, UsageError
from centernet.geometry.resize import ResizeLongestSide
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.output_checks import check_outputs
from centernet.inference.exported import ExportedPredictor
from centernet.structures import Categories
from centernet.structures.outputs import BOX_OUTPUTS
from centernet.structures.sample import sample_of

NAN = float("nan")


def found(**changes: Any) -> dict[str, np.ndarray]:
    """Two images with two objects and an empty row each."""
    boxes = np.tile(np.array([1, 2, 9, 8], np.float32), (2, 3, 1))
    scores = np.tile(np.array([0.9, 0.5, 0.0], np.float32), (2, 1))
    labels = np.tile(np.array([0, 1, 0]), (2, 1))
    return {"boxes": boxes, "scores": scores, "labels": labels, **changes}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"boxes": np.full((2, 3, 4), NAN, np.float32)}, "location of its boxes that are not finite"),
        ({"scores": np.full((2, 3), NAN, np.float32)}, "score of its boxes that are not finite"),
        ({"boxes": np.zeros((2, 3, 5), np.float32)}, r"location of shape \(2, 3, 5\)"),
        ({"boxes": np.zeros((1, 3, 4), np.float32)}, r"location of shape \(1, 3, 4\)"),
        ({"scores": np.zeros(6, np.float32)}, r"location of shape \(2, 3, 4\)"),
        ({"labels": np.full((2, 3), 7)}, "labels from 7 to 7 for 2 classes"),
        ({"labels": np.full((2, 3), -1)}, "labels from -1 to -1 for 2 classes"),
    ],
)
def test_outputs_that_no_network_gives_are_named(changes: dict[str, np.ndarray], what: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.onnx gives {what}.*: it is damaged, copy or export it again"):
        check_outputs(found(**changes), BOX_OUTPUTS, 2, 2, "a.onnx")


def test_rows_without_an_object_hold_anything() -> None:
    whole = found()
    whole["boxes"][:, 2] = NAN
    whole["labels"][:, 2] = 99
    whole["scores"][1, 2] = -np.inf

    check_outputs(whole, BOX_OUTPUTS, 2, 2, "a.onnx")


@dataclass
class BrokenBackend:
    """A file whose runtime fails."""

    error: Exception
    name: str = "a.onnx"
    max_concurrency: int = 1
    metadata: ModelMetadata = field(
        default_factory=lambda: ModelMetadata(
            config={}, divisor=32, short=0, stride=4, precision="fp32", outputs=BOX_OUTPUTS, top_k=3
        )
    )

    def run(self, images: np.ndarray, *, half: bool = False) -> dict[str, np.ndarray]:  # noqa: ARG002
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            RuntimeError("at node 7\nbad shape\n"),
            InputError,
            r"^a\.onnx cannot be run \(bad shape\): ",
        ),
        (KeyError(), InputError, r"^a\.onnx cannot be run \(KeyError\)"),
        (UsageError("a.onnx: half"), UsageError, "^a.onnx: half$"),
        (MemoryError("8 GiB"), MemoryError, "8 GiB"),
    ],
)
def test_errors_of_runtimes_name_the_file(error: Exception, kind: type[Exception], message: str) -> None:
    predictor = ExportedPredictor(
        file=BrokenBackend(error),
        categories=Categories.of("a", "b"),
        rule=ResizeLongestSide(long_side=32, multiple=32),
        max_detections=3,
    )

    with pytest.raises(kind, match=message):
        predictor.detect([sample_of(np.zeros((32, 32, 3), np.uint8), "a.png", 0, None)])
