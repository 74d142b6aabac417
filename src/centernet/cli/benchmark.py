"""`centernet benchmark`."""

from typing import Any

from centernet.cli.arguments import TEXT, WHOLE, Argument, list_of
from centernet.cli.command import MODEL, Command, Output


def _benchmark(given: dict[str, Any], output: Output) -> int:
    from centernet.benchmark import benchmark
    from centernet.cli.writers import fresh_folder

    folder = fresh_folder(
        given.pop("project", "runs/benchmark"), given.pop("name", "benchmark"), exist_ok=False
    )
    table = benchmark(given.pop("model"), given.pop("data"), say=output.note, **given)
    table.save(folder)
    output.show(str(table), table.to_json())
    output.note(f"table and picture are in {folder}")
    return 0


BENCHMARK = Command(
    name="benchmark",
    about="measure speed, memory, size and AP of weights in every form they can be exported to",
    run=_benchmark,
    arguments=(
        MODEL,
        Argument(
            name="data",
            kind=TEXT,
            about="annotated images: a folder, .json or data.yaml",
            default="FOLDER",
            is_required=True,
        ),
        Argument(name="split", kind=TEXT, about="which part of it", default="val"),
        Argument(
            name="formats",
            kind=list_of(TEXT),
            about="which forms; the first is what the others are compared with",
            default="weights,weights-half,torch,onnx,onnx-int8,openvino,openvino-half,openvino-int8",
        ),
        Argument(name="images", kind=WHOLE, about="images that are timed, one by one", default="50"),
        Argument(name="batch", kind=WHOLE, about="images at once for the throughput", default="8"),
        Argument(name="threads", kind=WHOLE, about="threads that each form may use", default="1"),
        Argument(
            name="device", kind=TEXT, about="where the weights run; files run on the processor", default="cpu"
        ),
        Argument(name="project", kind=TEXT, about="folder of results", default="runs/benchmark"),
        Argument(name="name", kind=TEXT, about="name of the folder of this one", default="benchmark"),
    ),
    examples=(
        "centernet benchmark model=blood-cells data=datasets/cells",
        "centernet benchmark model=runs/detect/train data=datasets/cells formats=weights,onnx,openvino-int8",
    ),
    details=(
        "The forms take turns, image by image, each in a process of its own. Times are from pixels to "
        "detections. Forms whose packages are not installed are named and left out."
    ),
)
