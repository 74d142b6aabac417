"""From pixels to what a network eats."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """Scales pixels to mean 0 and deviation 1; the statistics are those the weights were trained with.

    Attributes:
        mean: Of each channel in the order the network sees, 0 to 1.
        std: Likewise.
        bgr: The network sees blue first, as the originals do.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    bgr: bool = False

    def __call__(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """What the network eats, from RGB pixels."""
        mean = torch.tensor(self.mean, device=images.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(3, 1, 1)
        ordered = images.flip(1) if self.bgr else images
        # One multiplication and one addition, in place: this runs on every pixel of every image.
        return ordered.float().mul_(1 / (255 * std)).sub_(mean / std)
