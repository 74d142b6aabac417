"""What was found in some validation images, beside what is true."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from centernet.detections import Detections
from centernet.drawing import contact_sheet, draw_annotations
from centernet.io.images import read_image
from centernet.io.writing import writing
from centernet.structures import Dataset


def examples(
    dataset: Dataset, found: Sequence[Detections], *, count: int = 8, min_score: float = 0.3, tile: int = 400
) -> UInt8[np.ndarray, "h w 3"]:
    """Pairs of pictures from all over a data set: detections on the left, truth on the right.

    Of boxes in 3D the bird's view of detections shows the truth too, in white.

    Args:
        dataset: Images with their truth.
        found: Detections of its images; those of other images are not looked at.
        count: Pairs.
        min_score: Least score that is drawn.
        tile: Side of each picture, pixels.
    """
    by_image = {detections.image_id: detections for detections in found}
    records = [record for record in dataset.records if record.image_id in by_image]
    chosen = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int))
    pictures, captions = [], []
    for record in (records[index] for index in chosen):
        image = read_image(record.path, record.size)
        seen = by_image[record.image_id].above(min_score)
        ground_truth, categories = record.annotations, dataset.categories
        pictures.append(np.asarray(seen.plot(image, long_side=tile, ground_truth=ground_truth.boxes3d)))
        names = [categories.names[label] for label in ground_truth.labels]
        pictures.append(
            draw_annotations(image, ground_truth, names, categories, record.camera, long_side=tile)
        )
        name = Path(record.path).name
        captions += [f"{name}: found", f"{name}: truth"]
    return contact_sheet(pictures, captions, columns=4, tile=tile)


def save_examples(dataset: Dataset, found: Sequence[Detections], path: Path) -> Path:
    """Writes `examples` as a picture.

    Raises:
        InputError: The file cannot be written.
    """
    with writing(path):
        Image.fromarray(examples(dataset, found)).save(path, quality=90)
    return path
