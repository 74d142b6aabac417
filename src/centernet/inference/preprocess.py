"""Preprocessing of images, in any thread: resizing to each scale."""

from dataclasses import dataclass

from centernet.data.transforms.warp import resize
from centernet.geometry.resize import ResizeRule
from centernet.inference.options import InferenceOptions
from centernet.structures import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelInput:
    """An image with the inputs of the network.

    Attributes:
        sample: As read from its file.
        inputs: One for each scale.
    """

    sample: Sample
    inputs: tuple[Sample, ...]


def preprocess(sample: Sample, rule: ResizeRule, inference: InferenceOptions) -> ModelInput:
    """The image resized to every scale."""
    inputs = tuple(resize(sample, rule, scale, exact=inference.exact) for scale in inference.scales)
    return ModelInput(sample=sample, inputs=inputs)
