"""The truth onto an image: boxes, keypoints and boxes in space, whatever there is."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from centernet.drawing.birds_eye import draw_boxes3d_and_birds_eye
from centernet.drawing.boxes import draw_boxes
from centernet.drawing.keypoints import draw_keypoints
from centernet.geometry.camera import Camera
from centernet.structures import Annotations, Categories


def draw_annotations(
    image: UInt8[np.ndarray, "h w 3"],
    objects: Annotations,
    texts: Sequence[str],
    categories: Categories,
    camera: Camera | None = None,
    *,
    long_side: int | None = None,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image with its true objects; boxes in space also as a bird sees them.

    Args:
        image: RGB.
        objects: Image pixels, and camera metres.
        texts: One for each object.
        categories: Of the objects' labels.
        camera: Image pixels from camera metres; boxes in space are not drawn where it is not known.
        long_side: Scale the picture to this longer side first.
    """
    has_box3d = np.isfinite(objects.boxes3d).all(axis=1) & (camera is not None)
    picture = draw_boxes(
        image, objects.boxes, texts, objects.labels, long_side=long_side, outlined=~has_box3d
    )
    size = (image.shape[0], image.shape[1])
    if categories.max_keypoints:
        skeletons = [categories.skeletons[label] for label in objects.labels]
        picture = draw_keypoints(picture, objects.keypoints, skeletons, image_size=size)
    if camera is None:
        return picture
    return draw_boxes3d_and_birds_eye(picture, objects.boxes3d, objects.labels, camera, image_size=size)
