"""The COCO format: one json file for each split."""

from centernet.data.formats.coco.format import (
    LOOKED_FOR,
    NAME,
    SUPPORTS,
    identify,
    read,
    splits,
    to_coco,
    write,
)

__all__ = ["LOOKED_FOR", "NAME", "SUPPORTS", "identify", "read", "splits", "to_coco", "write"]
