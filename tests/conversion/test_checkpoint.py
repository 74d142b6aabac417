"""Reading checkpoints of the original programs: all weights are read, and no code in a file is executed."""

import argparse
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from centernet.conversion.checkpoint import read
from centernet.errors import InputError

NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
STATE = NETWORK.state_dict()
PREFIXED = {f"module.{key}": value for key, value in STATE.items()}
OPTIMIZER = torch.optim.Adam(NETWORK.parameters()).state_dict()


def is_state(state: dict[str, Tensor]) -> bool:
    return state.keys() == STATE.keys() and all(torch.equal(state[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize("is_new", [True, False], ids=["zip", "as in 2019"])
@pytest.mark.parametrize(
    "content",
    [
        {"epoch": 140, "state_dict": STATE, "optimizer": OPTIMIZER},
        {"state_dict": STATE},
        {"epoch": 140, "state_dict": PREFIXED},
        STATE,
        PREFIXED,
    ],
    ids=["with optimizer", "no epoch", "module.", "raw", "raw, module."],
)
def test_weights_are_read_in_every_form_of_checkpoint(
    tmp_path: Path, content: dict[str, Any], is_new: bool
) -> None:
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=is_new)

    assert is_state(read(tmp_path / "a.pth"))


def test_weights_saved_on_a_gpu_are_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda _: "cuda:0")
        torch.save({"state_dict": STATE}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content.replace(b"ctorch\nFloatStorage", b"ctorch.cuda\nFloatStorage"))

    assert is_state(read(tmp_path / "a.pth"))


def test_weights_that_were_saved_again_as_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")

    assert is_state(read(tmp_path / "a.safetensors"))


def test_only_the_prefix_module_is_removed(tmp_path: Path) -> None:
    torch.save({"module_list.0.weight": torch.ones(1), "module.a": torch.ones(1)}, tmp_path / "a.pth")

    assert list(read(tmp_path / "a.pth")) == ["module_list.0.weight", "a"]


def test_a_key_with_and_without_prefix_is_refused(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1), "a": torch.ones(1)}, tmp_path / "a.pth")

    with pytest.raises(InputError, match=r"a.pth holds 'a' twice"):
        read(tmp_path / "a.pth")


@pytest.mark.parametrize("is_new", [True, False], ids=["zip", "as in 2019"])
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_reported(tmp_path: Path, fraction: float, is_new: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save({"epoch": 1, "state_dict": STATE}, path, _use_new_zipfile_serialization=is_new)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])

    with pytest.raises(InputError, match=r"a.pth is cut short, or no checkpoint"):
        read(path)


@pytest.mark.parametrize("is_new", [True, False], ids=["zip", "as in 2019"])
def test_changed_bytes_raise_no_other_error(tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save({"epoch": 1, "state_dict": STATE}, path, _use_new_zipfile_serialization=is_new)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for place in rng.integers(len(content), size=100).tolist():
        path.write_bytes(content[:place] + bytes([rng.integers(256)]) + content[place + 1 :])
        try:
            read(path)
        except InputError as error:
            messages.append(str(error))

    assert messages
    assert all(str(path) in message for message in messages)


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


def test_the_code_in_the_next_test_would_be_executed(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Code(tmp_path / "made")))

    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize("is_new", [True, False], ids=["zip", "as in 2019"])
@pytest.mark.parametrize("place", ["beside the weights", "among them", "alone"])
def test_no_code_in_a_file_is_executed(tmp_path: Path, place: str, is_new: bool) -> None:
    code = Code(tmp_path / "made")
    contents: dict[str, Any] = {
        "beside the weights": {"state_dict": STATE, "opt": code},
        "among them": {"state_dict": {**STATE, "a": code}},
        "alone": code,
    }
    torch.save(contents[place], tmp_path / "a.pth", _use_new_zipfile_serialization=is_new)

    with pytest.raises(InputError, match=rf"a.pth holds more than weights: it asks for {os.name}.*mkdir"):
        read(tmp_path / "a.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_code_in_a_plain_pickle_is_executed(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"state_dict": Code(tmp_path / "made")}, protocol))

    with pytest.raises(InputError, match=r"a.pth"):
        read(tmp_path / "a.pth")
    assert not (tmp_path / "made").exists()


def test_an_object_beside_the_weights_is_reported(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "opt": argparse.Namespace(lr=1)}, tmp_path / "a.pth")

    with pytest.raises(InputError, match=r"asks for argparse.Namespace, and nothing of it was run"):
        read(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": STATE, "args": {}}, "'model' in it is no tensor, but a OrderedDict"),
        ({"state_dict": {"a": 1}}, "'a' in it is no tensor, but a int"),
        ({"state_dict": {}}, "holds no weights: it is empty"),
        ({}, "holds no weights: it is empty"),
        ([torch.ones(1)], "holds no weights by name, but a list"),
        (torch.ones(1), "holds no weights by name, but a Tensor"),
    ],
)
def test_files_of_other_programs_are_reported(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pth")

    with pytest.raises(InputError, match=rf"a.pth.*{message}"):
        read(tmp_path / "a.pth")


def test_a_web_page_in_place_of_a_download_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("<!DOCTYPE html><title>Quota exceeded</title>")

    with pytest.raises(InputError, match=r"a.pth is a web page"):
        read(tmp_path / "a.pth")


def test_a_missing_file_and_a_folder_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*absent.pth"):
        read(tmp_path / "absent.pth")
    with pytest.raises(InputError, match=r"is a folder: name the checkpoint file in it"):
        read(tmp_path)


def test_an_archive_that_holds_more_than_its_size_is_refused_by_its_directory(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as old,
        zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))

    with pytest.raises(InputError, match=r"b\.pth is compressed, which checkpoints are not"):
        read(tmp_path / "b.pth")


def test_a_tensor_of_more_numbers_than_are_stored_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(10**9)}, tmp_path / "a.pth")

    with pytest.raises(InputError, match=r"'weight' has shape \(1000000000,\), more numbers than are stored"):
        read(tmp_path / "a.pth")
