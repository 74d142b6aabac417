"""The report of the doctor, as text or as values for json."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.doctor.crowding import Crowding
from centernet.errors import shortened
from centernet.structures import Defect

STOPS = "training stops at this image: repair or remove it"
"""Action for an image whose defect is found only by decoding."""


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Frequency of a class.

    Attributes:
        name: The class.
        num_objects: Number of objects, without crowd regions.
        num_images: Number of images with an object of the class.
    """

    name: str
    num_objects: int
    num_images: int


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Distribution of the sides (square root of the box's area, pixels) or depths (metres) of objects.

    Attributes:
        smallest: Minimum.
        percentile_5: 5th percentile.
        median: Median.
        percentile_95: 95th percentile.
        largest: Maximum.
    """

    smallest: float
    percentile_5: float
    median: float
    percentile_95: float
    largest: float

    @classmethod
    def of(cls, lengths: Float[np.ndarray, " m"]) -> "Spread | None":
        """The percentiles of some lengths; `None` without lengths."""
        if not len(lengths):
            return None
        values = np.percentile(lengths, (0, 5, 50, 95, 100)).tolist()
        return cls(**dict(zip(cls.__dataclass_fields__, values, strict=True)))


@dataclass(frozen=True, kw_only=True)
class KeypointCount:
    """Frequency of the labels of a keypoint.

    Attributes:
        name: Name of the keypoint.
        num_labelled: Number of objects on which it is labelled.
        num_hidden: Number of these on which it is hidden.
    """

    name: str
    num_labelled: int
    num_hidden: int


@dataclass(frozen=True, kw_only=True)
class SkeletonCount:
    """Keypoint labels of a class.

    Attributes:
        name: The class.
        num_objects: Number of objects, without crowd regions.
        num_without: Number of these without a labelled keypoint: only their boxes are trained.
        num_pairs: Number of left-right pairs.
        has_sigmas: True if the OKS sigma of each keypoint is known.
        keypoints: Frequency of each keypoint.
    """

    name: str
    num_objects: int
    num_without: int
    num_pairs: int
    has_sigmas: bool
    keypoints: tuple[KeypointCount, ...]

    @property
    def labelled_share(self) -> float:
        """Fraction of labelled keypoints, of the objects that have any."""
        total = (self.num_objects - self.num_without) * len(self.keypoints)
        return sum(one.num_labelled for one in self.keypoints) / total if total else 0.0


@dataclass(frozen=True, kw_only=True)
class Box3dCount:
    """Numbers of cameras and 3D boxes.

    Attributes:
        num_cameras: Number of images with a camera.
        num_objects: Number of objects with a 3D box, without crowd regions.
        focal_px: Minimum and maximum of the focal length.
        depths_m: Distribution of the objects' depths.
    """

    num_cameras: int
    num_objects: int
    focal_px: tuple[float, float]
    depths_m: Spread | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Statistics and defects of one split of a data set.

    Attributes:
        name: Name of the data set.
        format: Its format.
        imgsz: Side of the input at which collisions were counted, pixels.
        num_images: Number of images used in training.
        num_objects: Number of objects used in training.
        num_crowds: Number of crowd regions.
        classes: Frequency of each class, in the order of labels.
        image_sides: Sizes of objects in their images.
        input_sides: Sizes of objects in the input.
        crowding: Collisions of centres of one class.
        defects: Defects and how training handles them.
        notes: Properties that are no defects.
        skeletons: Keypoint labels of each class with keypoints.
        space: Cameras and 3D boxes; None where no image has a camera.
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
        """Number of defects of each kind."""
        return dict(Counter(defect.kind for defect in self.defects))

    @property
    def is_trainable(self) -> bool:
        """True if training can run, given how it handles the defects."""
        return self.num_objects > 0 and not any(defect.action == STOPS for defect in self.defects)

    def with_defect(self, defect: Defect | None) -> "Report":
        """The report with one more defect, if there is one."""
        return self if defect is None else replace(self, defects=(*self.defects, defect))

    def to_json(self) -> dict[str, Any]:
        """Values for json: the attributes by name, `counts` and `is_trainable`."""
        skeletons = [{**asdict(one), "labelled_share": one.labelled_share} for one in self.skeletons]
        values = {**asdict(self), "skeletons": skeletons, "crowding": self.crowding.to_json()}
        return {**values, "counts": self.counts(), "is_trainable": self.is_trainable}

    def text(self, limit: int | None = 5) -> str:
        """The report as text.

        Args:
            limit: Largest number of lines for each kind of defect; `None` for all.
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
            lines += ["", *_findings("Notes", self.notes, limit)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _size_table(self) -> list[str]:
        if self.image_sides is None or self.input_sides is None:
            return ["  no objects: there is nothing to train on"]
        heads = ("min", "5 %", "median", "95 %", "max")
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
    listed = ordered[:limit]
    width = max(len(one.name) for one in (*listed, ClassCount(name="class", num_objects=0, num_images=0)))
    lines = [f"  {'class':{width}}{'objects':>9}{'images':>9}"]
    lines += [f"  {one.name:{width}}{one.num_objects:9,}{one.num_images:9,}" for one in listed]
    rest = ordered[len(listed) :]
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
    listed = skeleton.keypoints[: None if limit is None else 4 * limit]
    width = max(len("keypoint"), *(len(one.name) for one in listed))
    lines.append(f"  {'keypoint':{width}}{'labelled':>10}{'hidden':>9}")
    lines += [f"  {one.name:{width}}{one.num_labelled:10,}{one.num_hidden:9,}" for one in listed]
    if len(listed) < count:
        lines.append(f"  … {count - len(listed)} more")
    return [*lines, ""]


def _box3d_table(space: Box3dCount, num_images: int, num_objects: int) -> list[str]:
    min_px, max_px = space.focal_px
    lines = [
        f"  cameras of {space.num_cameras:,} of {_count(num_images, 'image')}, focal lengths "
        f"{min_px:.0f} to {max_px:.0f} px",
        f"  3D boxes of {space.num_objects:,} of {_count(num_objects, 'object')}",
    ]
    if space.depths_m:
        heads = ("min", "5 %", "median", "95 %", "max")
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
            lines.append(shortened(line if is_same else f"{line} → {defect.action}"))
        if limit is not None and len(defects) > limit:
            lines.append(f"    … {len(defects) - limit:,} more")
    return lines


def _common_folder(places: Sequence[str]) -> str:
    """The folder that all places start with; empty for a single place."""
    prefix = os.path.commonprefix(places)  # noqa: RUF071 - places are no paths: some end in `:7`
    return prefix[: prefix.rfind("/") + 1] if len(places) > 1 else ""
