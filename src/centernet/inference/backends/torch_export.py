"""Programs of `torch.export`, run by torch without the networks of the library."""

from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from centernet.errors import InputError, UsageError
from centernet.hardware import max_concurrent_jobs
from centernet.inference.backends.base import Arrays, ModelMetadata, refuse_half
from centernet.inference.backends.torch_archive import check_archive
from centernet.io.plain_files import read_plain
from centernet.io.values import read_json

METADATA_KEY = "centernet.json"
"""Name of the metadata in the program."""


def refuse_foreign(path: Path) -> None:
    """Raises the error for a program that nobody said to trust.

    Raises:
        InputError: The file is damaged, or holds code.
        UsageError: It is a program without any, of whose expressions torch evaluates the text as it opens.
    """
    check_archive(read_plain(path), str(path))
    raise UsageError(
        f"{path} is a program, and torch evaluates expressions in it when it is opened: add trust=true if "
        "you or somebody you trust exported it; .onnx is the form for files of others"
    )


class TorchExportBackend:
    """An `InferenceBackend` for `.pt2` programs.

    The archive is checked before torch opens it, see `check_archive`; open only files that you trust.

    Args:
        path: The file.

    Raises:
        UsageError: torch is not installed.
        InputError: The program is damaged, holds code, or was not written by `centernet export`.
    """

    def __init__(self, path: Path) -> None:
        try:
            import torch
        except ImportError as error:
            raise UsageError("a .pt2 file needs torch: pip install centernet") from error
        self.name = str(path)
        extra = {METADATA_KEY: ""}
        content = read_plain(path)
        check_archive(content, self.name)
        try:
            # The bytes that were checked: the file may be another one by now.
            program = torch.export.load(BytesIO(content), extra_files=extra)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{self.name} is not a complete torch program ({reason}): copy or export it again"
            ) from error
        self.metadata = ModelMetadata.read(read_json(extra[METADATA_KEY] or "{}", self.name), self.name)
        # Its guards are the comparisons of map sizes in tracing, not limits of what it can compute.
        self._torch, self._run = torch, program.module(check_guards=False)
        self.max_concurrency = max_concurrent_jobs(torch.get_num_threads())

    def run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool = False) -> Arrays:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.
            half: Not available.

        Raises:
            UsageError: A side that the network cannot take, or `half`.
        """
        refuse_half(half, self.name)
        self.metadata.check(images, self.name)
        try:
            with self._torch.inference_mode():
                values = self._run(self._torch.from_numpy(images))
        except RuntimeError as error:
            (height, width), reason = images.shape[2:], str(error).splitlines()[0]
            raise UsageError(
                f"{self.name} takes no inputs of {width}×{height} ({reason}): use the weights"
            ) from error
        return {name: value.numpy() for name, value in zip(self.metadata.outputs, values, strict=True)}
