"""Counts that several devices share, so that a loss is the same however its images lie on them."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def shared_count(count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """What to divide a sum by, so that the mean over the devices is the sum of all by the count of all.

    At least 1 over the number of devices: without anything to count, sums stay as they are.

    Args:
        count: Of this device. Counts are added up only where something is learned: in validation, devices may
            look at different numbers of batches, and would wait for each other.
    """
    if not (torch.is_grad_enabled() and dist.is_available() and dist.is_initialized()):
        return count.clamp(min=1)
    total = count.detach().clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()
