"""Messages that are no results, on stderr."""

import sys

from centernet.errors import shortened


def say(*lines: str) -> None:
    """Prints lines on the stderr of the moment: a progress bar replaces it, to stay below.

    Names of files and classes are foreign: what a terminal would act on is shown escaped, line ends too, and
    a line has at most 300 letters.
    """
    for line in lines:
        print(shortened(line.replace("\n", "\\n")), file=sys.stderr, flush=True)
