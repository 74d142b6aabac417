"""KITTI: text files of objects with 3D boxes, images and cameras."""

from centernet.data.formats.kitti.format import (
    CLASSES,
    HOLDS,
    LOOKED_FOR,
    NAME,
    identify,
    read,
    splits,
    write,
)

__all__ = ["CLASSES", "HOLDS", "LOOKED_FOR", "NAME", "identify", "read", "splits", "write"]
