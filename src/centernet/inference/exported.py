"""An exported file in place of a network: the same detections from the same images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.geometry.resize import ResizeRule
from centernet.inference.backends.base import Arrays, InferenceBackend
from centernet.inference.backends.formats import open_backend
from centernet.inference.backends.output_checks import check_outputs
from centernet.inference.config import categories_of, rule_of
from centernet.inference.options import InferenceOptions
from centernet.inference.postprocess import (
    PLAIN,
    ScaleResult,
    correct_for_padding,
    detections_at_scale,
    merge_scales,
)
from centernet.inference.preprocess import ModelInput, preprocess
from centernet.io.images import stack_images
from centernet.structures import Categories, Sample
from centernet.structures.thresholds import UNKNOWN, Thresholds


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedPredictor:
    """The detector in an exported file, with the interface of `TorchPredictor`.

    Attributes:
        file: The backend that runs the file: pixels in, outputs out.
        categories: The classes of labels.
        rule: How images are resized.
        max_detections: Maximum number of detections per image, at most that of the file.
        thresholds: Scores from which detections count, as found on the validation images.
    """

    file: InferenceBackend
    categories: Categories
    rule: ResizeRule
    max_detections: int
    thresholds: Thresholds = UNKNOWN

    @classmethod
    def of(cls, path: Path, *, trust: bool = False) -> "ExportedPredictor":
        """The detector in a file.

        Args:
            path: The file.
            trust: As for `open_backend`.

        Raises:
            UsageError: As for `open_backend`.
            InputError: The file is damaged, or was not written by `centernet export`.
        """
        file = open_backend(path, trust=trust)
        config = file.metadata.config
        try:
            categories = categories_of(config["categories"])
            return cls(
                file=file,
                categories=categories,
                rule=rule_of(config["resize"]),
                max_detections=file.metadata.top_k,
                thresholds=Thresholds.of_json(config.get("threshold"), len(categories)),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: its config is not that of a detector ({error})") from error

    @property
    def divisor(self) -> int:
        """Sides of inputs are multiples of this."""
        return self.file.metadata.divisor

    @property
    def is_scale_dependent(self) -> bool:
        """True if depths are valid only for images as large as in training."""
        return self.file.metadata.is_scale_dependent

    @property
    def stride(self) -> int:
        """Input pixels from one cell of the finest map to the next."""
        return self.file.metadata.stride

    @property
    def max_concurrency(self) -> int:
        """Number of calls that can run at the same time, each on cores of its own."""
        return self.file.max_concurrency

    def with_task_settings(self, **settings: object) -> "ExportedPredictor":
        """The predictor with fewer detections: `top_k=10`. All other settings are fixed in the file.

        Raises:
            UsageError: Any other setting.
        """
        max_detections = settings.pop("top_k", self.max_detections)
        if settings:
            raise UsageError(
                f"{self.file.name}: {min(settings)} is fixed at export, and this file was exported without: "
                "leave it out, or use the weights"
            )
        assert isinstance(max_detections, int)
        return replace(self, max_detections=min(max_detections, self.max_detections))

    def with_rule(self, rule: ResizeRule) -> "ExportedPredictor":
        """The same predictor with another resize rule."""
        return replace(self, rule=rule)

    def detect(self, samples: Sequence[Sample], inference: InferenceOptions = PLAIN) -> list[Detections]:
        """Detections in images as read from their files, image pixels, best first.

        Args:
            samples: Images; their annotations are not used.
            inference: Test-time augmentation, NMS and precision.

        Raises:
            UsageError: `flip`, which an exported file cannot do; or `half`, if its runtime cannot.
        """
        return self.detect_preprocessed([preprocess(one, self.rule, inference) for one in samples], inference)

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions = PLAIN
    ) -> list[Detections]:
        """Detections in images that were preprocessed with the rule, for these options."""
        if inference.flip:
            raise UsageError(f"{self.file.name}: flip needs the weights: leave it out, or use them")
        per_scale = [
            self._at_scale([image.inputs[number] for image in images], scale, inference)
            for number, scale in enumerate(inference.scales)
        ]
        return merge_scales(per_scale, [image.sample for image in images], inference, self.max_detections)

    def _at_scale(
        self, inputs: Sequence[Sample], scale: float, inference: InferenceOptions
    ) -> list[ScaleResult]:
        images = stack_images([one.image for one in inputs])
        height, width = images.shape[2:]
        cells = (-(-height // self.stride), -(-width // self.stride))
        views = correct_for_padding([one.view for one in inputs], (height, width), cells, self.stride)
        found = self._run(images, half=inference.half)
        ids = [one.image_id for one in inputs]
        outputs = self.file.metadata.outputs
        per_scale = detections_at_scale(found, outputs, views, ids, self.categories, scale=scale)
        return [(one[: self.max_detections], candidates) for one, candidates in per_scale]

    def _run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool) -> Arrays:
        """The outputs of the file, checked."""
        try:
            found = self.file.run(images, half=half)
        except (UsageError, InputError, MemoryError):
            raise
        except Exception as error:  # Each runtime has errors of its own.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise InputError(
                f"{self.file.name} cannot be run ({reason.strip()}): copy or export it again"
            ) from error
        check_outputs(found, self.file.metadata.outputs, len(images), len(self.categories), self.file.name)
        return found
