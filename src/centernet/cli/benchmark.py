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
    output.note(f"table and plot are in {folder}")
    return 0


BENCHMARK = Command(
    name="benchmark",
    about="measure speed, memory, size and AP of weights and of each format they can be exported to",
    run=_benchmark,
    arguments=(
        MODEL,
        Argument(
            name="data",
            type=TEXT,
            about="annotated images: a folder, .json or data.yaml",
            default="FOLDER",
            is_required=True,
        ),
        Argument(name="split", type=TEXT, about="split of the data set", default="val"),
        Argument(
            name="formats",
            type=list_of(TEXT),
            about="variants to compare; the others are compared with the first",
            default="weights,weights-half,torch,onnx,onnx-int8,openvino,openvino-half,openvino-int8",
        ),
        Argument(name="images", type=WHOLE, about="images that are timed one by one", default="50"),
        Argument(name="batch", type=WHOLE, about="images in a batch for the throughput", default="8"),
        Argument(name="threads", type=WHOLE, about="threads of each variant", default="1"),
        Argument(
            name="device",
            type=TEXT,
            about="device of the weights; exported files run on the processor",
            default="cpu",
        ),
        Argument(name="project", type=TEXT, about="folder of results", default="runs/benchmark"),
        Argument(name="name", type=TEXT, about="name of the folder in it", default="benchmark"),
    ),
    examples=(
        "centernet benchmark model=blood-cells data=datasets/cells",
        "centernet benchmark model=runs/detect/train data=datasets/cells formats=weights,onnx,openvino-int8",
    ),
    details=(
        "The variants take turns, image by image, each in a process of its own. Times are from pixels to "
        "detections. Variants whose packages are not installed are named and left out."
    ),
)
