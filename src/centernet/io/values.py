"""Plain values from the text of files: json and yaml, with errors in one line that name the file."""

import json
import re
from typing import Any

from centernet.errors import InputError

_LONG_NUMBER = re.compile(r"\d{4301,}")
"""More digits than Python reads: `sys.int_info.default_max_str_digits`."""

_A_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(?P<half>u[dD](?:[89abd-fABD-F]\w|[cC][0-7])\w)|.)"
)
"""A pair, half of one, or any other."""


def read_json(text: str | bytes, name: str) -> Any:
    """The value of a json text.

    Args:
        text: The text.
        name: Its file in messages.

    Raises:
        InputError: It is not json, holds a number of too many digits, or is nested too deep.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is not json: {error}") from error
    except (ValueError, RecursionError) as error:
        # Not by a `parse_int` of ours, which would read large files much more slowly.
        long = _LONG_NUMBER.search(text if isinstance(text, str) else text.decode(errors="replace"))
        reason = f"a number of {len(long[0])} digits" if long else _reason(error)
        raise InputError(f"{name} is not json: {reason}") from error
    if half := _half_letter(text):
        raise InputError(f"{name} is not json: {half} is half a letter, which no file can hold")
    return value


def _half_letter(text: str | bytes) -> str:
    """The first escape that is one of a pair without the other; empty if there is none, as nearly always.

    Python's own for the bytes of file names that are not UTF-8, from dc80 to dcff, are passed over.
    """
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    found = _ESCAPE.finditer(plain) if _A_HALF.search(plain) else ()
    return next((f"\\{one['half']}" for one in found if one["half"]), "")


def read_yaml(text: str, name: str, *, as_written: bool = False) -> Any:
    """The value of a yaml text, without tags that ask for objects.

    Args:
        text: The text.
        name: Its file in messages.
        as_written: Every plain value is a string, as it is written: `no` is not a switch, `1` not a number.

    Raises:
        InputError: It is not yaml, or holds a date, number or nesting that cannot be read.
    """
    import yaml

    try:
        return yaml.load(text, yaml.BaseLoader if as_written else yaml.SafeLoader)
    except RecursionError as error:
        raise InputError(f"{name} is not yaml: {_reason(error)}") from error
    except Exception as error:  # Values of a type that is stated wrongly raise nearly anything.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{name} is not yaml: {reason}") from error


def _reason(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
