"""What goes into an exported file: pixels in, detections out."""

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from centernet.predictor import Predictor

ORDER = (
    *("boxes", "scores", "labels", "keypoints"),
    *("centers", "depth", "size3d", "alpha_rad", "focal_px"),
)
"""Outputs in the order in which files have them; a task has some of them: see `protocols.Outputs`."""


class DetectionGraph(nn.Module):
    """A detector from the pixels of its input to what is found, in input pixels, best first.

    Args:
        predictor: Network, task and pre-processing.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network = predictor.network
        self._predictor = predictor

    @property
    def names(self) -> tuple[str, ...]:
        """Of the outputs."""
        return tuple(name for name in ORDER if name in self._example())

    @property
    def is_decided_outside(self) -> bool:
        """Whether outputs are only what detections are decided by: pairs of corners."""
        return "pair_boxes" in self._example()

    def _example(self) -> dict[str, Tensor]:
        divisor = self.network.backbone.divisor
        images = torch.zeros(1, 3, 2 * divisor, 2 * divisor, dtype=torch.uint8)
        with torch.inference_mode():
            return self._found(images.to(self._predictor.device))

    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The outputs of the task in `ORDER`.

        Args:
            images: RGB, 0 to 255; sides are multiples of the network's divisor.
        """
        found = self._found(images)
        return tuple(found[name] for name in ORDER if name in found)

    def _found(self, images: UInt8[Tensor, "b 3 h w"]) -> dict[str, Tensor]:
        maps = self.network(self._predictor.normalize(images))[-1]
        return self._predictor.task.decode(maps, self.network.stride)
