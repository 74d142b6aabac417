"""Reading DeepLabCut: a csv of labelled keypoints, `CollectedData_*.csv`, beside the images or above them.

Source: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html. Three header rows
(scorer, bodyparts, coords) or four (with individuals), then one row for each image. Empty cells are not
labelled. Boxes are not annotated: each is the bounding box of the keypoints, with a margin of 10 pixels.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from centernet.data.formats.common.files import LARGEST_PX, read_text
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.keypoint_checks import NOT_LABELLED
from centernet.data.formats.common.skeleton_fields import skeleton_of
from centernet.data.formats.common.splits import WHOLE, choose_split, split_in
from centernet.errors import InputError
from centernet.io.images import image_size
from centernet.io.paths import visible
from centernet.io.plain_files import check_plain
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord

NAME = "deeplabcut"
LOOKED_FOR = "DeepLabCut .csv"

MARGIN_PX = 10
"""Margin of the boxes round the outermost keypoints."""

MIN_LIKELIHOOD = 0.5
"""Lowest likelihood at which keypoints predicted by a network are used."""

_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_CLASS = "animal"


def identify(path: Path) -> bool:
    """True if there is a csv of DeepLabCut at `path`."""
    return bool(_files(path))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits, from the names of their files."""
    return tuple(_files(path))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a DeepLabCut data set, or a single csv.

    The class is `animal`; individuals with other keypoints, as DeepLabCut's `single`, are a class named after
    the first of them. Invalid lines and cells are left out and listed in the data set's `defects`.

    Args:
        path: Folder or file.
        split: Name of the split.
        images: Folder of the images; None: beside the csv or above it.

    Raises:
        InputError: No such split, two files that both fit, or files that label different keypoints.
    """
    files = _files(path)
    if not files:
        raise InputError(f"{path} holds no DeepLabCut labels: no CollectedData_*.csv")
    split = choose_split(path, tuple(files), split)
    for first, second in zip(files[split], files[split][1:], strict=False):
        if first.parent == second.parent:
            raise InputError(f"{first} and {second} could both be split {split!r}: pass the one you mean")
    tables = [_Table.of(file) for file in files[split]]
    for table in tables[1:]:
        if table.parts != tables[0].parts:
            raise InputError(f"{table.file} labels other keypoints than {tables[0].file}: make them agree")
    defects: list[Defect] = []
    categories = tables[0].categories()
    records: list[ImageRecord] = []
    for table in tables:
        finder = ImageFinder(table.image_folders(), table.file.parent, images)
        for line, name, cells in table.rows(defects):
            image = finder.find_all([name])[0]
            records.append(_record(table, categories, line, image, cells, len(records) + 1, defects))
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=categories,
        records=tuple(records),
        defects=tuple(defects),
    )


def rows_of(file: Path) -> tuple[list[list[str]], list[tuple[Path, list[str]]]]:
    """The header rows of a csv, and the image and the cells of each other row that names one."""
    table = _Table.of(file)
    lines = list(csv.reader(read_text(file).splitlines()))
    finder = ImageFinder(table.image_folders(), table.file.parent)
    rows = [(finder.find_all([name])[0], cells) for _, name, cells in table.rows([])]
    return lines[: len(lines) - len(table.lines)], rows


def _files(path: Path) -> dict[str, list[Path]]:
    """The files at `path` by the split in their names."""
    if path.is_file():
        return {split_in(path.stem) or WHOLE: [path]} if _has_label_header(path) else {}
    by_split: dict[str, list[Path]] = {}
    for pattern in ("*.csv", "labeled-data/*/CollectedData*.csv"):
        for file in visible(path.glob(pattern)):
            # Lightning Pose calls its test split `new`.
            split = "test" if file.stem == "CollectedData_new" else split_in(file.stem)
            if (split or file.name.startswith("CollectedData")) and _has_label_header(file):
                by_split.setdefault(split or WHOLE, []).append(file)
        if by_split:
            break
    return by_split


def _has_label_header(file: Path) -> bool:
    if file.suffix.lower() != ".csv":
        return False
    try:
        check_plain(file)
        with file.open(encoding="utf-8-sig", newline="") as text:
            heads = [line.strip().partition(",")[0] for line, _ in zip(text, _LEVELS, strict=False)]
    except (OSError, UnicodeDecodeError, InputError):
        return False
    return heads[:1] == ["scorer"] and "bodyparts" in heads and "coords" in heads


@dataclass(frozen=True)
class _Table:
    """The content of one csv.

    Attributes:
        file: Its path.
        num_index: Number of columns with the image's path.
        parts: Bodyparts of each individual; the only one of a table without individuals has no name.
        places: Columns of `x`, `y` and perhaps `likelihood`, by individual and bodypart.
        lines: Line number and cells of each line after the header.
    """

    file: Path
    num_index: int
    parts: dict[str, tuple[str, ...]]
    places: dict[tuple[str, str], dict[str, int]]
    lines: list[tuple[int, list[str]]] = field(repr=False)

    @classmethod
    def of(cls, file: Path) -> "_Table":
        lines = list(csv.reader(read_text(file).splitlines()))
        heads = {cells[0]: cells for cells in lines[: len(_LEVELS)] if cells and cells[0] in _LEVELS}
        if missing := [name for name in ("bodyparts", "coords") if name not in heads]:
            raise InputError(
                f"{file} has no header row {missing[0]!r}: DeepLabCut writes scorer, bodyparts, coords"
            )
        coords = heads["coords"]
        num_index = next((place for place, cell in enumerate(coords) if place and cell), len(coords))
        individuals = heads.get("individuals", [""] * len(coords))
        parts: dict[str, list[str]] = {}
        places: dict[tuple[str, str], dict[str, int]] = {}
        for column in range(num_index, len(coords)):
            if column >= len(individuals) or column >= len(heads["bodyparts"]):
                raise InputError(f"{file}, column {column + 1}: the header rows are of different length")
            who, part = individuals[column], heads["bodyparts"][column]
            if part not in parts.setdefault(who, []):
                parts[who].append(part)
            places.setdefault((who, part), {})[coords[column]] = column
        for (who, part), columns in places.items():
            if not {"x", "y"} <= set(columns):
                raise InputError(
                    f"{file}: bodypart {part} {who} has no column x or no column y".replace("  ", " ")
                )
        if not places:
            raise InputError(f"{file} labels no bodypart: its header rows have no columns x and y")
        body = list(enumerate(lines, start=1))[len(heads) :]
        return cls(file, num_index, {who: tuple(names) for who, names in parts.items()}, places, body)

    def categories(self) -> Categories:
        """One class for each set of keypoints."""
        names: dict[tuple[str, ...], str] = {}
        for who, parts in self.parts.items():
            names.setdefault(parts, who if names else _CLASS)
        skeletons = tuple(skeleton_of(parts, _never) for parts in names)
        return Categories(tuple(names.values()), tuple(range(len(names))), skeletons)

    def label_of(self, who: str) -> int:
        """The class of an individual."""
        return list(dict.fromkeys(self.parts.values())).index(self.parts[who])

    def rows(self, defects: list[Defect]) -> Iterable[tuple[int, str, list[str]]]:
        """Line number, path of the image as stated, and cells of each image."""
        width = 1 + max(column for columns in self.places.values() for column in columns.values())
        if any("likelihood" in columns for columns in self.places.values()):
            message = "there is a likelihood beside x and y, as in predictions of a network"
            action = f"keypoints below {MIN_LIKELIHOOD} count as not labelled, the others as visible"
            defects.append(Defect(kind="likelihood", where=str(self.file), message=message, action=action))
        for line, cells in self.lines:
            if not any(cell.strip() for cell in cells):
                continue
            name = "/".join(cell.strip() for cell in cells[: self.num_index] if cell.strip())
            if len(cells) < width or not name:
                message = f"{len(cells)} cells, not {width}" if name else "it names no image"
                where = f"{self.file}:{line}"
                defects.append(Defect(kind="broken line", where=where, message=message, action="left out"))
                continue
            yield line, name, cells

    def image_folders(self) -> list[Path]:
        """Folders that paths start at: that of the csv, or a parent of it as in DeepLabCut's projects."""
        return [self.file.parent, *self.file.parent.parents][:3]


def _never(kind: str, message: str, action: str) -> None:
    raise AssertionError((kind, message, action))


def _record(
    table: _Table,
    categories: Categories,
    line: int,
    image: Path,
    cells: Sequence[str],
    image_id: int,
    defects: list[Defect],
) -> ImageRecord:
    try:
        size = image_size(image)
    except InputError:
        size = None  # The error is reported when the image is read.
    boxes, labels, whole = [], [], []
    for who, parts in table.parts.items():
        keypoints = np.zeros((categories.max_keypoints, 3))
        keypoints[: len(parts)] = _keypoints(table, who, line, cells, defects)
        if keypoints[:, 2].any():
            boxes.append(_box(keypoints[keypoints[:, 2] > 0, :2], size))
            labels.append(table.label_of(who))
            whole.append(keypoints)
    annotations = Annotations.none(categories.max_keypoints)
    if boxes:
        corners, keypoints = np.array(boxes, dtype=np.float32), np.array(whole, dtype=np.float32)
        annotations = Annotations.of(corners, np.array(labels, dtype=np.int64), keypoints)
        annotations.ids[:] = line
    return ImageRecord(
        path=image, image_id=image_id, annotations=annotations, source=str(table.file), size=size
    )


def _keypoints(
    table: _Table, who: str, line: int, cells: Sequence[str], defects: list[Defect]
) -> Float[np.ndarray, "k 3"]:
    keypoints = np.zeros((len(table.parts[who]), 3))
    faults: dict[tuple[str, str], list[str]] = {}
    for row, part in zip(keypoints, table.parts[who], strict=True):
        columns = table.places[who, part]
        words = [cells[columns[axis]].strip() for axis in ("x", "y")]
        if all(word.lower() in ("", "nan") for word in words):
            continue
        x, y = (_number(word) for word in words)
        likelihood = _number(cells[columns["likelihood"]]) if "likelihood" in columns else 1.0
        if not (abs(x) < LARGEST_PX and abs(y) < LARGEST_PX):
            faults.setdefault(("NaN keypoint", f"({', '.join(words)}) are no coordinates"), []).append(part)
        elif not likelihood >= MIN_LIKELIHOOD:
            message = f"the likelihood is less than {MIN_LIKELIHOOD}"
            faults.setdefault(("unlikely keypoint", message), []).append(part)
        else:
            row[:] = x, y, 2
    for (kind, message), names in faults.items():
        whose = f"{who}, " if who else ""
        where = f"{table.file}:{line}"
        text = f"{whose}{', '.join(names)}: {message}"
        defects.append(Defect(kind=kind, where=where, message=text, action=NOT_LABELLED))
    return keypoints


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _box(points: Float[np.ndarray, "n 2"], size: tuple[int, int] | None) -> Float[np.ndarray, " 4"]:
    """The bounding box of the points inside the image, with a margin, clipped to the image."""
    if size is None:
        return np.concatenate([points.min(axis=0) - MARGIN_PX, points.max(axis=0) + MARGIN_PX])
    limits = np.array(size[::-1], dtype=np.float64)
    is_inside = ((points >= 0) & (points <= limits)).all(axis=1)
    points = points[is_inside] if is_inside.any() else points
    hull = np.concatenate([points.min(axis=0) - MARGIN_PX, points.max(axis=0) + MARGIN_PX])
    return np.clip(hull, 0, np.tile(limits, 2)) if is_inside.any() else hull
