"""Whether a written file gives what the network gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

SURE = 0.01
"""Detections below this score are compared by their scores alone: which of them come first is chance."""

TOLERANCE_PX = 1e-2
TOLERANCE = 1e-3
"""Of everything that is not pixels: scores, metres, radians. A share of it where numbers are above 1."""

_IN_PIXELS = frozenset({"boxes", "keypoints", "centers"})


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far the outputs of a file are from those of the network, on the same inputs.

    Attributes:
        num_images: Inputs they were compared on.
        num_detections: Sure detections of the network.
        equal_share: Share of these that the file has too, everything within its tolerance.
        differences: Largest difference of each output, of detections that are the same object.
    """

    num_images: int
    num_detections: int
    equal_share: float
    differences: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the file may be used for the network."""
        return self.equal_share == 1 and self.differences.get("scores", 0.0) <= TOLERANCE

    def __str__(self) -> str:
        largest = ", ".join(f"{name} {value:.2g}" for name, value in self.differences.items())
        return (
            f"{self.equal_share:.1%} of {self.num_detections} detections in {self.num_images} images are "
            f"equal; "
            f"largest differences: {largest}"
        )

    def to_json(self) -> dict[str, object]:
        """Plain values ready for `json.dump`."""
        return {
            "num_images": self.num_images,
            "num_detections": self.num_detections,
            "equal_share": self.equal_share,
            "differences": dict(self.differences),
            "holds": self.holds,
        }


def compare(
    network: Mapping[str, Float[np.ndarray, "b k *_"]], file: Mapping[str, Float[np.ndarray, "b k *_"]]
) -> Parity:
    """Outputs of both for the same inputs. Each object is matched with the one most like it.

    Detections of equal scores come in any order, so rows are not compared by their place.
    """
    batch, count = network["scores"].shape
    differences = dict.fromkeys(network, 0.0)
    differences["scores"] = float(np.abs(network["scores"] - file["scores"]).max())
    equal, total = 0, 0
    for image in range(batch):
        scores, boxes = network["scores"][image], network["boxes"][image]
        distance = np.abs(boxes[:, None] - file["boxes"][image][None]).max(axis=2)
        distance += 1e3 * (network["labels"][image][:, None] != file["labels"][image][None])
        distance += 1e3 * np.abs(scores[:, None] - file["scores"][image][None])
        match = distance.argmin(axis=1)
        # What fills up images with few peaks has score 0, and the last ones may tie with others left out.
        least = max(SURE, float(scores[-1]) + TOLERANCE) if scores[-1] > 0 else SURE
        sure = scores >= least
        is_equal = np.ones(count, dtype=bool)
        for name, values in network.items():
            ours, theirs = values[image].astype(float), file[name][image][match].astype(float)
            gaps = np.abs(ours - theirs).reshape(count, -1)
            if name not in _IN_PIXELS:
                gaps /= np.maximum(np.abs(ours).reshape(count, -1), 1)
            allowed = TOLERANCE_PX if name in _IN_PIXELS else TOLERANCE
            is_equal &= (gaps <= allowed).all(axis=1)
            if sure.any() and name != "scores":
                differences[name] = max(differences[name], float(gaps[sure].max()))
        equal, total = equal + int((is_equal & sure).sum()), total + int(sure.sum())
    share = equal / total if total else 1.0
    return Parity(num_images=batch, num_detections=total, equal_share=share, differences=differences)
