"""The files of a YOLO data set: class names, images and their label files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from centernet.data.formats.common.files import image_files, read_text
from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.data.formats.yolo.keypoints import KeypointShape, read_shape, read_skeletons
from centernet.errors import InputError
from centernet.io.images import is_image
from centernet.structures import Categories, Defect

SPLIT_KEYS = ("train", "val", "valid", "validation", "test")
"""Keys of the splits in a `data.yaml`."""


@dataclass(frozen=True, kw_only=True)
class YoloLayout:
    """Classes and images of a data set, before its labels are read.

    Attributes:
        categories: Class names, and the class numbers in the label files.
        images: For each split a function that lists its images.
        keypoints: Number of keypoints in a line, and of values for each; `None` without keypoints.
        defects: Invalid fields of `data.yaml` about keypoints.
    """

    categories: Categories
    images: Mapping[str, Callable[[], list[Path]]]
    keypoints: KeypointShape | None = None
    defects: tuple[Defect, ...] = ()


def find_layout(path: Path) -> YoloLayout | None:
    """The layout of a `data.yaml`, of a folder with one, or of images, labels and `classes.txt`; else None.

    Raises:
        InputError: The `data.yaml` is invalid.
    """
    if path.is_file():
        return _from_yaml(path) if path.suffix.lower() in (".yaml", ".yml") else None
    if not path.is_dir():
        return None
    file = data_yaml(path)
    return _from_yaml(file) if file else _from_folders(path)


def data_yaml(path: Path) -> Path | None:
    """The `data.yaml` of a data set: the path itself, or a file in that folder; None without."""
    if path.is_file():
        return path
    yamls = sorted([*path.glob("*.yaml"), *path.glob("*.yml")], key=lambda file: (file.stem != "data", file))
    found = (file for file in yamls if file.stem in ("data", "dataset") or _names_classes(file))
    return next(found, None)


def label_file(image: Path) -> Path:
    """The label file of an image: `labels` in place of the last `images` in its path; else beside it."""
    beside = image.with_suffix(".txt")
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    swapped = Path(*parts).with_suffix(".txt")
    return beside if beside.is_file() and not swapped.is_file() else swapped


def _names_classes(file: Path) -> bool:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and "names" in content and any(key in content for key in SPLIT_KEYS)


def _from_yaml(file: Path) -> YoloLayout:
    content = _load(file)
    root = file.parent
    if content.get("path"):
        # Relative paths start at the file; an absolute one may be of another machine.
        stated = root / str(content["path"])
        root = stated if stated.is_dir() else root
    images: dict[str, Callable[[], list[Path]]] = {}
    for key in SPLIT_KEYS:
        entries = content.get(key)
        if entries:
            images[key] = partial(_images_at, file, root, key, _as_list(entries))
    if not images:
        raise InputError(f"{file} names no images: add train: and val: with a folder or a list file each")
    names, shape = _names(file, content), read_shape(file, content)
    defects: list[Defect] = []
    skeletons = read_skeletons(file, content, names, shape, defects) if shape else ()
    ids = tuple(sorted(names))
    return YoloLayout(
        categories=Categories(tuple(names[class_id] for class_id in ids), ids, skeletons),
        images=images,
        keypoints=shape,
        defects=tuple(defects),
    )


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not yaml: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a YOLO data.yaml: it needs train:, val: and names:")
    return content


def _as_list(entries: Any) -> list[Any]:
    return entries if isinstance(entries, list) else [entries]


def _source(file: Path, root: Path, key: str, entry: Any) -> Path:
    """The folder, list file or image named by a split."""
    text = str(entry)
    # Roboflow writes `../train/images` for a folder beside the file, and Ultralytics accepts that.
    for candidate in (root / text, file.parent / text, root / text.removeprefix("../")):
        if candidate.exists():
            return candidate
    raise InputError(f"{file}, {key}: {text!r} is neither a folder nor a list file in {root}")


def _images_at(file: Path, root: Path, key: str, entries: list[Any]) -> list[Path]:
    """The images of a split, located only when it is read: the folder of `test` is often missing."""
    sources = [_source(file, root, key, entry) for entry in entries]
    return [image for source in sources for image in _images_of(source)]


def _images_of(source: Path) -> list[Path]:
    if source.is_dir():
        return image_files(source)
    if is_image(source):
        return [source]
    lines = [line.strip() for line in read_text(source).splitlines()]
    return [source.parent / line for line in lines if line]


def _names(file: Path, content: dict[str, Any]) -> dict[int, str]:
    names, count = content.get("names"), content.get("nc")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if names is None and isinstance(count, int):
        names = {index: f"class_{index}" for index in range(count)}
    if not isinstance(names, dict) or not names:
        raise InputError(f"{file}, names: give a list of class names, or number: name pairs")
    if not all(isinstance(key, int) for key in names):
        raise InputError(f"{file}, names: the keys must be class numbers; got {list(names)[:3]}")
    if isinstance(count, int) and count != len(names):
        raise InputError(f"{file}: nc is {count} but names has {len(names)}: make them agree")
    return {class_id: str(name) for class_id, name in names.items()}


def _from_folders(path: Path) -> YoloLayout | None:
    names = next((file for file in _class_lists(path) if file.is_file()), None)
    if names is None:
        return None
    folders: dict[str, Path] = {}
    if (path / "images").is_dir() and (path / "labels").is_dir():
        folders = {child.name: child for child in sorted((path / "images").iterdir()) if is_split(child.name)}
        folders = folders or {WHOLE: path / "images"}
    else:
        for child in sorted(path.iterdir()):
            if is_split(child.name) and (child / "images").is_dir() and (child / "labels").is_dir():
                folders[child.name] = child / "images"
    if not folders:
        return None
    lines = [line.strip() for line in read_text(names).splitlines()]
    return YoloLayout(
        categories=Categories.of(*[line for line in lines if line]),
        images={split: partial(image_files, folder) for split, folder in folders.items()},
    )


def _class_lists(path: Path) -> tuple[Path, ...]:
    return tuple(path / name for name in ("classes.txt", "labels/classes.txt", "labels/train/classes.txt"))
