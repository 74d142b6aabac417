"""The checkpoint of a run: written whole, as often as time allows, and named if it is broken."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from centernet.errors import InputError
from centernet.training.checkpoints import WholeCheckpointIO, WritingPace, finished, read_checkpoint

CONTENT = {"epoch": 2, "global_step": 30, "state_dict": {"network.weight": torch.arange(1000.0)}}


def saved(folder: Path, content: Any = CONTENT) -> Path:
    path = folder / "last.ckpt"
    WholeCheckpointIO().save_checkpoint(content, path)
    return path


def test_a_checkpoint_needs_no_room_outside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    path = saved(tmp_path)

    assert finished(path) == (3, 30)
    assert list(tmp_path.iterdir()) == [path]
    assert torch.equal(
        WholeCheckpointIO().load_checkpoint(path)["state_dict"]["network.weight"], torch.arange(1000.0)
    )


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)

    def fail(_content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", fail)

    with pytest.raises(InputError, match=r"last.ckpt cannot be written \(No space left on device\)"):
        saved(tmp_path)
    assert finished(path) == (3, 30)
    assert list(tmp_path.iterdir()) == [path]


FULL = """
import resource, sys
from pathlib import Path
import torch
from centernet.training.checkpoints import WholeCheckpointIO
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
WholeCheckpointIO().save_checkpoint({"a": torch.zeros(10**6)}, Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit there")
def test_a_checkpoint_that_the_system_ends_in_the_middle_is_told_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False, timeout=600
    )

    assert run.stderr.splitlines()[-1] == (
        f"centernet.errors.InputError: {path} cannot be written (File too large): choose another folder or "
        "make room"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["half", "empty", "text", "list", "no epoch", "a flipped bit"])
def test_a_broken_checkpoint_is_named_in_a_line(how: str, tmp_path: Path) -> None:
    path = saved(tmp_path)
    content = path.read_bytes()
    if how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no checkpoint")
    elif how == "list":
        torch.save([1], path)
    elif how == "no epoch":
        torch.save({"state_dict": {}}, path)
    else:
        place = content.index(torch.arange(500.0, 510.0).numpy().tobytes())
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    with pytest.raises(InputError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == (f"{path} is cut short, damaged or no checkpoint: delete it to begin again")


def test_a_folder_in_the_place_of_a_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.mkdir()

    with pytest.raises(InputError, match=r"last\.ckpt is no plain file: a folder, a pipe or a device"):
        read_checkpoint(path)


def test_a_broken_checkpoint_leads_to_the_weights_that_are_left(tmp_path: Path) -> None:
    weights = tmp_path / "weights" / "last.safetensors"
    weights.parent.mkdir()
    weights.touch()
    (tmp_path / "last.ckpt").write_bytes(b"")

    with pytest.raises(
        InputError, match=rf"go on from its weights, train model={weights} data=..., or delete"
    ):
        finished(tmp_path / "last.ckpt")


def test_a_file_is_due_at_first_and_when_writing_it_takes_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = WritingPace(share=0.05)
    due = [pace.is_due()]
    now[0] = 102.0
    pace.note(began=100.0)
    for now[0] in (103.0, 141.0, 143.0):
        due.append(pace.is_due())

    assert due == [True, False, False, True]
