"""Reading and writing KITTI: folders `image_2`, `label_2` and `calib`, lists in `ImageSets`.

Labels for two dimensions alone, as TAO, DIGITS and CVAT write them, have zeros for what is 3D.

Source: https://www.cvlibs.net/datasets/kitti/eval_object.php and the readme of its development kit.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from centernet.data.formats.common.calibration import read_camera
from centernet.data.formats.common.copy_images import copy_images
from centernet.data.formats.common.files import images_by_stem, read_text
from centernet.data.formats.common.splits import choose_split
from centernet.data.formats.common.unsupported import BOXES3D, warn_unsupported
from centernet.data.formats.kitti.layout import CAMERAS, IMAGES, LABELS, find_splits
from centernet.data.formats.kitti.text_files import frames_in, read_labels
from centernet.errors import InputError
from centernet.geometry.camera import alpha_from_rotation
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord, KittiObjects

NAME = "kitti"
LOOKED_FOR = "KITTI .txt"
SUPPORTS: tuple[str, ...] = (BOXES3D,)

_LINE = re.compile(r"(:\d+)?:? ")
"""What follows the name of a file in a message: perhaps the number of a line."""

CLASSES = ("Pedestrian", "Car", "Cyclist")
"""The classes in the order of Objects as Points, which its weights follow."""
SIMILAR_TYPES = {"Van": "Car", "Truck": "Car", "Person_sitting": "Pedestrian"}
"""Types that resemble a class, read as crowd regions of it so that training ignores them.

Trucks are among them, but not among the neighbours of `metrics.kitti`, those of the official evaluation.
"""
DONT_CARE = "DontCare"
"""Type of regions that are not labelled, read as a crowd region of each class."""


def identify(path: Path) -> bool:
    """True if there are KITTI's folders at `path`."""
    return bool(find_splits(path))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits: lists in `ImageSets` of frames with labels, or folders; else all frames."""
    return tuple(find_splits(path))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a KITTI data set.

    If one of `CLASSES` is labelled anywhere, those are the classes: similar types are crowd regions, and
    the rest (`Tram`, `Misc`) is left out. Otherwise every type is a class.

    Invalid objects and frames are left out and listed in the data set's `defects`.

    Args:
        path: Folder.
        split: Name of the split.
        images: Folder of the images; None: beside the labels.

    Raises:
        InputError: No such data set or split.
    """
    found = find_splits(path)
    if not found:
        raise InputError(f"{path} holds no KITTI data set: no {LABELS}/*.txt beside {IMAGES}/")
    split = choose_split(path, tuple(found), split)
    one = found[split]
    names = _class_names({other.labels for other in found.values()})
    files = images_by_stem(images or one.images)
    defects: list[Defect] = []
    records = []
    with_scores = 0
    for position, frame in enumerate(one.frames, start=1):
        label_file = one.labels / f"{frame}.txt"
        try:
            objects = read_labels(one.labels, (frame,))
        except InputError as error:
            defects.append(_defect("broken label file", str(label_file), str(error), "the image is left out"))
            continue
        with_scores += int((objects.scores != 1).any())
        camera = _camera(one.cameras / f"{frame}.txt", objects, defects)
        records.append(
            ImageRecord(
                path=files.get(frame, (images or one.images) / f"{frame}.png"),
                image_id=int(frame) if frame.isdecimal() and len(frame) < 19 else position,
                annotations=_annotations(objects, names, label_file, camera is not None, defects),
                source=str(label_file),
                camera=camera,
            )
        )
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=Categories.of(*names),
        records=tuple(records),
        defects=tuple(defects),
        notes=_notes(one.labels, with_scores),
    )


def _notes(folder: Path, with_scores: int) -> tuple[Defect, ...]:
    if not with_scores:
        return ()
    message = f"rows of {with_scores} files have a 16th column, a score, as results of a detector have"
    return (_defect("scores", str(folder), message, "all objects count alike"),)


def write(dataset: Dataset, folder: Path, split: str) -> None:
    """Write `label_2`, `calib` and the images as `image_2`, all in `training`, and `ImageSets/{split}.txt`.

    Crowd regions with a 3D box are written as a type similar to their class where KITTI has one, others as
    `DontCare`. Blanks in the name of a class are written as `_`.

    Warns of keypoints, which the format does not store.

    Raises:
        InputError: An image is missing, two would get one name, or one has a name with blanks.
    """
    warn_unsupported(dataset, NAME, SUPPORTS)
    root = folder / "training"
    for record in dataset.records:
        if len(record.path.stem.split()) > 1:
            raise InputError(f"{record.path}: names of KITTI's frames have no blanks, rename it")
    copy_images(dataset.records, root / IMAGES, with_sizes=False)
    for name in (LABELS, CAMERAS):
        (root / name).mkdir(parents=True, exist_ok=True)
    for record in dataset.records:
        rows = "".join(_rows(record, dataset.categories))
        (root / LABELS / f"{record.path.stem}.txt").write_text(rows, encoding="utf-8")
        if record.camera is not None:
            numbers = " ".join(f"{value:.12e}" for value in record.camera.ravel().tolist())
            (root / CAMERAS / f"{record.path.stem}.txt").write_text(f"P2: {numbers}\n", encoding="utf-8")
    lists = folder / "ImageSets"
    lists.mkdir(parents=True, exist_ok=True)
    frames = "".join(f"{record.path.stem}\n" for record in dataset.records)
    (lists / f"{split}.txt").write_text(frames, encoding="utf-8", errors="surrogateescape")


def _class_names(folders: Iterable[Path]) -> tuple[str, ...]:
    """The classes of all splits, so that splits agree."""
    types: set[str] = set()
    for file in (folder / f"{frame}.txt" for folder in folders for frame in frames_in(folder)):
        try:
            lines = read_text(file).splitlines()
        except InputError:
            continue  # Its defect is reported when its split is read.
        types.update(line.split()[0] for line in lines if line.strip())
    if types & set(CLASSES):
        return CLASSES
    return tuple(sorted(types - {DONT_CARE})) or CLASSES


def _camera(path: Path, objects: KittiObjects, defects: list[Defect]) -> np.ndarray | None:
    try:
        return read_camera(path)
    except InputError as error:
        if not path.exists() and not objects.have_boxes3d.any():
            return None  # Labels for two dimensions alone need none.
        message = "there is no such file" if not path.exists() else str(error)
        defects.append(_defect("no camera", str(path), message, "3D boxes of its image are not used"))
        return None


def _annotations(
    objects: KittiObjects, names: Sequence[str], file: Path, has_camera: bool, defects: list[Defect]
) -> Annotations:
    rows, labels, is_crowd = [], [], []
    for row, kind in enumerate(objects.types.tolist()):
        class_name = SIMILAR_TYPES.get(kind, kind) if names == CLASSES else kind
        for name in names if kind == DONT_CARE else (class_name,):
            if name in names:
                rows.append(row)
                labels.append(names.index(name))
                is_crowd.append(name != kind)
    index = np.array(rows, dtype=np.int64)
    boxes3d = np.where(objects.have_boxes3d[:, None], objects.boxes3d, np.nan)
    for row in np.flatnonzero(boxes3d[:, 5] <= 0).tolist():
        message = f"z is {boxes3d[row, 5]:g}, not in front of the camera"
        where = f"{file}:{objects.lines[row]}"
        defects.append(_defect("depth", where, message, "its 3D box is not used"))
        boxes3d[row] = np.nan
    alpha = np.where(objects.have_alpha, objects.alpha_rad, np.nan)
    if not has_camera:
        boxes3d, alpha = np.full_like(boxes3d, np.nan), np.full_like(alpha, np.nan)
    boxes = objects.boxes[index]
    sides = boxes[:, 2:] - boxes[:, :2]
    return Annotations(
        boxes=boxes.astype(np.float32),
        labels=np.array(labels, dtype=np.int64),
        is_crowd=np.array(is_crowd, dtype=bool),
        ids=objects.lines[index],
        areas=(sides[:, 0] * sides[:, 1]).astype(np.float32),
        boxes3d=boxes3d[index].astype(np.float32),
        alpha_rad=alpha[index].astype(np.float32),
        truncation=objects.truncation[index].astype(np.float32),
        occlusion=objects.occlusion[index].astype(np.float32),
    )


def _rows(record: ImageRecord, categories: Categories) -> Iterator[str]:
    """The lines of a label file; a crowd region of several classes is written once."""
    objects = record.annotations
    regions: set[tuple[float, ...]] = set()
    similar = {name: kind for kind, name in reversed(SIMILAR_TYPES.items())}
    has_box3d = np.isfinite(objects.boxes3d).all(axis=1)
    for row, label in enumerate(objects.labels.tolist()):
        box = tuple(objects.boxes[row].astype(float).tolist())
        corners = " ".join(f"{value:.6g}" for value in box)
        name = "_".join(categories.names[label].split())
        if objects.is_crowd[row] and has_box3d[row] and name in similar:
            name = similar[name]
        elif objects.is_crowd[row]:
            if box not in regions:
                regions.add(box)
                yield f"{DONT_CARE} -1 -1 -10 {corners} -1 -1 -1 -1000 -1000 -1000 -10\n"
            continue
        visibility = f"{objects.truncation[row]:.6g} {objects.occlusion[row]:.0f}"
        if has_box3d[row]:
            box3d = " ".join(f"{value:.7g}" for value in objects.boxes3d[row].tolist())
            yield f"{name} {visibility} {_alpha(record, row):.7g} {corners} {box3d}\n"
        else:
            yield f"{name} {visibility} -10 {corners} -1 -1 -1 -1000 -1000 -1000 -10\n"


def _alpha(record: ImageRecord, row: int) -> float:
    """Observation angle: as annotated, else computed from the 3D box; -10 if not known."""
    stated = float(record.annotations.alpha_rad[row])
    if np.isfinite(stated) or record.camera is None:
        return stated if np.isfinite(stated) else -10.0
    left, _, right, _ = record.annotations.boxes[row].astype(float)
    turn = record.annotations.boxes3d[row : row + 1, 6].astype(float)
    return float(alpha_from_rotation(record.camera, turn, np.array([(left + right) / 2]))[0])


def _defect(kind: str, where: str, message: str, action: str) -> Defect:
    if message.startswith(where) and (line := _LINE.match(message, len(where))):
        where, message = where + (line[1] or ""), message[line.end() :]
    return Defect(kind=kind, where=where, message=message, action=action)
