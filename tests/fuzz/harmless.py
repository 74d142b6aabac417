"""Changes of a data set, an image or weights that leave what it means as it was: reading gives the same."""

import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from centernet.data.formats.catalog import open_dataset, splits
from centernet.io.images import read_image

_MARK = "marked as UTF-8"
Change = Callable[[random.Random, Path], None]


def meaning(folder: Path) -> dict[str, Any]:
    """What a data set says, whatever the order in which it says it."""
    found = {}
    for split in splits(folder):
        dataset = open_dataset(folder, split)
        names = dataset.categories.names
        found[split] = sorted(
            (
                record.path.name,
                sorted(
                    (
                        names[int(label)],
                        np.round(box.astype(float), 2).tolist(),
                        bool(crowd),
                        np.round(points.astype(float), 2).tolist(),
                        np.nan_to_num(np.round(cuboid.astype(float), 2), nan=-1e6).tolist(),
                    )
                    for label, box, crowd, points, cuboid in zip(
                        record.annotations.labels,
                        record.annotations.boxes,
                        record.annotations.is_crowd,
                        record.annotations.keypoints,
                        record.annotations.boxes3d,
                        strict=True,
                    )
                ),
            )
            for record in dataset.records
        )
        found[f"defects of {split}"] = len(dataset.defects)
    return found


def pixels(folder: Path) -> dict[str, Any]:
    """The pixels of the images in a folder, by name without suffix."""
    return {path.stem: read_image(path).tolist() for path in sorted(folder.iterdir())}


def change(kind: str, rng: random.Random, folder: Path) -> str:
    """Makes one to three changes to the files of a folder, and says which."""
    changes = CHANGES[kind]
    names = rng.sample(list(changes), min(len(changes), rng.choice([1, 1, 2, 3])))
    # The mark is the beginning of a file.
    names.sort(key=lambda name: name == _MARK)
    for name in names:
        changes[name](rng, folder)
    return ", ".join(names)


def _each(suffix: str, edit: Callable[[random.Random, bytes], bytes], skip: str = " ") -> Change:
    def run(rng: random.Random, folder: Path) -> None:
        for path in sorted(folder.rglob(f"*{suffix}")):
            if skip not in str(path.relative_to(folder)) and not path.name.startswith("."):
                path.write_bytes(edit(rng, path.read_bytes()))

    return run


def _json(edit: Callable[[random.Random, Any], Any]) -> Change:
    def run(rng: random.Random, data: bytes) -> bytes:
        value = json.loads(data.decode("utf-8-sig"))
        return json.dumps(edit(rng, value) or value).encode()

    return _each(".json", run)


def _shuffled_keys(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict):
        items = [(key, _shuffled_keys(rng, inner)) for key, inner in value.items()]
        return dict(rng.sample(items, len(items)))
    return [_shuffled_keys(rng, inner) for inner in value] if isinstance(value, list) else value


def _more_keys(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict):
        more = {"x-note": rng.choice([None, "text", [1], {"a": 1}])}
        return {key: _more_keys(rng, inner) for key, inner in value.items()} | more
    return [_more_keys(rng, inner) for inner in value] if isinstance(value, list) else value


def _ids(spell: Callable[[int], Any]) -> Change:
    """Every id spelled otherwise: as a text, as a number with a point, others altogether."""

    def edit(_rng: random.Random, content: Any) -> None:
        for entry in (*content["images"], *content["categories"], *content["annotations"]):
            for key in ("id", "image_id", "category_id"):
                if key in entry:
                    entry[key] = spell(entry[key])

    return _json(edit)


def _crowds(spell: Callable[[int], Any]) -> Change:
    def edit(_rng: random.Random, content: Any) -> None:
        for entry in content["annotations"]:
            entry["iscrowd"] = spell(entry.get("iscrowd", 0))

    return _json(edit)


def _without(*keys: str) -> Change:
    def edit(_rng: random.Random, content: Any) -> None:
        for entry in content["annotations"]:
            for key in keys:
                entry.pop(key, None)

    return _json(edit)


def _shuffled_lists(rng: random.Random, content: Any) -> None:
    for key in ("images", "annotations", "shapes"):
        rng.shuffle(content.get(key, []))


def _texts(content: Any, *keys: str) -> Any:
    """Numbers of an entry as texts."""
    for entry in content["annotations"]:
        for key in keys:
            entry[key] = [str(number) for number in entry[key]]


def _backslashes(_rng: random.Random, content: Any) -> None:
    for entry in content["images"]:
        entry["file_name"] = f"C:\\data\\{entry['file_name']}".replace("/", "\\")


def _swapped_corners(_rng: random.Random, content: Any) -> None:
    for shape in content["shapes"]:
        shape["points"] = shape["points"][::-1]


def _xml(edit: Callable[[random.Random, ElementTree.Element], None]) -> Change:
    def run(rng: random.Random, data: bytes) -> bytes:
        root = ElementTree.fromstring(data)
        edit(rng, root)
        return ElementTree.tostring(root)

    return _each(".xml", run)


def _shuffled_elements(rng: random.Random, root: ElementTree.Element) -> None:
    for element in [one for one in root.iter() if len(one)]:
        element[:] = rng.sample(list(element), len(element))


def _more_elements(_rng: random.Random, root: ElementTree.Element) -> None:
    for element in [one for one in root.iter() if len(one)]:
        ElementTree.SubElement(element, "note").text = "12"


def _points(_rng: random.Random, root: ElementTree.Element) -> None:
    for element in root.iter():
        if re.fullmatch(r"\d+", element.text or "") and element.tag in ("xmin", "ymin", "xmax", "ymax"):
            element.text = f" {element.text}.0\n"


def _mac(rng: random.Random, folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and rng.random() < 0.5:
            path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")


def _windows(_rng: random.Random, data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _marked(_rng: random.Random, data: bytes) -> bytes:
    return data if data.startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf" + data


def _blank_lines(_rng: random.Random, data: bytes) -> bytes:
    return data + b"\n  \n\n"


def _spaces(_rng: random.Random, data: bytes) -> bytes:
    return b"".join(b"  " + line.replace(b" ", b" \t ") + b" \n" for line in data.splitlines())


def _shuffled_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines()
    return b"\n".join(rng.sample(lines, len(lines))) + b"\n"


def _powers(_rng: random.Random, data: bytes) -> bytes:
    """Numbers with a point as those with a power of ten."""
    return re.sub(rb"\b\d+\.\d+\b", lambda match: f"{float(match[0]):.12E}".encode(), data)


def _upper_suffix(_rng: random.Random, folder: Path) -> None:
    for path in sorted(folder.rglob("*.png")):
        path.rename(path.with_suffix(".PNG"))


def _indented(_rng: random.Random, data: bytes) -> bytes:
    return json.dumps(json.loads(data.decode("utf-8-sig")), indent=3, ensure_ascii=False).encode()


_ANY: dict[str, Change] = {"what macOS adds": _mac}
_JSON: dict[str, Change] = {
    **_ANY,
    "keys in another order": _json(_shuffled_keys),
    "keys of others": _json(_more_keys),
    "indented": _each(".json", _indented),
    _MARK: _each(".json", _marked),
}
_COCO: dict[str, Change] = {
    **_JSON,
    "entries in another order": _json(_shuffled_lists),
    "ids as texts": _ids(str),
    "ids with a point": _ids(float),
    "large ids": _ids(lambda number: int(number) + 10**12),
    "crowds as switches": _crowds(bool),
    "crowds as texts": _crowds(lambda value: str(int(value))),
    "no crowds, areas or outlines": _without("iscrowd", "area", "segmentation"),
    "boxes as texts": _json(lambda _rng, content: _texts(content, "bbox")),
    "paths of another machine": _json(_backslashes),
}
_TXT = {
    **_ANY,
    "line ends of Windows": _each(".txt", _windows),
    _MARK: _each(".txt", _marked),
    "blank lines": _each(".txt", _blank_lines),
    "more spaces": _each(".txt", _spaces, skip="train.txt"),
    "lines in another order": _each(".txt", _shuffled_lines, skip="calib"),
}
CHANGES: dict[str, dict[str, Change]] = {
    "coco": _COCO,
    "coco-pose": {**_COCO, "points as texts": _json(lambda _rng, content: _texts(content, "keypoints"))},
    "voc": {
        **_ANY,
        "elements in another order": _xml(_shuffled_elements),
        "elements of others": _xml(_more_elements),
        "numbers with a point": _xml(_points),
        _MARK: _each(".xml", _marked),
        "line ends of Windows": _each(".xml", _windows),
    },
    "yolo": {**_TXT, "powers of ten": _each(".txt", _powers), "yaml of Windows": _each(".yaml", _windows)},
    "yolo-pose": {**_TXT, "powers of ten": _each(".txt", _powers)},
    "kitti": _TXT,
    "deeplabcut": {
        **_ANY,
        "line ends of Windows": _each(".csv", _windows),
        _MARK: _each(".csv", _marked),
        "blank lines": _each(".csv", _blank_lines),
    },
    "labelme": {
        **_JSON,
        "shapes in another order": _json(_shuffled_lists),
        "corners in another order": _json(_swapped_corners),
    },
    "torchvision": _JSON,
    "obj-data": {**_TXT, "powers of ten": _each(".txt", _powers)},
}
"""The changes of each kind of seed, by what they do."""


def write_again(rng: random.Random, path: Path) -> tuple[Path, str]:
    """The image of a file, written again without loss in another form; the new file, and the form."""
    forms: dict[str, dict[str, Any]] = {
        "png": {"compress_level": rng.randrange(10)},
        "bmp": {},
        "tif": {"compression": rng.choice(["raw", "tiff_lzw", "tiff_deflate", "packbits"])},
        "webp": {"lossless": True},
        "ppm": {},
    }
    form = rng.choice(list(forms))
    out = io.BytesIO()
    Image.fromarray(read_image(path)).save(out, {"tif": "TIFF", "ppm": "PPM"}.get(form, form), **forms[form])
    new = path.with_name(f"{path.stem}-again.{form}")
    new.write_bytes(out.getvalue())
    return new, f"written again as {form} {forms[form]}"
