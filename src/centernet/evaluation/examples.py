"""Detections in some validation images beside their ground truth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from centernet.detections import Detections
from centernet.drawing import contact_sheet, draw_annotations
from centernet.io.images import read_image
from centernet.io.writing import replacing
from centernet.structures import Dataset
from centernet.structures.thresholds import FIXED


def draw_examples(
    dataset: Dataset,
    found: Sequence[Detections],
    min_scores: Float[np.ndarray, " c"] | float = FIXED,
    *,
    count: int = 8,
    tile: int = 400,
    note: str = "",
) -> UInt8[np.ndarray, "h w 3"]:
    """Contact sheet of images spread over a data set: detections on the left, ground truth on the right.

    The bird's-eye view of detected 3D boxes has the ground truth too, in white.

    Args:
        dataset: Images with ground truth.
        found: Detections in its images; those of other images are ignored.
        min_scores: Minimum score of detections that are drawn, one for all classes of these or for each.
        count: Number of images.
        tile: Longer side of each drawing, pixels.
        note: Which weights the detections are of, for the captions.
    """
    by_image = {detections.image_id: detections for detections in found}
    records = [record for record in dataset.records if record.image_id in by_image]
    chosen = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int))
    drawings, captions = [], []
    for record in (records[index] for index in chosen):
        image = read_image(record.path, record.size)
        predicted = by_image[record.image_id].above(min_scores)
        ground_truth, categories = record.annotations, dataset.categories
        drawings.append(np.asarray(predicted.plot(image, long_side=tile, ground_truth=ground_truth.boxes3d)))
        names = [categories.names[label] for label in ground_truth.labels]
        drawings.append(
            draw_annotations(image, ground_truth, names, categories, record.camera, long_side=tile)
        )
        name = Path(record.path).name
        captions += [f"{name}: predicted{f', {note}' if note else ''}", f"{name}: ground truth"]
    return contact_sheet(drawings, captions, columns=4, tile=tile)


def save_examples(
    dataset: Dataset,
    found: Sequence[Detections],
    path: Path,
    min_scores: Float[np.ndarray, " c"] | float = FIXED,
    note: str = "",
) -> Path:
    """Write the contact sheet of `draw_examples`.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path, path.suffix) as part:
        Image.fromarray(draw_examples(dataset, found, min_scores, note=note)).save(part, quality=90)
    return path
