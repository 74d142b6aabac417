"""Resize rules: the input size for an image, and the transform into it. A rule is called with the image size.

The second argument, a scale, makes the image larger or smaller than the rule alone does: the input grows with
it, or, where the input has a fixed size, the image is cropped or padded.
"""

from dataclasses import dataclass, replace
from typing import NoReturn

from centernet.errors import UsageError
from centernet.geometry.affine import Matrix, crop_to_input, scaled_size, scaling, translation

Size = tuple[int, int]

_NO_SIDE = (
    "images keep their own size here, so imgsz={side} has no effect: "
    "leave it out, or add resize=fit or resize=follow"
)


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """The whole image, centred in an input of fixed size and padded with black.

    For square inputs this is the `fix_res` rule of Objects as Points.

    Attributes:
        height: Input rows.
        width: Input columns.
    """

    height: int = 512
    width: int = 512

    @classmethod
    def of(cls, side: int, multiple: int) -> "Letterbox":
        """The rule for a square input."""
        del multiple
        return cls(height=side, width=side)

    @property
    def side(self) -> int:
        """Longer side of the input."""
        return max(self.height, self.width)

    def with_side(self, side: int) -> "Letterbox":
        """The same rule for a square input."""
        return Letterbox(height=side, width=side)

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = image_size
        window = self.width / min(self.height / height, self.width / width)
        return _window((self.height, self.width), image_size, window, scale)


@dataclass(frozen=True, kw_only=True)
class ResizeLongestSide:
    """The whole image, its longer side scaled to `long_side`, in the smallest input that holds it.

    The image starts at the origin; rows and columns that pad it to a multiple are black.

    Attributes:
        long_side: Longer side of the scaled image, input pixels.
        multiple: Input sides are multiples of this.
    """

    long_side: int = 512
    multiple: int = 32

    @classmethod
    def of(cls, side: int, multiple: int) -> "ResizeLongestSide":
        """The rule for this longer side of the image, and a multiple that sides of the input must be."""
        return cls(long_side=side, multiple=multiple)

    @property
    def side(self) -> int:
        """Longer side of the scaled image."""
        return self.long_side

    def with_side(self, side: int) -> "ResizeLongestSide":
        """The same rule for another longer side."""
        return replace(self, long_side=side)

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        return _at_scale(image_size, self.long_side / max(image_size) * scale, self.multiple)


@dataclass(frozen=True, kw_only=True)
class PadToMultiple:
    """The image at its own size, centred in an input that is always strictly larger.

    The `keep_res` rule of Objects as Points: `(side | pad) + 1`, so 512 becomes 544.

    Attributes:
        pad: One less than the multiple the sides must have: 31, or 127 for Hourglass.
    """

    pad: int = 31

    @classmethod
    def of(cls, side: int, multiple: int) -> "PadToMultiple":
        """The rule for a multiple that sides of the input must be."""
        del side
        return cls(pad=multiple - 1)

    @property
    def side(self) -> None:
        """None: the size of the input follows from that of the image."""
        return None

    def with_side(self, side: int) -> NoReturn:
        """Not possible for this rule.

        Raises:
            UsageError: Always, with what to do instead.
        """
        raise UsageError(_NO_SIDE.format(side=side))

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = scaled_size(image_size, scale)
        input_size = ((height | self.pad) + 1, (width | self.pad) + 1)
        shift = translation(input_size[1] / 2 - width // 2, input_size[0] / 2 - height // 2)
        return input_size, shift @ scaling(scale)


@dataclass(frozen=True, kw_only=True)
class PadBelowMultiple:
    """The image at its own size, centred in an input whose sides are one short of a multiple.

    The rule of keypoint triplets: `side | pad`, so 500 becomes 511. Networks whose layers round up
    give maps as for the multiple. Where an image is as high or wide as its input, the original loses the last
    row or column, since it halves the side twice and rounds down; `exact` reproduces that.

    Attributes:
        pad: One less than the multiple: 127, as for Hourglass.
    """

    pad: int = 127

    @classmethod
    def of(cls, side: int, multiple: int) -> "PadBelowMultiple":
        """The rule for sides of the input that are one short of a multiple."""
        del side
        return cls(pad=multiple - 1)

    @property
    def side(self) -> None:
        """None: the size of the input follows from that of the image."""
        return None

    def with_side(self, side: int) -> NoReturn:
        """Not possible for this rule.

        Raises:
            UsageError: Always, with what to do instead.
        """
        raise UsageError(_NO_SIDE.format(side=side))

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        height, width = scaled_size(image_size, scale)
        input_size = (height | self.pad, width | self.pad)
        left, top = input_size[1] // 2 - width // 2, input_size[0] // 2 - height // 2
        shift = translation(float(left), float(top))
        return input_size, shift @ scaling(scale)


@dataclass(frozen=True, kw_only=True)
class FixedScale:
    """Every image at one scale, whatever its size: for images of one ground resolution or magnification.

    The image starts at the origin; rows and columns that pad it to a multiple are black.

    Attributes:
        factor: Input pixels for each image pixel.
        multiple: Input sides are multiples of this.
    """

    factor: float = 1.0
    multiple: int = 32

    @classmethod
    def of(cls, side: int, multiple: int) -> "FixedScale":
        """The rule for images at their own size, and a multiple that sides of the input must be."""
        del side
        return cls(multiple=multiple)

    @property
    def side(self) -> None:
        """None: the size of the input follows from that of the image."""
        return None

    def with_side(self, side: int) -> NoReturn:
        """Not possible for this rule.

        Raises:
            UsageError: Always, with what to do instead.
        """
        raise UsageError(
            f"every image is {self.factor:g} times its own size here, so imgsz={side} has no effect: "
            f"leave it out, or add resize=fit or resize=follow"
        )

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        return _at_scale(image_size, self.factor * scale, self.multiple)


@dataclass(frozen=True, kw_only=True)
class FitWidth:
    """The image scaled to the width of the input and centred; extra rows are cropped, missing ones black.

    The rule of Objects as Points for KITTI, whose images are slightly flatter or taller than the input.

    Attributes:
        height: Input rows.
        width: Input columns.
    """

    height: int = 384
    width: int = 1280

    @classmethod
    def of(cls, side: int, multiple: int) -> NoReturn:
        """Not available.

        Raises:
            UsageError: Always: the shape of the input comes with the weights.
        """
        del side, multiple
        raise UsageError(f"resize=span comes with weights alone: choose {_NAMES}")

    @property
    def side(self) -> int:
        """Longer side of the input."""
        return max(self.height, self.width)

    def with_side(self, side: int) -> NoReturn:
        """Not possible for this rule.

        Raises:
            UsageError: Always, with what to do instead.
        """
        raise UsageError(
            f"the input is always {self.width}×{self.height} pixels here, so imgsz={side} has no effect: "
            f"leave it out, or add resize=fit or resize=follow"
        )

    def __call__(self, image_size: Size, scale: float = 1.0) -> tuple[Size, Matrix]:
        """Input size and `input_from_image` for an image of `(height, width)`."""
        return _window((self.height, self.width), image_size, float(image_size[1]), scale)


ResizeRule = Letterbox | ResizeLongestSide | PadToMultiple | PadBelowMultiple | FixedScale | FitWidth

RULES: dict[str, type[ResizeRule]] = {
    "fit": Letterbox,
    "follow": ResizeLongestSide,
    "keep": PadToMultiple,
    "triplet": PadBelowMultiple,
    "scale": FixedScale,
    "span": FitWidth,
}
"""Resize rules by their name in `config.json` and in `resize=`, where all but `span` can be chosen."""

_NAMES = ", ".join(name for name, rule in RULES.items() if rule is not FitWidth)


def choose_rule(rule: ResizeRule, name: str | None, side: int | None, multiple: int) -> ResizeRule:
    """The resize rule for the settings `resize` and `imgsz`.

    Args:
        rule: The default.
        name: Another one of `RULES`; None for the default.
        side: Side of the input, or longer side of the resized image; by default that of `rule`.
        multiple: Sides of the input must be multiples of this.

    Raises:
        UsageError: An unknown rule, a side that is no multiple, or a side for a rule that takes none.
    """
    if name is not None:
        if name not in RULES:
            raise UsageError(f"resize={name} is not a resize rule: choose {_NAMES}")
        rule = RULES[name].of(side=rule.side or Letterbox().side, multiple=multiple)
    if side is not None:
        if not isinstance(side, int):
            raise UsageError(f"imgsz is one whole number, the longer side of the input; got {side!r}")
        rule = rule.with_side(side)
    elif name is None:
        return rule
    if rule.side is not None and (rule.side < 1 or rule.side % multiple):
        nearest = max(multiple, round(rule.side / multiple) * multiple)
        raise UsageError(
            f"imgsz must be a multiple of {multiple} for these weights; got {rule.side}: try imgsz={nearest}"
        )
    return rule


def training_rule(imgsz: int, rect: bool, image_scale: float, multiple: int) -> ResizeRule:
    """The resize rule of a training, from its settings of these names.

    Args:
        imgsz: Side of the input, or longer side of the resized image; without effect with `image_scale`.
        rect: Inputs have the aspect ratio of the image.
        image_scale: Scale of every image; 0: `imgsz` decides.
        multiple: Sides of the input are multiples of this.
    """
    if image_scale:
        return FixedScale(factor=image_scale, multiple=multiple)
    if rect:
        return ResizeLongestSide(long_side=imgsz, multiple=multiple)
    return Letterbox(height=imgsz, width=imgsz)


def _at_scale(image_size: Size, factor: float, multiple: int) -> tuple[Size, Matrix]:
    """The image times a factor, at the origin of the smallest input that holds it."""
    height, width = (-(-max(1, round(side * factor)) // multiple) * multiple for side in image_size)
    return (height, width), scaling(factor)


def _window(input_size: Size, image_size: Size, side: float, scale: float) -> tuple[Size, Matrix]:
    """Maps a window `side` pixels wide, centred on the scaled image, to the input."""
    rows, columns = scaled_size(image_size, scale)
    return input_size, crop_to_input((columns / 2, rows / 2), side, input_size) @ scaling(scale)
