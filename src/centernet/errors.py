"""The two errors of a user's input, the bounds of the numbers in it, and lists of names in messages."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MAX_NAMES, _MAX_LETTERS, _MAX_LINE = 6, 30, 300


_CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0001-\U000e007f]"
)
"""What a terminal acts on or hides instead of showing it; line ends are not among them."""


def _shown_text(error: ValueError) -> str:
    """The text of an error, with the control characters of foreign names escaped."""
    return escaped(ValueError.__str__(error))


class UsageError(ValueError):
    """The call itself is wrong: an unknown key, an impossible value. Exit code 2 on the command line."""

    __str__ = _shown_text


class InputError(ValueError):
    """The call is right but its input is broken: a broken file, an empty data set. Exit code 1."""

    __str__ = _shown_text


def escaped(text: str) -> str:
    """The text with its control characters written as in Python, except line ends."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def listed(names: Sequence[str]) -> str:
    """Names in a message: the first six, each cut to thirty letters, and how many more there are."""
    cut = [name if len(name) <= _MAX_LETTERS else f"{name[: _MAX_LETTERS - 1]}…" for name in names]
    rest = len(cut) - _MAX_NAMES
    return ", ".join(cut) if rest <= 1 else f"{', '.join(cut[:_MAX_NAMES])} and {rest} more"


def shown(name: str) -> str:
    """A foreign name in a table: in one line, of at most sixty letters, its control characters escaped."""
    name = escaped(name.replace("\n", "\\n"))
    return name if len(name) <= 2 * _MAX_LETTERS else f"{name[: 2 * _MAX_LETTERS - 1]}…"


def shortened(line: str) -> str:
    """A line of at most 300 letters: of a longer one the beginning and the end, which says what to do.

    Control characters are escaped.
    """
    line = escaped(line)
    if len(line) <= _MAX_LINE:
        return line
    end = 2 * _MAX_LINE // 3
    return f"{line[: _MAX_LINE - end - 3]} … {line[-end:]}"


_CHANNELS, _SIDE, _DETECTIONS, _SEED = (1, 4096), (1, 8192), (1, 100_000), (0, 2**63 - 1)

BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("imgsz", "height", "width", "long_side", "multiple", "divisor"), _SIDE),
    **dict.fromkeys(("channels", "head_channels", "pool_channels"), _CHANNELS),
    **dict.fromkeys(("max_det", "top_k"), _DETECTIONS),
    "num_keypoints": (0, 100_000),
    "pad": (0, 8192),
    "short": (0, 1),
    "regression_channels": (0, 4096),
    "crop": (0, 8192),
    "slice": (1, 65_536),
    "stride": (1, 1024),
    "batch": (1, 10**9),
    "workers": (0, 256),
    "threads": (1, 1024),
    "cache": (0, 100_000),
    "seed": _SEED,
    "scales": (0, 10),
    "num_classes": (1, 100_000),
    "levels": (1, 8),
    "per_cell": (1, 64),
    "box_bins": (0, 1024),
    "spread": (0, 64),
    "kernel": (1, 255),
    "degrees": (0, 360),
}
"""The least and the largest value of numbers by name, in calls, settings and files of weights alike."""

_ANY = (-(10**9), 10**9)
"""Of every other number."""


def check_bounds(**numbers: Any) -> None:
    """Raises a `UsageError` that names the first number beyond its bounds.

    Args:
        numbers: Numbers, or several of them, by the names in `BOUNDS`; other values are passed over.
    """
    for name, value in numbers.items():
        low, high = BOUNDS.get(name, _ANY)
        for number in value if isinstance(value, tuple | list) else (value,):
            is_number = isinstance(number, int | float) and not isinstance(number, bool)
            if is_number and not low <= number <= high:
                given = (
                    str(number)
                    if len(str(number)) <= 24
                    else f"{str(number)[:12]}… of {len(str(number))} digits"
                )
                raise UsageError(f"{name} is a number from {low} to {high}; got {given}")
