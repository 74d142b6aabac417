"""YOLO: one text file for each image."""

from centernet.data.formats.yolo.format import (
    HOLDS,
    LOOKED_FOR,
    NAME,
    identify,
    read,
    splits,
    write,
)

__all__ = ["HOLDS", "LOOKED_FOR", "NAME", "identify", "read", "splits", "write"]
