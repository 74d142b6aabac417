"""Reader of checkpoint files of the original programs; no code in a file is executed."""

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from centernet.errors import InputError
from centernet.weights import zoo

PREFIX = "module."
"""Prefix that `DataParallel` adds to every key."""


def read(path: str | Path) -> dict[str, Tensor]:
    """The weights of a checkpoint file by the original's keys, on the CPU.

    The file holds a state dict, alone or under `state_dict` beside an epoch and an optimizer. Its format is
    the old one of `torch.save` (that of the published files), the new one, or `.safetensors`.

    Raises:
        InputError: The file is missing or truncated, holds no weights, or objects other than weights, none of
            which is executed; or it was written by this library.
    """
    path = Path(path)
    if path.is_dir():
        if (path / zoo.MODEL).is_file():
            raise _already_converted(path)
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
                raise _already_converted(path)
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise _truncated(path) from error


def _unpickled(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"<"):
        raise InputError(f"{path} is a web page, not a checkpoint: the download failed, so fetch it again")
    if start == b"PK\x03\x04":
        _check_directory(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The new format, a zip archive, can be memory-mapped: the state of an optimizer, two thirds of a
            # file, is then never read.
            content: Any = torch.load(path, "cpu", weights_only=True, mmap=start == b"PK\x03\x04")
    except Exception as error:  # Bytes that are no checkpoint raise nearly anything.
        if match := re.search(r"\bGLOBAL ([\w.]+)", str(error)):
            raise InputError(
                f"{path} holds more than weights: it asks for {match[1]}, and nothing of it was run; if you "
                "trust it, load it in the program that wrote it and save its state_dict alone"
            ) from error
        raise _truncated(path) from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds no weights by name, but a {type(content).__name__}")
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path} is no checkpoint of the original: {key!r} in it is no tensor, but a "
                f"{type(value).__name__}"
            )
        is_dense = value.layout == torch.strided
        if not is_dense or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(f"{path}: {key!r} has shape {tuple(value.shape)}, more numbers than are stored")
    return {str(key): value for key, value in state.items()}


def _check_directory(path: Path) -> None:
    """Raises an `InputError` for an archive that holds more than its size, before any of it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _truncated(path) from error
    is_stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not is_stored or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise InputError(
            f"{path} is compressed, which checkpoints are not: it may hold any amount; unpack it and save it "
            "again with torch.save"
        )


def _without_prefix(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    renamed = {key.removeprefix(PREFIX): value for key, value in state.items()}
    if len(renamed) < len(state):
        twice = next(key for key in renamed if key in state and PREFIX + key in state)
        raise InputError(f"{path} holds {twice!r} twice, with and without {PREFIX!r}")
    return renamed


def _already_converted(path: Path) -> InputError:
    return InputError(
        f"{path} is converted already: use it as it is, centernet predict model={path} source=..."
    )


def _truncated(path: Path) -> InputError:
    return InputError(f"{path} is cut short, or no checkpoint at all: copy or download it again")
