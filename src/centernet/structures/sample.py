"""One image on its way to the network: pixels, annotations, and the transform applied to them."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from centernet.geometry.affine import Matrix, identity
from centernet.geometry.camera import Camera
from centernet.structures.annotations import Annotations
from centernet.structures.dataset import ImageRecord


@dataclass(frozen=True, kw_only=True)
class View:
    """Sizes of an image and of its input, and the transform between the two.

    Attributes:
        name: Name of the image in messages: its path where it has one.
        image_size: Rows and columns of the image.
        input_size: Rows and columns of the input.
        input_from_image: Affine matrix from image pixels to input pixels.
        camera: Projection from camera metres to image pixels, `(3 4)`: KITTI's `P2`. None where not known.
    """

    name: str
    image_size: tuple[int, int]
    input_size: tuple[int, int]
    input_from_image: Matrix = field(default_factory=identity)
    camera: Float[np.ndarray, "3 4"] | None = None

    @property
    def image_from_input(self) -> Matrix:
        """The inverse of `input_from_image`."""
        return np.linalg.inv(self.input_from_image)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image with its annotations, in the input frame of `view`.

    Attributes:
        image: RGB.
        annotations: Ground truth; boxes in input pixels.
        view: Transform from the original image. As read from a file, input and image are the same frame.
        image_id: Id of the image in the data set.
    """

    image: UInt8[np.ndarray, "h w 3"]
    annotations: Annotations
    view: View
    image_id: int


def read_sample(record: ImageRecord, image: UInt8[np.ndarray, "h w 3"]) -> Sample:
    """The sample of a record whose pixels were read; image and input are the same frame."""
    size = (image.shape[0], image.shape[1])
    view = View(name=str(record.path), image_size=size, input_size=size, camera=record.camera)
    return Sample(image=image, annotations=record.annotations, view=view, image_id=record.image_id)


def sample_of(
    image: UInt8[np.ndarray, "h w 3"], name: str, image_id: int = 0, camera: Camera | None = None
) -> Sample:
    """The sample of an image without annotations, for prediction."""
    size = (image.shape[0], image.shape[1])
    view = View(name=name, image_size=size, input_size=size, camera=camera)
    return Sample(image=image, annotations=Annotations.none(), view=view, image_id=image_id)
