"""What can be done with an image before the network is asked, in any thread."""

from dataclasses import dataclass

from centernet.data.transforms.warp import resize
from centernet.geometry.resize import ResizeRule
from centernet.inference.options import InferenceOptions
from centernet.structures import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelInput:
    """An image as it is, and as the network sees it.

    Attributes:
        sample: As read from its file.
        inputs: One for each scale in which it is looked at.
    """

    sample: Sample
    inputs: tuple[Sample, ...]


def preprocess(sample: Sample, rule: ResizeRule, inference: InferenceOptions) -> ModelInput:
    """Shows an image in every size that is asked for."""
    inputs = tuple(resize(sample, rule, scale, exact=inference.exact) for scale in inference.scales)
    return ModelInput(sample=sample, inputs=inputs)
