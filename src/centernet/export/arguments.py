"""Arguments of `export`: format, precision and path of the file."""

from pathlib import Path

from centernet.errors import UsageError
from centernet.inference.backends.formats import FORMATS
from centernet.io.paths import resolved
from centernet.io.writing import check_replaceable

_HINTS = {
    **dict.fromkeys(("torchscript", "pt2", "pt", "pytorch"), "format=torch writes a program of torch.export"),
    **dict.fromkeys(("engine", "tensorrt", "trt"), "format=onnx is what TensorRT builds its engines from"),
    **{name: f"write format={name}" for name in FORMATS},
}
"""Hints for formats of other programs."""


def precision_of(format: str, *, half: bool, int8: bool, has_data: bool) -> str:  # noqa: A002
    """One of `TOLERANCES`.

    Raises:
        UsageError: No such format, two precisions, or calibration images missing or not needed.
    """
    if format not in FORMATS:
        hint = _HINTS.get(format.lower()) or f"format is one of {', '.join(FORMATS)}"
        raise UsageError(f"no format {format!r}: {hint}")
    if half and int8:
        raise UsageError("half and int8 are two precisions: choose one")
    if int8 != has_data:
        raise UsageError(
            "int8=true needs images to calibrate on: add data=FOLDER"
            if int8
            else "data is what int8=true is calibrated on: add int8=true, or compare on source="
        )
    return "int8" if int8 else "fp16" if half else "fp32"


def location_of(
    output: str | Path | None,
    model: str,
    format: str,  # noqa: A002
    precision: str,
    *,
    exist_ok: bool = False,
) -> Path:
    """Path of the exported file: in the working folder, named after the model, unless one is given.

    Raises:
        UsageError: The path has another ending than the format, or exists and may not be replaced.
    """
    path = _named(output, model, format, precision)
    check_replaceable(path, exist_ok=exist_ok)
    return path


def _named(output: str | Path | None, model: str, format: str, precision: str) -> Path:  # noqa: A002
    chosen = FORMATS[format]
    if output is None:
        suffix = "" if precision == "fp32" else f"-{precision}"
        return Path(f"{resolved(model).name}{suffix}{chosen.ending}")
    path = Path(output)
    if chosen.is_folder and path.suffix in (".xml", *(one.ending for one in FORMATS.values())):
        raise UsageError(f"format {format} writes a folder; got {path}: leave {path.suffix} out")
    if not chosen.is_folder and path.suffix != chosen.ending:
        raise UsageError(f"a file of format {format} ends in {chosen.ending}; got {path}")
    return path
