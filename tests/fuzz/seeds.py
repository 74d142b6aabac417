"""Whole inputs of every kind, small, which are then broken: each is a folder, made once for a run."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.geometry.resize import ResizeLongestSide
from centernet.structures import Categories

if TYPE_CHECKING:
    # Data sets are broken, and read, without torch, which takes seconds and hundreds of megabytes.
    from centernet.inference.predictor import TorchPredictor

SHAPES = ("circle", "square", "triangle")
SIZE = 64
UNSPLIT = 5
"""Images of a data set without splits: enough to split it."""


def make(name: str, folder: Path) -> Path:
    """The folder of a seed below `folder`, made if it is not there yet."""
    path = folder / name
    if not path.exists():
        part = folder / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        SEEDS[name](part)
        part.rename(path)
    return path


def _images(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    image = Image.fromarray(rgb)
    grey16 = Image.fromarray(rgb[..., 0].astype(np.uint16) * 257)
    for suffix in ("png", "jpg", "bmp", "tif", "gif", "webp", "ppm", "jp2", "avif"):
        image.save(folder / f"rgb.{suffix}")
    image.convert("P").save(folder / "palette.png")
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.save(folder / "progressive.jpg", progressive=True)
    image.convert("L").save(folder / "grey.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(folder / "turned.jpg", exif=turned)
    grey16.save(folder / "grey16.png")
    grey16.save(folder / "grey16.tif")
    image.save(folder / "packed.tif", compression="tiff_lzw")
    image.save(folder / "pages.tif", save_all=True, append_images=[image, image])
    image.convert("RGBA").save(folder / "alpha.png")
    image.convert("1").save(folder / "bits.tif")


def _scenes(form: str, mode: str = "plain") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_scenes(folder, train=3, val=2, size=SIZE, mode=mode, format=form, num_keypoints=3)

    return write


def _deeplabcut(folder: Path) -> None:
    labelled = folder / "labeled-data" / "film"
    labelled.mkdir(parents=True)
    rows = ["scorer,me,me,me,me", "bodyparts,left_ear,left_ear,right_ear,right_ear", "coords,x,y,x,y"]
    for number in range(UNSPLIT):
        name = f"img{number}.png"
        Image.new("L", (SIZE, SIZE), 40 * number).save(labelled / name)
        rows.append(f"labeled-data/film/{name},{10 + number},20.5,40,{30 + number}")
    (labelled / "CollectedData_me.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _labelme(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(UNSPLIT):
        Image.new("RGB", (SIZE, SIZE), (40 * number, 0, 0)).save(folder / f"{number}.png")
        shapes = [
            {"label": "circle", "points": [[5, 6], [30, 40.5]], "shape_type": "rectangle", "group_id": None},
            {"label": "square", "points": [[9, 9], [50, 9], [50, 50]], "shape_type": "polygon", "flags": {}},
        ]
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{number}.png"}
        content |= {"imageData": None, "imageHeight": SIZE, "imageWidth": SIZE}
        (folder / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")


def _torchvision(folder: Path) -> None:
    for part in ("images", "annotations"):
        (folder / part).mkdir(parents=True)
    for number in range(UNSPLIT):
        Image.new("RGB", (SIZE, SIZE), (40 * number, 0, 0)).save(folder / "images" / f"{number}.jpg")
        points = [[[10, 12, 1], [40, 44, 1]]]
        content = {"bboxes": [[10, 12, 40, 44]], "labels": [1], "keypoints": points}
        (folder / "annotations" / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")


def _obj_data(folder: Path) -> None:
    (folder / "obj_train_data").mkdir(parents=True)
    (folder / "obj.data").write_text("classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    (folder / "obj.names").write_text("circle\n")
    names = [f"{number}.png" for number in range(UNSPLIT)]
    (folder / "train.txt").write_text("".join(f"data/obj_train_data/{name}\n" for name in names))
    for number, name in enumerate(names):
        Image.new("RGB", (SIZE, SIZE), (40 * number, 0, 0)).save(folder / "obj_train_data" / name)
        (folder / "obj_train_data" / f"{number}.txt").write_text("0 0.5 0.5 0.25 0.5\n")


def small_detector() -> "TorchPredictor":
    """A network of few weights, all random, that finds shapes in noise."""
    from tests.helpers.exportable import predictor_of

    from centernet.tasks.detect import Detect

    task = Detect(num_classes=3, top_k=20, sides_weight=0.5, box_bins=17, box_scale=4.0)
    rule = ResizeLongestSide(long_side=SIZE, multiple=32)
    return replace(predictor_of(task, "slim"), categories=Categories.of(*SHAPES), rule=rule)


def _model(folder: Path) -> None:
    from centernet.weights import files

    files.save(small_detector(), folder)


def _pose_model(folder: Path) -> None:
    from tests.helpers.exportable import CATEGORIES, predictor_of

    from centernet.tasks.pose import Pose
    from centernet.weights import files

    files.save(predictor_of(Pose.of(CATEGORIES, top_k=20), "slim"), folder)


def _checkpoints(folder: Path) -> None:
    import torch

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    state = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).state_dict()
    content = {"epoch": 140, "state_dict": {f"module.{key}": value for key, value in state.items()}}
    torch.save(content, folder / "new.pth")
    torch.save(content, folder / "old.pth", _use_new_zipfile_serialization=False)


def _exported(form: str, name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        from centernet.export.exporter import export

        folder.mkdir(parents=True)
        export(small_detector(), folder / name, form)

    return write


def _run(folder: Path) -> None:
    from centernet.detector import CenterNet

    folder.mkdir(parents=True)
    data = write_scenes(folder / "data", train=4, val=2, size=SIZE)
    small = {"imgsz": SIZE, "channels": 16, "head_channels": 16, "regression_channels": 0, "batch": 4}
    settings = {**small, "workers": 0, "precision": "32", "pretrained": False, "mosaic": 0.0}
    CenterNet("nano", "cpu").train(
        data, project=str(folder), name="run", epochs=1, progress=False, **settings
    )
    args = folder / "run" / "args.yaml"
    args.write_text(args.read_text().replace("epochs: 1\n", "epochs: 2\n").replace(f"{folder}/", ""))


def _results(folder: Path) -> None:
    """COCO's, VOC's and KITTI's results beside their ground truth."""
    write_scenes(folder / "coco", train=0, val=2, size=SIZE)
    dataset = open_dataset(folder / "coco", "val")
    entries = [
        {
            "image_id": record.image_id,
            "category_id": dataset.categories.ids[int(label)],
            "bbox": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])],
            "score": 0.5,
        }
        for record in dataset.records
        for box, label in zip(record.annotations.boxes, record.annotations.labels, strict=True)
    ]
    (folder / "results.json").write_text(json.dumps(entries))
    write_scenes(folder / "voc", train=0, val=2, size=SIZE, format="voc")
    (folder / "voc_results").mkdir()
    stems = [record.path.stem for record in open_dataset(folder / "voc", "val").records]
    for shape in SHAPES:
        lines = [f"{stem} 0.9 5 5 30 30\n" for stem in stems]
        (folder / "voc_results" / f"comp4_det_val_{shape}.txt").write_text("".join(lines))
    car = "Car 0 0 0.1 100 150 180 200 1.5 1.6 3.9 -6.2 1.7 14 -0.3"
    for name, row in {"label_2": car, "kitti_results": f"{car} 0.9"}.items():
        (folder / name).mkdir()
        (folder / name / "000000.txt").write_text(f"{row}\n{row}\n")


def _scene(folder: Path) -> None:
    """What the settings of a command are tried on: a data set, its images, a camera."""
    write_scenes(folder / "data", train=4, val=2, size=SIZE)
    shutil.copytree(next((folder / "data").rglob("*.png")).parent, folder / "images")
    (folder / "calib.txt").write_text("P0: 1\nP2: 50 0 32 0 0 50 24 0 0 0 1 0\n")
    (folder / "calib.json").write_text("[[50, 0, 32], [0, 50, 24], [0, 0, 1]]")


SEEDS: dict[str, Callable[[Path], None]] = {
    "images": _images,
    "coco": _scenes("coco"),
    "coco-pose": _scenes("coco", "figures"),
    "coco-3d": _scenes("coco", "roads"),
    "voc": _scenes("voc"),
    "yolo": _scenes("yolo"),
    "yolo-pose": _scenes("yolo", "figures"),
    "kitti": _scenes("kitti", "roads"),
    "deeplabcut": _deeplabcut,
    "labelme": _labelme,
    "torchvision": _torchvision,
    "obj-data": _obj_data,
    "weights": _model,
    "pose-weights": _pose_model,
    "checkpoints": _checkpoints,
    "onnx": _exported("onnx", "a.onnx"),
    "pt2": _exported("torch", "a.pt2"),
    "openvino": _exported("openvino", "a_openvino"),
    "run": _run,
    "results": _results,
    "scene": _scene,
}
