"""Rules that say which input an image is shown on. Each is a value: call it with the image's size."""

from dataclasses import dataclass

from centernet.geometry.affine import Matrix, crop_to_input, scaling, translation

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The whole image, centred on an input of fixed size, black round it.

    For square inputs this is the `fix_res` rule of Objects as Points.

    Attributes:
        height: Input rows.
        width: Input columns.
    """

    height: int = 512
    width: int = 512

    def __call__(self, image_size: Size) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = image_size
        scale = min(self.height / height, self.width / width)
        input_size = (self.height, self.width)
        return input_size, crop_to_input((width / 2, height / 2), self.width / scale, input_size)


@dataclass(frozen=True, kw_only=True)
class Follow:
    """The whole image, its longer side scaled to `long_side`, on an input no larger than it must be.

    The image starts at the origin; the rows and columns that fill up to a multiple are black.

    Attributes:
        long_side: Longer side of the scaled image, input pixels.
        multiple: Input sides are multiples of this.
    """

    long_side: int = 512
    multiple: int = 32

    def __call__(self, image_size: Size) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        scale = self.long_side / max(image_size)
        height, width = (
            -(-max(1, round(side * scale)) // self.multiple) * self.multiple for side in image_size
        )
        return (height, width), scaling(scale)


@dataclass(frozen=True, kw_only=True)
class Keep:
    """The image at its own size, centred on an input that is always strictly larger.

    The `keep_res` rule of Objects as Points: `(side | pad) + 1`, so 512 becomes 544.

    Attributes:
        pad: One less than the multiple the sides must have: 31, or 127 for Hourglass.
    """

    pad: int = 31

    def __call__(self, image_size: Size) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = image_size
        input_size = ((height | self.pad) + 1, (width | self.pad) + 1)
        return input_size, translation(input_size[1] / 2 - width // 2, input_size[0] / 2 - height // 2)


@dataclass(frozen=True, kw_only=True)
class Span:
    """The width of the image over the width of the input, centred; rows too many are cut off, others black.

    The rule of Objects as Points for KITTI, whose images are a little flatter than the input or taller.

    Attributes:
        height: Input rows.
        width: Input columns.
    """

    height: int = 384
    width: int = 1280

    def __call__(self, image_size: Size) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = image_size
        input_size = (self.height, self.width)
        return input_size, crop_to_input((width / 2, height / 2), float(width), input_size)


ResizeRule = Fit | Follow | Keep | Span
