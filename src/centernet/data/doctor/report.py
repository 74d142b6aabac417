"""What the doctor says: a page to read, or plain values for a program."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.doctor.crowding import Crowding
from centernet.structures import Defect

STOPS = "training stops when it comes to this image: mend it or take it out"
"""What is done about an image that only decoding shows to be broken."""


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """How often a class occurs.

    Attributes:
        name: The class.
        num_objects: Objects of it, crowd regions not counted.
        num_images: Images that have one.
    """

    name: str
    num_objects: int
    num_images: int


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How sides (of a square of the box's area, pixels) or depths (metres) of objects are spread.

    Attributes:
        smallest: The least.
        percentile_5: One in twenty is smaller.
        median: Half are smaller.
        percentile_95: One in twenty is larger.
        largest: The most.
    """

    smallest: float
    percentile_5: float
    median: float
    percentile_95: float
    largest: float

    @classmethod
    def of(cls, lengths: Float[np.ndarray, " m"]) -> "Spread | None":
        """The percentiles of some lengths; `None` of none."""
        if not len(lengths):
            return None
        values = np.percentile(lengths, (0, 5, 50, 95, 100)).tolist()
        return cls(**dict(zip(cls.__dataclass_fields__, values, strict=True)))


@dataclass(frozen=True, kw_only=True)
class KeypointCount:
    """How often a keypoint is labelled.

    Attributes:
        name: What it is called.
        num_labelled: Objects of its class on which it is.
        num_hidden: Of these, those on which it is not seen.
    """

    name: str
    num_labelled: int
    num_hidden: int


@dataclass(frozen=True, kw_only=True)
class SkeletonCount:
    """How well the keypoints of a class are labelled.

    Attributes:
        name: The class.
        num_objects: Objects of it, crowd regions not counted.
        num_without: Of these, those without a labelled keypoint: they teach boxes alone.
        num_pairs: Left-right pairs that a mirror exchanges.
        has_sigmas: Whether the tolerance of each keypoint is known.
        keypoints: How often each is labelled.
    """

    name: str
    num_objects: int
    num_without: int
    num_pairs: int
    has_sigmas: bool
    keypoints: tuple[KeypointCount, ...]

    @property
    def labelled_share(self) -> float:
        """Of the keypoints of the objects that have any."""
        most = (self.num_objects - self.num_without) * len(self.keypoints)
        return sum(one.num_labelled for one in self.keypoints) / most if most else 0.0


@dataclass(frozen=True, kw_only=True)
class Box3dCount:
    """How much is known in 3D.

    Attributes:
        num_cameras: Images with a camera.
        num_objects: Objects with a 3D box, crowd regions not counted.
        focal_px: Least and largest focal length.
        depths_m: How far objects are from the camera.
    """

    num_cameras: int
    num_objects: int
    focal_px: tuple[float, float]
    depths_m: Spread | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The state of one split of a data set.

    Attributes:
        name: What the data set is called.
        format: Its format.
        imgsz: Side of the input that collisions were looked for at, pixels.
        num_images: Images that are trained on.
        num_objects: Objects that are trained on.
        num_crowds: Crowd regions.
        classes: How often each class occurs, in the order of labels.
        skeletons: How well keypoints are labelled, for each class that has some.
        image_sides: Sizes of objects in their images.
        input_sides: Sizes of objects in the input.
        space: What is known in 3D; None where no image has a camera.
        crowding: How often objects of one class meet in a cell of the maps.
        defects: What is wrong.
        notes: What is worth knowing.
    """

    name: str
    format: str
    imgsz: int
    num_images: int
    num_objects: int
    num_crowds: int
    classes: tuple[ClassCount, ...]
    image_sides: Spread | None
    input_sides: Spread | None
    crowding: Crowding
    defects: tuple[Defect, ...]
    notes: tuple[Defect, ...]
    skeletons: tuple[SkeletonCount, ...] = ()
    space: Box3dCount | None = None

    def counts(self) -> dict[str, int]:
        """How many defects there are of each kind."""
        return dict(Counter(defect.kind for defect in self.defects))

    @property
    def is_trainable(self) -> bool:
        """Whether training gets by, with what it does about the defects."""
        return self.num_objects > 0 and not any(defect.action == STOPS for defect in self.defects)

    def to_json(self) -> dict[str, Any]:
        """Plain values: names as the attributes, `counts` and `is_trainable`."""
        shares = [{**asdict(one), "labelled_share": one.labelled_share} for one in self.skeletons]
        plain = {**asdict(self), "skeletons": shares, "crowding": self.crowding.to_json()}
        return {**plain, "counts": self.counts(), "is_trainable": self.is_trainable}

    def text(self, limit: int | None = 5) -> str:
        """A page to read.

        Args:
            limit: Lines of each kind of defect that are shown; `None` for all.
        """
        lines = [
            f"{self.name} ({self.format.upper()})",
            f"  {_count(self.num_images, 'image')} with {_count(self.num_objects, 'object')} "
            f"of {_count(len(self.classes), 'class', 'classes')}, "
            f"and {_count(self.num_crowds, 'crowd region')}",
            "",
            *_class_table(self.classes, None if limit is None else 2 * limit),
            "",
            *self._size_table(),
            "",
            *(self.crowding.text(None if limit is None else 2 * limit) if self.num_objects else ()),
            "",
            *(line for one in self.skeletons for line in _keypoint_table(one, limit)),
            *(_box3d_table(self.space, self.num_images, self.num_objects) if self.space else ()),
            *_findings(_count(len(self.defects), "defect"), self.defects, limit),
        ]
        if self.notes:
            lines += ["", *_findings("Worth knowing", self.notes, limit)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _size_table(self) -> list[str]:
        if self.image_sides is None or self.input_sides is None:
            return ["  no objects: there is nothing to train on"]
        heads = ("least", "5 %", "median", "95 %", "most")
        rows = {"in the images": self.image_sides, f"in inputs of {self.imgsz} px": self.input_sides}
        width = max(len(name) for name in (*rows, _SIZE_HEAD))
        return [
            f"  {_SIZE_HEAD:{width}}" + "".join(f"{head:>9}" for head in heads),
            *(
                f"  {name:{width}}" + "".join(f"{value:9.1f}" for value in asdict(sides).values())
                for name, sides in rows.items()
            ),
        ]


_SIZE_HEAD = "object side (√area), px"


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _class_table(classes: Sequence[ClassCount], limit: int | None) -> list[str]:
    ordered = sorted(classes, key=lambda one: -one.num_objects)
    shown = ordered[:limit]
    width = max(len(one.name) for one in (*shown, ClassCount(name="class", num_objects=0, num_images=0)))
    lines = [f"  {'class':{width}}{'objects':>9}{'images':>9}"]
    lines += [f"  {one.name:{width}}{one.num_objects:9,}{one.num_images:9,}" for one in shown]
    rest = ordered[len(shown) :]
    if rest:
        lines.append(f"  … {len(rest)} more with {_count(sum(one.num_objects for one in rest), 'object')}")
    return lines


def _keypoint_table(skeleton: SkeletonCount, limit: int | None) -> list[str]:
    count = len(skeleton.keypoints)
    num_with = skeleton.num_objects - skeleton.num_without
    lines = [
        f"  {skeleton.name}: {_count(count, 'keypoint')}, {_count(skeleton.num_pairs, 'left-right pair')}, "
        f"sigmas {'known' if skeleton.has_sigmas else 'not known'}",
        f"  {skeleton.labelled_share:.0%} are labelled on {_count(num_with, 'object')}; "
        f"{_count(skeleton.num_without, 'object')} without any",
    ]
    shown = skeleton.keypoints[: None if limit is None else 4 * limit]
    width = max(len("keypoint"), *(len(one.name) for one in shown))
    lines.append(f"  {'keypoint':{width}}{'labelled':>10}{'hidden':>9}")
    lines += [f"  {one.name:{width}}{one.num_labelled:10,}{one.num_hidden:9,}" for one in shown]
    if len(shown) < count:
        lines.append(f"  … {count - len(shown)} more")
    return [*lines, ""]


def _box3d_table(space: Box3dCount, num_images: int, num_objects: int) -> list[str]:
    least, most = space.focal_px
    lines = [
        f"  cameras of {space.num_cameras:,} of {_count(num_images, 'image')}, focal lengths "
        f"{least:.0f} to {most:.0f} px",
        f"  3D boxes of {space.num_objects:,} of {_count(num_objects, 'object')}",
    ]
    if space.depths_m:
        heads = ("least", "5 %", "median", "95 %", "most")
        lines.append(f"  {'':8}" + "".join(f"{head:>9}" for head in heads))
        lines.append(f"  {'depth, m':8}" + "".join(f"{v:9.1f}" for v in asdict(space.depths_m).values()))
    return [*lines, ""]


def _findings(title: str, found: Sequence[Defect], limit: int | None) -> list[str]:
    by_kind: dict[str, list[Defect]] = {}
    for defect in found:
        by_kind.setdefault(defect.kind, []).append(defect)
    folder = _common_folder([defect.where for defect in found])
    lines = [f"{title} (in {folder})" if folder else title]
    for kind, defects in by_kind.items():
        actions = {defect.action for defect in defects}
        is_same = len(actions) == 1
        lines.append(f"  {kind}: {len(defects):,}" + (f" → {defects[0].action}" if is_same else ""))
        for defect in defects[:limit]:
            line = f"    {defect.where.removeprefix(folder)}: {defect.message}"
            lines.append(line if is_same else f"{line} → {defect.action}")
        if limit is not None and len(defects) > limit:
            lines.append(f"    … {len(defects) - limit:,} more")
    return lines


def _common_folder(places: Sequence[str]) -> str:
    """What all places start with, up to its last slash; nothing where that says little."""
    shared = os.path.commonprefix(places)  # noqa: RUF071 - places are no paths: some end in `:7`
    return shared[: shared.rfind("/") + 1] if len(places) > 1 else ""
