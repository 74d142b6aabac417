"""The two errors of a user's input, with another exit code for each; and lists of names in messages."""

from collections.abc import Sequence

_MAX_NAMES, _MAX_LETTERS, _MAX_LINE = 6, 30, 300


class UsageError(ValueError):
    """The call itself is wrong: an unknown key, an impossible value. Exit code 2 on the command line."""


class InputError(ValueError):
    """The call is right but its input is broken: a broken file, an empty data set. Exit code 1."""


def listed(names: Sequence[str]) -> str:
    """Names in a message: the first six, each cut to thirty letters, and how many more there are."""
    shown = [name if len(name) <= _MAX_LETTERS else f"{name[: _MAX_LETTERS - 1]}…" for name in names]
    rest = len(shown) - _MAX_NAMES
    return ", ".join(shown) if rest <= 1 else f"{', '.join(shown[:_MAX_NAMES])} and {rest} more"


def shortened(line: str) -> str:
    """A line of at most 300 letters: of a longer one the beginning and the end, which says what to do."""
    if len(line) <= _MAX_LINE:
        return line
    end = 2 * _MAX_LINE // 3
    return f"{line[: _MAX_LINE - end - 3]} … {line[-end:]}"
