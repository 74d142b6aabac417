"""Weights in the checkpoint files of other programs, read without running anything that is in them."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from centernet.errors import InputError
from centernet.weights import zoo

PREFIX = "module."
"""What `DataParallel` puts before every key."""


def read(path: str | Path) -> dict[str, Tensor]:
    """The weights in a file by the keys the original gives them, on the CPU.

    They may lie in it alone, or under `state_dict` beside an epoch and an optimizer. Files written by
    `torch.save` in its old format (the published ones) and in its new one are read, and `.safetensors`.

    Raises:
        InputError: There is no such file, it is cut short, it holds no weights, or more than weights: nothing
            of that is run. Or it is ours already.
    """
    path = Path(path)
    if path.is_dir():
        if (path / zoo.MODEL).is_file():
            raise _already_ours(path)
        raise InputError(f"{path} is a folder: name the checkpoint file in it, such as {path}/model_last.pth")
    if not path.is_file():
        raise InputError(f"there is no file {path}: name a checkpoint of the original program")
    state = _from_safetensors(path) if path.suffix == ".safetensors" else _unpickled(path)
    if not state:
        raise InputError(f"{path} holds no weights: it is empty")
    return _without_prefix(state, path)


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            if "centernet" in (file.metadata() or {}) or path.with_name(zoo.CONFIG).is_file():
                raise _already_ours(path)
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise _not_whole(path) from error


def _unpickled(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"<"):
        raise InputError(f"{path} is a web page, not a checkpoint: the download failed, so fetch it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Only the new format, a zip archive, can stay on the disk until a tensor is looked at: of a file
            # with an optimizer, two thirds never are.
            found: Any = torch.load(path, "cpu", weights_only=True, mmap=start == b"PK\x03\x04")
    except Exception as error:  # Bytes that are no checkpoint raise nearly anything.
        if asked := re.search(r"\bGLOBAL ([\w.]+)", str(error)):
            raise InputError(
                f"{path} holds more than weights: it asks for {asked[1]}, and nothing of it was run; if you "
                "trust it, load it in the program it came from and save its state_dict alone"
            ) from error
        raise _not_whole(path) from error
    state = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds no weights by name, but a {type(found).__name__}")
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path} is no checkpoint of the original: {key!r} in it is no tensor, but a "
                f"{type(value).__name__}"
            )
    return {str(key): value for key, value in state.items()}


def _without_prefix(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    plain = {key.removeprefix(PREFIX): value for key, value in state.items()}
    if len(plain) < len(state):
        twice = next(key for key in plain if key in state and PREFIX + key in state)
        raise InputError(f"{path} holds {twice!r} twice, with and without {PREFIX!r}")
    return plain


def _already_ours(path: Path) -> InputError:
    return InputError(f"{path} is already ours: use it as it is, centernet predict model={path} source=...")


def _not_whole(path: Path) -> InputError:
    return InputError(f"{path} is cut short, or no checkpoint at all: copy or download it again")
