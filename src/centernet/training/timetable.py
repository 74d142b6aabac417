"""How far a training is: by its steps, or by the clock if it has a time limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import lightning as L

from centernet.recipes.recipe import Recipe

VALIDATIONS = 12
"""Validations of a run with a time limit, if they are quick."""

_VALIDATION_SHARE = 0.15
"""Largest fraction of a time limit that is spent on validation, but for the last one."""


@dataclass(kw_only=True)
class Timetable:
    """The place in the schedule of a training, in epochs of its recipe.

    Without a time limit these are the epochs themselves. With one, the whole schedule fills the time, however
    many steps that is, and the epochs of the recipe only say which fraction of it comes when.

    Attributes:
        recipe: Its schedule, and its time limit, `minutes`.
        steps_per_epoch: Steps of the optimiser in an epoch.
        started: Time of `clock` at which the training began, seconds.
        clock: A clock in seconds; only differences of its values count.
        used: Seconds that a resumed training took before.
        final: Seconds that the last validation and the evaluation of the best weights take.
    """

    recipe: Recipe
    steps_per_epoch: int = 1
    started: float = 0.0
    clock: Callable[[], float] = time.monotonic
    used: float = 0.0
    final: float = 0.0
    _fraction: float = field(default=0.0, init=False)

    @property
    def is_timed(self) -> bool:
        """True if there is a time limit."""
        return self.recipe.minutes > 0

    @property
    def seconds(self) -> float:
        """Seconds since the beginning, with those before it was resumed."""
        return self.used + self.clock() - self.started

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit."""
        return 60 * self.recipe.minutes - self.seconds

    @property
    def fraction(self) -> float:
        """Fraction of the time for training that had passed at the last `update`, at most 1."""
        return self._fraction

    def update(self) -> float:
        """Reads the clock; the steps and images that follow are those of this moment."""
        limit = max(60 * self.recipe.minutes - self.final, 1.0)
        self._fraction = max(self._fraction, min(1.0, self.seconds / limit))
        return self._fraction

    def set(self, fraction: float) -> None:
        """Takes the fraction of another process, so that all have the same learning rate."""
        self._fraction = fraction

    def epoch(self, step: int) -> float:
        """The place of a step in the schedule, epochs of the recipe."""
        return self._fraction * self.recipe.epochs if self.is_timed else step / self.steps_per_epoch

    def is_plain(self, epoch: int) -> bool:
        """True if images are not flipped, rotated or mixed now, in this epoch: see `plain_epochs`."""
        now = self._fraction * self.recipe.epochs if self.is_timed else epoch
        return self.recipe.plain_epochs > 0 and now >= self.recipe.epochs - self.recipe.plain_epochs


class TimeLimit(L.Callback):
    """Stops a training when its time is over, and spreads its validations over that time.

    Must come before the callback that evaluates, which takes the time of a validation.

    Args:
        timetable: Timetable of the training.
    """

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._next = 1 / VALIDATIONS
        self._validation_began = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The time used and the next validation, kept in `last.ckpt`."""
        return {"seconds": self._timetable.seconds, "next": self._next, "final": self._timetable.final}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores them."""
        self._timetable.used = state_dict["seconds"]
        self._next, self._timetable.final = state_dict["next"], state_dict["final"]

    def on_train_epoch_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Validates after this epoch if it is time to."""
        self._update(trainer)
        self._choose(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Reads the clock; stops after this batch when the time is over."""
        self._update(trainer)
        self._choose(trainer)
        if self._timetable.fraction >= 1:
            trainer.should_stop = True

    def on_validation_start(self, *_: Any) -> None:
        """Starts the clock of the validation."""
        self._validation_began = self._timetable.seconds

    def on_train_epoch_end(self, *_: Any) -> None:
        """Notes how long the validation took, which decides when the next is due."""
        if not self._validation_began:
            return
        took = self._timetable.seconds - self._validation_began
        # The last validation, and the evaluation of the best weights with its plots.
        self._timetable.final = 2.2 * took + 3
        share = took / (60 * self._timetable.recipe.minutes * _VALIDATION_SHARE)
        self._next = self._timetable.update() + max(1 / VALIDATIONS, share)
        self._validation_began = 0.0

    def _update(self, trainer: L.Trainer) -> None:
        fraction = self._timetable.update()
        if trainer.world_size > 1:
            self._timetable.set(trainer.strategy.broadcast(fraction))

    def _choose(self, trainer: L.Trainer) -> None:
        is_due = self._timetable.fraction >= min(self._next, 1.0)
        # Lightning validates after epochs whose number this divides.
        trainer.check_val_every_n_epoch = 1 if is_due else trainer.current_epoch + 2
