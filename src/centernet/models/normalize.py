"""Normalisation of pixels: the input of a network."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """Normalises pixels to mean 0 and standard deviation 1, with the statistics used in training.

    Attributes:
        mean: Mean of each channel, 0 to 1, in the channel order of the network.
        std: Standard deviation of each channel, likewise.
        bgr: The network takes blue first, as the originals do.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    bgr: bool = False

    def __call__(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The input of the network, from RGB pixels 0 to 255."""
        mean = torch.tensor(self.mean, device=images.device)
        std = torch.tensor(self.std, device=images.device)
        ordered = images.contiguous().flip(1) if self.bgr else images
        # One multiplication and one addition, in place: this runs on every pixel of every image.
        if torch.compiler.is_exporting() or ordered.stride(1) != 1:
            mean, std = mean.view(3, 1, 1), std.view(3, 1, 1)
            return ordered.float().mul_(1 / (255 * std)).sub_(mean / std)
        # Channels last in memory: by whole rows of pixels, since three numbers at a time would be slow.
        width = images.shape[3]
        rows = ordered.permute(0, 2, 3, 1).flatten(2).float()
        rows.mul_((1 / (255 * std)).repeat(width)).sub_((mean / std).repeat(width))
        return rows.view(len(images), -1, width, 3).permute(0, 3, 1, 2)
