"""Data sets of the original programs: their classes, and how their images are resized and normalised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from centernet.geometry.resize import FitWidth, Letterbox, PadBelowMultiple
from centernet.models.normalize import Normalize
from centernet.structures import Categories, Skeleton
from centernet.structures.skeletons import COCO_PERSON

TOP_K = 100
"""Number of detections for each image."""


@dataclass(frozen=True, kw_only=True)
class DatasetPreset:
    """Classes and preprocessing of a data set of the original.

    Attributes:
        name: Name of the data set.
        categories: Its classes.
        rule: Resizing of images.
        normalize: Normalisation of pixels.
    """

    name: str
    categories: Categories
    rule: Letterbox | PadBelowMultiple | FitWidth
    normalize: Normalize

    def rule_for(self, side: int) -> Letterbox | FitWidth:
        """The resize rule for a square input; a letterbox in place of a rule without a size."""
        if isinstance(self.rule, PadBelowMultiple):
            return Letterbox(height=side, width=side)
        return replace(self.rule, height=side, width=side)

    def with_classes(self, num_classes: int, names: Sequence[str] = ()) -> "DatasetPreset":
        """The same preprocessing for a custom data set.

        Args:
            num_classes: Number of classes.
            names: Class names; by default `class0`, `class1`, ...
        """
        names = names or [f"class{label}" for label in range(num_classes)]
        categories = Categories.of(*names)
        return replace(self, name=f"your own data, preprocessed as {self.name}", categories=categories)

    def with_keypoints(self, count: int) -> "DatasetPreset":
        """The same with so many keypoints for the first class: COCO's if the number fits, else numbered."""
        numbered = Skeleton(names=tuple(f"keypoint{i}" for i in range(count)))
        skeleton = COCO_PERSON if count == len(COCO_PERSON) else numbered
        without = (None,) * (len(self.categories) - 1)
        return replace(self, categories=replace(self.categories, skeletons=(skeleton, *without)))


_COCO_NORMALIZE = Normalize(
    mean=(0.40789654, 0.44719302, 0.47026115), std=(0.28863828, 0.27408164, 0.27809835), bgr=True
)
# ImageNet's constants in RGB order on BGR pixels: a mistake of the original, which its weights need.
_IMAGENET_NORMALIZE = Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), bgr=True)

# Ten of the 90 ids are not used.
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
    normalize=_COCO_NORMALIZE,
)
COCO_TRIPLETS = replace(COCO, rule=PadBelowMultiple())
VOC = DatasetPreset(
    name="Pascal VOC",
    categories=Categories.of(*_VOC_NAMES.split(",")),
    rule=Letterbox(height=384, width=384),
    normalize=_IMAGENET_NORMALIZE,
)
PERSONS = DatasetPreset(
    name="COCO persons",
    categories=Categories(("person",), (1,)),
    rule=Letterbox(height=512, width=512),
    normalize=_COCO_NORMALIZE,
)
KITTI = DatasetPreset(
    name="KITTI",
    categories=Categories.of("Pedestrian", "Car", "Cyclist"),
    rule=FitWidth(height=384, width=1280),
    normalize=_IMAGENET_NORMALIZE,
)
