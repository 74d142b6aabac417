"""A written file in the place of a network: the same detections from the same images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from centernet.data.batching import collate
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.resize import ResizeRule
from centernet.inference import Inference
from centernet.predictor import PLAIN, check_cameras, detections_of
from centernet.preparation import Prepared, prepare
from centernet.runtime.onnx import OnnxFile
from centernet.structures import Categories, Sample
from centernet.weights import categories_of, rule_of, task_of


@dataclass(frozen=True, kw_only=True, eq=False)
class FilePredictor:
    """All that a written file holds; asked as a `Predictor` is.

    Attributes:
        file: Pixels in, detections out.
        categories: What labels mean.
        rule: How images are shown to it.
        most: Detections for each image, at most as many as the file gives.
    """

    file: OnnxFile
    categories: Categories
    rule: ResizeRule
    most: int

    @classmethod
    def of(cls, path: Path) -> "FilePredictor":
        """The detector in a file.

        Raises:
            InputError: It is no whole file, or none of ours.
        """
        file = OnnxFile(path)
        return cls(
            file=file,
            categories=categories_of(file.config["categories"]),
            rule=rule_of(file.config["resize"]),
            most=task_of(file.config["task"]).top_k,
        )

    @property
    def divisor(self) -> int:
        """Sides of inputs are multiples of this."""
        return self.file.divisor

    @property
    def needs_its_scale(self) -> bool:
        """Whether depths hold only for images as large as in training: an object seen larger is nearer."""
        task = self.file.config["task"]
        return task.get("inner", task).get("focal_px") == 0

    @property
    def stride(self) -> int:
        """Input pixels from one cell of the finest map to the next."""
        return self.file.stride

    def deciding(self, **settings: object) -> "FilePredictor":
        """The same with fewer detections: `top_k=10`. All else is written into the file.

        Raises:
            UsageError: Any other setting.
        """
        most = settings.pop("top_k", self.most)
        if settings:
            raise UsageError(
                f"{self.file.name}: {min(settings)} is decided when a file is written, and this one was "
                "written without: leave it out, or use the weights"
            )
        assert isinstance(most, int)
        return replace(self, most=min(most, self.most))

    def detect(self, samples: Sequence[Sample], inference: Inference = PLAIN) -> list[Detections]:
        """Detections in images as read from their files, image pixels, best first.

        Args:
            samples: Images; their annotations are not looked at.
            inference: In which sizes they are looked at.

        Raises:
            UsageError: `flip` or `half`, which a file cannot do afterwards.
        """
        return self.detect_prepared([prepare(one, self.rule, inference) for one in samples], inference)

    def detect_prepared(self, images: Sequence[Prepared], inference: Inference = PLAIN) -> list[Detections]:
        """The same of images that were prepared with the rule, for this way of looking."""
        for name in ("flip", "half"):
            if getattr(inference, name):
                raise UsageError(f"{self.file.name}: {name} needs the weights, a file does what it does")
        looks = [
            self._look([image.inputs[number] for image in images]) for number in range(len(inference.scales))
        ]
        merged = [inference.merge(of_one, self.most) for of_one in zip(*looks, strict=True)]
        return [
            replace(one[: self.most], image=image.sample.image)
            for one, image in zip(merged, images, strict=True)
        ]

    def _look(self, inputs: Sequence[Sample]) -> list[Detections]:
        shown = collate(inputs)
        found = self.file.run(shown.images.numpy())
        if "centers" in found:
            check_cameras(shown.views)
        outputs = {name: torch.from_numpy(values) for name, values in found.items()}
        return detections_of(outputs, shown, self.categories)
