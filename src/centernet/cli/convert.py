"""`centernet convert`."""

from typing import Any

from centernet.cli.arguments import SWITCH, TEXT, WHOLE, Argument, list_of
from centernet.cli.command import Command, Output


def _convert(given: dict[str, Any], output: Output) -> int:
    from centernet.conversion import convert

    conversion = convert(given.pop("model"), given.pop("output"), **given)
    output.show(str(conversion), conversion.to_json())
    return 0


CONVERT = Command(
    name="convert",
    about="turn a checkpoint of the original CenterNet into weights for this program",
    run=_convert,
    arguments=(
        Argument(
            name="model",
            type=TEXT,
            about="checkpoint of the original; no code in it is executed",
            default="ctdet_coco_dla_2x.pth",
            is_required=True,
        ),
        Argument(
            name="output", type=TEXT, about="the folder to write", default="weights/dla", is_required=True
        ),
        Argument(
            name="names",
            type=list_of(TEXT),
            about="names of the classes, if it was trained on your own data",
            default="NAME,NAME",
        ),
        Argument(
            name="imgsz",
            type=WHOLE,
            about="side of the input, if it is not the original's default (--input_res)",
            default="PIXELS",
        ),
        Argument(name="half", type=SWITCH, about="store 16 bits a number", default="false"),
        Argument(name="exist_ok", type=SWITCH, about="overwrite the weights in the folder", default="false"),
    ),
    examples=(
        "centernet convert model=ctdet_coco_dla_2x.pth output=weights/dla",
        "centernet convert model=pascal_dla_512.pth output=weights/voc imgsz=512",
        "centernet convert model=model_last.pth output=weights/fruit names=apple,pear",
    ),
    details=(
        "Network, task and number of classes are found from the keys and shapes of the file. The "
        "weights give the detections of the original; multi_pose and ddd without all heads give raw maps."
    ),
)
