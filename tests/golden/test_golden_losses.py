"""Loss values and gradients of the original program."""

from pathlib import Path

import numpy as np
import pytest
import torch

from centernet.ops.losses import focal_loss, l1_at_cells


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Everything in `losses.npz`."""
    return dict(np.load(golden_folder / "losses.npz"))


@pytest.mark.parametrize(
    ("ground_truth", "name"), [("focal_gt", "focal_neg_loss"), ("focal_gt_nopos", "focal_nopos")]
)
def test_golden_focal_loss(golden: dict[str, np.ndarray], ground_truth: str, name: str) -> None:
    probability = torch.from_numpy(golden["focal_pred"]).double()
    # Ours takes logits; the original's gradient is with respect to the probability.
    logits = torch.logit(probability).float().requires_grad_()
    loss = focal_loss(logits, torch.from_numpy(golden[ground_truth]))
    loss.backward()
    expected = golden[f"{name}__grad_pred"] * (probability * (1 - probability)).numpy()

    assert loss.item() == pytest.approx(float(golden[name]), rel=1e-5)
    assert logits.grad is not None
    scale = np.abs(expected).max()
    assert np.abs(logits.grad.numpy() - expected).max() < 1e-5 * scale


def test_golden_clamp_of_probabilities(golden: dict[str, np.ndarray]) -> None:
    logits = torch.from_numpy(golden["sigmoid_clamp_in"])
    losses = [focal_loss(logit.view(1, 1, 1, 1), torch.ones(1, 1, 1, 1)).item() for logit in logits]
    clamped = golden["sigmoid_clamp_out"].astype(np.float64)

    assert losses == pytest.approx((-((1 - clamped) ** 2) * np.log(clamped)).tolist(), rel=1e-3, abs=1e-9)


def test_golden_l1_loss(golden: dict[str, np.ndarray]) -> None:
    maps = torch.from_numpy(golden["reg_output"]).requires_grad_()
    has_object = torch.from_numpy(golden["reg_mask"]).bool()
    image, slot = has_object.nonzero(as_tuple=True)
    index = torch.from_numpy(golden["reg_ind"])[image, slot]
    width = maps.shape[3]
    cells = torch.stack([image, index // width, index % width], dim=1)
    loss = l1_at_cells(maps, cells, torch.from_numpy(golden["reg_target"])[image, slot])
    loss.backward()

    assert loss.item() == pytest.approx(float(golden["RegL1Loss"]), rel=1e-6)
    assert maps.grad is not None
    assert np.abs(maps.grad.numpy() - golden["RegL1Loss__grad_output"]).max() < 1e-7


def test_golden_l1_loss_without_objects(golden: dict[str, np.ndarray]) -> None:
    maps = torch.from_numpy(golden["reg_output"])
    loss = l1_at_cells(maps, torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 2))

    assert loss.item() == float(golden["RegL1Loss_emptymask"]) == 0
