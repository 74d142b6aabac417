"""The content of a `data.yaml`, with names as they are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from centernet.data.formats.common.files import read_text
from centernet.errors import InputError
from centernet.io.values import read_yaml

_NAMES = ("names", "kpt_names")
"""Keys of names: YAML takes `on`, `no`, `null` and `1` for other values than these words."""


def load_yaml(file: Path) -> dict[str, Any]:
    """The content of a `data.yaml`; names are the words of the file.

    Raises:
        InputError: The file is missing or not such a file.
    """
    text = read_text(file)
    content, words = read_yaml(text, str(file)), read_yaml(text, str(file), as_written=True)
    if not isinstance(content, dict) or not isinstance(words, dict):
        raise InputError(f"{file} is not a YOLO data.yaml: it needs train:, val: and names:")
    named = {key: _with_numbers(words[key]) for key in _NAMES if isinstance(words.get(key), list | dict)}
    return content | named


def _with_numbers(names: Any) -> Any:
    """Names with the numbers of classes as numbers."""
    if isinstance(names, dict):
        return {int(key) if key.isdecimal() else key: value for key, value in names.items()}
    return names


def looks_like_data_yaml(file: Path, splits: Sequence[str]) -> bool:
    """True if a file names classes and a split."""
    try:
        content = read_yaml(read_text(file), str(file))
    except InputError:
        return False
    return isinstance(content, dict) and "names" in content and any(key in content for key in splits)
