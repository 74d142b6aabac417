"""The files of a YOLO data set: class names, images and their label files."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from centernet.data.formats.common.files import image_files, read_text
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.splits import WHOLE, is_split
from centernet.data.formats.yolo.keypoints import KeypointShape, read_shape, read_skeletons
from centernet.data.formats.yolo.yaml_file import load_yaml, looks_like_data_yaml
from centernet.errors import BOUNDS, InputError
from centernet.io.images import is_image
from centernet.io.paths import is_file, is_folder, stated, visible
from centernet.structures import Categories, Defect

SPLIT_KEYS = ("train", "val", "valid", "validation", "test")
"""Keys of the splits in a `data.yaml`."""

_NO_SPLITS = frozenset(("classes", "names", "backup", "eval", "results", "top"))
"""Keys of Darknet's `obj.data` that are no splits."""
_CLASS_LISTS = ("classes.txt", "_darknet.labels", "obj.names")

Pairs = Sequence[tuple[Path, Path]]
"""Images and their label files."""


@dataclass(frozen=True, kw_only=True)
class YoloLayout:
    """Classes and images of a data set, before its labels are read.

    Attributes:
        categories: Class names, and the class numbers in the label files.
        images: For each split a function that lists its images with their label files; it takes the folder of
            images that the user named, or None.
        keypoints: Number of keypoints in a line, and of values for each; `None` without keypoints.
        defects: Invalid fields of `data.yaml` about keypoints.
    """

    categories: Categories
    images: Mapping[str, Callable[[Path | None], Pairs]]
    keypoints: KeypointShape | None = None
    defects: tuple[Defect, ...] = ()


def find_layout(path: Path) -> YoloLayout | None:
    """The layout of a `data.yaml` or `obj.data`, of a folder with one, or with `classes.txt`; else None.

    Raises:
        InputError: The `data.yaml` is invalid.
    """
    if path.is_file():
        if path.suffix.lower() == ".data":
            return _from_darknet(path)
        return _from_yaml(path) if path.suffix.lower() in (".yaml", ".yml") else None
    if not path.is_dir():
        return None
    file = data_yaml(path)
    if file:
        return _from_yaml(file)
    listing = next((file for file in visible([*path.glob("*.data"), *path.glob("data/*.data")])), None)
    return (listing and _from_darknet(listing)) or _from_folders(path)


def data_yaml(path: Path) -> Path | None:
    """The `data.yaml` of a data set: the path itself, or a file in that folder; None without."""
    if path.is_file():
        return path if path.suffix.lower() in (".yaml", ".yml") else None
    yamls = sorted(
        visible([*path.glob("*.yaml"), *path.glob("*.yml")]), key=lambda file: (file.stem != "data", file)
    )
    found = (
        file for file in yamls if file.stem in ("data", "dataset") or looks_like_data_yaml(file, SPLIT_KEYS)
    )
    return next(found, None)


def label_file(image: Path) -> Path:
    """The label file of an image: `labels` in place of the last `images` in its path; else beside it."""
    if not image.name:
        # The line `/` of a list names no file.
        return image
    beside = image.with_suffix(".txt")
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    swapped = Path(*parts).with_suffix(".txt")
    return beside if is_file(beside) and not is_file(swapped) else swapped


def _with_labels(images: Sequence[Path]) -> Pairs:
    """Many images with the label file of each, as `label_file` gives it, a folder at a time."""
    folders: dict[Path, str] = {}
    pairs = []
    for image in images:
        if image.parent not in folders:
            swapped = list(image.parent.parts)
            if "images" in swapped:
                swapped[len(swapped) - 1 - swapped[::-1].index("images")] = "labels"
            folders[image.parent] = str(Path(*swapped) / "_")[:-1]
        beside = f"{os.path.splitext(image)[0]}.txt"  # noqa: PTH122
        label = f"{folders[image.parent]}{image.stem}.txt"
        is_beside = beside != label and is_file(Path(beside)) and not is_file(Path(label))
        pairs.append((image, Path(beside if is_beside else label)))
    return pairs


def _from_yaml(file: Path) -> YoloLayout:
    content = load_yaml(file)
    root = file.parent
    if content.get("path"):
        # Relative paths start at the file; an absolute one may be of another machine.
        given = root / stated(str(content["path"]))
        root = given if is_folder(given) else root
    images: dict[str, Callable[[Path | None], Pairs]] = {}
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


def _as_list(entries: Any) -> list[Any]:
    return entries if isinstance(entries, list) else [entries]


def _source(file: Path, root: Path, key: str, entry: Any) -> Path:
    """The folder, list file or image named by a split."""
    path = stated(str(entry))
    # Roboflow writes `../train/images` for a folder beside the file, and Ultralytics accepts that.
    for candidate in (root / path, file.parent / path, root / str(path).removeprefix("../")):
        if is_folder(candidate) or is_file(candidate):
            return candidate
    raise InputError(f"{file}, {key}: {str(entry)!r} is neither a folder nor a list file in {root}")


def _images_at(file: Path, root: Path, key: str, entries: list[Any], images: Path | None) -> Pairs:
    """The images of a split, located only when it is read: the folder of `test` is often missing."""
    sources = []
    for entry in entries:
        try:
            sources.append(_source(file, root, key, entry))
        except InputError:
            if images is None:
                raise
            sources.append(root / stated(str(entry)))
    return [pair for source in sources for pair in _images_of(source, root, images)]


def _images_of(source: Path, root: Path, images: Path | None) -> Pairs:
    if is_folder(source) or (images and not is_file(source)):
        return _images_in(source, images)
    if is_image(source):
        return [(source, label_file(source))]
    lines = [line.strip().replace("\\", "/") for line in read_text(source).splitlines()]
    lines = [line for line in lines if line]
    finder = ImageFinder([source.parent, root], root, images)
    bases = tuple(dict.fromkeys((source.parent, root)))
    return [
        (image, _label_of(image, line, bases))
        for image, line in zip(finder.find_all(lines), lines, strict=True)
    ]


def _images_in(folder: Path, images: Path | None) -> Pairs:
    """The images in a folder; those of another folder that have a label file where this one's would be."""
    if images is None:
        return _with_labels(image_files(folder))
    pairs = [(image, label_file(folder / image.relative_to(images))) for image in image_files(images)]
    return [(image, label) for image, label in pairs if is_file(label)]


def _label_of(image: Path, line: str, bases: Sequence[Path]) -> Path:
    """The label file of an image in a list: near the image, else where the line says that the image is."""
    beside = label_file(image)
    parts = stated(line).parts
    # The first folder may be one of another machine: Darknet's `data/obj_train_data/a.jpg`.
    tails = [Path(*parts[start:]) for start in range(max(len(parts), 1))]
    candidates = (label_file(base / tail) for tail in tails for base in bases)
    return beside if is_file(beside) else next((path for path in candidates if is_file(path)), beside)


def _names(file: Path, content: dict[str, Any]) -> dict[int, str]:
    names, count = content.get("names"), content.get("nc")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if isinstance(count, int) and count > BOUNDS["num_classes"][1]:
        raise InputError(f"{file}, nc: there are at most {BOUNDS['num_classes'][1]} classes; got {count}")
    if names is None and isinstance(count, int):
        names = {index: f"class_{index}" for index in range(count)}
    if not isinstance(names, dict) or not names:
        raise InputError(f"{file}, names: give a list of class names, or number: name pairs")
    if not all(isinstance(key, int) for key in names):
        raise InputError(f"{file}, names: the keys must be class numbers; got {list(names)[:3]}")
    for class_id, name in names.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{file}, names: class {class_id} is called {name!r}: give it a name")
    if isinstance(count, int) and count != len(names):
        raise InputError(f"{file}: nc is {count} but names has {len(names)}: make them agree")
    return names


def _from_darknet(file: Path) -> YoloLayout | None:
    """The layout of Darknet's `obj.data`, CVAT's YOLO 1.1: lines `key = value`, paths of another folder."""
    pairs = [line.split("#")[0].partition("=") for line in read_text(file).splitlines()]
    content = {key.strip(): value.strip() for key, mark, value in pairs if mark and value.strip()}
    lists = {key: value for key, value in content.items() if key not in _NO_SPLITS}
    if "names" not in content or not lists:
        return None
    images = {
        split: partial(_images_of, _near(file, value), file.parent)
        for split, value in lists.items()
        if is_file(_near(file, value))
    }
    if not images:
        missing = _near(file, next(iter(lists.values())))
        raise InputError(f"{file} names lists of images, but {missing} is not there")
    names, count = _lines_of(_near(file, content["names"])), content.get("classes", "")
    if count.isdecimal() and int(count) != len(names):
        raise InputError(f"{file}: classes is {count} but names has {len(names)}: make them agree")
    return YoloLayout(categories=Categories.of(*names), images=images)


def _near(file: Path, text: str) -> Path:
    """A path in `obj.data`, which starts at the folder from which Darknet was called."""
    path = stated(text)
    candidates = (file.parent / path, file.parent.parent / path, file.parent / path.name)
    return next((one for one in candidates if is_file(one)), candidates[0])


def _from_folders(path: Path) -> YoloLayout | None:
    """`images/` and `labels/`, or images beside their label files as labelImg writes them."""
    children = [child for child in visible(path.iterdir()) if child.is_dir() and is_split(child.name)]
    folders: dict[str, Path] = {}
    if (path / "images").is_dir() and (path / "labels").is_dir():
        parts = visible((path / "images").iterdir())
        folders = {child.name: child for child in parts if child.is_dir() and is_split(child.name)}
        folders = folders or {WHOLE: path / "images"}
    elif pairs := [
        child for child in children if all((child / name).is_dir() for name in ("images", "labels"))
    ]:
        folders = {child.name: child / "images" for child in pairs}
    elif _has_both(path):
        folders = {WHOLE: path}
    else:
        folders = {child.name: child for child in children if _has_both(child)}
    names = _class_names(path, [child for child in children if child.name in folders])
    if not folders or names is None:
        return None
    return YoloLayout(
        categories=Categories.of(*names),
        images={split: partial(_images_in, folder) for split, folder in folders.items()},
    )


def _has_both(folder: Path) -> bool:
    """True if a folder has an image beside a label file."""
    texts = {file.stem for file in visible(folder.glob("*.txt"))}
    return any(is_image(file) and file.stem in texts for file in folder.iterdir())


def _class_names(path: Path, children: Sequence[Path]) -> list[str] | None:
    """The lines of the list of classes: of the data set, else of the folders of its splits."""
    for folder in (path, path / "labels", path / "labels" / "train"):
        for name in _CLASS_LISTS:
            if is_file(folder / name):
                return _lines_of(folder / name)
    lists = [folder / name for folder in children for name in _CLASS_LISTS if is_file(folder / name)]
    for file in lists[1:]:
        if _lines_of(file) != _lines_of(lists[0]):
            raise InputError(f"{file} lists other classes than {lists[0]}: make them agree")
    return _lines_of(lists[0]) if lists else None


def _lines_of(file: Path) -> list[str]:
    lines = [line.strip() for line in read_text(file).splitlines()]
    if not any(lines):
        raise InputError(f"{file} names no class: write one on each line")
    return [line for line in lines if line]
