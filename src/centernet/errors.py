"""The two errors of a user's input; the command line ends with another exit code for each."""


class UsageError(ValueError):
    """The call itself is wrong: an unknown key, an impossible value. Exit code 2 on the command line."""


class InputError(ValueError):
    """The call is right but its input is broken: a broken file, an empty data set. Exit code 1."""
