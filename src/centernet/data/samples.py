"""Images as samples: before anything is done to them, image and input are the same frame."""

import numpy as np
from jaxtyping import UInt8

from centernet.geometry.camera import Camera
from centernet.structures import Annotations, ImageRecord, Sample, View


def read_sample(record: ImageRecord, image: UInt8[np.ndarray, "h w 3"]) -> Sample:
    """One image with its objects, image and input being the same frame."""
    size = (image.shape[0], image.shape[1])
    view = View(name=str(record.path), image_size=size, input_size=size, camera=record.camera)
    return Sample(image=image, annotations=record.annotations, view=view, image_id=record.image_id)


def sample_of(
    image: UInt8[np.ndarray, "h w 3"], name: str, image_id: int = 0, camera: Camera | None = None
) -> Sample:
    """An image nothing is known about but perhaps its camera, ready for a detector."""
    size = (image.shape[0], image.shape[1])
    view = View(name=name, image_size=size, input_size=size, camera=camera)
    return Sample(image=image, annotations=Annotations.none(), view=view, image_id=image_id)
