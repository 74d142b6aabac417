"""Names of splits: `val` selects `val2017`, `valid` or, where there is no other, `test`."""

import re
from collections.abc import Sequence
from pathlib import Path

from centernet.errors import InputError, UsageError

WHOLE = "all"
"""Name of the only split of a data set that is not split."""

_NAMES = ("train", "training", "trainval", "val", "valid", "validation", "test", "testing")
_PATTERN = re.compile(rf"(?:^|[^a-z])((?:{'|'.join(_NAMES)})(?:\d{{4}})?)(?=$|[^a-z0-9])")
_STAND_INS = {
    "train": ("train", "training", "trainval", WHOLE),
    "val": ("val", "valid", "validation", "test", "testing"),
    "test": ("test", "testing"),
}


class UnclearSplitError(InputError):
    """No split fits, or several do: a split must be named.

    Args:
        problem: What is wrong.
        hint: What to do where there is a key `split=`.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem}: {hint}")
        self.problem = problem


def split_in(name: str) -> str | None:
    """The split in the name of a file or folder: `train2017` for `instances_train2017`; None without."""
    match = _PATTERN.search(name.lower())
    return match[1] if match else None


def is_split(name: str) -> bool:
    """True if a name is that of a split and nothing else."""
    return split_in(name) == name.lower()


def stand_in(found: Sequence[str], wanted: str) -> str | None:
    """The name, without its year, of a found split that serves as the wanted one; None if there is none."""
    names = set(map(_without_year, found))
    return next((name for name in _STAND_INS[wanted] if name in names), None)


def sense_of(split: str) -> str | None:
    """The use of a split by its name: train, test or val; None for other names."""
    name = _without_year(split)
    return next((sense for sense in ("train", "test", "val") if name in _STAND_INS[sense]), None)


def _without_year(split: str) -> str:
    return split.lower().rstrip("0123456789")


def choose_split(path: Path, found: Sequence[str], wanted: str | None) -> str:
    """The split of `found` that `wanted` selects; with `None` the only one.

    Raises:
        InputError: The data set has no such split, or several that fit.
    """
    there = ", ".join(found)
    if wanted is None:
        if len(found) != 1:
            raise UnclearSplitError(f"{path} has several splits ({there})", "name one with split=")
        return found[0]
    if wanted in found:
        return wanted
    for name in _STAND_INS.get(wanted, ()):
        matches = [split for split in found if _without_year(split) == name]
        if len(matches) > 1:
            raise UnclearSplitError(
                f"{path} has several splits called {name!r} ({there})", "name one with split="
            )
        if matches:
            return matches[0]
    if tuple(found) == (WHOLE,):
        hint = f"`centernet split data={path}` splits it, split={WHOLE} takes all images"
        raise InputError(f"{path} is not split, so it has no {wanted!r}: {hint}")
    if wanted not in _STAND_INS:
        raise UsageError(f"{path} has no split {wanted!r}: it has {there}")
    raise UnclearSplitError(
        f"{path} has no split {wanted!r}, only {there}", "add one, or name another with split="
    )
