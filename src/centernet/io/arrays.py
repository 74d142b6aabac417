"""Images in memory, of Pillow, NumPy and torch, to 8-bit RGB arrays."""

import sys
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from centernet.errors import UsageError
from centernet.io.images import to_rgb

Rgb = UInt8[np.ndarray, "h w 3"]


def holds_pixels(value: object) -> bool:
    """True for a Pillow image, an array or a tensor."""
    return isinstance(value, Image.Image | np.ndarray) or _is_tensor(value)


def rgb_of(image: Any) -> Rgb:
    """The pixels of a Pillow image, of an array `(h w 3)` or `(h w)`, or of a tensor `(3 h w)`.

    Arrays and tensors are RGB: one that OpenCV read is BGR, and must be converted with `image[..., ::-1]`.
    The EXIF orientation of a Pillow image is not applied.

    Raises:
        UsageError: Another shape or type of numbers; the message has the shape or type to pass.
        ValueError: The file behind a Pillow image is broken.
    """
    if isinstance(image, Image.Image):
        try:
            return to_rgb(image)
        except OSError as error:
            raise ValueError(f"the image cannot be decoded ({error})") from error
    return _rgb_of_array(image) if isinstance(image, np.ndarray) else _rgb_of_tensor(image)


def _is_tensor(value: object) -> bool:
    # A tensor exists only where torch is imported already; other callers need not wait for the import.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _rgb_of_array(image: np.ndarray) -> Rgb:
    if 0 in image.shape or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise UsageError(
            f"an image array is RGB of shape (height, width, 3), or grey (height, width); got "
            f"{image.shape}{_shape_hint(image.shape)}"
        )
    if image.dtype != np.uint8:
        is_fraction = image.dtype.kind == "f" and float(np.nanmax(image)) <= 1
        hint = "(255 * image).astype(np.uint8)" if is_fraction else "image.astype(np.uint8) if 255 is white"
        raise UsageError(f"an image array holds uint8, 0 to 255; got {image.dtype}: pass {hint}")
    return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else np.ascontiguousarray(image)


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] == 3:
        return ": pass image.transpose(1, 2, 0)"
    if len(shape) == 3 and shape[2] == 4:
        return ": pass image[..., :3]"
    return ": pass list(images) for several" if len(shape) == 4 else ""


def _rgb_of_tensor(image: Any) -> Rgb:
    shape = tuple(image.shape)
    if len(shape) != 3 or shape[0] != 3 or 0 in shape:
        hint = ": pass list(images) for several" if len(shape) == 4 else ""
        raise UsageError(f"an image tensor is RGB of shape (3, height, width); got {shape}{hint}")
    pixels = image.detach().cpu()
    if pixels.is_floating_point():
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high <= 1):
            raise UsageError(
                f"an image tensor of floats holds 0 to 1, before any normalising; got {low:g} to {high:g}"
            )
        pixels = (pixels.float() * 255).round().byte()
    array: np.ndarray = pixels.numpy()
    if array.dtype != np.uint8:
        raise UsageError(f"an image tensor holds uint8 or floats from 0 to 1; got {image.dtype}")
    return np.ascontiguousarray(array.transpose(1, 2, 0))
