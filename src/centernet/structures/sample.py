"""One image on its way to the network: pixels, objects, and how they were resized."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from centernet.geometry.affine import Matrix, identity
from centernet.geometry.camera import Camera
from centernet.structures.annotations import Annotations
from centernet.structures.dataset import ImageRecord


@dataclass(frozen=True, kw_only=True)
class View:
    """How one image is seen by the network.

    Attributes:
        name: What to call the image in messages: its path where it has one.
        image_size: Rows and columns of the image.
        input_size: Rows and columns of the input.
        input_from_image: Affine matrix from image pixels to input pixels.
        camera: Image pixels from camera metres, `(3 4)`: KITTI's `P2`. None where it is not known.
    """

    name: str
    image_size: tuple[int, int]
    input_size: tuple[int, int]
    input_from_image: Matrix = field(default_factory=identity)
    camera: Float[np.ndarray, "3 4"] | None = None

    @property
    def image_from_input(self) -> Matrix:
        """The way back."""
        return np.linalg.inv(self.input_from_image)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image with its objects, in the frame of `view`'s input.

    Attributes:
        image: RGB.
        annotations: Objects; boxes in input pixels.
        view: Where the pixels came from. As read from a file, input and image are the same frame.
        image_id: The data set's own id of the image.
    """

    image: UInt8[np.ndarray, "h w 3"]
    annotations: Annotations
    view: View
    image_id: int


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
