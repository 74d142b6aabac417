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
            kind=TEXT,
            about="the original's file; nothing in it is run",
            default="ctdet_coco_dla_2x.pth",
            is_required=True,
        ),
        Argument(
            name="output", kind=TEXT, about="the folder to write", default="weights/dla", is_required=True
        ),
        Argument(
            name="names",
            kind=list_of(TEXT),
            about="what the classes are called, where it was trained on your own data",
            default="NAME,NAME",
        ),
        Argument(
            name="imgsz",
            kind=WHOLE,
            about="side of the input, where it is not the original's default (--input_res)",
            default="PIXELS",
        ),
        Argument(name="half", kind=SWITCH, about="store 16 bits a number", default="false"),
        Argument(name="exist_ok", kind=SWITCH, about="write over the weights in the folder", default="false"),
    ),
    examples=(
        "centernet convert model=ctdet_coco_dla_2x.pth output=weights/dla",
        "centernet convert model=pascal_dla_512.pth output=weights/voc imgsz=512",
        "centernet convert model=model_last.pth output=weights/fruit names=apple,pear",
    ),
    details=(
        "Network, task and number of classes are told from the file's keys and shapes. Checkpoints of ctdet "
        "predict as they did; those of multi_pose and ddd give their raw maps."
    ),
)
