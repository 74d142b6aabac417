"""From the name of a model to its predictor; torch is imported only where weights are opened."""

from pathlib import Path
from typing import TYPE_CHECKING

from centernet.errors import UsageError, check_bounds
from centernet.inference.backends.formats import is_exported
from centernet.inference.exported import ExportedPredictor
from centernet.inference.options import InferenceOptions
from centernet.inference.stream import Predictor, with_options
from centernet.io.paths import expanded
from centernet.recipes.presets import RECIPES
from centernet.weights import zoo

if TYPE_CHECKING:
    import torch

    from centernet.inference.predictor import TorchPredictor


def open_predictor(
    model: str, device: str | int, *, trust: bool = False
) -> "tuple[Predictor | None, torch.device | str]":
    """The predictor of a model, None for a recipe, which has no weights yet; and its device.

    Args:
        model: As for `CenterNet`.
        device: As for `CenterNet`.
        trust: As for `CenterNet`.

    Raises:
        UsageError: The device cannot be used, or the package that runs an exported file is not installed.
        InputError: There is no such model, or its files are broken.
    """
    # A path would lose one of the slashes of `hf://owner/name`.
    model = model if model.startswith("hf://") else str(expanded(model))
    if is_exported(model):
        if device not in ("auto", "cpu"):
            raise UsageError(f"{model} runs on the processor: leave device={device} out")
        return ExportedPredictor.of(Path(model), trust=trust), "cpu"
    from centernet.hardware import device_of
    from centernet.weights import files as weights
    from centernet.weights.hub import fetch

    chosen = device_of(device)
    is_recipe = model in RECIPES and model not in zoo.names()
    if is_recipe and not weights.has_weights(Path(model)):
        return None, chosen
    return weights.load(fetch(model), chosen), chosen


def require_weights(model: str, predictor: Predictor | None) -> "TorchPredictor":
    """The predictor, for what cannot be done without a network in torch.

    Args:
        model: Name of the model, for the error.
        predictor: As opened.

    Raises:
        UsageError: It is an exported file, or a recipe that has not been trained yet.
    """
    if predictor is None:
        known = ", ".join(zoo.names())
        raise UsageError(f"{model!r} is a recipe without weights: train it, or open weights such as {known}")
    if isinstance(predictor, ExportedPredictor):
        raise UsageError(f"{model} is an exported file, and this needs the weights it was exported from")
    from centernet.inference.predictor import TorchPredictor

    assert isinstance(predictor, TorchPredictor)
    return predictor


def check_weights_folder(folder: str | Path) -> None:
    """Raises a `UsageError` if the name of a weights folder is that of another type of file."""
    suffix = Path(folder).suffix
    if is_exported(str(folder)) or suffix in (".onnx", ".pt2", ".xml"):
        raise UsageError(f"{folder} is the name of an exported file: export(format, output=...) writes it")
    if suffix in (".pt", ".pth", ".ckpt", ".safetensors"):
        raise UsageError(f"weights are a folder of three files: leave {suffix} out of {folder}")


def configured(
    trained: Predictor,
    model: str,
    options: InferenceOptions,
    batch: int,
    workers: int | None,
    max_det: int | None,
    default_max_det: int | None = None,
) -> Predictor:
    """A predictor with the options of a call.

    Args:
        trained: The predictor.
        model: Its name in messages.
        options: Options of inference.
        batch: Images in a batch.
        workers: Threads; None for the default.
        max_det: Maximum number of detections as it was given; None for the default.
        default_max_det: That default; None for as many as the weights were trained with.

    Raises:
        UsageError: An impossible argument, or one that the predictor cannot follow.
    """
    check_bounds(batch=batch, max_det=max_det, workers=workers)
    predictor = with_options(trained, options, default_max_det if max_det is None else max_det)
    is_single = options.slice is None and len(options.scales) == 1
    if max_det is not None and max_det > predictor.max_detections and is_single:
        raise UsageError(
            f"{model} gives at most {predictor.max_detections} detections of an image; "
            f"got max_det={max_det}: leave it out, or use the weights"
        )
    return predictor
