"""One setting of a recipe: what it is, which values it may have, its heading and the tasks that use it.

`Allowed` serves the options of inference, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from centernet.errors import UsageError


@dataclass(frozen=True)
class Allowed:
    """The values that a setting may have.

    Attributes:
        text: Follows the name of the setting in the error: `must be at least 1`.
        holds: True for such a value.
        choices: All values, where they are few words.
        hint: What to do, at the end of the error.
    """

    text: str
    holds: Callable[[Any], bool]
    choices: tuple[str, ...] = ()
    hint: str = ""

    def check(self, name: str, value: Any) -> None:
        """Raises a `UsageError` that names the setting if the value is not allowed."""
        if self.holds(value):
            return
        given = repr(value)
        if isinstance(value, tuple):
            given = ",".join(f"{one:g}" for one in value) or "none"
        raise UsageError(f"{name} {self.text}; got {given}" + (f": {self.hint}" if self.hint else ""))


COUNT = Allowed("must be at least 1", lambda value: value >= 1)
AMOUNT = Allowed("must be 0 or more", lambda value: value >= 0)
POSITIVE = Allowed("must be above 0", lambda value: value > 0)
ALL_POSITIVE = Allowed("must hold numbers above 0", lambda values: min(values) > 0)
FRACTION = Allowed("must be a fraction from 0 to 1", lambda value: 0 <= value <= 1)
PART = Allowed("must be a fraction from 0 to below 1", lambda value: 0 <= value < 1)
DECAY = Allowed("must be a decay from 0 to below 1", lambda value: 0 <= value < 1)


def one_of(*choices: str, hint: str = "") -> Allowed:
    """One of these words; the hint says what to do with another."""
    return Allowed(f"is one of {', '.join(choices)}", lambda value: value in choices, choices, hint)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Description of a setting, kept in the metadata of its field.

    Attributes:
        about: What it is, in a line.
        heading: Heading in `centernet train --help all` and in the reference.
        allowed: The values it may have; None for any of its type.
        tasks: The tasks that use it; empty for all.
    """

    about: str
    heading: str
    allowed: Allowed | None = None
    tasks: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """The line about it, with the tasks it is for."""
        return f"{self.about} ({', '.join(self.tasks)})" if self.tasks else self.about


def setting(
    default: Any,
    about: str,
    allowed: Allowed | None = None,
    *,
    heading: str,
    tasks: tuple[str, ...] = (),
) -> Any:
    """A field of a recipe with its `Setting`."""
    made = Setting(about=about, heading=heading, allowed=allowed, tasks=tasks)
    return field(default=default, metadata={"setting": made})


def settings_by_name(recipe: Any) -> dict[str, Setting]:
    """The `Setting` of each field of a recipe, or of its class, in their order."""
    return {item.name: item.metadata["setting"] for item in fields(recipe)}
