"""`centernet export`."""

from typing import Any

from centernet.cli.arguments import SWITCH, TEXT, Argument
from centernet.cli.command import MODEL, Command, Output


def _export(given: dict[str, Any], output: Output) -> int:
    from centernet.detector import CenterNet

    path, parity = CenterNet(given.pop("model"), "cpu").export(**given)
    output.show(f"{path}\n{parity}", {"path": str(path), "parity": parity.to_json()})
    return 0


EXPORT = Command(
    name="export",
    about="write weights as one file with the decoding inside, and check it",
    run=_export,
    arguments=(
        MODEL,
        Argument(
            name="format",
            kind=TEXT,
            about="onnx; openvino, a folder; or torch, a .pt2 program of torch.export",
            default="onnx",
        ),
        Argument(
            name="output",
            kind=TEXT,
            about="the file or folder; by default it is called after the model",
            default="FILE",
        ),
        Argument(
            name="half", kind=SWITCH, about="the network in 16 bits a number: half the size", default="false"
        ),
        Argument(
            name="int8",
            kind=SWITCH,
            about="the network in 8 bits a number: a quarter of the size; onnx and openvino",
            default="false",
        ),
        Argument(
            name="data",
            kind=TEXT,
            about="images as it will see them, as for predict, which int8 is measured on",
            default="FOLDER",
        ),
        Argument(
            name="source",
            kind=TEXT,
            about="images to check it on, as for predict; those of data, or made-up ones, by default",
            default="FOLDER",
        ),
    ),
    examples=(
        "centernet export model=blood-cells output=blood-cells.onnx",
        "centernet export model=runs/detect/train format=openvino source=images/",
        "centernet export model=blood-cells format=openvino int8=true data=images/",
    ),
    details=(
        "The file takes RGB pixels and gives detections; `centernet predict model=FILE` runs it. It is "
        "run beside the network, and not written if it finds something else."
    ),
)
