"""Devices by their names, and how many jobs have cores of their own."""

import os

import pytest
import torch

from centernet.errors import UsageError
from centernet.hardware import device_of, devices_of, max_concurrent_jobs
from centernet.recipes.recipe import Recipe, with_settings
from centernet.training.fit import _accelerator, _devices


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where every device can be used."""
    monkeypatch.setattr("torch.empty", lambda *_, **__: None)


@pytest.mark.parametrize(("name", "index"), [("cuda", None), ("cuda:1", 1), ("0", 0), (1, 1), ("cpu", None)])
@pytest.mark.usefixtures("two_gpus")
def test_a_number_is_that_gpu(name: str | int, index: int | None) -> None:
    assert device_of(name) == torch.device("cpu" if name == "cpu" else "cuda", index)


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [
        ("auto", "auto", "auto"),
        ("cpu", "cpu", "auto"),
        ("cuda", "gpu", "auto"),
        ("cuda:1", "gpu", [1]),
        (0, "gpu", [0]),
        ([0, 1], "gpu", [0, 1]),
        ("0, 1", "gpu", [0, 1]),
    ],
)
@pytest.mark.usefixtures("two_gpus")
def test_a_training_hears_of_them_as_lightning_calls_them(
    device: object, accelerator: str, devices: object
) -> None:
    recipe = with_settings(Recipe(), device=device)

    assert _accelerator(recipe) == accelerator
    assert _devices(recipe) == devices


def test_what_cannot_be_used_is_named() -> None:
    for name in ("gpu9", "cpu,gpu9"):
        with pytest.raises(UsageError, match=r"device 'gpu9' cannot be used here .*: try device=cpu"):
            devices_of(name)


@pytest.mark.parametrize(("threads", "jobs"), [(1, 6), (2, 3), (4, 1), (6, 1), (16, 1), (0, 1)])
def test_jobs_share_the_cores_that_this_process_may_use(
    threads: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3, 9)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)

    assert max_concurrent_jobs(threads) == jobs


def test_where_a_system_does_not_say_it_is_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    assert max_concurrent_jobs(1) == 4
