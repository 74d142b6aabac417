"""Settings and samples of synthetic images; the same arguments give the same pixels."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from centernet.data.synthetic.cuboids import ROAD_CLASSES
from centernet.data.synthetic.figures import PERSON, figure_skeleton
from centernet.data.synthetic.layouts import FIGURES, MODES, SceneLayout, figures
from centernet.data.synthetic.painting import NOISE, render
from centernet.data.synthetic.roads import ROADS, render_road, road
from centernet.data.synthetic.shapes import OUTLINES
from centernet.errors import UsageError, check_bounds
from centernet.structures import Categories, Sample, View

_LONGEST_SIDE = 16384
_MAX_KEYPOINTS = 61


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Settings of synthetic images.

    Attributes:
        mode: `plain`, `crowd`, `collision`, `crossing` or `hard` for shapes, `figures` for stick
            figures with keypoints, `roads` for cuboids on a road, with their 3D boxes and the camera.
        size: Rows and columns of every image, except those of the `hard` case of odd sizes.
        shapes: Shapes, one category each, of circle, square, triangle, star, cross and bar.
        num_keypoints: Number of keypoints of each figure, 1 to 61; 13 are those of a person.
        max_hidden: Largest fraction of an object, 0 to 1, that may be occluded or outside the image; an
            object hidden more is left out of image and ground truth.
        noise: Largest change of a channel of a pixel, out of 255; 0: no noise.
        seed: Seed of the images.
    """

    mode: str = "plain"
    size: tuple[int, int] = (128, 128)
    shapes: tuple[str, ...] = ("circle", "square", "triangle")
    num_keypoints: int = PERSON
    max_hidden: float = 0.6
    noise: int = NOISE
    seed: int = 0

    def __post_init__(self) -> None:
        modes = (*MODES, FIGURES, ROADS)
        if self.mode not in modes:
            raise UsageError(f"mode is one of {', '.join(modes)}; got {self.mode!r}")
        if not all(1 <= side <= _LONGEST_SIDE for side in self.size):
            rows, columns = self.size
            raise UsageError(f"size is 1 to {_LONGEST_SIDE} rows and columns; got {rows} and {columns}")
        unknown = [kind for kind in self.shapes if kind not in OUTLINES]
        if unknown or not self.shapes or len(set(self.shapes)) < len(self.shapes):
            raise UsageError(
                f"shapes are different ones of {', '.join(OUTLINES)}; got {', '.join(self.shapes)}"
            )
        if not 1 <= self.num_keypoints <= _MAX_KEYPOINTS:
            raise UsageError(f"num_keypoints is 1 to {_MAX_KEYPOINTS}; got {self.num_keypoints}")
        if not 0 <= self.max_hidden < 1:
            raise UsageError(f"max_hidden is a fraction, 0 or more and below 1; got {self.max_hidden}")
        if not 0 <= self.noise <= 255:
            raise UsageError(f"noise is a change of up to 255; got {self.noise}")
        check_bounds(seed=self.seed)

    @property
    def categories(self) -> Categories:
        """The classes that labels index."""
        if self.mode == FIGURES:
            return Categories(("figure",), (0,), (figure_skeleton(self.num_keypoints),))
        if self.mode == ROADS:
            return Categories.of(*(model.name for model in ROAD_CLASSES))
        return Categories.of(*self.shapes)

    def sample(self, index: int, split: str = "train") -> Sample:
        """Image `index` of a split, independent of the number of images and of those generated before."""
        key = [self.seed, zlib.crc32(split.encode()), index]
        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        camera = None
        if self.mode == ROADS:
            scene = road(self.size, random)
            size, camera = scene.size, scene.camera
            image, annotations = render_road(scene, self.max_hidden, self.noise, random)
        else:
            layout = self._layout(index, random)
            size = layout.size
            image, annotations = render(layout, self.max_hidden, random, self.noise)
        return Sample(
            image=image,
            annotations=annotations,
            view=View(name=f"{split} scene {index}", image_size=size, input_size=size, camera=camera),
            image_id=index + 1,
        )

    def _layout(self, index: int, random: np.random.Generator) -> SceneLayout:
        if self.mode == FIGURES:
            return figures(self.size, self.num_keypoints, random)
        return MODES[self.mode](index, self.size, self.shapes, random)


def generate(
    count: int,
    *,
    seed: int = 0,
    mode: str = "plain",
    size: int | Sequence[int] = 128,
    num_keypoints: int = PERSON,
    noise: int = NOISE,
    split: str = "train",
) -> Iterator[Sample]:
    """An iterator of annotated images, generated one by one.

    Args:
        count: Number of images.
        seed: Seed of the images.
        mode: `plain`, `crowd`, `collision`, `crossing`, `hard`, `figures` or `roads`.
        size: Rows and columns, or one number for both.
        num_keypoints: Number of keypoints of each figure.
        noise: Largest change of a channel of a pixel, out of 255; 0: no noise.
        split: Name of the split; splits of one seed have different images.

    Raises:
        UsageError: A count below 0, or an invalid setting.
    """
    check_count("count", count)
    scenes = Scenes(mode=mode, size=both_sides(size), num_keypoints=num_keypoints, noise=noise, seed=seed)
    return (scenes.sample(index, split) for index in range(count))


def check_count(name: str, count: int) -> None:
    """Refuse a negative number of images."""
    if count < 0:
        raise UsageError(f"{name} is a number of images, 0 or more; got {count}")


def both_sides(size: int | Sequence[int]) -> tuple[int, int]:
    """Rows and columns, from one number or two."""
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2:
        raise UsageError(f"size is one number, or rows and columns; got {len(sides)} numbers")
    return sides[0], sides[1]
