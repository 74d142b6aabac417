"""Detections of one image: to draw, save, crop and convert to other formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from centernet.detections.images import crop_boxes, surest_below
from centernet.detections.plotting import MIN_KEYPOINT_SCORE, plotted
from centernet.detections.serialize import (
    box3d_columns,
    coco_entries,
    json_entries,
    keypoint_columns,
    kitti_rows,
    write_csv,
    write_json,
    yolo_rows,
)
from centernet.errors import UsageError, escaped
from centernet.io.guest import guest
from centernet.io.writing import replacing, writing
from centernet.structures import Categories, Skeleton
from centernet.structures.optional_columns import fill_columns, full_array, optional_column

if TYPE_CHECKING:
    import pandas
    import supervision
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Detections:
    """The detected objects of one image, image pixels, most confident first.

    Indexing with a mask, a slice, positions or one position gives `Detections` again.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        scores: Confidence, 0 to 1.
        labels: Index of the class in `categories`.
        categories: The classes.
        name: Name of the image: its path if it has one.
        image_size: Rows and columns of the image.
        image_id: The data set's own id of the image.
        image: RGB, for plots and crops; None if it was not kept.
        keypoints: `(x, y, score)` of each keypoint of the object's class, then zeros up to the largest number
            of keypoints of any class; `(n 0 3)` if no class has keypoints.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, metres and radians; rows of NaN for objects without a 3D
            box. Axes are those of the camera: x right, y down, z forward. `(x, y, z)` is the centre of the
            bottom face; `h` goes up from there (towards -y), `l` lies along the heading, `w` across it.
            `rotation_y` turns about y from -π to π: at 0 the object heads to the right (+x), at -π/2 away
            from the camera (+z), at π/2 towards it.
        alpha_rad: Observation angle, the heading against the line of sight: `rotation_y` less the angle, to
            the right of straight ahead, at which the object is seen. NaN if not known.
        camera: Projection from camera metres to image pixels, KITTI's `P2`; None if not known.
        surest_below: If a minimum score left no object: what it left out, in words; else empty.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    categories: Categories
    name: str
    image_size: tuple[int, int]
    image_id: int = 0
    image: UInt8[np.ndarray, "h w 3"] | None = None
    keypoints: Float[np.ndarray, "n k 3"] = optional_column(0, 3, fill=0.0)
    boxes3d: Float[np.ndarray, "n 7"] = optional_column(7)
    alpha_rad: Float[np.ndarray, " n"] = optional_column()
    camera: Float[np.ndarray, "3 4"] | None = None
    surest_below: str = ""

    def __post_init__(self) -> None:
        fill_columns(self, full_array)

    @property
    def names(self) -> list[str]:
        """The class name of each object."""
        return [self.categories.names[label] for label in self.labels]

    @property
    def have_boxes3d(self) -> Bool[np.ndarray, " n"]:
        """True for objects with a 3D box."""
        return np.isfinite(self.boxes3d).all(axis=1)

    @property
    def depths_m(self) -> Float[np.ndarray, " n"]:
        """Depth of each object, metres along z from the camera; NaN without a 3D box."""
        return self.boxes3d[:, 5]

    @property
    def category_ids(self) -> list[int]:
        """The id of each object's class in the data set."""
        return [self.categories.ids[label] for label in self.labels]

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(
        self, keep: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"] | slice | int | list[int] | list[bool]
    ) -> "Detections":
        rows = np.atleast_1d(np.arange(len(self))[keep])
        return replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            keypoints=self.keypoints[rows],
            boxes3d=self.boxes3d[rows],
            alpha_rad=self.alpha_rad[rows],
        )

    def __iter__(self) -> Iterator["Detections"]:
        return (self[row] for row in range(len(self)))

    def __str__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.categories))
        found = [
            f"{count} {name}" for name, count in zip(self.categories.names, counts, strict=True) if count
        ]
        size = "×".join(map(str, self.image_size[::-1]))
        return escaped(f"{self.name} {size}: {', '.join(found) or f'nothing found{self.surest_below}'}")

    def __repr__(self) -> str:
        return f"Detections({self})"

    @classmethod
    def joined(cls, parts: Sequence["Detections"]) -> "Detections":
        """The objects of several, concatenated; all else is that of the first."""
        return replace(
            parts[0],
            boxes=np.concatenate([part.boxes for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            keypoints=np.concatenate([part.keypoints for part in parts]),
            boxes3d=np.concatenate([part.boxes3d for part in parts]),
            alpha_rad=np.concatenate([part.alpha_rad for part in parts]),
        )

    def above(self, score: float | Float[np.ndarray, " c"]) -> "Detections":
        """The objects with at least this score, or the one of their class; else it names the surest below."""
        scores = np.asarray(score, dtype=self.scores.dtype)
        least = np.broadcast_to(scores, (len(self.categories),))[self.labels]
        kept = self[self.scores >= least]
        if len(kept) or not len(self):
            return kept
        return replace(kept, surest_below=surest_below(self.names, self.scores, least))

    @guest
    def plot(
        self,
        image: UInt8[np.ndarray, "h w 3"] | None = None,
        *,
        show_names: bool = True,
        show_scores: bool = True,
        long_side: int | None = None,
        min_keypoint_score: float = MIN_KEYPOINT_SCORE,
        birds_eye: bool = True,
        ground_truth: Float[np.ndarray, "m 7"] | None = None,
    ) -> "Image":
        """The image with the objects drawn on it: boxes, keypoints and skeletons.

        Dots are keypoints, rings those with a score below 0.3. 3D boxes have a cross on their front, and
        their depth in metres after the score; a bird's-eye view is beside or below the image.

        Args:
            image: RGB to draw on, instead of the image of the detections.
            show_names: Write the class at each box.
            show_scores: Write the score at each box, to two decimals.
            long_side: Resize the plot to this longer side: names are unreadable on a small image.
            min_keypoint_score: Keypoints below this score are not drawn.
            birds_eye: Add a bird's-eye view if there are 3D boxes and the camera is known.
            ground_truth: 3D boxes drawn in white in the bird's-eye view.

        Raises:
            UsageError: There is no image to draw on.
        """
        from PIL.Image import fromarray

        return fromarray(
            plotted(
                self,
                self._pixels(image),
                show_names=show_names,
                show_scores=show_scores,
                long_side=long_side,
                min_keypoint_score=min_keypoint_score,
                birds_eye=birds_eye,
                ground_truth=ground_truth,
            )
        )

    def crops(self, image: UInt8[np.ndarray, "h w 3"] | None = None) -> list[UInt8[np.ndarray, "_ _ 3"]]:
        """The crop of the image at each box: every pixel that the box touches, at least one.

        Args:
            image: RGB to crop from, instead of the image of the detections.

        Raises:
            UsageError: There is no image to crop from.
        """
        return crop_boxes(self._pixels(image), self.boxes)

    def save(self, path: Path | str) -> Path:
        """Writes a plot (.png, .jpg, .jpeg, .webp, .bmp), a table (.json, .csv) or YOLO labels (.txt).

        Args:
            path: The file; its extension decides the format. Missing folders are made.

        Returns:
            The path written.

        Raises:
            UsageError: Another extension, or a plot without an image to draw on.
            InputError: The file cannot be written.
        """
        path = Path(path)
        write = _WRITERS.get(path.suffix.lower())
        if write is None:
            raise UsageError(f"cannot save as {path.name!r}: end the path in one of {', '.join(_WRITERS)}")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, path.suffix) as part:
            write(self, part)
        return path

    def to_json(self) -> dict[str, Any]:
        """Plain values ready for `json.dump`: coordinates to hundredths of a pixel, scores to four decimals.

        Objects of classes with keypoints have a list `keypoints` of name, x, y and score; those with a 3D box
        have `box3d`: its numbers by name, metres and radians.
        """
        rows, columns = self.image_size
        return {
            "image": self.name,
            "image_id": self.image_id,
            "height": rows,
            "width": columns,
            "detections": json_entries(
                self.names,
                self.category_ids,
                self.scores,
                self.boxes,
                self.skeletons,
                self.keypoints,
                self.boxes3d,
                self.alpha_rad,
            ),
        }

    def to_coco(self) -> list[dict[str, Any]]:
        """One entry of a COCO results file for each object: `[x, y, width, height]`, not rounded.

        Objects of classes with keypoints have `keypoints`: x, y and 1 for each. As in COCO's results, `score`
        is that of the object. Those with a 3D box have `dim` (height, width, length), `location` (centre of
        the bottom face), `rotation_y` and `alpha`.
        """
        return coco_entries(
            self.image_id,
            self.category_ids,
            self.scores,
            self.boxes,
            self.skeletons,
            self.keypoints,
            self.boxes3d,
            self.alpha_rad,
        )

    def to_supervision(self) -> "supervision.Detections":
        """The same objects for the `supervision` package: trackers, zones, other annotators."""
        import supervision

        return supervision.Detections(
            xyxy=self.boxes.copy(),
            confidence=self.scores.copy(),
            class_id=self.labels.copy(),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def to_supervision_keypoints(self) -> "supervision.KeyPoints":
        """The keypoints for the `supervision` package; those a class lacks are at (0, 0), as it expects."""
        import supervision

        return supervision.KeyPoints(
            xy=self.keypoints[..., :2].copy(),
            keypoint_confidence=self.keypoints[..., 2].copy(),
            detection_confidence=self.scores.copy(),
            class_id=self.labels.copy(),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def to_yolo(self, min_keypoint_score: float = MIN_KEYPOINT_SCORE) -> str:
        """The lines of a YOLO label file: class, centre and size of the box as fractions of the image size.

        If classes have keypoints, x, y and 2 follow for each; 0 0 0 for one below the minimum score, outside
        the image, or that the class does not have. Scores are not written.

        Args:
            min_keypoint_score: Minimum score of a keypoint.
        """
        counts = np.array([len(skeleton or ()) for skeleton in self.skeletons], dtype=int)
        is_own = np.arange(self.keypoints.shape[1]) < counts[:, None]
        is_confident = self.keypoints[..., 2] >= min_keypoint_score
        return yolo_rows(
            self.labels, self.boxes, self.keypoints[..., :2], is_own & is_confident, self.image_size
        )

    def to_kitti(self) -> str:
        """The lines of a KITTI result file, as `centernet score format=kitti` reads them.

        Truncation and occlusion are -1, not known; objects without a 3D box have KITTI's placeholders.
        """
        return kitti_rows(self.names, self.scores, self.boxes, self.boxes3d, self.alpha_rad)

    def to_dataframe(self) -> "pandas.DataFrame":
        """One row for each object: image, image_id, name, category_id, score, x1, y1, x2, y2.

        Keypoints follow as NAME_x, NAME_y, NAME_score: NaN in rows of classes that do not have them. If there
        are 3D boxes, their numbers follow: height_m to rotation_y_rad, and alpha_rad.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UsageError('to_dataframe() needs pandas: pip install "centernet[pandas]"') from error
        return pandas.DataFrame(self._columns())

    def _columns(self) -> Mapping[str, Any]:
        x1, y1, x2, y2 = self.boxes.T
        return {
            "image": [self.name] * len(self),
            "image_id": [self.image_id] * len(self),
            "name": self.names,
            "category_id": self.category_ids,
            "score": self.scores,
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
            **keypoint_columns(self.keypoints, self.labels, self.categories.skeletons),
            **(box3d_columns(self.boxes3d, self.alpha_rad) if self.have_boxes3d.any() else {}),
        }

    @property
    def skeletons(self) -> "list[Skeleton | None]":
        """The skeleton of each object; None for classes without keypoints."""
        if not self.keypoints.shape[1] or not self.categories.skeletons:
            return [None] * len(self)
        return [self.categories.skeletons[label] for label in self.labels]

    def _pixels(self, image: UInt8[np.ndarray, "h w 3"] | None) -> UInt8[np.ndarray, "h w 3"]:
        pixels = self.image if image is None else image
        if pixels is None:
            raise UsageError(
                f"{self.name}: these detections hold no image: pass it, such as plot(image=pixels)"
            )
        return pixels


def _write_plot(detections: Detections, path: Path) -> None:
    detections.plot().save(path)


def _write_json(detections: Detections, path: Path) -> None:
    write_json(detections.to_json(), path)


def _write_yolo(detections: Detections, path: Path) -> None:
    path.write_text(detections.to_yolo(), encoding="utf-8")


def _write_csv(detections: Detections, path: Path) -> None:
    write_csv(detections._columns(), path)


_WRITERS: dict[str, Callable[[Detections, Path], None]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".bmp"), _write_plot),
    ".json": _write_json,
    ".csv": _write_csv,
    ".txt": _write_yolo,
}
