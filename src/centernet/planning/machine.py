"""The machine that a training runs on."""

from dataclasses import dataclass

from centernet.hardware import device_of, usable_cores


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine that a training runs on.

    Attributes:
        device: `cpu`, `cuda`, `mps`.
        cores: Cores that this process may use.
    """

    device: str
    cores: int

    @classmethod
    def here(cls, device: str) -> "Machine":
        """This machine.

        Args:
            device: Device of a recipe: `auto`, `cpu`, `cuda:1`, `0,1`.
        """
        return cls(device=device_of(device.partition(",")[0]).type, cores=usable_cores())

    @property
    def has_gpu(self) -> bool:
        """True if the training runs on a GPU."""
        return self.device != "cpu"

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{cores}, {self.device if self.has_gpu else 'no GPU'}"
