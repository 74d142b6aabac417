"""The nouns that travel outside the network: frozen, plain arrays, no tensors.

Three frames, three names: image (the file's pixels), input (the network's pixels), map (cells). Boxes are
`(x1, y1, x2, y2)`, continuous, with the middle of the top-left pixel at (0, 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from centernet.geometry.affine import Matrix, identity


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The keypoints of a class: what they are called and how they belong together.

    Attributes:
        names: One for each keypoint.
        edges: Pairs of keypoints to join by a line in pictures.
        pairs: Left and right ones that a mirror exchanges.
        sigmas: How far off people are when they mark each, as a share of the object's size: the tolerance of
            OKS (https://cocodataset.org/#keypoints-eval). Empty: not known.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.names)
        for kind, links in {"edge": self.edges, "pair": self.pairs}.items():
            for link in links:
                if not all(0 <= keypoint < count for keypoint in link):
                    raise ValueError(
                        f"{kind} {link} of a skeleton names no keypoint: there are {count}, from 0"
                    )
                if link[0] == link[1]:
                    raise ValueError(f"{kind} {link} of a skeleton joins a keypoint with itself")
        paired = [keypoint for pair in self.pairs for keypoint in pair]
        if len(set(paired)) < len(paired):
            raise ValueError(f"a keypoint is in two left-right pairs: {self.pairs}")
        if self.sigmas and len(self.sigmas) != count:
            raise ValueError(f"{count} keypoints but {len(self.sigmas)} sigmas: give one for each keypoint")
        if not all(sigma > 0 for sigma in self.sigmas):
            raise ValueError(f"sigmas are above 0; got {self.sigmas}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Which keypoint each one is in a mirror."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)


@dataclass(frozen=True)
class Categories:
    """What labels mean: label `i` is `names[i]`, and `ids[i]` in the data set it came from.

    Attributes:
        names: One name for each label.
        ids: The data set's own ids; sparse, 0-based and 1-based ones come back as they went in.
        skeletons: The keypoints of each class; None for a class without. Empty: no class has any.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    skeletons: tuple[Skeleton | None, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) != len(self.ids):
            raise ValueError(
                f"{len(self.names)} category names but {len(self.ids)} ids: give one id for each name"
            )
        if self.skeletons and len(self.skeletons) != len(self.names):
            raise ValueError(
                f"{len(self.names)} category names but {len(self.skeletons)} skeletons: "
                "give one, or None, for each name"
            )

    @property
    def num_keypoints(self) -> tuple[int, ...]:
        """Keypoints of each class."""
        return tuple(len(skeleton or ()) for skeleton in self.skeletons or (None,) * len(self))

    @property
    def most_keypoints(self) -> int:
        """Keypoints of the class that has most: arrays of keypoints are so wide."""
        return max(self.num_keypoints, default=0)

    @property
    def mirrored(self) -> Int[np.ndarray, "c k"]:
        """Which keypoint each one is in a mirror, class by class; those that a class lacks stay."""
        order = np.tile(np.arange(self.most_keypoints), (len(self), 1))
        for row, skeleton in zip(order, self.skeletons, strict=False):
            if skeleton:
                row[: len(skeleton)] = skeleton.mirrored
        return order

    @classmethod
    def of(cls, *names: str) -> "Categories":
        """Categories numbered from 0."""
        return cls(names, tuple(range(len(names))))

    def __len__(self) -> int:
        return len(self.names)


def _no_keypoints() -> np.ndarray:
    return np.zeros((0, 0, 3), dtype=np.float32)


def _no_boxes3d() -> np.ndarray:
    return np.zeros((0, 7), dtype=np.float32)


def _no_numbers() -> np.ndarray:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The true objects of one image, image pixels.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        labels: Index into the data set's categories.
        is_crowd: Regions that hold many objects: ignored in evaluation, by default not trained on.
        ids: The annotation's own id in the data set, for messages and results.
        areas: Square pixels, which sort objects into small, medium and large; a mask's where there is one.
        keypoints: `(x, y, visibility)` of each keypoint of the object's class, then zeros up to the class
            that has most. Visibility as in COCO: 0 not labelled, 1 labelled but hidden, 2 seen. `(n 0 3)`
            where no class has any.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, camera metres, as in `geometry.boxes3d`; NaN for an object
            without one.
        alpha_rad: Heading against the line of sight, which is what is seen of it; NaN where not known.
        truncation: How much of it is outside the image, from 0 to 1; -1: not known.
        occlusion: As KITTI has it: 0 fully visible, 1 partly hidden, 2 mostly hidden; 3, -1: not known.
    """

    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]
    ids: Int[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]
    keypoints: Float[np.ndarray, "n k 3"] = field(default_factory=_no_keypoints)
    boxes3d: Float[np.ndarray, "n 7"] = field(default_factory=_no_boxes3d)
    alpha_rad: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)
    truncation: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)
    occlusion: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)

    def __post_init__(self) -> None:
        # Objects without keypoints, or without a third dimension, need not say so.
        count = len(self.boxes)
        if not self.keypoints.size:
            none = np.zeros((count, self.keypoints.shape[1], 3), dtype=np.float32)
            object.__setattr__(self, "keypoints", none)
        unknown = {
            "boxes3d": (count, 7),
            "alpha_rad": (count,),
            "truncation": (count,),
            "occlusion": (count,),
        }
        for name, shape in unknown.items():
            if not len(getattr(self, name)):
                value = -1 if name in ("truncation", "occlusion") else np.nan
                object.__setattr__(self, name, np.full(shape, value, dtype=np.float32))

    @classmethod
    def joined(cls, parts: Sequence["Annotations"]) -> "Annotations":
        """The objects of several, one after the other."""
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(cls)
            }
        )

    @classmethod
    def of(
        cls,
        boxes: Float[np.ndarray, "n 4"],
        labels: Int[np.ndarray, " n"],
        keypoints: Float[np.ndarray, "n k 3"] | None = None,
    ) -> "Annotations":
        """Ordinary objects numbered from 1, none of them a crowd."""
        sides = boxes[:, 2:] - boxes[:, :2]
        count = len(boxes)
        return cls(
            boxes=boxes,
            labels=labels,
            is_crowd=np.zeros(count, dtype=bool),
            ids=np.arange(1, count + 1),
            areas=sides[:, 0] * sides[:, 1],
            keypoints=np.zeros((count, 0, 3), np.float32) if keypoints is None else keypoints,
        )

    @classmethod
    def none(cls, most_keypoints: int = 0) -> "Annotations":
        """An image without objects, in a data set whose classes have up to `most_keypoints`."""
        keypoints = np.zeros((0, most_keypoints, 3), dtype=np.float32)
        return cls.of(np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int64), keypoints)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"]) -> "Annotations":
        return Annotations(**{item.name: getattr(self, item.name)[keep] for item in fields(self)})


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


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One image of a data set before it is read.

    Attributes:
        path: The image file.
        image_id: The data set's own id, or its position where the format has none.
        annotations: Its objects.
        source: `file` or `file:line` the objects were read from, for messages.
        size: Rows and columns as the annotations state them, where they do.
        camera: Image pixels from camera metres, `(3 4)`; None where it is not known.
    """

    path: Path
    image_id: int
    annotations: Annotations
    source: str
    size: tuple[int, int] | None = None
    camera: Float[np.ndarray, "3 4"] | None = None


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One thing wrong with a data set, and what is done about it.

    Attributes:
        kind: Short name of the sort of defect, `zero-area box`: defects are counted by it.
        where: `file`, `file:line` or `file, annotation 17`.
        message: What is wrong, with the offending value.
        action: What the trainer does about it.
    """

    kind: str
    where: str
    message: str
    action: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}; {self.action}"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Annotated images of one split, as their files state them.

    Attributes:
        name: What to call it in messages: the folder, and the split where there are several.
        format: `coco`, `voc` or `yolo`.
        categories: What labels mean.
        records: The images; all of them, also those without objects.
        defects: What the reader could not make sense of, and so left out.
    """

    name: str
    format: str
    categories: Categories
    records: tuple[ImageRecord, ...]
    defects: tuple[Defect, ...] = ()

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, kw_only=True, eq=False)
class KittiObjects:
    """Rows of KITTI's label or result files: the objects of many frames in one list, frame after frame.

    Attributes:
        frames: Names of the frames, such as `000123`; also of those without objects.
        frame: Which of `frames` each object is in; never falls.
        lines: Where it stands in the file of its frame, from 1.
        types: Class as it is written: `Car`, `Van`, `DontCare`.
        truncation: How much of it is outside the image, from 0 to 1; -1: not known.
        occlusion: 0 fully visible, 1 partly hidden, 2 mostly hidden; 3, -1: not known.
        alpha_rad: Heading against the line of sight; -10: not known.
        boxes: Image pixels as in the file: left, top, right, bottom.
        boxes3d: `(h, w, l, x, y, z, rotation_y)` as in `geometry.boxes3d`; sizes of -1 and places of -1000
            where there is no such box.
        scores: Higher is surer; 1 in the truth.
    """

    frames: tuple[str, ...]
    frame: Int[np.ndarray, " n"]
    lines: Int[np.ndarray, " n"]
    types: np.ndarray
    truncation: Float[np.ndarray, " n"]
    occlusion: Float[np.ndarray, " n"]
    alpha_rad: Float[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    boxes3d: Float[np.ndarray, "n 7"]
    scores: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def have_boxes3d(self) -> Bool[np.ndarray, " n"]:
        """Which have sizes and a place in 3D."""
        return (self.boxes3d[:, :3] > 0).all(axis=1) & (self.boxes3d[:, 3:6] != -1000).all(axis=1)

    @property
    def have_alpha(self) -> Bool[np.ndarray, " n"]:
        """Of which the heading is known."""
        return self.alpha_rad != -10
