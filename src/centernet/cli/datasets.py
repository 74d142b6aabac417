"""`centernet doctor` and `centernet preview`."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from centernet.cli.arguments import SWITCH, TEXT, WHOLE, Argument
from centernet.cli.command import DATA, Command, Output
from centernet.errors import InputError, UsageError
from centernet.io.writing import writing

if TYPE_CHECKING:
    from centernet.structures import ImageRecord


def _doctor(given: dict[str, Any], output: Output) -> int:
    from centernet.data.doctor.examine import examine
    from centernet.data.formats.catalog import open_dataset, splits

    data, limit, keypoints = given.pop("data"), given.pop("limit", 5), given.pop("keypoints", False)
    names = (given.pop("split"),) if "split" in given else splits(data, keypoints)
    texts, documents, is_trainable = [], {}, True
    for name in names:
        try:
            report = examine(open_dataset(data, name, keypoints), progress=_bar, **given)
        except InputError as error:
            texts.append(str(error))
            documents[name] = {"error": str(error), "is_trainable": False}
            is_trainable = False
            continue
        texts.append(report.text(limit or None))
        documents[name] = report.to_json()
        is_trainable &= report.is_trainable
    output.show("\n\n".join(texts), {"data": data, "splits": documents})
    return 0 if is_trainable else 1


def _bar(records: "Sequence[ImageRecord]") -> "Iterable[ImageRecord]":
    if not sys.stderr.isatty():
        return records
    from rich.console import Console
    from rich.progress import track

    return track(records, "reading images", console=Console(stderr=True), transient=True)


def _preview(given: dict[str, Any], output: Output) -> int:
    from PIL import Image

    from centernet.data.doctor.preview import contact_sheet_of
    from centernet.data.formats.catalog import open_dataset

    path = given.pop("output", "preview.png")
    if not path.lower().endswith((".png", ".jpg", ".jpeg", ".webp")):
        raise UsageError(f"output={path} is no picture: end it in .png, .jpg or .webp")
    keypoints = given.pop("keypoints", False)
    dataset = open_dataset(given.pop("data"), given.pop("split", "train"), keypoints)
    sheet = contact_sheet_of(dataset, **given)
    with writing(path):
        Image.fromarray(sheet).save(path)
    output.show(f"{dataset.name}: wrote {path}", {"data": dataset.name, "output": path})
    return 0


_STRIDE = Argument(
    name="stride", kind=WHOLE, about="pixels of the input from one cell to the next", default="4"
)

_KEYPOINTS = Argument(
    name="keypoints",
    kind=SWITCH,
    about="of COCO's files take those of keypoints, as training poses does",
    default="false",
)

DOCTOR = Command(
    name="doctor",
    about="name every defect of a data set, and what training does about it",
    run=_doctor,
    arguments=(
        DATA,
        Argument(
            name="split", kind=TEXT, about="which part; all of them where it is not given", default="NAME"
        ),
        _KEYPOINTS,
        Argument(name="imgsz", kind=WHOLE, about="input size at which objects may collide", default="512"),
        _STRIDE,
        Argument(
            name="read_images",
            kind=SWITCH,
            about="decode every image; else one broken in the middle passes",
            default="true",
        ),
        Argument(name="limit", kind=WHOLE, about="lines for each kind of defect; 0 shows all", default="5"),
    ),
    examples=(
        "centernet doctor data=datasets/cells imgsz=320",
        "centernet doctor data=cells --json > report.json",
    ),
    details="Exit code 0: training gets by, and does about each defect what is said. 1: it would stop.",
)

PREVIEW = Command(
    name="preview",
    about="write a picture of some images of a data set with their objects",
    run=_preview,
    arguments=(
        DATA,
        Argument(name="split", kind=TEXT, about="which part of it", default="train"),
        _KEYPOINTS,
        Argument(name="output", kind=TEXT, about="the picture to write", default="preview.png"),
        Argument(name="count", kind=WHOLE, about="how many images", default="16"),
        Argument(name="seed", kind=WHOLE, about="other seeds choose other images", default="0"),
        Argument(
            name="imgsz", kind=WHOLE, about="input size at which centres that meet are marked", default="512"
        ),
        _STRIDE,
    ),
    examples=("centernet preview data=datasets/cells output=cells.png count=25",),
)
