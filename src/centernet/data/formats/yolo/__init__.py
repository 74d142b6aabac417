"""The YOLO format: one text file for each image."""

from centernet.data.formats.yolo.format import (
    LOOKED_FOR,
    NAME,
    SUPPORTS,
    identify,
    read,
    splits,
    write,
)

__all__ = ["LOOKED_FOR", "NAME", "SUPPORTS", "identify", "read", "splits", "write"]
