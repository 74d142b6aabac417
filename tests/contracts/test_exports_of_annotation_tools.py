"""What annotation tools export, laid out as their documentation describes it, is read without a converter.

Sources: docs.cvat.ai/docs/dataset_management/formats, labelstud.io/guide/export, docs.roboflow.com,
github.com/wkentaro/labelme, github.com/HumanSignal/labelImg, deeplabcut.github.io/DeepLabCut,
docs.nvidia.com/tao. Each set has the image `a` with a car at (10, 10, 40, 40), and most have an image `b`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset, splits

SIZE = (96, 64)
YOLO_LINE = "0 0.2604166667 0.390625 0.3125 0.46875\n"
BOX = [10, 10, 30, 30]


def image(path: Path, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE, (grey, grey, grey)).save(path)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def coco(
    path: Path,
    *names: str,
    more: dict[str, Any] | None = None,
    before: tuple[dict[str, Any], ...] = (),
    **category: Any,
) -> None:
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"description": "", "date_created": ""},
        "categories": [*before, {"id": 1, "name": "car", "supercategory": "", **category}],
        "images": [
            {"id": number, "width": 96, "height": 64, "file_name": name, "license": 0}
            for number, name in enumerate(names, start=1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "segmentation": [],
                "area": 900.0,
                "bbox": BOX,
                "iscrowd": 0,
                **(more or {}),
            }
            for number in range(1, len(names) + 1)
        ],
    }
    text(path, json.dumps(content))


def voc(path: Path, filename: str, tags: str = "", more: str = "") -> None:
    corners = "<xmin>11.0</xmin><ymin>11.0</ymin><xmax>41.0</xmax><ymax>41.0</ymax>"
    item = f"<object><name>car</name><difficult>0</difficult><bndbox>{corners}</bndbox>{more}</object>"
    size = "<size><width>96</width><height>64</height><depth>3</depth></size>"
    text(path, f"<annotation>{tags}<filename>{filename}</filename>{size}{item}</annotation>")


CVAT_ATTRIBUTES = {"attributes": {"occluded": False, "rotation": 0.0, "track_id": 3, "keyframe": True}}


def cvat_coco(root: Path) -> None:
    coco(root / "annotations" / "instances_default.json", "a.png", "b.png", more=CVAT_ATTRIBUTES)
    for number, name in enumerate(("a.png", "b.png")):
        image(root / "images" / "default" / name, number)


def cvat_coco_without_subset_folders(root: Path) -> None:
    coco(root / "annotations" / "instances_default.json", "a.png", "day/b.png")
    image(root / "images" / "a.png")
    image(root / "images" / "day" / "b.png", 1)


def cvat_coco_of_subsets(root: Path) -> None:
    for number, subset in enumerate(("Train", "Validation")):
        coco(root / "annotations" / f"instances_{subset}.json", "a.png")
        image(root / "images" / subset / "a.png", number)


def cvat_coco_of_masks(root: Path) -> None:
    rows, columns = SIZE[1], SIZE[0]
    # Down the columns: 10 columns and 10 rows of nothing, then 30 columns of 30 rows each.
    counts = [10 * rows + 10, *[30, rows - 30] * 29, 30, (columns - 40) * rows + rows - 40]
    mask = {"segmentation": {"counts": counts, "size": [rows, columns]}, "iscrowd": 0}
    coco(root / "annotations" / "instances_default.json", "a.png", more=mask)
    image(root / "images" / "default" / "a.png")


def cvat_coco_keypoints(root: Path) -> None:
    points = {"keypoints": [10, 10, 2, 40, 40, 1], "num_keypoints": 2, **CVAT_ATTRIBUTES}
    file = root / "annotations" / "person_keypoints_default.json"
    coco(file, "a.png", more=points, keypoints=["front", "back"], skeleton=[[1, 2]])
    image(root / "images" / "default" / "a.png")


def cvat_yolo(root: Path) -> None:
    text(root / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    text(root / "obj.names", "car\n")
    text(root / "train.txt", "data/obj_train_data/a.png\ndata/obj_train_data/b.png\n")
    for number, name in enumerate("ab"):
        image(root / "obj_train_data" / f"{name}.png", number)
        text(root / "obj_train_data" / f"{name}.txt", YOLO_LINE)


def cvat_yolo_of_subsets(root: Path) -> None:
    lines = ("classes = 1", "train = train.txt", "valid = valid.txt", "names = obj.names", "backup = backup/")
    text(root / "obj.data", "\n".join(lines))
    text(root / "obj.names", "car\n")
    for number, subset in enumerate(("train", "valid")):
        text(root / f"{subset}.txt", f"obj_{subset}_data/a.jpg\n")
        image(root / f"obj_{subset}_data" / "a.jpg", number)
        text(root / f"obj_{subset}_data" / "a.txt", YOLO_LINE)


def cvat_ultralytics(root: Path) -> None:
    text(root / "data.yaml", "names:\n  0: car\npath: .\ntrain: train.txt\n")
    text(root / "train.txt", "data/images/train/a.png\n")
    image(root / "images" / "train" / "a.png")
    text(root / "labels" / "train" / "a.txt", YOLO_LINE)


def cvat_voc(root: Path) -> None:
    text(root / "ImageSets" / "Main" / "default.txt", "a\nb\n")
    text(root / "labelmap.txt", "# label:color_rgb:parts:actions\ncar:250,50,83::\n")
    for number, name in enumerate("ab"):
        image(root / "JPEGImages" / f"{name}.png", number)
        source = "<source><database>Unknown</database><annotation>Unknown</annotation></source>"
        more = "<attributes><attribute><name>rotation</name><value>0.0</value></attribute></attributes>"
        tags = f"<folder></folder>{source}<segmented>0</segmented>"
        file = root / "Annotations" / f"{name}.xml"
        voc(file, f"{name}.png", tags, f"<truncated>0</truncated><occluded>0</occluded>{more}")
    # Lists of one class, with 1 where the image has it.
    text(root / "ImageSets" / "Main" / "car_default.txt", "a  1\nb  1\n")


def cvat_voc_in_folders(root: Path) -> None:
    text(root / "ImageSets" / "Main" / "train.txt", "day/a\nnight/a\n")
    for number, folder in enumerate(("day", "night")):
        image(root / "JPEGImages" / folder / "a.png", number)
        voc(root / "Annotations" / folder / "a.xml", f"{folder}/a.png")


def cvat_kitti(root: Path) -> None:
    row = "car 0.0 0 0.0 10.0 10.0 40.0 40.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0\n"
    image(root / "default" / "image_2" / "a.png")
    text(root / "default" / "label_2" / "a.txt", row)
    text(root / "label_colors.txt", "250 50 83 car\n")


def tao_kitti(root: Path) -> None:
    image(root / "images" / "a.jpg")
    text(root / "labels" / "a.txt", "car 0.00 0 0.00 10.00 10.00 40.00 40.00" + 7 * " 0.00" + "\n")


def label_studio_coco(root: Path) -> None:
    coco(root / "result.json", "images\\1/3f2c-a.png", "..\\..\\label-studio\\media\\upload\\1\\77ab-b.png")
    image(root / "images" / "3f2c-a.png")
    image(root / "images" / "77ab-b.png", 1)


def label_studio_coco_of_a_task(root: Path) -> None:
    names = ("images/3f2c-a.png", "images/77ab-b.png")
    coco(root / "result.json", *names, more={"ignore": 0, "category_id": 0}, id=0)
    for number, name in enumerate(names):
        image(root / name, number)


def label_studio_yolo(root: Path) -> None:
    text(root / "classes.txt", "car\n")
    text(root / "notes.json", json.dumps({"categories": [{"id": 0, "name": "car"}], "info": {"year": 2024}}))
    for number, name in enumerate(("3f2c-a", "77ab-b")):
        image(root / "images" / f"{name}.png", number)
        text(root / "labels" / f"{name}.txt", YOLO_LINE)


def label_studio_voc(root: Path) -> None:
    for number, name in enumerate(("3f2c-a", "77ab-b")):
        image(root / "images" / f"{name}.png", number)
        owner = "<source><annotation>COCO2017</annotation></source><owner><name>Label Studio</name></owner>"
        more = "<pose>Unspecified</pose><truncated>0</truncated>"
        voc(root / "Annotations" / f"{name}.xml", name, f"<folder>images</folder>{owner}", more)


def roboflow_coco(root: Path) -> None:
    for number, split in enumerate(("train", "valid", "test")):
        name = f"a_png.rf.{number}0c1.jpg"
        # Roboflow's first category is the name of the project.
        group = {"id": 0, "name": "vehicles", "supercategory": "none"}
        coco(root / split / "_annotations.coco.json", name, before=(group,), supercategory="vehicles")
        image(root / split / name, number)
    text(root / "README.roboflow.txt", "exported")


def roboflow_yolo(root: Path) -> None:
    lines = (
        "train: ../train/images",
        "val: ../valid/images",
        "test: ../test/images",
        "nc: 1",
        "names: ['car']",
        "",
        "roboflow:",
        "  workspace: us",
        "  project: cars",
        "  version: 1",
        "  license: CC BY 4.0",
    )
    text(root / "data.yaml", "\n".join(lines))
    for number, split in enumerate(("train", "valid", "test")):
        image(root / split / "images" / "a_png.rf.0.jpg", number)
        text(root / split / "labels" / "a_png.rf.0.txt", YOLO_LINE)


def roboflow_darknet(root: Path) -> None:
    for number, split in enumerate(("train", "valid")):
        text(root / split / "_darknet.labels", "car\n")
        image(root / split / "a.jpg", number)
        text(root / split / "a.txt", YOLO_LINE)


def labelme(root: Path) -> None:
    for number, name in enumerate("ab"):
        shape = {"label": "car", "points": [[10, 10], [40, 40]], "group_id": None, "shape_type": "rectangle"}
        content = {
            "version": "5.4.1",
            "flags": {},
            "shapes": [{**shape, "flags": {}}],
            "imagePath": f"..\\photos\\{name}.png",
            "imageData": None,
            "imageHeight": 64,
            "imageWidth": 96,
        }
        text(root / "annotations" / f"{name}.json", json.dumps(content))
        image(root / "photos" / f"{name}.png", number)


def labelme_beside_the_images(root: Path) -> None:
    for number, name in enumerate("ab"):
        outline = {
            "label": "car",
            "points": [[10, 10], [40, 10], [40, 40], [10, 40]],
            "shape_type": "polygon",
        }
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [{**outline, "group_id": None, "description": "", "flags": {}, "mask": None}],
            "imagePath": f"{name}.png",
            # The image itself, as base64: not read.
            "imageData": "iVBORw0KGgo=",
            "imageHeight": 64,
            "imageWidth": 96,
        }
        text(root / f"{name}.json", json.dumps(content))
        image(root / f"{name}.png", number)


def labelimg_voc(root: Path) -> None:
    for number, name in enumerate("ab"):
        image(root / f"{name}.png", number)
        tags = (
            f"<folder>x</folder><path>C:\\x\\{name}.png</path><source><database>Unknown</database></source>"
        )
        voc(root / f"{name}.xml", f"{name}.png", tags, "<pose>Unspecified</pose><truncated>0</truncated>")


def labelimg_yolo(root: Path) -> None:
    text(root / "classes.txt", "car\n")
    for number, name in enumerate("ab"):
        image(root / f"{name}.png", number)
        text(root / f"{name}.txt", YOLO_LINE)


def deeplabcut(root: Path) -> None:
    heads = ("scorer,,,Ada,Ada,Ada,Ada", "bodyparts,,,front,front,back,back", "coords,,,x,y,x,y")
    rows = ("labeled-data,walk,img01.png,20,20,30,30", "labeled-data,walk,img02.png,,,,")
    file = root / "labeled-data" / "walk" / "CollectedData_Ada.csv"
    text(file, "\n".join((*heads, *rows)) + "\n")
    for number in (1, 2):
        image(root / "labeled-data" / "walk" / f"img0{number}.png", number)


def deeplabcut_of_an_earlier_version(root: Path) -> None:
    text(
        root / "config.yaml",
        "Task: walk\nscorer: Ada\nmultianimalproject: false\nbodyparts:\n- front\n- back\n",
    )
    heads = ("scorer,Ada,Ada,Ada,Ada", "bodyparts,front,front,back,back", "coords,x,y,x,y")
    rows = ("labeled-data\\walk\\img01.png,20,20,30,30", "labeled-data\\walk\\img02.png,,,,")
    file = root / "labeled-data" / "walk" / "CollectedData_Ada.csv"
    text(file, "\n".join((*heads, *rows)) + "\n")
    file.with_suffix(".h5").write_bytes(b"\x89HDF")
    for number in (1, 2):
        image(root / "labeled-data" / "walk" / f"img0{number}.png", number)


def deeplabcut_of_several_animals(root: Path) -> None:
    heads = (
        "scorer,,,Ada,Ada,Ada,Ada,Ada,Ada,Ada,Ada",
        "individuals,,,one,one,one,one,two,two,two,two",
        "bodyparts,,,front,front,back,back,front,front,back,back",
        "coords,,,x,y,x,y,x,y,x,y",
    )
    rows = (
        "labeled-data,walk,img01.png,20,20,30,30,,,,",
        "labeled-data,walk,img02.png,20,20,30,30,60,20,70,30",
    )
    file = root / "labeled-data" / "walk" / "CollectedData_Ada.csv"
    text(file, "\n".join((*heads, *rows)) + "\n")
    for number in (1, 2):
        image(root / "labeled-data" / "walk" / f"img0{number}.png", number)


def torchvision(root: Path) -> None:
    content = {"bboxes": [[10, 10, 40, 40]], "keypoints": [[[10, 10, 1], [40, 40, 1]]]}
    image(root / "train" / "images" / "a.jpg")
    text(root / "train" / "annotations" / "a.json", json.dumps(content))


def pair_of_folders(root: Path) -> None:
    for number, name in enumerate(("a", "b")):
        image(root / "photos" / f"photo_{name}.jpg", number)
        voc(root / "annots" / f"{name}.xml", f"photo_{name}.jpg")


EXPORTS = [
    (cvat_coco, "coco", ("all",), 2),
    (cvat_coco_without_subset_folders, "coco", ("all",), 2),
    (cvat_coco_of_subsets, "coco", ("train", "validation"), 1),
    (cvat_coco_of_masks, "coco", ("all",), 1),
    (cvat_coco_keypoints, "coco", ("all",), 1),
    (cvat_yolo, "yolo", ("train",), 2),
    (cvat_yolo_of_subsets, "yolo", ("train", "valid"), 1),
    (cvat_ultralytics, "yolo", ("train",), 1),
    (cvat_voc, "voc", ("all",), 2),
    (cvat_voc_in_folders, "voc", ("train",), 2),
    (cvat_kitti, "kitti", ("all",), 1),
    (tao_kitti, "kitti", ("all",), 1),
    (label_studio_coco, "coco", ("all",), 2),
    (label_studio_coco_of_a_task, "coco", ("all",), 2),
    (label_studio_yolo, "yolo", ("all",), 2),
    (label_studio_voc, "voc", ("all",), 2),
    (roboflow_coco, "coco", ("test", "train", "valid"), 1),
    (roboflow_yolo, "yolo", ("train", "val", "test"), 1),
    (roboflow_darknet, "yolo", ("train", "valid"), 1),
    (labelme, "labelme", ("all",), 2),
    (labelme_beside_the_images, "labelme", ("all",), 2),
    (labelimg_voc, "voc", ("all",), 2),
    (labelimg_yolo, "yolo", ("all",), 2),
    (deeplabcut, "deeplabcut", ("all",), 2),
    (deeplabcut_of_an_earlier_version, "deeplabcut", ("all",), 2),
    (deeplabcut_of_several_animals, "deeplabcut", ("all",), 2),
    (torchvision, "torchvision", ("train",), 1),
    (pair_of_folders, "voc", ("all",), 2),
]


@pytest.mark.parametrize(
    ("export", "form", "names", "count"), EXPORTS, ids=lambda value: getattr(value, "__name__", "")
)
@pytest.mark.parametrize("with_hidden", [False, True], ids=["", "macos"])
def test_an_export_of_an_annotation_tool_is_read_whole(
    tmp_path: Path,
    export: Callable[[Path], None],
    form: str,
    names: tuple[str, ...],
    count: int,
    with_hidden: bool,
) -> None:
    export(tmp_path)
    if with_hidden:
        for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
            (path.parent / f"._{path.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")

    assert splits(tmp_path) == names
    dataset = open_dataset(tmp_path, names[0])
    cleaned, defects = clean(dataset)
    assert dataset.format == form
    assert dataset.defects == defects == ()
    assert len(cleaned) == count
    name = {"deeplabcut": "animal", "torchvision": "object"}.get(form, "car")
    assert dataset.categories.names == (name,)
    assert cleaned.records[0].annotations.boxes == pytest.approx(np.array([[10, 10, 40, 40]]), abs=1e-4)


@pytest.mark.parametrize(
    ("export", "keypoints"),
    [
        (cvat_coco_keypoints, [[10, 10, 2], [40, 40, 1]]),
        (deeplabcut, [[20, 20, 2], [30, 30, 2]]),
        (deeplabcut_of_an_earlier_version, [[20, 20, 2], [30, 30, 2]]),
        (deeplabcut_of_several_animals, [[20, 20, 2], [30, 30, 2]]),
        (torchvision, [[10, 10, 2], [40, 40, 2]]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_export_of_an_annotation_tool_has_its_keypoints(
    tmp_path: Path, export: Callable[[Path], None], keypoints: list[list[float]]
) -> None:
    export(tmp_path)

    dataset = open_dataset(tmp_path, splits(tmp_path, with_keypoints=True)[0], with_keypoints=True)
    skeletons = dataset.categories.skeletons
    assert skeletons[0] is not None
    assert len(skeletons[0]) == 2
    assert dataset.defects == ()
    assert dataset.records[0].annotations.keypoints.tolist() == [keypoints]
