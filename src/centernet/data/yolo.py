"""YOLO: one text file for each image, `class x_center y_center width height` as shares of the image's sides.

Source: https://docs.ultralytics.com/datasets/detect. Outlines (`class x y x y x y …`) become the boxes round
them. The format has no word for crowd regions: writing leaves them out.
"""

import math
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float

from centernet.data.files import copy_images, read_text
from centernet.data.images import image_size
from centernet.data.splits import choose_split
from centernet.data.yolo_layout import Layout, find_layout, label_file
from centernet.errors import InputError
from centernet.structures import Annotations, Dataset, Defect, ImageRecord

NAME = "yolo"
LOOKED_FOR = "YOLO: data.yaml with 'names', or images/ and labels/ with classes.txt"


def recognise(path: Path) -> bool:
    """Whether there is a YOLO data set at `path`."""
    return find_layout(path) is not None


def splits(path: Path) -> tuple[str, ...]:
    """The splits there are."""
    layout = find_layout(path)
    return tuple(layout.images) if layout else ()


def read(path: Path, split: str | None = None) -> Dataset:
    """One split of a YOLO data set. Images without a text file have no objects.

    Lines that make no sense are left out and named in the data set's `defects`.

    Raises:
        InputError: No such split, or a broken `data.yaml`.
    """
    layout = find_layout(path)
    if layout is None:
        raise InputError(f"{path} holds no YOLO data set: no data.yaml with 'names', no classes.txt")
    split = choose_split(path, tuple(layout.images), split)
    labels = {class_id: label for label, class_id in enumerate(layout.categories.ids)}
    defects: list[Defect] = []
    records: list[ImageRecord] = []
    for image in layout.images[split]():
        text = label_file(image)
        try:
            size = image_size(image)
        except InputError as error:
            # Shares of an unknown size are no boxes.
            kind = "corrupt image" if image.exists() else "missing image"
            message = str(error).removeprefix(f"{image} ")
            defects.append(Defect(kind=kind, where=str(image), message=message, action="left out"))
            continue
        records.append(
            ImageRecord(
                path=image,
                image_id=len(records) + 1,
                annotations=_read_labels(text, size, layout, labels, defects),
                source=str(text),
                size=size,
            )
        )
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=layout.categories,
        records=tuple(records),
        defects=tuple(defects),
    )


def write(dataset: Dataset, folder: Path, split: str) -> None:
    """Write `labels/{split}/*.txt`, `data.yaml` and the images as `images/{split}/`.

    Raises:
        InputError: An image is missing, or two would get one name.
    """
    copy_images(dataset.records, folder / "images" / split)
    labels = folder / "labels" / split
    labels.mkdir(parents=True, exist_ok=True)
    for record in dataset.records:
        lines = "".join(f"{line}\n" for line in _lines(record))
        (labels / f"{record.path.stem}.txt").write_text(lines, encoding="utf-8")
    file = folder / "data.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    content |= {split: f"images/{split}", "names": dict(enumerate(dataset.categories.names))}
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _lines(record: ImageRecord) -> list[str]:
    rows, columns = record.size or image_size(record.path)
    boxes = record.annotations.boxes.astype(np.float64) / np.array([columns, rows, columns, rows])
    centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    shares = np.concatenate([centers, sides], axis=1).tolist()
    keep = (~record.annotations.is_crowd).tolist()
    return [
        f"{label} " + " ".join(f"{share:.10g}" for share in row)
        for label, row, is_kept in zip(record.annotations.labels.tolist(), shares, keep, strict=True)
        if is_kept
    ]


def _read_labels(
    file: Path, size: tuple[int, int], layout: Layout, labels: dict[int, int], defects: list[Defect]
) -> Annotations:
    if not file.exists():
        return Annotations.none()
    try:
        lines = read_text(file).splitlines()
    except InputError as error:
        message = str(error).removeprefix(f"{file} ")
        defects.append(
            Defect(kind="broken annotation file", where=str(file), message=message, action="left out")
        )
        return Annotations.none()
    corners, found, numbers = [], [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            label, box = _read_line(line, layout.num_columns, labels)
        except _BrokenError as error:
            where = f"{file}:{number}"
            defects.append(Defect(kind=error.kind, where=where, message=str(error), action="left out"))
            continue
        corners.append(box)
        found.append(label)
        numbers.append(number)
    rows, columns = size
    boxes = (np.array(corners).reshape(-1, 4) * (columns, rows, columns, rows)).astype(np.float32)
    return _annotations(boxes, found, numbers)


def _annotations(boxes: Float[np.ndarray, "n 4"], labels: list[int], numbers: list[int]) -> Annotations:
    sides = boxes[:, 2:] - boxes[:, :2]
    return Annotations(
        boxes=boxes,
        labels=np.array(labels, dtype=np.int64),
        is_crowd=np.zeros(len(boxes), dtype=bool),
        ids=np.array(numbers, dtype=np.int64),
        areas=sides[:, 0] * sides[:, 1],
    )


class _BrokenError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _read_line(
    line: str, num_columns: int | None, labels: dict[int, int]
) -> tuple[int, tuple[float, float, float, float]]:
    """Label and corners, as shares of the sides."""
    words = line.split()
    try:
        class_id, *numbers = (float(word) for word in words)
    except ValueError:
        raise _BrokenError("broken box", f"{line.strip()!r} does not hold numbers only") from None
    if not all(math.isfinite(number) for number in (class_id, *numbers)):
        raise _BrokenError("broken box", f"{line.strip()!r} is not finite")
    if not class_id.is_integer() or int(class_id) not in labels:
        raise _BrokenError("unknown class", f"class {words[0]} is none of {_ids(labels)}")
    if len(words) == num_columns:
        del numbers[4:]
    if len(numbers) == 4:
        x, y, width, height = numbers
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        xs, ys = numbers[::2], numbers[1::2]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        raise _BrokenError("broken box", f"{len(words)} columns, not 5: class x_center y_center width height")
    return labels[int(class_id)], corners


def _ids(labels: dict[int, int]) -> str:
    return f"{min(labels)} to {max(labels)}" if len(labels) > 1 else str(*labels)
