"""Counts summed over devices, so that a loss does not depend on how a batch is distributed."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def shared_count(count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The divisor of a device's sum: the mean over devices is then the total sum over the total count.

    It is at least 1 over the number of devices, so that sums are kept where there is nothing to count.

    Args:
        count: Count on this device. Counts are summed over devices only where gradients are computed: in
            validation, devices may have different numbers of batches, and would wait for each other.
    """
    if not (torch.is_grad_enabled() and dist.is_available() and dist.is_initialized()):
        return count.clamp(min=1)
    total = count.detach().clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()
