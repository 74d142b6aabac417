"""Preview of a data set: a contact sheet of random images with their annotations."""

import numpy as np
from jaxtyping import UInt8

from centernet.data.doctor.crowding import center_collisions, square_input
from centernet.drawing import contact_sheet, draw_annotations, draw_dots, message_tile
from centernet.errors import InputError, UsageError, check_bounds
from centernet.geometry.resize import ResizeRule
from centernet.io.guest import guest
from centernet.io.images import read_image
from centernet.structures import Categories, Dataset, ImageRecord

IN_ONE_CELL, SIDE_BY_SIDE = (230, 30, 30), (250, 210, 0)
"""Colours of colliding centres."""


@guest
def contact_sheet_of(
    dataset: Dataset,
    count: int = 16,
    *,
    seed: int = 0,
    columns: int | None = None,
    tile: int = 320,
    imgsz: int = 512,
    stride: int = 4,
) -> UInt8[np.ndarray, "h w 3"]:
    """A contact sheet of random images with the boxes, names and keypoints of their objects.

    3D boxes are drawn on the image and in bird's-eye view. An image that cannot be read is a grey tile with
    the error. Crowd regions are marked `(crowd)`. A centre in one cell with another of its class has a red
    dot, one with another in a neighbouring cell a yellow one.

    Args:
        dataset: Source of the images.
        count: Number of images; all of them if there are fewer.
        seed: Seed of the random choice.
        columns: Images in a row; by default the sheet is nearly square.
        tile: Side of the square tile of each image, pixels.
        imgsz: Side of the square input in whose cells centres may collide, pixels.
        stride: Input pixels from one cell to the next.

    Raises:
        UsageError: An invalid count, number of columns, tile or input.
        InputError: The data set has no images.
    """
    if count < 1 or (columns is not None and columns < 1):
        raise UsageError(f"count and columns are 1 or more; got count {count} and columns {columns}")
    check_bounds(count=count, columns=columns, seed=seed)
    if not 32 <= tile <= 4096:
        raise UsageError(f"tile is 32 to 4096 pixels; got {tile}")
    if not dataset.records:
        raise InputError(f"{dataset.name} has no images: there is nothing to preview")
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = sorted(random.permutation(len(dataset))[:count].tolist())
    records = [dataset.records[index] for index in chosen]
    rule = square_input(imgsz, stride)
    tiles = [_draw_tile(record, dataset.categories, tile, rule, stride) for record in records]
    return contact_sheet(tiles, [_caption(record) for record in records], columns=columns, tile=tile)


def _draw_tile(
    record: ImageRecord, categories: Categories, tile: int, rule: ResizeRule, stride: int
) -> UInt8[np.ndarray, "h w 3"]:
    try:
        image = read_image(record.path, record.size)
    except InputError as error:
        return message_tile(str(error).replace(str(record.path), record.path.name), tile=tile)
    objects = record.annotations
    texts = [
        categories.names[label] + " (crowd)" * bool(is_crowd)
        for label, is_crowd in zip(objects.labels, objects.is_crowd, strict=True)
    ]
    drawn = draw_annotations(image, objects, texts, categories, record.camera, long_side=tile)
    size = (image.shape[0], image.shape[1])
    in_cell, near = center_collisions(objects, size, rule, stride)
    # Not from the size of the drawn image, which may include a bird's-eye view.
    scale = tile / max(size)
    centers = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2 * scale
    drawn = draw_dots(drawn, centers[near], SIDE_BY_SIDE)
    return draw_dots(drawn, centers[in_cell], IN_ONE_CELL)


def _caption(record: ImageRecord) -> str:
    count = len(record.annotations)
    return f"{record.path.name}: {count} object{'s' * (count != 1)}"
