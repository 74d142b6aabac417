"""A run that is killed at any moment resumes to the same weights, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet

SETTINGS = {
    "epochs": 3,
    "batch": 4,
    "imgsz": 64,
    "channels": 16,
    "head_channels": 16,
    "regression_channels": 0,
    "workers": 1,
    "name": "run",
}

PROGRAM = """
import sys, torch
torch.set_num_threads(1)
from centernet.detector import CenterNet
CenterNet("nano", device="cpu").train(sys.argv[1], project=sys.argv[2], progress=False, **eval(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes") / "s", train=12, val=4, size=64)


def last_weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights" / "last.safetensors")


@pytest.mark.parametrize("more", [{}, {"lr_encoder": 1e-4, "freeze": "bn"}], ids=["plain", "fine-tuning"])
def test_a_killed_run_resumes_to_the_same_bits(more: dict[str, Any], scenes: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, **more}
    CenterNet("nano", device="cpu").train(
        scenes, project=str(tmp_path / "unbroken"), progress=False, **settings
    )
    run = tmp_path / "killed" / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(scenes), str(tmp_path / "killed"), repr(settings)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not (run / "last.ckpt").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    rows_when_killed = len((run / "results.csv").read_text().splitlines()) - 1

    CenterNet("nano", device="cpu").train(resume=run, progress=False)

    assert rows_when_killed < SETTINGS["epochs"]
    expected = last_weights(tmp_path / "unbroken" / "run")
    resumed = last_weights(run)
    assert expected.keys() == resumed.keys()
    for key, value in expected.items():
        assert torch.equal(value, resumed[key]), key
    epochs = [line.split(",")[0] for line in (run / "results.csv").read_text().splitlines()]
    assert epochs == ["epoch", "1", "2", "3"]
