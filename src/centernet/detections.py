"""What was found in one image, and everything a person does with it: draw, save, cut out, hand on."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from centernet.errors import InputError, UsageError
from centernet.structures import Categories

if TYPE_CHECKING:
    import pandas
    import supervision
    from PIL.Image import Image


def _no_keypoints() -> np.ndarray:
    return np.zeros((0, 0, 3), dtype=np.float32)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Detections:
    """The objects found in one image, image pixels, best first.

    Index it with a mask, a slice, positions or one position: the answer is `Detections` again.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        scores: How sure the detector is, 0 to 1.
        labels: Index into `categories`.
        categories: What labels mean.
        name: What to call the image: its path where it has one.
        image_size: Rows and columns of the image.
        image_id: The data set's own id of the image.
        image: RGB, for pictures and cut-outs; None where it was not kept.
        keypoints: `(x, y, score)` of each keypoint of the object's class, then zeros up to the class that has
            most; `(n 0 3)` where no class has any.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    categories: Categories
    name: str
    image_size: tuple[int, int]
    image_id: int = 0
    image: UInt8[np.ndarray, "h w 3"] | None = None
    keypoints: Float[np.ndarray, "n k 3"] = field(default_factory=_no_keypoints)

    def __post_init__(self) -> None:
        if not self.keypoints.size:
            # Objects without keypoints need not say so.
            none = np.zeros((len(self.boxes), self.keypoints.shape[1], 3), dtype=np.float32)
            object.__setattr__(self, "keypoints", none)

    @property
    def names(self) -> list[str]:
        """The class of each object in words."""
        return [self.categories.names[label] for label in self.labels]

    @property
    def category_ids(self) -> list[int]:
        """The class of each object by the id it has in the data set."""
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
        )

    def __iter__(self) -> Iterator["Detections"]:
        return (self[row] for row in range(len(self)))

    def __str__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.categories))
        found = [
            f"{count} {name}" for name, count in zip(self.categories.names, counts, strict=True) if count
        ]
        rows, columns = self.image_size
        return f"{self.name} {rows}x{columns}: {', '.join(found) or 'nothing found'}"

    def __repr__(self) -> str:
        return f"Detections({self})"

    def above(self, score: float) -> "Detections":
        """Only the objects with at least this score."""
        return self[self.scores >= score]

    def plot(
        self,
        image: UInt8[np.ndarray, "h w 3"] | None = None,
        *,
        show_names: bool = True,
        show_scores: bool = True,
        long_side: int | None = None,
    ) -> "Image":
        """The image with the objects drawn on it.

        Args:
            image: RGB to draw on, instead of the one kept.
            show_names: Write the class at each box.
            show_scores: Write the score at each box, in hundredths.
            long_side: Scale the picture to this longer side: names are unreadable on a small image.

        Raises:
            UsageError: There is no image to draw on.
        """
        from PIL.Image import fromarray

        from centernet.drawing import draw_boxes

        texts = [
            " ".join([name] * show_names + [f"{score:.2f}"] * show_scores)
            for name, score in zip(self.names, self.scores, strict=True)
        ]
        pixels = self._pixels(image)
        return fromarray(draw_boxes(pixels, self.boxes, texts, self.labels, long_side=long_side))

    def crops(self, image: UInt8[np.ndarray, "h w 3"] | None = None) -> list[UInt8[np.ndarray, "_ _ 3"]]:
        """The part of the image in each box: every pixel the box touches, at least one.

        Args:
            image: RGB to cut from, instead of the one kept.

        Raises:
            UsageError: There is no image to cut from.
        """
        pixels = self._pixels(image)
        size = np.array([pixels.shape[1], pixels.shape[0]])
        first = np.clip(np.floor(self.boxes[:, :2]).astype(int), 0, size - 1)
        last = np.clip(np.ceil(self.boxes[:, 2:]).astype(int), first + 1, size)
        return [
            pixels[y1:y2, x1:x2].copy()
            for (x1, y1), (x2, y2) in zip(first.tolist(), last.tolist(), strict=True)
        ]

    def save(self, path: Path | str) -> Path:
        """Write a picture (.png, .jpg, .jpeg, .webp, .bmp) or a table (.json, .csv), by the path's extension.

        Returns:
            The path written; folders on the way are made.

        Raises:
            UsageError: An extension that is none of these, or a picture without an image to draw on.
            InputError: The file cannot be written.
        """
        path = Path(path)
        write = _WRITERS.get(path.suffix.lower())
        if write is None:
            raise UsageError(f"cannot save as {path.name!r}: end the path in one of {', '.join(_WRITERS)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(self, path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
        return path

    def to_json(self) -> dict[str, Any]:
        """Plain values ready for `json.dump`: boxes to hundredths of a pixel, scores to four digits."""
        rows, columns = self.image_size
        return {
            "image": self.name,
            "image_id": self.image_id,
            "height": rows,
            "width": columns,
            "detections": [
                {"name": name, "category_id": category_id, "score": score, "box": box}
                for name, category_id, score, box in zip(
                    self.names,
                    self.category_ids,
                    np.round(self.scores.astype(float), 4).tolist(),
                    np.round(self.boxes.astype(float), 2).tolist(),
                    strict=True,
                )
            ],
        }

    def to_coco(self) -> list[dict[str, Any]]:
        """One entry of a COCO results file for each object: `[x, y, width, height]`, not rounded."""
        corners = self.boxes.astype(float)
        bboxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        return [
            {"image_id": self.image_id, "category_id": category_id, "bbox": bbox, "score": score}
            for category_id, bbox, score in zip(
                self.category_ids, bboxes.tolist(), self.scores.astype(float).tolist(), strict=True
            )
        ]

    def to_supervision(self) -> "supervision.Detections":
        """The same objects for the `supervision` package: trackers, zones, other annotators."""
        import supervision

        return supervision.Detections(
            xyxy=self.boxes.copy(),
            confidence=self.scores.copy(),
            class_id=self.labels.copy(),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def to_dataframe(self) -> "pandas.DataFrame":
        """One row for each object: image, image_id, name, category_id, score, x1, y1, x2, y2.

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
        }

    def _pixels(self, image: UInt8[np.ndarray, "h w 3"] | None) -> UInt8[np.ndarray, "h w 3"]:
        pixels = self.image if image is None else image
        if pixels is None:
            raise UsageError(
                f"{self.name}: these detections hold no image: pass it, such as plot(image=pixels)"
            )
        return pixels


def _write_picture(detections: Detections, path: Path) -> None:
    detections.plot().save(path)


def _write_json(detections: Detections, path: Path) -> None:
    path.write_text(json.dumps(detections.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_csv(detections: Detections, path: Path) -> None:
    columns = detections._columns()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


_WRITERS: dict[str, Callable[[Detections, Path], None]] = {
    ".png": _write_picture,
    ".jpg": _write_picture,
    ".jpeg": _write_picture,
    ".webp": _write_picture,
    ".bmp": _write_picture,
    ".json": _write_json,
    ".csv": _write_csv,
}
