"""FCOS of torchvision as network and task of this library, so that our trainer trains it on our data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork

from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.models.timm_encoder import build_encoder
from centernet.protocols import BOX_OUTPUTS, HeadSpec, Maps, Outputs, OutputSpec, Targets, with_fields
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.training.build import build_predictor

STRIDES = (4, 8, 16, 32)
STRIDE_PER_ANCHOR_SIZE = 4
"""Ratio of stride and anchor size. FCOS has 1, for images of 800 pixels; with 4, objects of up to 16 pixels
are on the first level, up to 32 on the second, up to 64 on the third."""


class Pyramid(nn.Module):
    """A timm encoder with torchvision's feature pyramid."""

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.encoder, widths = build_encoder(name, levels=(1, 2, 3, 4))
        self.neck = FeaturePyramidNetwork(widths, channels)
        self.out_channels = channels

    def forward(self, images: Tensor) -> Mapping[str, Tensor]:
        return self.neck({str(i): level for i, level in enumerate(self.encoder(images))})


def build_fcos(pyramid: nn.Module, num_classes: int) -> FCOS:
    return FCOS(
        pyramid,
        num_classes,
        anchor_generator=AnchorGenerator(
            tuple((stride // STRIDE_PER_ANCHOR_SIZE,) for stride in STRIDES), ((1.0,),) * 4
        ),
        # In anchor sizes: 1.5 strides, as published.
        center_sampling_radius=1.5 * STRIDE_PER_ANCHOR_SIZE,
        score_thresh=0.05,
    )


class FcosNetwork(nn.Module):
    """FCOS as a network: its raw outputs and anchors by name."""

    def __init__(self, encoder: str, num_classes: int, channels: int) -> None:
        super().__init__()
        self.fcos = build_fcos(Pyramid(encoder, channels), num_classes)
        self.stride = STRIDES[0]

    @property
    def backbone(self) -> SimpleNamespace:
        return SimpleNamespace(divisor=STRIDES[-1])

    def forward(self, images: Tensor) -> list[Maps]:
        features = list(self.fcos.backbone(images).values())
        outputs = {name: value.float() for name, value in self.fcos.head(features).items()}
        sizes = [tuple(images.shape[2:])] * len(images)
        anchors = self.fcos.anchor_generator(ImageList(images, sizes), features)[0]
        counts = torch.tensor([level.shape[2] * level.shape[3] for level in features])
        return [{**outputs, "anchors": anchors, "counts": counts, "size": torch.tensor(images.shape[2:])}]

    def last_maps(self, images: Tensor, *, at_cells: bool = False) -> Maps:
        del at_cells
        return self(images)[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class FcosTask:
    """FCOS as a task: its own loss, post-processing and NMS."""

    num_classes: int
    top_k: int = 100

    @cached_property
    def fcos(self) -> FCOS:
        """FCOS without a backbone: its loss and post-processing need no weights."""
        backbone = nn.Identity()
        backbone.out_channels = 32  # type: ignore[assignment]
        return build_fcos(backbone, self.num_classes)

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        return {}

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        return BOX_OUTPUTS

    @property
    def is_scale_dependent(self) -> bool:
        return False

    def with_settings(self, **settings: Any) -> "FcosTask":
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        limit = torch.tensor([grid.width, grid.height] * 2) * grid.stride
        boxes = objects.boxes.clamp(min=0).minimum(limit)
        kept = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        return {
            "boxes": boxes[kept], "labels": objects.labels[kept], "image": objects.image_index[kept]
        }  # fmt: skip

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        count = len(maps["cls_logits"])
        per_image = [
            {name: targets[name][targets["image"] == i] for name in ("boxes", "labels")} for i in range(count)
        ]
        outputs = {name: maps[name] for name in ("cls_logits", "bbox_regression", "bbox_ctrness")}
        return dict(
            self.fcos.compute_loss(per_image, outputs, [maps["anchors"]] * count, maps["counts"].tolist())
        )

    def decode(self, maps: Maps, stride: int) -> Outputs:
        del stride
        count, levels = len(maps["cls_logits"]), maps["counts"].tolist()
        outputs = {
            name: list(maps[name].split(levels, dim=1))
            for name in ("cls_logits", "bbox_regression", "bbox_ctrness")
        }
        anchors = [list(maps["anchors"].split(levels))] * count
        height, width = maps["size"].tolist()
        found = self.fcos.postprocess_detections(outputs, anchors, [(height, width)] * count)
        return {
            name: torch.stack([_padded(image[name], self.top_k) for image in found])
            for name in ("boxes", "scores", "labels")
        }

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        raise NotImplementedError("FCOS is measured without horizontal flip")


def _padded(values: Tensor, count: int) -> Tensor:
    padded = torch.zeros(count, *values.shape[1:], dtype=values.dtype)
    padded[: len(values)] = values[:count]
    return padded


def fcos_predictor(recipe: Recipe, categories: Categories) -> TorchPredictor:
    """A predictor of FCOS with the encoder, channels and preprocessing of a recipe."""
    reference = build_predictor(recipe, categories)
    torch.manual_seed(recipe.seed)
    network = FcosNetwork(recipe.backbone.removeprefix("timm/"), len(categories), recipe.channels)
    return TorchPredictor(
        network=network,  # type: ignore[arg-type]
        task=FcosTask(num_classes=len(categories)),
        categories=categories,
        rule=reference.rule,
        normalize=Normalize(mean=recipe.mean, std=recipe.std, bgr=recipe.bgr),
        architecture=Architecture(backbone="torchvision FCOS"),
    )
