"""Arguments of the verbs that ask a trained network: how it looks at images."""

from centernet.cli.arguments import NUMBER, SWITCH, TEXT, WHOLE, Argument, list_of

_GROUP = "How images are looked at"

INFERENCE = (
    Argument(
        name="resize",
        kind=TEXT,
        about="fit, follow, keep or triplet: which input images are shown on; by default as in training",
        default="RULE",
        group=_GROUP,
    ),
    Argument(
        name="imgsz",
        kind=WHOLE,
        about="side of the input of fit, longer side of the image for follow; by default as in training",
        default="PIXELS",
        group=_GROUP,
    ),
    Argument(
        name="flip",
        kind=SWITCH,
        about="average what the image and its mirror image show",
        default="false",
        group=_GROUP,
    ),
    Argument(
        name="scales",
        kind=list_of(NUMBER),
        about="show each image in several sizes, 0.5,0.75,1,1.25,1.5, and merge by soft-NMS",
        default="1",
        group=_GROUP,
    ),
    Argument(
        name="nms",
        kind=TEXT,
        about="lower the scores of boxes that overlap better ones of their class: gaussian, linear or hard",
        default="none",
        group=_GROUP,
    ),
    Argument(
        name="iou",
        kind=NUMBER,
        about="overlap from which nms=linear and nms=hard lower",
        default="0.5",
        group=_GROUP,
    ),
    Argument(
        name="merge_boxes",
        kind=NUMBER,
        about="above 0, such a box becomes the mean of those it lowers; the original takes 10",
        default="0",
        group=_GROUP,
    ),
    Argument(
        name="class_agnostic",
        kind=SWITCH,
        about="report each place under its best class alone",
        default="false",
        group=_GROUP,
    ),
    Argument(
        name="exact",
        kind=SWITCH,
        about="NMS as the original does it, which leaves some boxes it meant to drop",
        default="false",
        group=_GROUP,
    ),
    Argument(
        name="slice",
        kind=WHOLE,
        about="look at larger images in tiles of this side, 640, and once at the whole",
        default="PIXELS",
        group=_GROUP,
    ),
    Argument(
        name="slice_overlap",
        kind=NUMBER,
        about="least share of a tile's side that its neighbour shows too",
        default="0.2",
        group=_GROUP,
    ),
)
"""Each is an argument of `CenterNet.predict` and `CenterNet.val` too."""
