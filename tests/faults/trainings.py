"""Trainings of seconds, one for each task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from centernet.data.synthetic import write_scenes

EPOCHS = 5

_WORDS = (
    "model=nano backbone=slim channels=8 head_channels=8 regression_channels=0 imgsz=64 batch=4 workers=1 "
    f"device=cpu start=none epochs={EPOCHS}"
)


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training.

    Attributes:
        task: Its task, as the command line names it.
        scenes: Settings of its images.
    """

    task: str
    scenes: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Writes its images into a new folder."""
        return write_scenes(folder, **{"train": 12, "val": 4, "size": 64, **self.scenes})

    def words(self, data: Path, project: Path) -> list[str]:
        """The command line that trains into `project/run`."""
        own = (f"data={data}", f"task={self.task}", f"project={project}", "name=run")
        return ["train", *own, *_WORDS.split()]


TRAININGS = {
    "boxes": Training(task="detect"),
    "pose": Training(task="pose", scenes={"mode": "figures", "num_keypoints": 5}),
    "3D": Training(task="mono3d", scenes={"mode": "roads", "size": (64, 128), "format": "kitti", "train": 8}),
    "triplet": Training(task="triplet"),
}
