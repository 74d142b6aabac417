"""JPEGs that are broken amid their pixels: decoders fill in grey and go on, with a warning on stderr alone.

The images are decoded in another process, whose stderr is read: libjpeg has no other way to tell.
"""

import subprocess
import sys
from collections.abc import Sequence

from centernet.structures import Defect, ImageRecord

_ACTION = (
    "the image is used with grey or shifted pixels behind the broken place: take it from its source again"
)
_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
_TIMEOUT_S = 3600
_MARK = "\x1e"
_DECODE = f"""
import sys
import cv2
import numpy as np
for number, path in enumerate(sys.stdin.buffer.read().split(b"\\0")):
    sys.stderr.write("\\n{_MARK}%d\\n" % number)
    sys.stderr.flush()
    try:
        cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR)
    except (OSError, ValueError, cv2.error):
        pass
"""
"""A program that decodes the files it is given, and writes the number of each before it."""


def broken_jpegs(records: Sequence[ImageRecord]) -> list[Defect]:
    """A defect for each JPEG whose pixels are broken, as far as libjpeg tells.

    Args:
        records: Images that can be read.
    """
    jpegs = [record for record in records if record.path.suffix.lower() in _SUFFIXES]
    if not jpegs:
        return []
    paths = b"\0".join(str(record.path).encode("utf-8", "surrogateescape") for record in jpegs)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DECODE], input=paths, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []  # Where no process can be started, these images are not found.
    defects = []
    for part in done.stderr.decode("utf-8", "replace").split(_MARK)[1:]:
        number, _, lines = part.partition("\n")
        warning = next((line for line in lines.splitlines() if line.startswith("Corrupt JPEG data")), "")
        if warning and number.isdecimal():
            message = f"its pixels are broken ({warning.partition(': ')[2]})"
            where = str(jpegs[int(number)].path)
            defects.append(Defect(kind="broken pixels", where=where, message=message, action=_ACTION))
    return defects
