"""The graph in an exported file: pixels in, detections out."""

import copy

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from centernet.errors import UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.structures.outputs import groups_of, values_by_role

_MAX_STEPS = 256
"""Maximum side of the input, in divisors."""


class DetectionGraph(nn.Module):
    """A detector from the pixels of its input to detections in input pixels, best first.

    It has a copy of the network, on the CPU.

    Args:
        predictor: Network, task and preprocessing.
        half: The network computes in 16 bits; preprocessing and decoding in 32.

    Attributes:
        outputs: What `forward` gives, by name and in this order: the outputs that the task declares.

    Raises:
        UsageError: The task does not decode what it declares, or what it declares cannot be compared.
    """

    def __init__(self, predictor: TorchPredictor, *, half: bool = False) -> None:
        super().__init__()
        self._dtype = torch.float16 if half else torch.float32
        self.network = copy.deepcopy(predictor.network).cpu().to(self._dtype).eval()
        self._predictor = predictor
        self.outputs = predictor.task.outputs
        self._check_outputs()

    @property
    def short(self) -> int:
        """Pixels by which the sides of inputs are smaller than a multiple of the divisor."""
        return self._predictor.short

    @property
    def sides(self) -> tuple[int, int]:
        """Sides of an input whose map has at least `top_k` cells."""
        divisor, stride = self.network.backbone.divisor, self.network.stride
        rows = 2
        while (rows * divisor // stride) ** 2 < self._predictor.task.top_k:
            rows += 1
        return rows * divisor - self.short, (rows + 1) * divisor - self.short

    def traced(self) -> torch.export.ExportedProgram:
        """The traced program, for any number of images and any sides that the network takes."""
        divisor = self.network.backbone.divisor
        rows, columns = (torch.export.Dim(name, min=1, max=_MAX_STEPS) for name in ("rows", "columns"))
        shape = {0: torch.export.Dim("batch"), 2: divisor * rows, 3: divisor * columns}
        if self.short:
            shape |= {2: divisor * rows - self.short, 3: divisor * columns - self.short}
        # Two images, and sides that differ: the tracer takes equal numbers, and 1, for constants.
        images = torch.zeros(2, 3, *self.sides, dtype=torch.uint8)
        with torch.no_grad():
            return torch.export.export(self, (images,), dynamic_shapes={"images": shape}, strict=False)

    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The outputs of the task, in the order of `outputs`.

        Args:
            images: RGB, 0 to 255; sides are multiples of the network's divisor, or `short` of them.
        """
        found = self._decoded(images)
        return tuple(found[name] for name in self.outputs)

    def _check_outputs(self) -> None:
        task = type(self._predictor.task).__name__
        with torch.inference_mode():
            found = self._decoded(torch.zeros(1, 3, *self.sides, dtype=torch.uint8))
        for name in self.outputs:
            if name not in found:
                raise UsageError(f"{task}.outputs declares {name!r}, but {task}.decode does not return it")
        for group in groups_of(self.outputs):
            roles = values_by_role(found, self.outputs, group)
            for role in ("label", "location", "score"):
                if role not in roles:
                    raise UsageError(
                        f"{task}.outputs: the group {group!r} has no output with role={role!r}: add one"
                    )

    def _decoded(self, images: UInt8[Tensor, "b 3 h w"]) -> dict[str, Tensor]:
        maps = self.network.last_maps(self._predictor.normalize(images).to(self._dtype), at_cells=True)
        return self._predictor.task.decode(maps, self.network.stride)
