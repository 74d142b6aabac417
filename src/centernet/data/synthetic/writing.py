"""Writing synthetic images as a data set in any format that can be written."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from centernet.data.formats.catalog import WRITABLE, WritableFormat
from centernet.data.formats.common.unsupported import BOXES3D, KEYPOINTS
from centernet.data.synthetic.figures import PERSON
from centernet.data.synthetic.painting import NOISE
from centernet.data.synthetic.scene import Scenes, both_sides, check_count
from centernet.errors import UsageError, check_bounds
from centernet.io.writing import writing
from centernet.structures import Dataset, ImageRecord, Sample

# Noise hardly compresses: higher levels take several times as long for files of nearly the same size.
_PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def write_scenes(
    folder: str | Path,
    *,
    train: int = 1000,
    val: int = 200,
    test: int = 0,
    seed: int = 0,
    mode: str = "plain",
    size: int | Sequence[int] = 128,
    shapes: Sequence[str] = ("circle", "square", "triangle"),
    num_keypoints: int = PERSON,
    noise: int = NOISE,
    format: str = "coco",  # noqa: A002 - the name that users type
) -> Path:
    """Write a synthetic data set; the same arguments write the same bytes.

    Args:
        folder: New or empty folder for the data set.
        train: Number of images of the split `train`; a split of 0 images is not written.
        val: Number of images of the split `val`.
        test: Number of images of the split `test`.
        seed: Seed of the images.
        mode: `plain`, `crowd`, `collision`, `crossing` or `hard` for shapes, `figures` for stick
            figures with keypoints, `roads` for cuboids on a road, with their 3D boxes and the camera.
        size: Rows and columns of the images, or one number for both.
        shapes: Shapes, one category each, of circle, square, triangle, star, cross and bar.
        num_keypoints: Number of keypoints of each figure, 1 to 61; 13 are those of a person.
        noise: Largest change of a channel of a pixel, out of 255; 0: no noise.
        format: `coco`, `voc`, `yolo` or `kitti`; VOC and KITTI have no keypoints.

    Returns:
        The folder.

    Raises:
        UsageError: An invalid setting, or a folder that is not empty.
        InputError: The folder cannot be written to.
    """
    check_bounds(train=train, val=val, test=test, seed=seed)
    scenes = Scenes(
        mode=mode,
        size=both_sides(size),
        shapes=tuple(shapes),
        num_keypoints=num_keypoints,
        noise=noise,
        seed=seed,
    )
    counts = {"train": train, "val": val, "test": test}
    for split, count in counts.items():
        check_count(split, count)
    if not any(counts.values()):
        raise UsageError("train, val and test are all 0: ask for at least one image")
    writer, folder = _format_called(format), Path(folder)
    if scenes.categories.max_keypoints and KEYPOINTS not in writer.SUPPORTS:
        raise UsageError(f"{format.upper()} has no keypoints: write figures as coco or yolo")
    if mode == "roads" and BOXES3D not in writer.SUPPORTS:
        raise UsageError(f"{format.upper()} has no 3D boxes: write roads as coco or kitti")
    with writing(folder):
        _make_empty(folder)
        for split, count in counts.items():
            if count:
                _write_split(scenes, split, count, writer, folder)
    return folder


def _format_called(name: str) -> WritableFormat:
    formats = {candidate.NAME: candidate for candidate in WRITABLE}
    if name not in formats:
        raise UsageError(f"format is one of {', '.join(formats)}; got {name!r}")
    return formats[name]


def _make_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: give a new folder, so that nothing of yours is mixed in")
    folder.mkdir(parents=True, exist_ok=True)


def _write_split(scenes: Scenes, split: str, count: int, writer: WritableFormat, folder: Path) -> None:
    # Inside the data set's folder, since the system's temporary folder may be a small disk in memory.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".images-") as images:
        records = []
        num_objects = 0
        for index in range(count):
            sample = scenes.sample(index, split)
            # Splits of VOC share one folder of images.
            path = Path(images) / f"{split}_{index:06d}.png"
            path.write_bytes(encode_png(sample.image))
            records.append(_record(sample, path, first_id=num_objects + 1))
            num_objects += len(sample.annotations)
        dataset = Dataset(
            name=f"{folder} {split}",
            format=writer.NAME,
            categories=scenes.categories,
            records=tuple(records),
        )
        writer.write(dataset, folder, split)


def _record(sample: Sample, path: Path, first_id: int) -> ImageRecord:
    ground_truth = sample.annotations
    return ImageRecord(
        path=path,
        image_id=sample.image_id,
        annotations=replace(ground_truth, ids=np.arange(first_id, first_id + len(ground_truth))),
        source="scenes",
        size=sample.view.image_size,
        camera=sample.view.camera,
    )


def encode_png(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The image as a PNG file, with one channel if it is grey. Same pixels and library, same bytes."""
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    is_grey = bool((red == green).all() and (green == blue).all())
    pixels = red if is_grey else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".png", pixels, _PNG_SETTINGS)
    return data.tobytes()
