"""Inputs and targets that the original computes from annotated images: heatmaps, sizes, offsets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from centernet.data.loading.collate import collate
from centernet.data.transforms.augment import ShiftScale
from centernet.data.transforms.warp import warp_sample
from centernet.geometry.affine import Matrix, crop_to_input, horizontal_flip
from centernet.models.normalize import Normalize
from centernet.structures import Annotations, Sample
from centernet.structures.batch import Grid
from centernet.structures.sample import sample_of
from centernet.tasks.detect import Detect

MAX_OBJECTS = 128
"""Objects for each image in the original, which drops the rest; ours takes all."""

NORMALIZE = Normalize(
    mean=(0.40789654, 0.44719302, 0.47026115), std=(0.28863828, 0.27408164, 0.27809835), bgr=True
)
"""The original's constants for COCO, in BGR order."""


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> dict[str, np.ndarray]:
    """Targets and their images."""
    targets, images = (np.load(golden_folder / f"{name}.npz") for name in ("targets", "preprocess"))
    return {**targets, **{f"img_{name}": images[f"img_{name}"] for name in "AB"}}


def annotated(golden: dict[str, np.ndarray], name: str) -> Sample:
    """An image as read, with the objects that the original keeps."""
    boxes = golden[f"ann_{name}_bbox_xywh"][:MAX_OBJECTS].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    labels = np.searchsorted(golden["coco_cat_ids"], golden[f"ann_{name}_category_id"][:MAX_OBJECTS])
    # Image C is image A with more objects.
    image = golden[f"img_{'A' if name == 'C' else name}"][..., ::-1]
    return Sample(
        image=np.ascontiguousarray(image),
        annotations=Annotations.of(boxes, labels),
        view=sample_of(image, name).view,
        image_id=1,
    )


def whole(sample: Sample, golden: dict[str, np.ndarray], case: str) -> Matrix:
    """The original's matrix of a whole image: scaled by its longer side, or not scaled."""
    height, width = sample.view.image_size
    input_size = input_size_of(golden, case)
    side = float(input_size[1] if "keepres" in case else max(height, width))
    return crop_to_input((width / 2, height / 2), side, input_size)


def crop(sample: Sample, golden: dict[str, np.ndarray], case: str) -> Matrix:
    """The matrix of a training crop with the random numbers of the golden data."""
    scale, x, y, is_flipped = golden[f"{case}__aug"].tolist()
    height, width = sample.view.image_size
    side = scale * max(height, width)
    if not is_flipped:
        return crop_to_input((x, y), side, (512, 512))
    return crop_to_input((width - 1 - x, y), side, (512, 512)) @ horizontal_flip(width)


class Preset(np.random.Generator):
    """A generator that returns given normal deviates."""

    def __init__(self, deviates: list[float]) -> None:
        super().__init__(np.random.PCG64(0))
        self.deviates = list(deviates)

    def normal(self, size: int | None = None) -> float | np.ndarray:  # type: ignore[override]
        drawn = [self.deviates.pop(0) for _ in range(size or 1)]
        return np.array(drawn) if size else drawn[0]


def shift_and_scale(sample: Sample, golden: dict[str, np.ndarray], case: str) -> Matrix:
    """The matrix of the whole image shifted, scaled and flipped, with the same random numbers."""
    height, width = sample.view.image_size
    (x, y), side = ShiftScale()((height, width), float(max(height, width)), Preset(golden[f"{case}__randn"]))
    return crop_to_input((width - 1 - x, y), side, (512, 512)) @ horizontal_flip(width)


def input_size_of(golden: dict[str, np.ndarray], case: str) -> tuple[int, int]:
    _, height, width = golden[f"{case}__input_shape"].tolist()
    return height, width


WHOLE = ["A_default", "B_default", "C_default_142objs", "A_keepres", "B_keepres", "A_256", "A_rect256x384"]
CROPS = ["A_crop08", "A_crop13flip", "B_crop06flip"]
MATRICES = {**dict.fromkeys(WHOLE, whole), **dict.fromkeys(CROPS, crop), "A_shiftscale": shift_and_scale}


@pytest.mark.parametrize("case", MATRICES)
def test_golden_targets(golden: dict[str, np.ndarray], case: str) -> None:
    sample = annotated(golden, case[0])
    input_size = input_size_of(golden, case)
    batch = collate([warp_sample(sample, input_size, MATRICES[case](sample, golden, case))])
    grid = Grid(batch=1, height=input_size[0] // 4, width=input_size[1] // 4)
    targets = Detect(num_classes=80).encode(batch.objects, grid)

    has_object = golden[f"{case}__reg_mask"].astype(bool)
    _, y, x = targets["cells"].T.numpy()
    assert (y * grid.width + x).tolist() == golden[f"{case}__ind"][has_object].tolist()
    assert targets["size"].numpy() == pytest.approx(golden[f"{case}__wh"][has_object], abs=1e-3)
    assert targets["offset"].numpy() == pytest.approx(golden[f"{case}__reg"][has_object], abs=1e-3)
    assert np.abs(targets["heatmap"][0].numpy() - golden[f"{case}__hm"]).max() < 1e-6
    if f"{case}__input_slice" in golden:
        pixels = NORMALIZE(batch.images)[0, :, 5::16, 3::16].numpy()
        # OpenCV versions differ by up to 3 grey levels in warps that scale.
        assert np.abs(pixels - golden[f"{case}__input_slice"]).max() < 3.5 / 255 / 0.274


def test_every_object_of_a_crowded_image_is_a_target(golden: dict[str, np.ndarray]) -> None:
    sample = annotated(golden, "A")
    boxes = golden["ann_C_bbox_xywh"].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    crowded = replace(sample, annotations=Annotations.of(boxes, np.zeros(len(boxes), dtype=np.int64)))
    batch = collate([warp_sample(crowded, (512, 512), crop_to_input((160.0, 120.0), 320.0, (512, 512)))])
    targets = Detect(num_classes=1).encode(batch.objects, Grid(batch=1, height=128, width=128))

    # Two of the 142 lie outside.
    assert len(boxes) == 142
    assert len(targets["cells"]) == 140
