"""Which devices compute."""

import torch

from centernet.errors import UsageError


def device_of(name: str | int) -> torch.device:
    """The device that a name means; of `auto` the fastest there is, of a number that GPU.

    Raises:
        UsageError: It cannot be used here.
    """
    name = str(name)
    return _best() if name == "auto" else _checked(f"cuda:{name}" if name.isdigit() else name)


def devices_of(names: str) -> list[torch.device]:
    """Several devices: `0,1` are two GPUs.

    Raises:
        UsageError: One of them cannot be used here.
    """
    return [device_of(name.strip()) for name in names.split(",")]


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _checked(name: str) -> torch.device:
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}): try device=cpu") from error
    return chosen
