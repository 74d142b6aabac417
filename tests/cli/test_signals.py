"""SIGTERM ends a command as Ctrl-C does: its files are whole, and a run can be resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from centernet.cli.signals import EndSignals
from centernet.io.videos import Video, VideoWriter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")


def start(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "centernet", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_the_first_signal_interrupts_and_the_next_ones_do_not() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with EndSignals() as signals:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    assert (signals.received, signals.name) == (signal.SIGTERM, "SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with EndSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert not signals.received


def test_sigterm_leaves_whole_results_and_a_video_that_plays(tmp_path: Path) -> None:
    with closing(VideoWriter(tmp_path / "long.mp4", 10.0)) as writer:
        for number in range(600):
            writer.add(np.full((64, 64, 3), number % 256, dtype=np.uint8))
    process = start(
        "predict",
        "model=blood-cells",
        f"source={tmp_path / 'long.mp4'}",
        f"project={tmp_path}",
        "save_json=true",
        "conf=0",
    )
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.terminate()
    _, errors = process.communicate(timeout=120)
    folder = tmp_path / "predict"

    assert process.returncode == 143
    assert errors.splitlines()[-1] == "centernet: stopped by SIGTERM"
    entries = json.loads((folder / "results.json").read_text())
    assert 2 <= len({entry["image_id"] for entry in entries}) < 600
    assert 2 <= sum(1 for _ in Video(folder / "long.mp4")) < 600
    assert sorted(path.name for path in folder.iterdir()) == ["long.mp4", "results.json"]


def test_sigterm_leaves_a_run_that_resumes(tmp_path: Path) -> None:
    from centernet.data.synthetic import write_scenes
    from centernet.detector import CenterNet

    data = write_scenes(tmp_path / "data", train=8, val=2, size=64)
    words = (
        "model=nano imgsz=64 batch=4 channels=16 head_channels=16 regression_channels=0 workers=1 device=cpu"
    )
    process = start("train", f"data={data}", f"project={tmp_path}", "epochs=2", *words.split())
    run = tmp_path / "train"
    while not (run / "last.ckpt").exists() and process.poll() is None:
        time.sleep(0.02)
    process.terminate()
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 143
    assert errors.splitlines()[-1] == (
        f"centernet: stopped by SIGTERM; to go on: centernet train resume={run}"
    )
    assert CenterNet("nano", "cpu").train(resume=run, progress=False) is not None
    assert len((run / "results.csv").read_text().splitlines()) == 3
