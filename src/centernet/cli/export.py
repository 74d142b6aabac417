"""`centernet export`."""

from typing import Any

from centernet.cli.arguments import SWITCH, TEXT, Argument
from centernet.cli.command import EXIST_OK, MODEL, Command, Output


def _export(given: dict[str, Any], output: Output) -> int:
    from centernet.detector import CenterNet

    path, parity = CenterNet(given.pop("model"), "cpu").export(**given)
    output.show(f"{path}\n{parity}", {"path": str(path), "parity": parity.to_json()})
    return 0


EXPORT = Command(
    name="export",
    about="export network and decoding as one file, and check it",
    run=_export,
    arguments=(
        MODEL,
        Argument(
            name="format",
            type=TEXT,
            about="onnx; openvino, a folder; or torch, a .pt2 program of torch.export",
            default="onnx",
        ),
        Argument(
            name="output",
            type=TEXT,
            about="the file or folder; by default named after the model",
            default="FILE",
        ),
        EXIST_OK,
        Argument(
            name="half",
            type=SWITCH,
            about="store the network in 16 bits a number: half the size",
            default="false",
        ),
        Argument(
            name="int8",
            type=SWITCH,
            about="quantize the network to 8 bits a number: a quarter of the size; onnx and openvino",
            default="false",
        ),
        Argument(
            name="data",
            type=TEXT,
            about="calibration images for int8, as for predict",
            default="FOLDER",
        ),
        Argument(
            name="source",
            type=TEXT,
            about="images to check it on, as for predict; by default those of data, else generated ones",
            default="FOLDER",
        ),
    ),
    examples=(
        "centernet export model=blood-cells output=blood-cells.onnx",
        "centernet export model=runs/detect/train format=openvino source=images/",
        "centernet export model=blood-cells format=openvino int8=true data=images/",
    ),
    details=(
        "The file takes RGB pixels and gives detections; `centernet predict model=FILE` runs it. It is not "
        "written if its detections differ from those of the weights."
    ),
)
