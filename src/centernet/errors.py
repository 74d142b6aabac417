"""The two ways a user's input can be wrong, and how the command line tells them apart by exit code."""


class UsageError(ValueError):
    """The call itself is wrong: an unknown key, a value that cannot be. Exit code 2 on the command line."""


class InputError(ValueError):
    """The call is right but what it points at is not: a broken file, an empty data set. Exit code 1."""
