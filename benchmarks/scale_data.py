"""Rows of the table on scale: opening a data set, handing it to a worker, examining it, the first step.

The data are made once in the folder for temporary files, `CENTERNET_SCALE` names another: images are links to
a few photographs of noise, objects have polygons of 18 points as COCO's have on average.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import cv2
import numpy as np
from benchmarks.scaling import Row, Side

SIZES = ((480, 640), (640, 480), (427, 640), (500, 375))
CLASSES, OBJECTS, POINTS, PHOTOGRAPHS = 80, 7.275, 18, 16
COCO_SIZES, YOLO_SIZES = (1_000, 10_000, 118_287), (1_000, 10_000, 20_000)


def folder(name: str) -> Path:
    return Path(os.environ.get("CENTERNET_SCALE", Path(gettempdir()) / "centernet-scale")) / name


def coco(images: int) -> Path:
    """A folder with a training split of so many images, and a validation split of a twenty-fourth."""
    root = folder(f"coco-{images}")
    for split, count, seed in (("train2017", images, 0), ("val2017", max(50, images // 24), 1)):
        file = root / "annotations" / f"instances_{split}.json"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_coco(root / split, file, count, seed)
    return root


def _write_coco(images: Path, file: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.poisson(OBJECTS, count)
    names = _link_photographs(images, count, seed)
    part = file.with_suffix(".part")
    with part.open("w") as out:
        out.write('{"images": [')
        for i, name in enumerate(names):
            rows, columns = SIZES[i % PHOTOGRAPHS % len(SIZES)]
            image = {"license": 3, "file_name": name, "height": rows, "width": columns, "id": i + 1}
            image |= {"coco_url": f"http://images.cocodataset.org/{name}", "date_captured": "2013-11-14"}
            out.write(", " * bool(i) + json.dumps(image))
        out.write('], "annotations": [')
        annotation_id = 0
        for i in range(count):
            size = np.array(SIZES[i % PHOTOGRAPHS % len(SIZES)][::-1])
            for _ in range(numbers[i]):
                sides = np.exp(rng.uniform(np.log(8), np.log(0.8 * size.min()), 2))
                corner = rng.uniform(0, 1, 2) * (size - sides)
                polygon = (rng.uniform(0, 1, (POINTS, 2)) * sides + corner).round(2)
                annotation_id += 1
                entry = {
                    "segmentation": [polygon.ravel().tolist()],
                    "area": round(float(sides.prod() * 0.6), 4),
                    "iscrowd": int(rng.random() < 0.01),
                    "image_id": i + 1,
                    "bbox": np.concatenate([corner, sides]).round(2).tolist(),
                    "category_id": int(rng.integers(1, CLASSES + 1)),
                    "id": annotation_id,
                }
                out.write(", " * (annotation_id > 1) + json.dumps(entry))
        categories = [{"id": i + 1, "name": f"class {i + 1}"} for i in range(CLASSES)]
        out.write(f'], "categories": {json.dumps(categories)}}}')
    part.replace(file)


def _link_photographs(images: Path, count: int, seed: int) -> list[str]:
    """Makes links to a few photographs; file systems allow some ten thousand to each."""
    rng = np.random.default_rng((seed, 1))
    images.mkdir(parents=True, exist_ok=True)
    originals = images.with_name(f"{images.name}-originals")
    originals.mkdir(exist_ok=True)
    for i in range(PHOTOGRAPHS):
        rows, columns = SIZES[i % len(SIZES)]
        small = rng.integers(0, 255, (rows // 16, columns // 16, 3), dtype=np.uint8)
        cv2.imwrite(str(originals / f"{i}.jpg"), cv2.resize(small, (columns, rows)))
    names = [f"{i + 1:012d}.jpg" for i in range(count)]
    for i, name in enumerate(names):
        (images / name).unlink(missing_ok=True)
        (images / name).hardlink_to(originals / f"{i % PHOTOGRAPHS}.jpg")
    return names


def yolo(images: int) -> Path:
    """A folder with so many images, each with a label file."""
    root = folder(f"yolo-{images}")
    if not (root / "data.yaml").exists():
        rng = np.random.default_rng(0)
        (root / "labels" / "train").mkdir(parents=True, exist_ok=True)
        for name in _link_photographs(root / "images" / "train", images, 0):
            boxes = rng.uniform(0.1, 0.3, (rng.poisson(OBJECTS), 4))
            lines = [f"{rng.integers(CLASSES)} {' '.join(f'{x:.6f}' for x in box)}\n" for box in boxes]
            (root / "labels" / "train" / name).with_suffix(".txt").write_text("".join(lines))
        names = [f"class {i}" for i in range(CLASSES)]
        (root / "data.yaml").write_text(f"train: images/train\nnames: {json.dumps(names)}\n")
        time.sleep(4)  # What has just changed is not kept.
    return root


def _open(path: Path) -> Any:
    from centernet.data import open_dataset

    return open_dataset(path, "train")


def opened(path: Path) -> dict[str, float]:
    before = _resident_mb()
    dataset = _open(path)
    return {"objects": int(dataset.records.starts[-1]), "holds_mb": _resident_mb() - before}


def opened_by_pycocotools(path: Path) -> dict[str, float]:
    from pycocotools.coco import COCO

    return {"objects": len(COCO(str(path / "annotations" / "instances_train2017.json")).anns)}


def _warm(path: Path) -> Path:
    """The same folder, once everything that opens it is imported."""
    _open(coco(COCO_SIZES[0]) if "coco" in path.name else yolo(YOLO_SIZES[0]))
    return path


def yolo_before(images: int) -> Path:
    """A data set that was opened before, with a cache of its own."""
    os.environ["CENTERNET_CACHE"] = str(folder("cache"))
    root = _warm(yolo(images))
    _open(root)
    return root


def yolo_uncached(images: int) -> Path:
    os.environ["CENTERNET_CACHE"] = ""
    return _warm(yolo(images))


def _memory_of(records: Any, queue: "multiprocessing.SimpleQueue[float]") -> None:
    # Each image is looked at, as in an epoch.
    sum(len(record.annotations) for record in records)
    queue.put(_resident_mb())


def handed_over(dataset: Any) -> dict[str, float]:
    """A spawned process that gets all images, beside one that gets none."""
    context = multiprocessing.get_context("spawn")
    seconds, memory = [], []
    for records in (dataset.records[:1], dataset.records):
        queue = context.SimpleQueue()
        start = time.process_time()
        process = context.Process(target=_memory_of, args=(records, queue))
        process.start()
        seconds.append(time.process_time() - start)
        memory.append(queue.get())
        process.join()
    return {"hand_over_s": seconds[1] - seconds[0], "worker_mb": memory[1] - memory[0]}


def examined(dataset: Any) -> dict[str, float]:
    from centernet.data.doctor.examine import examine

    return {"objects": examine(dataset, read_images=False).num_objects}


class _FirstStepError(Exception):
    pass


def first_step(path: Path) -> dict[str, float]:
    """`train` until a step is over; nothing is imported before."""
    from centernet import CenterNet
    from centernet.training.module import TrainingModule

    step = TrainingModule.training_step
    reached = []

    def last(self: Any, batch: Any, batch_index: int) -> Any:
        reached.append(step(self, batch, batch_index))
        raise _FirstStepError

    TrainingModule.training_step = last  # type: ignore[method-assign]
    runs = str(folder("runs"))
    try:
        CenterNet("small").train(data=str(path), workers=0, batch=2, device="cpu", project=runs)
    except Exception:
        if not reached:
            raise
    return {}


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _dataset(images: int) -> Any:
    return _open(_warm(coco(images)))


_OPEN_LIMITS: Mapping[str, float] = {"cpu_s": 5, "peak_mb": 800, "holds_mb": 60}

ROWS = (
    Row(
        name="open COCO",
        sizes=COCO_SIZES,
        unit="images",
        sides={
            "ours": Side(prepare=lambda size: _warm(coco(size)), work=opened),
            "pycocotools": Side(prepare=lambda size: _warm(coco(size)), work=opened_by_pycocotools),
        },
        limits=_OPEN_LIMITS,
    ),
    Row(
        name="open YOLO for the second time",
        sizes=YOLO_SIZES,
        unit="images",
        sides={
            "ours": Side(prepare=yolo_before, work=opened),
            "first time": Side(prepare=yolo_uncached, work=lambda path: {"objects": opened(path)["objects"]}),
        },
        limits={"cpu_s": 1},
    ),
    Row(
        name="start a spawned worker",
        sizes=COCO_SIZES,
        unit="images",
        sides={"ours": Side(prepare=_dataset, work=handed_over)},
        limits={"hand_over_s": 0.1, "worker_mb": 50},
    ),
    Row(
        name="examine without decoding",
        sizes=COCO_SIZES,
        unit="images",
        sides={"ours": Side(prepare=_dataset, work=examined)},
        limits={"cpu_s": 10},
    ),
    Row(
        name="train to the first step",
        sizes=COCO_SIZES,
        unit="images",
        sides={"ours": Side(prepare=coco, work=first_step)},
        limits={"cpu_s": 10},
    ),
)

if __name__ == "__main__":
    sys.exit("python -m benchmarks.scale --rows data")
