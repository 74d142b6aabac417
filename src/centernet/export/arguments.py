"""What `export` is asked for, and where the file goes."""

from pathlib import Path

from centernet.errors import UsageError
from centernet.inference.backends.formats import FORMATS

_OTHERS = {
    **dict.fromkeys(("torchscript", "pt2", "pt", "pytorch"), "format=torch writes a program of torch.export"),
    **dict.fromkeys(("engine", "tensorrt", "trt"), "format=onnx is what TensorRT builds its engines from"),
    **{name: f"write format={name}" for name in FORMATS},
}
"""What to write instead of formats that other programs have."""


def precision_of(format: str, *, half: bool, int8: bool, has_data: bool) -> str:  # noqa: A002
    """One of `TOLERANCES`.

    Raises:
        UsageError: No such format, two precisions, or images to measure on where none are needed, or none.
    """
    if format not in FORMATS:
        hint = _OTHERS.get(format.lower()) or f"format is one of {', '.join(FORMATS)}"
        raise UsageError(f"no format {format!r}: {hint}")
    if half and int8:
        raise UsageError("half and int8 are two precisions: choose one")
    if int8 != has_data:
        raise UsageError(
            "int8=true needs images to be measured on: add data=FOLDER"
            if int8
            else "data is what int8=true is measured on: add it, or pass source= to compare on images"
        )
    return "int8" if int8 else "fp16" if half else "fp32"


def location_of(output: str | Path | None, model: str, format: str, precision: str) -> Path:  # noqa: A002
    """Where a written file goes: in the working folder, called after the model, unless a place is given.

    Raises:
        UsageError: The place has another ending than the format.
    """
    kind = FORMATS[format]
    if output is None:
        mark = "" if precision == "fp32" else f"-{precision}"
        return Path(f"{Path(model).resolve().name}{mark}{kind.ending}")
    path = Path(output)
    if kind.is_folder and path.suffix in (".xml", *(one.ending for one in FORMATS.values())):
        raise UsageError(f"format {format} writes a folder; got {path}: leave {path.suffix} out")
    if not kind.is_folder and path.suffix != kind.ending:
        raise UsageError(f"a file of format {format} ends in {kind.ending}; got {path}")
    return path
