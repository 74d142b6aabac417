"""Comparison of the outputs of an exported file with those of the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float

from centernet.structures.outputs import OutputSpec, groups_of, values_by_role

Outputs = Mapping[str, Float[np.ndarray, "b k *_"]]
FileOutputs = Mapping[str, Float[np.ndarray, "..."]]
"""Outputs of a file, whose shapes may be wrong."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Allowed differences between a file and the network.

    Attributes:
        least: Detections below this score are compared by their scores alone: their order is arbitrary.
        px: Of positions, pixels.
        side: Of positions, as a fraction of the longer side of the box; it is added to `px`.
        other: Of all other values: scores, radians, metres; relative for values above 1, except angles.
        share: Minimum fraction of the detections that are within these.
    """

    least: float
    px: float
    side: float
    other: float
    share: float


TOLERANCES: Mapping[str, Tolerance] = {
    "fp32": Tolerance(least=0.01, px=1e-2, side=0.0, other=1e-3, share=1.0),
    "fp16": Tolerance(least=0.1, px=0.5, side=0.02, other=0.05, share=0.98),
    "int8": Tolerance(least=0.3, px=1.0, side=0.1, other=0.15, share=0.9),
}
"""Tolerances by the precision of the network."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Differences of the outputs of a file and of the network, on the same inputs.

    Attributes:
        num_images: Number of inputs.
        num_detections: Detections of the network with a score of at least `tolerance.least`.
        equal_share: Fraction of these that the file has too, with all outputs within the tolerance.
        differences: Maximum difference of each output over matched detections.
        tolerance: The allowed differences.
        score_difference: Maximum difference of the scores of detections of the same rank.
    """

    num_images: int
    num_detections: int
    equal_share: float
    differences: Mapping[str, float] = field(default_factory=dict)
    tolerance: Tolerance = TOLERANCES["fp32"]
    score_difference: float = 0.0

    @property
    def holds(self) -> bool:
        """True if the file may be used in place of the network."""
        return self.equal_share >= self.tolerance.share and self.score_difference <= self.tolerance.other

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
            "tolerance": vars(self.tolerance),
            "holds": self.holds,
        }


def compare(
    network: Outputs,
    file: FileOutputs,
    outputs: Mapping[str, OutputSpec],
    tolerance: Tolerance = TOLERANCES["fp32"],
) -> Parity:
    """Differences for the same inputs; each detection of the network is matched with the most similar one.

    Detections of equal scores come in any order, so rows are not compared by index. Other groups of outputs
    are compared as detections are. If any shape differs, no detection counts as equal.

    Args:
        network: Outputs of the network by name.
        file: Outputs of the file by name.
        outputs: Declaration of both.
        tolerance: The allowed differences.
    """
    scores = values_by_role(network, outputs)["score"]
    images = len(scores)
    if any(file[name].shape != network[name].shape for name in outputs):
        count = int((scores >= tolerance.least).sum())
        return Parity(num_images=images, num_detections=count, equal_share=0.0, tolerance=tolerance)
    parts = []
    for group in groups_of(outputs):
        specs = {name: spec for name, spec in outputs.items() if spec.group == group}
        for image in range(images):
            ours, theirs = (
                {name: one[name][image].astype(float) for name in specs} for one in (network, file)
            )
            part = _compare_group(ours, theirs, group, specs, tolerance)
            parts.append(part if group == "boxes" else replace(part, score_difference=0.0))
    return replace(merge_parities(parts), num_images=images)


def merge_parities(parts: Sequence[Parity]) -> Parity:
    """Several comparisons as one."""
    total = sum(part.num_detections for part in parts)
    equal = sum(part.equal_share * part.num_detections for part in parts)
    differences: dict[str, float] = {}
    for part in parts:
        for name, value in part.differences.items():
            differences[name] = max(differences.get(name, 0.0), value)
    return Parity(
        num_images=sum(part.num_images for part in parts),
        num_detections=total,
        equal_share=equal / total if total else 1.0,
        differences=differences,
        tolerance=parts[0].tolerance,
        score_difference=max(part.score_difference for part in parts),
    )


def _compare_group(
    ours: Mapping[str, np.ndarray],
    theirs: Mapping[str, np.ndarray],
    group: str,
    specs: Mapping[str, OutputSpec],
    tolerance: Tolerance,
) -> Parity:
    """One group of outputs in one image."""
    roles, their_roles = values_by_role(ours, specs, group), values_by_role(theirs, specs, group)
    scores, places = roles["score"], roles["location"]
    distance = np.abs(places[:, None] - their_roles["location"][None]).max(axis=2)
    distance += 1e3 * (roles["label"][:, None] != their_roles["label"][None])
    distance += 1e3 * np.abs(scores[:, None] - their_roles["score"][None])
    match = distance.argmin(axis=1)
    # Padding has score 0; otherwise the last rows may tie with detections beyond `top_k`.
    least = max(tolerance.least, float(scores[-1]) + tolerance.other) if scores[-1] > 0 else tolerance.least
    is_counted: Bool[np.ndarray, " k"] = scores >= least
    is_equal = np.ones(len(scores), dtype=bool)
    score_difference = float(np.abs(scores - their_roles["score"]).max())
    differences: dict[str, float] = {}
    for name, values in ours.items():
        gaps = np.abs(values - theirs[name][match]).reshape(len(scores), -1)
        allowed = np.full(len(scores), tolerance.other)
        if specs[name].unit == "pixels":
            allowed = tolerance.px + tolerance.side * _longer_side(places)
        elif specs[name].unit == "radians":
            gaps = np.minimum(gaps % (2 * np.pi), -gaps % (2 * np.pi))
        else:
            gaps /= np.maximum(np.abs(values).reshape(len(scores), -1), 1)
        is_equal &= (gaps <= allowed[:, None]).all(axis=1)
        if specs[name].role == "score":
            # By rank: the matched scores are in `is_equal`.
            differences[name] = score_difference
        elif is_counted.any():
            differences[name] = float(gaps[is_counted].max())
    return Parity(
        num_images=1,
        num_detections=int(is_counted.sum()),
        equal_share=float(is_equal[is_counted].mean()) if is_counted.any() else 1.0,
        differences=differences,
        tolerance=tolerance,
        score_difference=score_difference,
    )


def _longer_side(places: Float[np.ndarray, "k _"]) -> Float[np.ndarray, " k"]:
    """Longer side of each box; 0 for points."""
    return (places[:, 2:] - places[:, :2]).max(axis=1) if places.shape[1] == 4 else np.zeros(len(places))
