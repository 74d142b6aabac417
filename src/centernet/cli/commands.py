"""All commands, in the order of the help. To add one, add it here."""

from centernet.cli.benchmark import BENCHMARK
from centernet.cli.command import Command
from centernet.cli.convert import CONVERT
from centernet.cli.datasets import DOCTOR, PREVIEW, SPLIT
from centernet.cli.export import EXPORT
from centernet.cli.measure import SCORE, VAL
from centernet.cli.models import MODELS
from centernet.cli.predict import PREDICT
from centernet.cli.train import DEMO, PLAN, TRAIN

_ALL = (
    *(DEMO, PLAN, TRAIN, VAL, PREDICT, SCORE),
    *(DOCTOR, PREVIEW, SPLIT),
    *(CONVERT, EXPORT, BENCHMARK, MODELS),
)
COMMANDS: dict[str, Command] = {command.name: command for command in _ALL}
"""Each command by the word to type."""
