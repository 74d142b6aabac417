"""The KITTI format: text files of objects with 3D boxes, images and cameras."""

from centernet.data.formats.kitti.format import (
    CLASSES,
    LOOKED_FOR,
    NAME,
    SUPPORTS,
    identify,
    read,
    splits,
    write,
)

__all__ = ["CLASSES", "LOOKED_FOR", "NAME", "SUPPORTS", "identify", "read", "splits", "write"]
