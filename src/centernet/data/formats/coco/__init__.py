"""COCO: one json file for each split."""

from centernet.data.formats.coco.format import (
    HOLDS,
    LOOKED_FOR,
    NAME,
    identify,
    read,
    splits,
    to_coco,
    write,
)

__all__ = ["HOLDS", "LOOKED_FOR", "NAME", "identify", "read", "splits", "to_coco", "write"]
