"""`centernet predict`."""

import sys
from contextlib import ExitStack
from functools import partial
from typing import Any

from centernet.cli.arguments import NUMBER, SWITCH, SWITCH_OR_TEXT, TEXT, WHOLE, Argument
from centernet.cli.command import DEVICE, HALF, MODEL_OR_FILE, WORKERS, Command, Output
from centernet.cli.inference_options import INFERENCE
from centernet.errors import InputError


def _predict(given: dict[str, Any], output: Output) -> int:
    from centernet.cli.writers import Crops, Explanations, KittiFiles, Pictures, Results, fresh_folder
    from centernet.detector import CenterNet

    project, name = given.pop("project", "runs"), given.pop("name", "predict")
    exist_ok = given.pop("exist_ok", False)
    wants_pictures, wants_crops = given.pop("save", True), given.pop("crops", False)
    results, wants_kitti = given.pop("save_json", False), given.pop("save_kitti", False)
    wants_reasons = given.pop("explain", False)
    detector = CenterNet(given.pop("model"), given.pop("device", "auto"))
    source = given.pop("source")
    # A bar between lines on a screen would only flicker.
    progress = sys.stderr.isatty() and not output.stream.isatty()
    stream = detector.predict(source, progress=progress, **given)
    writes = wants_pictures or wants_crops or wants_kitti or wants_reasons or results is True
    folder = fresh_folder(project, name, exist_ok=exist_ok) if writes else None
    count = 0
    with ExitStack() as stack:
        savers: list[Pictures | Crops | Results | KittiFiles | Explanations] = []
        if folder and wants_pictures:
            savers.append(stack.enter_context(Pictures(folder)))
        if folder and wants_crops:
            savers.append(Crops(folder / "crops"))
        if folder and wants_kitti:
            savers.append(KittiFiles(folder / "kitti"))
        if folder and wants_reasons:
            shown = {key: given[key] for key in ("conf", "resize", "imgsz") if key in given}
            savers.append(Explanations(folder / "explained", partial(detector.explain, **shown)))
        if results:
            path = folder / "results.json" if folder and results is True else results
            savers.append(stack.enter_context(Results(path)))
        for detections in stream:
            output.show(str(detections), detections.to_json())
            for saver in savers:
                saver.add(detections)
            count += 1
    if not count:
        raise InputError(f"{source}: no image of it could be read")
    if folder:
        output.note(f"results are in {folder}")
    return 0


PREDICT = Command(
    name="predict",
    about="find objects in images or a video",
    run=_predict,
    arguments=(
        MODEL_OR_FILE,
        Argument(
            name="source",
            kind=TEXT,
            about="an image, a folder, a pattern 'images/*.jpg', a video, or https://...",
            default="images/",
            is_required=True,
        ),
        Argument(name="conf", kind=NUMBER, about="least score of a detection", default="0.3"),
        Argument(name="max_det", kind=WHOLE, about="most detections in an image", default="100"),
        Argument(name="batch", kind=WHOLE, about="images at once", default="1"),
        WORKERS,
        HALF,
        DEVICE,
        Argument(
            name="strict",
            kind=SWITCH,
            about="stop at an image that cannot be read, instead of skipping it",
            default="false",
        ),
        Argument(
            name="save",
            kind=SWITCH,
            about="write the pictures, or the video, with what was found",
            default="true",
        ),
        Argument(
            name="save_json",
            kind=SWITCH_OR_TEXT,
            about="write COCO results: true for results.json in the folder, or a path",
            default="false",
        ),
        Argument(
            name="save_kitti",
            kind=SWITCH,
            about="write a file of KITTI's results for each image into kitti/ in the folder",
            default="false",
        ),
        Argument(
            name="camera",
            kind=TEXT,
            about="for boxes in 3D: 9 or 12 numbers of its matrix, a file of them, or a folder of files",
            default="calib.txt",
        ),
        Argument(
            name="crops", kind=SWITCH, about="write each object as a picture of its own", default="false"
        ),
        Argument(
            name="explain",
            kind=SWITCH,
            about="write what led to the detections of each image: heatmaps, points, and what was rejected",
            default="false",
        ),
        Argument(name="project", kind=TEXT, about="folder of run folders", default="runs"),
        Argument(name="name", kind=TEXT, about="name of the run folder", default="predict"),
        Argument(name="exist_ok", kind=SWITCH, about="write into a run folder that exists", default="false"),
        *INFERENCE,
    ),
    examples=(
        "centernet predict model=blood-cells source=images/",
        "centernet predict model=runs/detect/train source=clip.mp4 conf=0.5",
        "centernet predict model=runs/detect/train source='images/*.jpg' save=false --json > found.jsonl",
    ),
    details="With --json: a line for each image. COCO results count images from 0, in their order.",
)
