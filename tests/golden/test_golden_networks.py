"""Deformable convolution, initial weights and one training step; maps are in `test_golden_conversion`."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.helpers.seeded_networks import BACKBONES, RESNETS, build, load_seeded, our_name
from tests.helpers.seeded_weights import make_input

from centernet.models.convolutions import DeformableConv
from centernet.models.necks import fill_bilinear
from centernet.tasks.detect import Detect


@pytest.mark.parametrize("case", ["a", "b"])
def test_golden_deformable_convolution(golden_folder: Path, case: str) -> None:
    golden = {
        key[3:]: torch.from_numpy(value)
        for key, value in np.load(golden_folder / "dcn.npz").items()
        if key.startswith(case)
    }
    names = {
        "weight": "weight",
        "bias": "bias",
        "conv_offset_mask.weight": "offset_mask.weight",
        "conv_offset_mask.bias": "offset_mask.bias",
    }
    out_channels, in_channels = golden["weight"].shape[:2]
    conv = DeformableConv(in_channels, out_channels)
    conv.load_state_dict({ours: golden[theirs] for theirs, ours in names.items()})
    features = golden["x"].requires_grad_()
    result = conv(features)
    result.backward(golden["grad_y"])

    assert (result - golden["y"]).abs().max() < 1e-5
    gradients = dict(conv.named_parameters())
    for theirs, ours in names.items():
        expected, gradient = golden[f"grad_{theirs}"], gradients[ours].grad
        assert gradient is not None
        assert (gradient - expected).abs().max() < 1e-4 * expected.abs().max(), ours
    assert features.grad is not None
    assert (features.grad - golden["grad_x"]).abs().max() < 1e-4 * golden["grad_x"].abs().max()


@pytest.mark.parametrize("size", [4, 8])
def test_golden_bilinear_kernel(golden_folder: Path, size: int) -> None:
    weight = torch.full((3, 1, size, size), torch.nan)
    fill_bilinear(weight)

    assert weight[1, 0].numpy() == pytest.approx(np.load(golden_folder / "init.npz")[f"bilinear_k{size}"])


@pytest.mark.parametrize("name", BACKBONES)
def test_golden_initial_weights(golden_folder: Path, name: str) -> None:
    golden = np.load(golden_folder / "init.npz")
    torch.manual_seed(0)
    state = build(name).state_dict()

    for key, expected in zip(
        golden[f"ctdet_{name}__keys"].tolist(),
        golden[f"ctdet_{name}__mean_std_min_max"].tolist(),
        strict=True,
    ):
        ours = our_name(name, key)
        if ours is None or ours.startswith("backbone.encoder"):
            continue  # Unused; or ImageNet weights in the original, random ones of timm here.
        weight = state[ours].double()
        mean, std, minimum, maximum = expected
        if minimum == maximum:
            assert (weight == minimum).all(), key
            continue
        if weight.numel() < 16:
            assert weight.unique().numel() > 1, key  # Random, but too few for statistics.
            continue
        noise = 6 * std / weight.numel() ** 0.5
        assert weight.mean().item() == pytest.approx(mean, abs=noise), key
        assert weight.std(correction=0).item() == pytest.approx(std, abs=noise), key


@pytest.mark.parametrize("name", RESNETS)
def test_the_initial_heatmap_bias_gives_a_probability_of_a_tenth(name: str) -> None:
    bias = build(name).state_dict()["heads.0.heatmap.2.bias"]

    assert (bias == -2.19).all()
    assert bias.sigmoid()[0].item() == pytest.approx(0.1, abs=1e-3)


def test_golden_training_step(golden_folder: Path) -> None:
    golden = np.load(golden_folder / "trainstep_res_18.npz")
    network = build("res_18").train()
    load_seeded(network, "res_18")
    image, slot = torch.from_numpy(golden["batch_reg_mask"]).bool().nonzero(as_tuple=True)
    index = torch.from_numpy(golden["batch_ind"])[image, slot]
    targets = {
        "heatmap": torch.from_numpy(golden["batch_hm"]),
        "cells": torch.stack([image, index // 32, index % 32], dim=1),
        "size": torch.from_numpy(golden["batch_wh"])[image, slot],
        "offset": torch.from_numpy(golden["batch_reg"])[image, slot],
    }
    task = Detect(num_classes=80)
    optimizer = torch.optim.Adam(network.parameters(), lr=1.25e-4)
    terms = task.loss(network(torch.from_numpy(make_input(128, 128, 2, seed=5)))[-1], targets)
    loss = torch.stack(list(terms.values())).sum()
    loss.backward()
    optimizer.step()

    assert loss.item() == pytest.approx(float(golden["loss"]), rel=1e-4)
    assert terms["heatmap"].item() == pytest.approx(float(golden["stat_hm_loss"]), rel=1e-4)
    assert terms["size"].item() == pytest.approx(0.1 * float(golden["stat_wh_loss"]), rel=1e-4)
    assert terms["offset"].item() == pytest.approx(float(golden["stat_off_loss"]), rel=1e-4)
    parameters: dict[str | None, torch.nn.Parameter] = dict(network.named_parameters())
    for key, norm in zip(golden["param_names"].tolist(), golden["grad_l2"].tolist(), strict=True):
        gradient = parameters[our_name("res_18", key)].grad
        assert gradient is not None
        assert gradient.norm().item() == pytest.approx(norm, rel=2e-3), key
    state = network.state_dict()
    for key, total in zip(golden["after_keys"].tolist(), golden["after_abs_sum"].tolist(), strict=True):
        assert state[our_name("res_18", key)].double().abs().sum().item() == pytest.approx(total, rel=1e-4), (
            key
        )
