"""Corner pools of the original's C++ extension and its pooling modules, forward and backward."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.helpers.seeded_triplet import triplet_state
from torch import nn

from centernet.conversion.weight_names import pooling_key
from centernet.tasks.triplet.corner_pooling import (
    CenterPooling,
    CornerPooling,
    bottom_pool,
    left_pool,
    right_pool,
    top_pool,
)

POOLS = {"top": top_pool, "bottom": bottom_pool, "left": left_pool, "right": right_pool}
MODULES: dict[str, Callable[[int], nn.Module]] = {
    "tl_pool": CornerPooling.top_left,
    "br_pool": CornerPooling.bottom_right,
    "center_pool": CenterPooling,
}


@pytest.mark.parametrize("case", ["rand", "relu", "ties", "neg", "h1", "big"])
@pytest.mark.parametrize("name", POOLS)
def test_golden_pools_forward_and_backward(name: str, case: str, golden_folder: Path) -> None:
    golden = np.load(golden_folder / "triplet_pools.npz")
    features = torch.from_numpy(golden[f"{case}.input"]).requires_grad_()
    pooled = POOLS[name](features)
    pooled.backward(torch.from_numpy(golden[f"{case}.grad_output"]))

    assert (pooled.detach().numpy() == golden[f"{case}.{name}.output"]).all()
    assert features.grad is not None
    assert features.grad.numpy() == pytest.approx(golden[f"{case}.{name}.grad_input"], abs=1e-5)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", MODULES)
def test_golden_pooling_modules(name: str, mode: str, golden_folder: Path) -> None:
    golden = np.load(golden_folder / "triplet_modules.npz")

    def part(key: str) -> Any:
        return golden[f"{name}.{key}"]

    keys = part("keys").tolist()
    shapes = [
        tuple(map(int, shape.strip("[]").split(","))) if shape != "[]" else () for shape in part("shapes")
    ]
    state = triplet_state(dict(zip(keys, shapes, strict=True)), f"{name}.")
    module = MODULES[name](16)
    module.load_state_dict({pooling_key(key): value for key, value in state.items()})
    module.train(mode == "train")
    features = torch.from_numpy(part("input")).requires_grad_()
    result = module(features)
    result.backward(torch.from_numpy(part("grad_output")))

    assert result.detach().numpy() == pytest.approx(part(f"{mode}.output"), abs=1e-4)
    expected = part(f"{mode}.grad_input")
    assert features.grad is not None
    assert np.linalg.norm(features.grad.numpy() - expected) < 1e-4 * np.linalg.norm(expected)
    parameters = dict(module.named_parameters())
    for key, norm in zip(part(f"{mode}.param_names").tolist(), part(f"{mode}.param_grad_norm"), strict=True):
        gradient = parameters[pooling_key(key)].grad
        assert gradient is not None
        assert gradient.norm().item() == pytest.approx(norm, rel=1e-3, abs=1e-3), key
