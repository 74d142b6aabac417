"""How the original shows the images of each data set to its networks, and what it calls their classes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from centernet.geometry.resize import FitWidth, Letterbox, PadBelowMultiple
from centernet.models.normalize import Normalize
from centernet.structures import Categories, Skeleton
from centernet.structures.skeletons import COCO_PERSON

TOP_K = 100
"""Detections for each image."""


@dataclass(frozen=True, kw_only=True)
class DatasetPreset:
    """A data set of the original.

    Attributes:
        name: What people call it.
        categories: What labels mean.
        rule: How images are shown.
        normalize: How pixels are scaled.
    """

    name: str
    categories: Categories
    rule: Letterbox | PadBelowMultiple | FitWidth
    normalize: Normalize

    def rule_for(self, side: int) -> Letterbox | FitWidth:
        """A rule for a square input: the same, where that has a size."""
        if isinstance(self.rule, PadBelowMultiple):
            return Letterbox(height=side, width=side)
        return replace(self.rule, height=side, width=side)

    def with_classes(self, num_classes: int, names: Sequence[str] = ()) -> "DatasetPreset":
        """The same way of showing images, for a data set of one's own.

        Args:
            num_classes: Classes.
            names: What they are called; `class0`, `class1`, ... where that is not said.
        """
        names = names or [f"class{label}" for label in range(num_classes)]
        categories = Categories.of(*names)
        return replace(self, name=f"your own data, shown as {self.name}", categories=categories)

    def with_keypoints(self, count: int) -> "DatasetPreset":
        """The same with so many keypoints of the first class: COCO's where the number is COCO's."""
        numbered = Skeleton(names=tuple(f"keypoint{i}" for i in range(count)))
        skeleton = COCO_PERSON if count == len(COCO_PERSON) else numbered
        others = (None,) * (len(self.categories) - 1)
        return replace(self, categories=replace(self.categories, skeletons=(skeleton, *others)))


_COCO_PIXELS = Normalize(
    mean=(0.40789654, 0.44719302, 0.47026115), std=(0.28863828, 0.27408164, 0.27809835), bgr=True
)
# ImageNet's constants in RGB order on BGR pixels: a slip of the original that its weights have learned.
_IMAGENET_PIXELS = Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), bgr=True)

# Ten of the 90 ids were never given out.
_COCO_IDS = tuple(i for i in range(1, 91) if i not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
_COCO_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,"
    "tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,"
    "keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
_VOC_NAMES = (
    "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,"
    "pottedplant,sheep,sofa,train,tvmonitor"
)

COCO = DatasetPreset(
    name="COCO",
    categories=Categories(tuple(_COCO_NAMES.split(",")), _COCO_IDS),
    rule=Letterbox(height=512, width=512),
    normalize=_COCO_PIXELS,
)
COCO_TRIPLETS = replace(COCO, rule=PadBelowMultiple())
VOC = DatasetPreset(
    name="Pascal VOC",
    categories=Categories.of(*_VOC_NAMES.split(",")),
    rule=Letterbox(height=384, width=384),
    normalize=_IMAGENET_PIXELS,
)
PERSONS = DatasetPreset(
    name="COCO persons",
    categories=Categories(("person",), (1,)),
    rule=Letterbox(height=512, width=512),
    normalize=_COCO_PIXELS,
)
KITTI = DatasetPreset(
    name="KITTI",
    categories=Categories.of("Pedestrian", "Car", "Cyclist"),
    rule=FitWidth(height=384, width=1280),
    normalize=_IMAGENET_PIXELS,
)
