"""A written file in the place of a network: the same detections from the same images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.geometry.resize import ResizeRule
from centernet.inference.backends.base import WrittenFile
from centernet.inference.backends.formats import open_written
from centernet.inference.config import categories_of, rule_of, top_k_of
from centernet.inference.options import Inference
from centernet.inference.postprocess import PLAIN, Look, answers_of, looks_at, on_maps
from centernet.inference.preprocess import Prepared, prepare
from centernet.io.images import stacked
from centernet.structures import Categories, Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class FilePredictor:
    """All that a written file holds; asked as a `Predictor` is.

    Attributes:
        file: Pixels in, detections out.
        categories: What labels mean.
        rule: How images are shown to it.
        most: Detections for each image, at most as many as the file gives.
    """

    file: WrittenFile
    categories: Categories
    rule: ResizeRule
    most: int

    @classmethod
    def of(cls, path: Path) -> "FilePredictor":
        """The detector in a file.

        Raises:
            UsageError: What runs it is not installed.
            InputError: It is no whole file, or none of ours.
        """
        file = open_written(path)
        config = file.facts.config
        try:
            return cls(
                file=file,
                categories=categories_of(config["categories"]),
                rule=rule_of(config["resize"]),
                most=top_k_of(config["task"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: the config in it is not one of ours ({error})") from error

    @property
    def divisor(self) -> int:
        """Sides of inputs are multiples of this."""
        return self.file.facts.divisor

    @property
    def needs_its_scale(self) -> bool:
        """Whether depths hold only for images as large as in training: an object seen larger is nearer."""
        task = self.file.facts.config["task"]
        return task.get("inner", task).get("focal_px") == 0

    @property
    def stride(self) -> int:
        """Input pixels from one cell of the finest map to the next."""
        return self.file.facts.stride

    @property
    def at_once(self) -> int:
        """Calls that have cores of their own at the same time."""
        return self.file.at_once

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
            inference: How often and how they are looked at.

        Raises:
            UsageError: `flip`, which a file cannot do afterwards; or `half`, where its runtime cannot.
        """
        return self.detect_prepared([prepare(one, self.rule, inference) for one in samples], inference)

    def detect_prepared(self, images: Sequence[Prepared], inference: Inference = PLAIN) -> list[Detections]:
        """The same of images that were prepared with the rule, for this way of looking."""
        if inference.flip:
            raise UsageError(f"{self.file.name}: flip needs the weights, a file does what it does")
        looks = [
            self._look([image.inputs[number] for image in images], scale, inference)
            for number, scale in enumerate(inference.scales)
        ]
        return answers_of(looks, [image.sample for image in images], inference, self.most)

    def _look(self, inputs: Sequence[Sample], scale: float, inference: Inference) -> list[Look]:
        images = stacked([one.image for one in inputs])
        height, width = images.shape[2:]
        cells = (-(-height // self.stride), -(-width // self.stride))
        views = on_maps([one.view for one in inputs], (height, width), cells, self.stride)
        found = self.file.run(images, half=inference.half)
        ids = [one.image_id for one in inputs]
        looks = looks_at(found, views, ids, self.categories, scale=scale)
        return [(one[: self.most], evidence) for one, evidence in looks]
