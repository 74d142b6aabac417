"""Necks and convolutions: shapes, initial weights, interpolation."""

import torch
from torch import nn

from centernet.models.convolutions import DeformableConv, conv3x3
from centernet.models.necks import TopDown, deconvolutions, deformable_deconvolutions, fill_bilinear


def test_three_deconvolutions_upsample_by_eight() -> None:
    with torch.inference_mode():
        plain = deconvolutions(16, (8, 8, 4))(torch.zeros(1, 16, 2, 3))
        deformable = deformable_deconvolutions(16, (8, 8, 4))(torch.zeros(1, 16, 2, 3))

    assert plain.shape == deformable.shape == (1, 4, 16, 24)


def test_bilinear_weights_interpolate_a_plane_exactly() -> None:
    upsample = nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False)
    fill_bilinear(upsample.weight.data)
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    with torch.inference_mode():
        fine = upsample((3 * y + 5 * x)[None, None])[0, 0]

    # Away from the border every step is half of the coarse one.
    assert torch.allclose(fine[2:-2, 2:-2].diff(dim=0), torch.tensor(1.5))
    assert torch.allclose(fine[2:-2, 2:-2].diff(dim=1), torch.tensor(2.5))


def test_top_down_gives_the_resolution_of_the_finest_level() -> None:
    neck = TopDown([4, 8, 16], 6)
    levels = [torch.zeros(2, channels, 32 // 2**i, 48 // 2**i) for i, channels in enumerate([4, 8, 16])]
    with torch.inference_mode():
        assert neck(levels).shape == (2, 6, 32, 48)


def test_separable_convolutions_keep_the_shape_and_have_far_fewer_weights() -> None:
    ordinary, separable = (conv3x3(32, 48, separable=choice) for choice in (False, True))
    features = torch.randn(2, 32, 5, 7)

    assert ordinary(features).shape == separable(features).shape == (2, 48, 5, 7)
    assert num_weights(ordinary) == 48 * (32 * 9 + 1)
    assert num_weights(separable) == 32 * (9 + 2) + 48 * (32 + 1)
    assert num_weights(TopDown([4, 8], 16)) - num_weights(TopDown([4, 8], 16, separable=True)) == 16 * (
        16 * 9 - (9 + 2 + 16)
    )


def num_weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_top_down_passes_gradients_to_every_level() -> None:
    neck = TopDown([4, 8], 6)
    levels = [torch.randn(1, 4, 8, 8, requires_grad=True), torch.randn(1, 8, 4, 4, requires_grad=True)]
    neck(levels).square().sum().backward()

    assert all(level.grad is not None and level.grad.any() for level in levels)


def test_a_deformable_convolution_starts_as_an_ordinary_one_of_half_the_weights() -> None:
    conv = DeformableConv(3, 5)
    features = torch.randn(2, 3, 7, 9)
    with torch.inference_mode():
        plain = nn.functional.conv2d(features, conv.weight / 2, conv.bias, padding=1)

        assert (conv(features) - plain).abs().max() < 1e-5


def test_a_deformable_convolution_samples_at_its_offsets() -> None:
    conv = DeformableConv(1, 1)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0, 1, 1] = 2  # the middle tap, which the mask halves
        assert conv.offset_mask.bias is not None
        conv.offset_mask.bias[2 * 4] = 1  # down
        conv.offset_mask.bias[2 * 4 + 1] = -2  # left
        features = torch.randn(1, 1, 6, 8)
        moved = conv(features)

    expected = torch.zeros(1, 1, 6, 8)
    expected[..., :-1, 2:] = features[..., 1:, :-2]
    assert torch.allclose(moved, expected, atol=1e-5)
