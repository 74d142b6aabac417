"""The COCO json files of a folder, the split of each, and the folders its images may be in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from centernet.data.formats.common.splits import WHOLE, choose_split, is_split, split_in
from centernet.errors import InputError
from centernet.io.paths import visible
from centernet.io.plain_files import check_plain

# Files of other tasks, which have images and annotations too: https://cocodataset.org/#download
_OTHER_TASKS = ("captions", "stuff", "panoptic", "image_info")
_KEYPOINTS = "keypoints"
_PART_BYTES = 1 << 20
_LONGEST_KEY = 16


@dataclass(frozen=True)
class FileKind:
    """One of several kinds of annotation files that COCO has for the same images.

    Attributes:
        name: Name in messages.
        starts: Prefixes of file names that are certain to be of this kind.
        is_of: Tests if a file of another name may be of this kind.
    """

    name: str
    starts: tuple[str, ...]
    is_of: Callable[[str], bool]


DETECTION = FileKind(
    "annotations/instances_*.json", ("instances_", "_annotations.coco"), lambda name: _KEYPOINTS not in name
)
KEYPOINTS = FileKind(
    "annotations/person_keypoints_*.json", ("person_keypoints_",), lambda name: _KEYPOINTS in name
)


def annotation_files(path: Path, kind: FileKind) -> dict[str, list[Path]]:
    """The COCO files of a kind at `path` by the split in their names, the likelier ones first."""
    if path.is_file():
        return {split_in(path.stem) or WHOLE: [path]} if path.suffix.lower() == ".json" else {}
    folders = [child for child in sorted(path.glob("*")) if child.is_dir() and is_split(child.name)]
    files = [
        file for folder in (path / "annotations", path, *folders) for file in visible(folder.glob("*.json"))
    ]
    by_split: dict[str, list[Path]] = {}
    for file in sorted(files, key=lambda file: (not file.name.startswith(kind.starts), str(file))):
        if file.name.startswith(kind.starts) or (_may_be(file.name, kind) and _has_coco_keys(file)):
            by_split.setdefault(_split_of(file, path), []).append(file)
    return by_split


def annotation_file(path: Path, wanted: str | None, kind: FileKind = DETECTION) -> tuple[str, Path]:
    """The wanted split and its file.

    Raises:
        InputError: There is no such split, or the file is ambiguous.
    """
    by_split = annotation_files(path, kind)
    if not by_split:
        raise InputError(f"{path} holds no COCO annotations: no {kind.name} or the like")
    split = choose_split(path, tuple(by_split), wanted)
    files = by_split[split]
    sure = [file for file in files if file.name.startswith(kind.starts)] or files
    if len(sure) > 1:
        raise InputError(f"{sure[0]} and {sure[1]} could both be split {split!r}: pass the one you mean")
    return split, sure[0]


def image_folders(file: Path, split: str) -> tuple[Path, ...]:
    """Folders in which the images of a COCO file may be, the likelier ones first."""
    root = image_root(file)
    # CVAT calls a split `default`, its file `instances_default.json`, its folder `images/default`.
    own = (_without_start(file.stem), file.stem.partition("_")[2] or split)
    names = dict.fromkeys((split, split.rstrip("0123456789"), *own))
    named = [root / middle / name for middle in ("", "images") for name in names]
    rest = [file.parent, root, root / "images", *(root / name / "images" for name in names), root / "data"]
    return tuple(dict.fromkeys([*named, *rest]))


def image_root(file: Path) -> Path:
    """The folder below which the images of a COCO file are."""
    return file.parent.parent if file.parent.name.lower() == "annotations" else file.parent


def _without_start(stem: str) -> str:
    """`default` of `person_keypoints_default`."""
    starts = (start for kind in (DETECTION, KEYPOINTS) for start in kind.starts)
    return next((stem.removeprefix(start) for start in starts if stem.startswith(start)), stem)


def _split_of(file: Path, root: Path) -> str:
    by_folder = split_in(file.parent.name) if file.parent != root else None
    return split_in(file.stem) or by_folder or WHOLE


def _may_be(name: str, kind: FileKind) -> bool:
    return kind.is_of(name) and not any(task in name for task in _OTHER_TASKS)


def _has_coco_keys(file: Path) -> bool:
    """True if a file has COCO's lists; it is read in parts, as it may be large."""
    missing = [b'"images"', b'"annotations"', b'"categories"']
    end = b""
    try:
        check_plain(file)
        with file.open("rb") as opened:
            while part := opened.read(_PART_BYTES):
                missing = [key for key in missing if key not in end + part]
                if missing in ([], [b'"annotations"'], [b'"categories"']):
                    return True
                end = part[-_LONGEST_KEY:]
    except (OSError, InputError):
        pass
    return False
