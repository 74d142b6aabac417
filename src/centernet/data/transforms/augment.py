"""Random crops, flips, rotations and mosaics of training images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from centernet.data.transforms.color_jitter import ColorJitter
from centernet.data.transforms.mixing import copy_paste_samples, mixup_samples
from centernet.data.transforms.warp import Mirrored, show
from centernet.geometry.affine import (
    Matrix,
    crop_to_input,
    horizontal_flip,
    identity,
    translation,
)
from centernet.geometry.resize import ResizeRule, Size
from centernet.structures import Annotations, Sample


@dataclass(frozen=True, kw_only=True)
class RandomCrop:
    """A window of random size round a random middle: the original's training crop.

    Attributes:
        min_scale: Smallest side of the window, as a share of the side that shows the whole image.
        max_scale: Largest.
        step: Scales are drawn from `min_scale`, `min_scale + step`, ...
        border: The middle keeps this far from the border, or half, a quarter, ... of it in small images.
    """

    min_scale: float = 0.6
    max_scale: float = 1.3
    step: float = 0.1
    border: int = 128

    def __call__(
        self, size: Size, side: float, rng: np.random.Generator
    ) -> tuple[tuple[float, float], float]:
        """Middle `(x, y)` and side of a window over an image of `(height, width)` that `side` shows whole."""
        scales = np.arange(self.min_scale, self.max_scale + self.step / 2, self.step)
        height, width = size
        x, y = (
            float(rng.integers(border, max(length - border, border + 1)))
            for length, border in ((width, self._border(width)), (height, self._border(height)))
        )
        return (x, y), side * float(rng.choice(scales))

    def _border(self, length: int) -> int:
        part = 1
        while length - self.border // part <= self.border // part:
            part *= 2
        return self.border // part


@dataclass(frozen=True, kw_only=True)
class ShiftScale:
    """The whole image, a little shifted and scaled: the original's `not_rand_crop`.

    Attributes:
        shift: Deviation of the middle, as a share of the side; at most twice that.
        scale: Deviation of the side; at most that, where nothing else is said.
        min_scale: Smallest side, as a share.
        max_scale: Largest side.
        by_each_side: Shift by shares of the image's width and height, as the original does for boxes in
            space: a wide image is not shifted out of sight.
    """

    shift: float = 0.1
    scale: float = 0.4
    min_scale: float | None = None
    max_scale: float | None = None
    by_each_side: bool = False

    def __call__(
        self, size: Size, side: float, rng: np.random.Generator
    ) -> tuple[tuple[float, float], float]:
        """Middle `(x, y)` and side of a window over an image of `(height, width)` that `side` shows whole."""
        x_shift, y_shift = np.clip(rng.normal(size=2) * self.shift, -2 * self.shift, 2 * self.shift)
        height, width = size
        x_side, y_side = (width, height) if self.by_each_side else (side, side)
        center = (width / 2 + x_side * float(x_shift), height / 2 + y_side * float(y_shift))
        least = 1 - self.scale if self.min_scale is None else self.min_scale
        most = 1 + self.scale if self.max_scale is None else self.max_scale
        return center, side * float(np.clip(rng.normal() * self.scale + 1, least, most))


_WHOLE = ShiftScale(shift=0.02, scale=0.05)
"""Nearly what validation sees; a few pixels to and fro, so that no picture is learned by heart."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What training sees of an image.

    Attributes:
        rule: Shape of the input, and the scale that shows the whole image.
        window: Which part of the image is shown.
        crop_prob: Share of images shown through a window, the others whole; with `crop`, all are.
        crop: Side of a square input that shows a part of the image at the scale of `rule`; 0: no crop.
            What an object is shows in its surroundings: small crops teach as much as whole images, faster.
        flip: Share of images mirrored left to right.
        flip_vertical: Share mirrored top to bottom: right where up and down mean nothing, as in a microscope.
        quarter_turns: Turn by 0, 90, 180 or 270 degrees: right where no direction means anything.
        rotate: Share of images turned by any angle; boxes become the upright hulls of the turned ones.
        degrees: Deviation of that angle; at most twice that.
        colors: Random colours, or none.
        mosaic: Share of inputs made of four images.
        mixup: Share of inputs blended with another image.
        copy_paste: Share of inputs into which objects of another image are pasted.
        box3d_at_any_scale: Learn boxes in space from images shown at any scale, right where depth is told for
            a focal length. Without, as in the original, only headings are learned where the scale is another
            than the rule's: what is seen larger is not nearer.
        no_aug_from: Epoch from which images are shown as those to come will be: whole, or in plain crops, and
            neither mirrored nor turned nor put together. Habits of the people who drew the boxes, such as
            what they leave out at the border of the image, are lost in windows and mirrors, and learned then.
    """

    rule: ResizeRule
    window: RandomCrop | ShiftScale
    crop_prob: float = 1.0
    crop: int = 0
    flip: float = 0.5
    flip_vertical: float = 0.0
    quarter_turns: bool = False
    rotate: float = 0.0
    degrees: float = 0.0
    colors: ColorJitter | None = None
    mosaic: float = 0.0
    mixup: float = 0.0
    copy_paste: float = 0.0
    box3d_at_any_scale: bool = True
    no_aug_from: int | None = None

    def at(self, epoch: int) -> "Augment":
        """What is done in an epoch."""
        if self.no_aug_from is None or epoch < self.no_aug_from:
            return self
        return replace(
            self,
            window=self.window if self.crop else _WHOLE,
            flip=0.0,
            flip_vertical=0.0,
            quarter_turns=False,
            rotate=0.0,
            mosaic=0.0,
            mixup=0.0,
            copy_paste=0.0,
            no_aug_from=None,
        )

    def num_samples(self, rng: np.random.Generator) -> int:
        """How many images the next input is made of."""
        return 4 if rng.random() < self.mosaic else 1

    def __call__(
        self,
        samples: Sequence[Sample],
        rng: np.random.Generator,
        mirrored: Mirrored = (),
        donor: Sample | None = None,
        veil: Sample | None = None,
    ) -> Sample:
        """One input, of one image or of four, and of what is put into or over it.

        Args:
            samples: The images.
            rng: Chance.
            mirrored: Keypoints that a mirror exchanges.
            donor: An image whose objects are pasted into the input.
            veil: An image that the input is blended with.
        """
        input_size = self._input_size(samples[0].view.image_size)
        if len(samples) == 1:
            shown = _without_unseen(self._show(samples[0], input_size, rng, mirrored))
        else:
            shown = _without_unseen(self._mosaic(samples, input_size, rng, mirrored))
        if donor is not None:
            shown = copy_paste_samples(shown, self._show(donor, input_size, rng, mirrored), rng)
        if veil is not None:
            shown = mixup_samples(shown, _without_unseen(self._show(veil, input_size, rng, mirrored)), rng)
        if self.colors is None:
            return shown
        return replace(shown, image=self.colors(shown.image, rng))

    def _show(self, sample: Sample, input_size: Size, rng: np.random.Generator, mirrored: Mirrored) -> Sample:
        input_from_image = self._place(sample.view.image_size, input_size, rng)
        shown = show(sample, input_size, input_from_image, mirrored=mirrored)
        usual = abs(float(np.linalg.det(self.rule(sample.view.image_size)[1])))
        if self.box3d_at_any_scale or math.isclose(abs(float(np.linalg.det(input_from_image))), usual):
            return shown
        unknown = np.full_like(shown.annotations.boxes3d, np.nan)
        return replace(shown, annotations=replace(shown.annotations, boxes3d=unknown))

    def _input_size(self, size: Size) -> Size:
        return (self.crop, self.crop) if self.crop else self.rule(size)[0]

    def _place(self, size: Size, input_size: Size, rng: np.random.Generator) -> Matrix:
        turned, size = self._turn(size, rng)
        _, whole = self.rule(size)
        if not self.crop and self.crop_prob < 1 and rng.random() >= self.crop_prob:
            return whole @ turned
        center, side = self.window(size, input_size[1] / float(whole[0, 0]), rng)
        return crop_to_input(center, side, input_size, self._angle_rad(rng)) @ turned

    def _angle_rad(self, rng: np.random.Generator) -> float:
        if not self.rotate or rng.random() >= self.rotate:
            return 0.0
        most = 2 * self.degrees
        return math.radians(float(np.clip(rng.normal() * self.degrees, -most, most)))

    def _turn(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """The image mirrored and turned, and its size then."""
        matrix, (height, width) = identity(), size
        if rng.random() < self.flip:
            matrix = horizontal_flip(width) @ matrix
        if rng.random() < self.flip_vertical:
            matrix = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, height - 1.0], [0.0, 0.0, 1.0]]) @ matrix
        if self.quarter_turns:
            for _ in range(int(rng.integers(4))):
                matrix = np.array([[0.0, -1.0, height - 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) @ matrix
                height, width = width, height
        return matrix, (height, width)

    def _mosaic(
        self, samples: Sequence[Sample], input_size: Size, rng: np.random.Generator, mirrored: Mirrored
    ) -> Sample:
        """Four images, each in a corner of the input, meeting somewhere near its middle."""
        height, width = input_size
        y, x = int(height * rng.uniform(0.3, 0.7)), int(width * rng.uniform(0.3, 0.7))
        image = np.zeros((height, width, 3), dtype=np.uint8)
        parts = []
        for sample, (top, bottom), (left, right) in zip(
            samples, [(0, y), (0, y), (y, height), (y, height)], [(0, x), (x, width)] * 2, strict=True
        ):
            corner = (bottom - top, right - left)
            # The middle of the window lands in the middle of the corner, at the scale of the whole input.
            whole = self._place(sample.view.image_size, input_size, rng)
            matrix = translation((right - left - width) / 2, (bottom - top - height) / 2) @ whole
            part = show(sample, corner, matrix, mirrored=mirrored)
            image[top:bottom, left:right] = part.image
            parts.append(_within(part.annotations, left, top, corner))
        view = replace(samples[0].view, input_size=input_size)
        return replace(samples[0], image=image, annotations=Annotations.joined(parts), view=view)


def _without_unseen(sample: Sample) -> Sample:
    """A sample without the objects that lie wholly outside its input."""
    height, width = sample.view.input_size
    boxes = sample.annotations.boxes
    is_seen = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, 0] < width - 1) & (boxes[:, 1] < height - 1)
    return replace(sample, annotations=sample.annotations[is_seen])


def _within(annotations: Annotations, left: int, top: int, corner: Size) -> Annotations:
    """Objects cut to a corner of the input and moved there; those mostly cut away are dropped."""
    limit = np.array([corner[1], corner[0]] * 2, dtype=np.float32) - 1
    cut = np.clip(annotations.boxes, 0, limit)
    shown = np.prod(cut[:, 2:] - cut[:, :2], axis=1)
    kept = shown > 0.2 * np.prod(annotations.boxes[:, 2:] - annotations.boxes[:, :2], axis=1)
    shift = np.array([left, top], dtype=np.float32)
    keypoints = annotations.keypoints.copy()
    keypoints[..., :2] += np.where(keypoints[..., 2:] > 0, shift, np.float32(0))
    return replace(annotations, boxes=cut + np.tile(shift, 2), keypoints=keypoints)[kept]
