"""`centernet export`."""

from typing import Any

from centernet.cli.arguments import TEXT, Argument
from centernet.cli.verb import MODEL, Output, Verb


def _export(given: dict[str, Any], output: Output) -> int:
    from centernet.detector import CenterNet

    path, parity = CenterNet(given.pop("model"), "cpu").export(**given)
    output.show(f"{path}\n{parity}", {"path": str(path), "parity": parity.to_json()})
    return 0


EXPORT = Verb(
    name="export",
    about="write weights as one file with the decoding inside, and check it",
    run=_export,
    arguments=(
        MODEL,
        Argument(name="format", kind=TEXT, about="onnx", default="onnx"),
        Argument(
            name="output",
            kind=TEXT,
            about="the file; by default it is called after the model",
            default="FILE",
        ),
        Argument(
            name="source",
            kind=TEXT,
            about="images to check it on, as for predict; made-up ones by default",
            default="FOLDER",
        ),
    ),
    examples=(
        "centernet export model=blood-cells output=blood-cells.onnx",
        "centernet export model=runs/detect/train source=images/",
    ),
    details=(
        "The file takes RGB pixels and gives detections; `centernet predict model=FILE.onnx` runs it. It is "
        "run beside the network, and not written if it finds something else."
    ),
)
