"""The archive of a `.pt2` program, read before torch opens it: torch would run what some of its parts say.

`torch.export.load` unpickles tensors that are marked so, sample inputs that need it, script objects and files
of the former layout; it finds functions by any name, and evaluates the text of symbolic expressions.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from centernet.errors import InputError

_NAMES = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)"
    r"|models/model\.json|extra/[\w.]+|data/sample_inputs/model\.pt"
    r"|data/(weights|constants)/(model_(weights|constants)_config\.json|(weight|tensor)_\d+)"
)
"""Parts that hold numbers, text and the graph. Compiled code, script objects and pickles have other names."""

_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")

_FUNCTIONS = re.compile(
    r"torch\.ops\.(aten|prims|torchvision)\.(?!from_file)\w+\.\w+|torch\.sym_\w+|math\.[a-z]\w*"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pos|pow|abs|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)"
)
"""Functions that compute from numbers and do nothing else."""

_TERM = re.compile(
    r"(Integer|Float|Symbol|Rational|[A-Z]\w*)\(|[A-Za-z]\w*=(True|False)|'\w+'|-?[\d.]+|[(), ]"
)
"""What a symbolic expression is made of: `Mul(Integer(2), Symbol('s0', positive=True))`."""


def check_archive(content: bytes, name: str) -> None:
    """Raises an `InputError` unless an archive holds numbers and a graph of functions on them, nothing else.

    Args:
        content: The file.
        name: Its name in messages.
    """
    try:
        parts = _parts(content, name)
        for config in _CONFIGS:
            _check_tensors(json.loads(parts[config]), name)
        _check_graph(json.loads(parts["models/model.json"]), name)
        _check_sample(parts["data/sample_inputs/model.pt"], name)
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name} is not a complete torch program ({_line(error)}): copy or export it again"
        ) from error


def _parts(content: bytes, name: str) -> Mapping[str, bytes]:
    """The parts that are looked into, by name; their sizes are those that the directory states."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        root = entries[0].filename.partition("/")[0] if entries else ""
        if not any(entry.filename == f"{root}/archive_format" for entry in entries):
            raise _refused(name, "the layout of former versions of torch, which is a pickle")
        for entry in entries:
            part = entry.filename.removeprefix(f"{root}/")
            if part == entry.filename or not _NAMES.fullmatch(part):
                raise _refused(name, f"the part {entry.filename!r}")
            if part in found:
                raise _refused(name, f"the part {part!r} twice")
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(content):
                raise _refused(name, f"the compressed part {part!r}")
            is_read = not re.search(r"/(weight|tensor)_\d+$", part)
            found[part] = archive.read(entry) if is_read else b""
    return found


def _check_tensors(config: Mapping[str, Any], name: str) -> None:
    for key, entry in config["config"].items():
        if entry["use_pickle"] is not False:
            raise _refused(name, f"a pickle as {key!r}")
        if not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
            raise _refused(name, f"{entry['path_name']!r} as {key!r}")


def _check_graph(program: Mapping[str, Any], name: str) -> None:
    for key, value in _entries(program):
        if key == "target" and not _FUNCTIONS.fullmatch(str(value)):
            raise _refused(name, f"a call of {str(value)[:60]!r}")
        if key in ("expr_str", "range_constraints") and not _are_plain(value):
            raise _refused(name, "an expression that is none of sizes")
        if key in ("as_custom_obj", "as_operator", "as_graph"):
            raise _refused(name, f"an argument {key[3:]!r}")


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys with their values, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()


def _are_plain(value: Any) -> bool:
    """True for an expression of sizes; or for ranges, whose keys are printed expressions: `32*s30`."""
    if isinstance(value, dict):
        return all(re.fullmatch(r"[\w+\-*/ (),]*", key) and "__" not in key for key in value)
    return isinstance(value, str) and "__" not in value and not _TERM.sub("", value)


def _check_sample(content: bytes, name: str) -> None:
    import torch

    try:
        torch.load(io.BytesIO(content), "cpu", weights_only=True)
    except Exception as error:  # A broken pickle raises nearly anything.
        raise _refused(name, "a pickle as sample input") from error


def _refused(name: str, what: str) -> InputError:
    return InputError(
        f"{name} holds more than numbers, {what}: nothing of it was run; ask for an .onnx file of it"
    )


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
