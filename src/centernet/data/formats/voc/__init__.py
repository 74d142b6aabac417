"""The Pascal VOC format: one xml file for each image."""

from centernet.data.formats.voc.format import (
    LOOKED_FOR,
    NAME,
    SUPPORTS,
    identify,
    read,
    splits,
    write,
)

__all__ = ["LOOKED_FOR", "NAME", "SUPPORTS", "identify", "read", "splits", "write"]
