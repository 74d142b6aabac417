"""Ground truth drawn on an image: boxes, keypoints and 3D boxes."""

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
    annotations: Annotations,
    texts: Sequence[str],
    categories: Categories,
    camera: Camera | None = None,
    *,
    long_side: int | None = None,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image with annotations drawn on it; 3D boxes also get a bird's-eye view.

    Args:
        image: RGB.
        annotations: Annotations of the image, in image pixels and camera metres.
        texts: Text of each object.
        categories: Categories of the labels.
        camera: Image pixels from camera metres; None: 3D boxes are not drawn.
        long_side: Longer side to which the image is scaled before it is drawn on.
    """
    has_box3d = np.isfinite(annotations.boxes3d).all(axis=1) & (camera is not None)
    drawn = draw_boxes(
        image, annotations.boxes, texts, annotations.labels, long_side=long_side, outlined=~has_box3d
    )
    size = (image.shape[0], image.shape[1])
    if categories.max_keypoints:
        skeletons = [categories.skeletons[label] for label in annotations.labels]
        drawn = draw_keypoints(drawn, annotations.keypoints, skeletons, image_size=size)
    if camera is None:
        return drawn
    return draw_boxes3d_and_birds_eye(drawn, annotations.boxes3d, annotations.labels, camera, image_size=size)
