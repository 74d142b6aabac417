"""Devices by name, the number of concurrent jobs, and memory."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from centernet.errors import UsageError
from centernet.hardware import cpu_has_fast_bf16, device_of, devices_of, max_concurrent_jobs


@pytest.mark.parametrize(("name", "index"), [("cuda", None), ("cuda:1", 1), ("0", 0), (1, 1), ("cpu", None)])
def test_a_number_is_that_gpu(name: str | int, index: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine where every device can be used.
    monkeypatch.setattr("torch.empty", lambda *_, **__: None)

    assert device_of(name) == torch.device("cpu" if name == "cpu" else "cuda", index)


def test_a_device_that_cannot_be_used_is_named() -> None:
    for name in ("gpu9", "cpu,gpu9"):
        with pytest.raises(UsageError, match=r"device 'gpu9' cannot be used here .*: try device=cpu"):
            devices_of(name)


@pytest.mark.parametrize(("threads", "jobs"), [(1, 6), (2, 3), (4, 1), (6, 1), (16, 1), (0, 1)])
def test_jobs_divide_the_cores_that_this_process_may_use(
    threads: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3, 9)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)

    assert max_concurrent_jobs(threads) == jobs


def test_without_an_affinity_all_cores_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    assert max_concurrent_jobs(1) == 4


@pytest.mark.parametrize(
    ("variable", "limit", "expected"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2", False),
        ("ONEDNN_MAX_CPU_ISA", "avx512_core", False),
        ("DNNL_MAX_CPU_ISA", "AVX512_CORE_VNNI", False),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", True),
        ("ONEDNN_MAX_CPU_ISA", "ALL", True),
        ("ONEDNN_MAX_CPU_ISA", "", True),
    ],
)
def test_bfloat16_is_not_fast_where_onednn_may_not_use_its_instructions(
    variable: str, limit: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: True)
    monkeypatch.setenv(variable, limit)

    assert cpu_has_fast_bf16() == expected


PROGRAM = """
import resource
import numpy as np
from centernet.hardware import tune_allocator

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(4 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

default = faults()
assert tune_allocator()
faults()
print(default, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_freed_memory_is_used_again() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    default, tuned = map(int, result.stdout.split())

    # Page faults of twenty blocks: allocated by the system each time, and once.
    assert tuned < default / 4
