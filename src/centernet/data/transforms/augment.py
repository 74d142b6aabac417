"""Augmentation of training images: random crops, flips, rotations, mosaics and mixes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from centernet.data.transforms.color_jitter import ColorJitter
from centernet.data.transforms.mixing import copy_paste_samples, mixup_samples
from centernet.data.transforms.warp import FlipIndices, warp_sample
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
    """A window of random size at a random place: the training crop of Objects as Points.

    Attributes:
        min_scale: Smallest side of the window, as a fraction of the side that holds the whole image.
        max_scale: Largest side, likewise.
        step: Scales are drawn from `min_scale`, `min_scale + step`, ...
        border: Distance of the window's middle from the image border; halved until it fits small images.
    """

    min_scale: float = 0.6
    max_scale: float = 1.3
    step: float = 0.1
    border: int = 128

    def __call__(
        self, size: Size, side: float, rng: np.random.Generator
    ) -> tuple[tuple[float, float], float]:
        """Middle `(x, y)` and side of a window over an image of `(height, width)` that fits into `side`."""
        scales = np.arange(self.min_scale, self.max_scale + self.step / 2, self.step)
        height, width = size
        x, y = (
            float(rng.integers(border, max(length - border, border + 1)))
            for length, border in ((width, self._border(width)), (height, self._border(height)))
        )
        return (x, y), side * float(rng.choice(scales))

    def _border(self, length: int) -> int:
        divisor = 1
        while length - self.border // divisor <= self.border // divisor:
            divisor *= 2
        return self.border // divisor


@dataclass(frozen=True, kw_only=True)
class ShiftScale:
    """The whole image with a random shift and scale: `not_rand_crop` of Objects as Points.

    Attributes:
        shift: Standard deviation of the middle, as a fraction of the side; clipped at twice that.
        scale: Standard deviation of the side; clipped at once that without `min_scale` and `max_scale`.
        min_scale: Smallest side, as a fraction.
        max_scale: Largest side, likewise.
        by_each_side: Shift by fractions of the image's width and height, as the original does for 3D boxes:
            a wide image is not shifted out of the input.
    """

    shift: float = 0.1
    scale: float = 0.4
    min_scale: float | None = None
    max_scale: float | None = None
    by_each_side: bool = False

    def __call__(
        self, size: Size, side: float, rng: np.random.Generator
    ) -> tuple[tuple[float, float], float]:
        """Middle `(x, y)` and side of a window over an image of `(height, width)` that fits into `side`."""
        x_shift, y_shift = np.clip(rng.normal(size=2) * self.shift, -2 * self.shift, 2 * self.shift)
        height, width = size
        x_side, y_side = (width, height) if self.by_each_side else (side, side)
        center = (width / 2 + x_side * float(x_shift), height / 2 + y_side * float(y_shift))
        low = 1 - self.scale if self.min_scale is None else self.min_scale
        high = 1 + self.scale if self.max_scale is None else self.max_scale
        return center, side * float(np.clip(rng.normal() * self.scale + 1, low, high))


_WHOLE = ShiftScale(shift=0.02, scale=0.05)
"""Nearly the window of validation, jittered by a few pixels so that no image is memorised."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Augmentation of one training input.

    Attributes:
        rule: Size of the input, and the scale at which it holds the whole image.
        window: Random window of the image that fills the input.
        crop_prob: Probability of a window rather than the whole image; with `crop`, always a window.
        crop: Side of a square input that holds a part of the image at the scale of `rule`; 0: no crop. Small
            crops train faster and teach as much, since the surroundings of an object suffice.
        flip: Probability of a horizontal flip.
        flip_vertical: Probability of a vertical flip, for images without up and down, as of a microscope.
        quarter_turns: Rotate by 0, 90, 180 or 270 degrees at random, for images without orientation.
        rotate: Probability of a rotation by any angle; boxes become the bounds of the rotated ones.
        degrees: Standard deviation of that angle; clipped at twice that.
        colors: Colour jitter, or None.
        mosaic: Probability of an input made of four images.
        mixup: Probability of blending with another image.
        copy_paste: Probability of pasting objects of another image.
        box3d_at_any_scale: Learn 3D boxes at any image scale, correct if depth is predicted for a given focal
            length. Otherwise, as in the original, only headings are learned where the scale differs from the
            rule's, since a larger image of an object does not make it nearer.
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

    @property
    def plain(self) -> "Augment":
        """The same for the end of a training: whole images or plain crops, no flips, rotations and mixes.

        Conventions of the annotators, such as which objects they leave out at the image border, cannot be
        learned from random windows and flips, and are learned then.
        """
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
        )

    def num_samples(self, rng: np.random.Generator) -> int:
        """The random number of images of the next input: 4 for a mosaic, else 1."""
        return 4 if rng.random() < self.mosaic else 1

    def __call__(
        self,
        samples: Sequence[Sample],
        rng: np.random.Generator,
        flip_indices: FlipIndices = (),
        paste_source: Sample | None = None,
        mixup_source: Sample | None = None,
    ) -> Sample:
        """One input, made of one image or of a mosaic of four, and mixed with others.

        Args:
            samples: One image or four.
            rng: Random generator.
            flip_indices: Keypoints that a horizontal flip exchanges.
            paste_source: An image whose objects are pasted into the input.
            mixup_source: An image that the input is blended with.
        """
        input_size = self._input_size(samples[0].view.image_size)
        if len(samples) == 1:
            augmented = _without_outside(self._warp(samples[0], input_size, rng, flip_indices))
        else:
            augmented = _without_outside(self._mosaic(samples, input_size, rng, flip_indices))
        if paste_source is not None:
            source = self._warp(paste_source, input_size, rng, flip_indices)
            augmented = copy_paste_samples(augmented, source, rng)
        if mixup_source is not None:
            source = _without_outside(self._warp(mixup_source, input_size, rng, flip_indices))
            augmented = mixup_samples(augmented, source, rng)
        if self.colors is None:
            return augmented
        return replace(augmented, image=self.colors(augmented.image, rng))

    def _warp(
        self, sample: Sample, input_size: Size, rng: np.random.Generator, flip_indices: FlipIndices
    ) -> Sample:
        input_from_image = self._random_transform(sample.view.image_size, input_size, rng)
        whole = self.rule(sample.view.image_size)[1]
        # What is not random is warped as in validation, to the pixel.
        is_random = not np.allclose(input_from_image, whole, rtol=0, atol=1e-9)
        warped = warp_sample(
            sample, input_size, input_from_image, flip_indices=flip_indices, whole_pixels=is_random
        )
        rule_scale = abs(float(np.linalg.det(whole)))
        if self.box3d_at_any_scale or math.isclose(abs(float(np.linalg.det(input_from_image))), rule_scale):
            return warped
        unknown = np.full_like(warped.annotations.boxes3d, np.nan)
        return replace(warped, annotations=replace(warped.annotations, boxes3d=unknown))

    def _input_size(self, size: Size) -> Size:
        return (self.crop, self.crop) if self.crop else self.rule(size)[0]

    def _random_transform(self, size: Size, input_size: Size, rng: np.random.Generator) -> Matrix:
        flipped, size = self._random_flip(size, rng)
        _, whole = self.rule(size)
        if not self.crop and self.crop_prob < 1 and rng.random() >= self.crop_prob:
            return whole @ flipped
        center, side = self.window(size, input_size[1] / float(whole[0, 0]), rng)
        return crop_to_input(center, side, input_size, self._angle_rad(rng)) @ flipped

    def _angle_rad(self, rng: np.random.Generator) -> float:
        if not self.rotate or rng.random() >= self.rotate:
            return 0.0
        limit = 2 * self.degrees
        return math.radians(float(np.clip(rng.normal() * self.degrees, -limit, limit)))

    def _random_flip(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """The transform of random flips and quarter turns, and the image size after it."""
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
        self,
        samples: Sequence[Sample],
        input_size: Size,
        rng: np.random.Generator,
        flip_indices: FlipIndices,
    ) -> Sample:
        """A mosaic of four images, one in each corner of the input, meeting at random near its middle."""
        height, width = input_size
        y, x = int(height * rng.uniform(0.3, 0.7)), int(width * rng.uniform(0.3, 0.7))
        image = np.zeros((height, width, 3), dtype=np.uint8)
        annotations = []
        for sample, (top, bottom), (left, right) in zip(
            samples, [(0, y), (0, y), (y, height), (y, height)], [(0, x), (x, width)] * 2, strict=True
        ):
            corner = (bottom - top, right - left)
            # The middle of the window is in the middle of the corner, at the scale of the whole input.
            whole = self._random_transform(sample.view.image_size, input_size, rng)
            matrix = translation((right - left - width) / 2, (bottom - top - height) / 2) @ whole
            warped = warp_sample(sample, corner, matrix, flip_indices=flip_indices, whole_pixels=True)
            image[top:bottom, left:right] = warped.image
            annotations.append(_within(warped.annotations, left, top, corner))
        view = replace(samples[0].view, input_size=input_size)
        return replace(samples[0], image=image, annotations=Annotations.joined(annotations), view=view)


def _without_outside(sample: Sample) -> Sample:
    """A sample without the objects that are wholly outside its input."""
    height, width = sample.view.input_size
    boxes = sample.annotations.boxes
    is_inside = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, 0] < width - 1) & (boxes[:, 1] < height - 1)
    return replace(sample, annotations=sample.annotations[is_inside])


def _within(annotations: Annotations, left: int, top: int, corner: Size) -> Annotations:
    """Objects clipped to a corner of the input and moved there; those mostly outside are dropped."""
    limit = np.array([corner[1], corner[0]] * 2, dtype=np.float32) - 1
    clipped = np.clip(annotations.boxes, 0, limit)
    visible = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    kept = visible > 0.2 * np.prod(annotations.boxes[:, 2:] - annotations.boxes[:, :2], axis=1)
    shift = np.array([left, top], dtype=np.float32)
    keypoints = annotations.keypoints.copy()
    keypoints[..., :2] += np.where(keypoints[..., 2:] > 0, shift, np.float32(0))
    return replace(annotations, boxes=clipped + np.tile(shift, 2), keypoints=keypoints)[kept]
