"""`centernet predict`."""

import sys
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from centernet.cli.arguments import SWITCH, SWITCH_OR_TEXT, TEXT, WHOLE, Argument
from centernet.cli.command import CONF, DEVICE, MODEL_OR_FILE, TRUST, WORKERS, Command, Output
from centernet.cli.inference_options import INFERENCE
from centernet.errors import InputError
from centernet.io.writing import check_replaceable


def _predict(given: dict[str, Any], output: Output) -> int:
    from centernet.cli.writers import CocoResults, Crops, Explanations, KittiResults, Plots, fresh_folder
    from centernet.detector import CenterNet

    project, name = given.pop("project", "runs"), given.pop("name", "predict")
    exist_ok = given.pop("exist_ok", False)
    with_plots, with_crops = given.pop("save", True), given.pop("crops", False)
    results, with_kitti = given.pop("save_json", False), given.pop("save_kitti", False)
    with_explanations = given.pop("explain", False)
    trust = given.pop("trust", False)
    source = given.pop("source")
    if results and results is not True:
        check_replaceable(results, exist_ok=exist_ok, data=source)
    detector = CenterNet(given.pop("model"), given.pop("device", "auto"), trust=trust)
    # A bar between lines on a screen would only flicker.
    progress = sys.stderr.isatty() and not output.stream.isatty()
    stream = detector.predict(source, progress=progress, **given)
    has_folder = with_plots or with_crops or with_kitti or with_explanations or results is True
    folder = fresh_folder(project, name, exist_ok=exist_ok) if has_folder else None
    count = 0
    with ExitStack() as stack:
        writers: list[Plots | Crops | CocoResults | KittiResults | Explanations] = []
        if folder and with_plots:
            writers.append(stack.enter_context(Plots(folder)))
        if folder and with_crops:
            writers.append(Crops(folder / "crops"))
        if folder and with_kitti:
            writers.append(KittiResults(folder / "kitti"))
        if folder and with_explanations:
            options = {key: given[key] for key in ("conf", "resize", "imgsz") if key in given}
            writers.append(Explanations(folder / "explained", partial(detector.explain, **options)))
        if results:
            path = folder / "results.json" if folder and results is True else results
            writers.append(stack.enter_context(CocoResults(path)))
        for detections in stream:
            output.show(str(detections), detections.to_json())
            for writer in writers:
                writer.add(detections)
            count += 1
    if not count:
        if folder is not None:
            with suppress(OSError):
                # Nothing was written into it.
                folder.rmdir()
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
            type=TEXT,
            about="an image, a folder, a pattern 'images/*.jpg', a video, or https://...",
            default="images/",
            is_required=True,
        ),
        CONF,
        Argument(name="max_det", type=WHOLE, about="maximum number of detections in an image", default="100"),
        Argument(name="batch", type=WHOLE, about="images in a batch", default="1"),
        WORKERS,
        DEVICE,
        TRUST,
        Argument(
            name="strict",
            type=SWITCH,
            about="stop at an image that cannot be read, instead of skipping it",
            default="false",
        ),
        Argument(
            name="save",
            type=SWITCH,
            about="write the images, or the video, with the detections drawn",
            default="true",
        ),
        Argument(
            name="save_json",
            type=SWITCH_OR_TEXT,
            about="write COCO results: true for results.json in the folder, or a path",
            default="false",
        ),
        Argument(
            name="save_kitti",
            type=SWITCH,
            about="write a KITTI result file for each image into kitti/ in the folder",
            default="false",
        ),
        Argument(
            name="camera",
            type=TEXT,
            about="camera matrix, for 3D boxes: its 9 or 12 numbers, a file of them, or a folder of files",
            default="calib.txt",
        ),
        Argument(
            name="crops", type=SWITCH, about="write a crop of the image for each object", default="false"
        ),
        Argument(
            name="explain",
            type=SWITCH,
            about="write heatmaps, peaks and rejected candidates of each image as an image",
            default="false",
        ),
        Argument(name="project", type=TEXT, about="folder of run folders", default="runs"),
        Argument(name="name", type=TEXT, about="name of the run folder", default="predict"),
        Argument(
            name="exist_ok",
            type=SWITCH,
            about="write into a folder that exists, and replace its files",
            default="false",
        ),
        *INFERENCE,
    ),
    examples=(
        "centernet predict model=blood-cells source=images/",
        "centernet predict model=runs/detect/train source=clip.mp4 conf=0.5",
        "centernet predict model=runs/detect/train source='images/*.jpg' save=false --json > found.jsonl",
    ),
    details="With --json: a line for each image. COCO results number images from 0, in their order.",
)
