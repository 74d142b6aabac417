"""The content of a `data.yaml`, with names as they are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from centernet.data.formats.common.files import read_text
from centernet.errors import InputError

_NAMES = ("names", "kpt_names")
"""Keys of names: YAML takes `on`, `no`, `null` and `1` for other values than these words."""


def load_yaml(file: Path) -> dict[str, Any]:
    """The content of a `data.yaml`; names are the words of the file.

    Raises:
        InputError: The file is missing or not such a file.
    """
    text = read_text(file)
    try:
        content = yaml.safe_load(text)
        # All values of this loader are texts.
        words = yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is not yaml: {' '.join(str(error).split())}") from error
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
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "names" in content and any(key in content for key in splits)
