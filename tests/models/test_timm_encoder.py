"""Encoders from timm."""

import pytest
import torch

from centernet.errors import InputError
from centernet.models.timm_encoder import build_encoder


def test_levels_have_their_strides_and_the_channels_returned() -> None:
    encoder, channels = build_encoder("resnet10t", levels=(1, 3))
    with torch.inference_mode():
        levels = encoder(torch.zeros(1, 3, 64, 96))

    assert [level.shape[1] for level in levels] == channels
    assert [tuple(level.shape[2:]) for level in levels] == [(16, 24), (4, 6)]


def test_weights_that_cannot_be_downloaded_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    create = timm.create_model

    def offline(name: str, *, pretrained: bool = False, **options: object) -> object:
        if pretrained:
            raise OSError("no network\nwith a long story")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)

    with pytest.raises(InputError, match=r"'resnet10t' \(no network\): go online .*pretrained=false"):
        build_encoder("resnet10t", levels=(4,), pretrained=True)
