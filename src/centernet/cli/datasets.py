"""`centernet doctor`, `centernet preview` and `centernet split`."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centernet.cli.arguments import NUMBER, SWITCH, TEXT, WHOLE, Argument
from centernet.cli.command import DATA, EXIST_OK, IMAGES, Command, Output
from centernet.errors import InputError, UsageError
from centernet.io.writing import check_replaceable, replacing

if TYPE_CHECKING:
    from centernet.structures import Dataset, ImageRecord


def _doctor(given: dict[str, Any], output: Output) -> int:
    from centernet.data.doctor.examine import examine
    from centernet.data.doctor.shared_images import shared_defect
    from centernet.data.formats.catalog import open_dataset, splits
    from centernet.data.formats.common.splits import sense_of

    data, limit, keypoints = given.pop("data"), given.pop("limit", 5), given.pop("keypoints", False)
    images = given.pop("images", None)
    only = given.pop("split", None)
    # What is trained on comes first, as the others are compared with it.
    names = [only] if only else sorted(splits(data, keypoints), key=lambda name: sense_of(name) != "train")
    texts, documents, is_trainable = [], {}, True
    training = _trained_on(data, keypoints, images) if only and sense_of(only) != "train" else None
    for name in names:
        try:
            dataset = open_dataset(data, name, keypoints, images)
            report = examine(dataset, progress=_bar, **given)
        except InputError as error:
            texts.append(str(error))
            documents[name] = {"error": str(error), "is_trainable": False}
            is_trainable = False
            continue
        if training is None and sense_of(name) == "train":
            training = dataset
        elif training and sense_of(name) in ("val", "test"):
            report = report.with_defect(shared_defect(training, dataset, name))
        texts.append(report.text(limit or None))
        documents[name] = report.to_json()
        is_trainable &= report.is_trainable
    output.show("\n\n".join(texts), {"data": data, "splits": documents})
    return 0 if is_trainable else 1


def _trained_on(data: str, keypoints: bool, images: str | None) -> "Dataset | None":
    """The split that is trained on, with which another one is compared; None if there is none."""
    from centernet.data.formats.catalog import open_dataset, splits
    from centernet.data.formats.common.splits import sense_of

    try:
        names = [name for name in splits(data, keypoints) if sense_of(name) == "train"]
        return open_dataset(data, names[0], keypoints, images) if names else None
    except InputError:
        # Examining that split reports it.
        return None


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
        raise UsageError(f"output={path} is not the name of an image: end it in .png, .jpg or .webp")
    check_replaceable(path, exist_ok=given.pop("exist_ok", False), data=given["data"])
    keypoints, images = given.pop("keypoints", False), given.pop("images", None)
    dataset = open_dataset(given.pop("data"), given.pop("split", "train"), keypoints, images)
    sheet = contact_sheet_of(dataset, **given)
    with replacing(path, Path(path).suffix) as part:
        Image.fromarray(sheet).save(part)
    output.show(f"{dataset.name}: wrote {path}", {"data": dataset.name, "output": path})
    return 0


def _split(given: dict[str, Any], output: Output) -> int:
    from centernet.data.splitting.split import split_dataset

    split = split_dataset(given.pop("data"), **given)
    output.show(str(split), split.to_json())
    return 0


_STRIDE = Argument(
    name="stride", type=WHOLE, about="stride of the heatmap: input pixels of a cell", default="4"
)

_KEYPOINTS = Argument(
    name="keypoints",
    type=SWITCH,
    about="read COCO's keypoint annotations, as training with task=pose does",
    default="false",
)

DOCTOR = Command(
    name="doctor",
    about="list every defect of a data set, and how training handles it",
    run=_doctor,
    arguments=(
        DATA,
        Argument(name="split", type=TEXT, about="split of the data set; by default all", default="NAME"),
        _KEYPOINTS,
        IMAGES,
        Argument(name="imgsz", type=WHOLE, about="input size at which centres may collide", default="512"),
        _STRIDE,
        Argument(
            name="read_images",
            type=SWITCH,
            about="decode every image; else an image broken in the middle is not found",
            default="true",
        ),
        Argument(name="limit", type=WHOLE, about="lines for each type of defect; 0 for all", default="5"),
    ),
    examples=(
        "centernet doctor data=datasets/cells imgsz=320",
        "centernet doctor data=cells --json > report.json",
    ),
    details="Exit code 0: training runs, and handles each defect as listed. 1: training would stop.",
)

PREVIEW = Command(
    name="preview",
    about="write a contact sheet of images of a data set with their annotations",
    run=_preview,
    arguments=(
        DATA,
        Argument(name="split", type=TEXT, about="split of the data set", default="train"),
        _KEYPOINTS,
        IMAGES,
        Argument(name="output", type=TEXT, about="image file to write", default="preview.png"),
        EXIST_OK,
        Argument(name="count", type=WHOLE, about="number of images", default="16"),
        Argument(name="seed", type=WHOLE, about="seed of the choice of images", default="0"),
        Argument(
            name="imgsz", type=WHOLE, about="input size at which colliding centres are marked", default="512"
        ),
        _STRIDE,
    ),
    examples=("centernet preview data=datasets/cells output=cells.png count=25",),
)

SPLIT = Command(
    name="split",
    about="divide the images of a data set into those to train on and those to validate on",
    run=_split,
    arguments=(
        DATA,
        Argument(name="val", type=NUMBER, about="fraction of the images for validation", default="0.2"),
        Argument(name="test", type=NUMBER, about="fraction of the images for a test", default="0.0"),
        Argument(
            name="by",
            type=TEXT,
            about="what stays together: image, an image and its near-copies; folder, the images of a folder",
            default="image",
        ),
        Argument(
            name="to",
            type=TEXT,
            about="new folder for a data set with copies of the images; by default lists are written beside "
            "the annotations",
            default="FOLDER",
        ),
        IMAGES,
    ),
    examples=(
        "centernet split data=datasets/cells",
        "centernet split data=datasets/videos by=folder val=0.2 test=0.1 to=datasets/videos-split",
    ),
    details="Which images are chosen depends on the images and their names alone. No file is overwritten.",
)
