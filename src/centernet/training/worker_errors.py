"""What worker processes of the loaders report, in a line."""

import re
from pathlib import Path

from centernet.errors import InputError, UsageError

_TYPES: dict[str, type[Exception]] = {"InputError": InputError, "UsageError": UsageError}
_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (.+)")


def explained(error: Exception, folder: Path) -> Exception | None:
    """The error of a worker process without its traceback; or that a worker died, with what to do.

    Args:
        error: Error of a training.
        folder: Its run folder.

    Returns:
        None if the error is none of a worker.
    """
    text = str(error)
    if text.startswith("Caught ") and "Original Traceback" in text:
        # `centernet.errors.InputError: image.png is ...`
        name, _, message = text.strip().splitlines()[-1].partition(": ")
        known = _TYPES.get(name.rpartition(".")[2])
        return known(message) if known else RuntimeError(f"in a worker process: {name}: {message}")
    if found := _DIED.search(text):
        how = found.group(1).partition(". ")[0].strip(" .")
        return InputError(
            f"a worker process of the loader {how}: if the system ended it, memory is short: lower workers=, "
            f"batch= or cache=; to go on: centernet train resume={folder} workers=0"
        )
    return None
