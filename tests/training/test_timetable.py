"""The timetable of a training, by steps and by the clock, and the callback that keeps a time limit."""

import lightning as L
import pytest

from centernet.recipes.recipe import Recipe
from centernet.training.timetable import VALIDATIONS, TimeLimit, Timetable


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(clock: Clock) -> Timetable:
    recipe = Recipe(epochs=10, plain_epochs=2, minutes=1.0)
    return Timetable(recipe=recipe, started=1000.0, clock=clock)


def trainer() -> L.Trainer:
    running = L.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, max_epochs=-1)
    running.fit_loop.epoch_progress.current.completed = 4
    assert running.current_epoch == 4
    return running


def validates(running: L.Trainer) -> bool:
    """True if Lightning validates after this epoch."""
    assert running.check_val_every_n_epoch
    return (running.current_epoch + 1) % running.check_val_every_n_epoch == 0


def test_without_a_limit_the_epoch_is_that_of_the_steps() -> None:
    timetable = Timetable(recipe=Recipe(epochs=10, plain_epochs=2), steps_per_epoch=4)

    assert timetable.epoch(6) == 1.5
    assert [timetable.is_plain(epoch) for epoch in (0, 7, 8, 9)] == [False, False, True, True]


def test_with_a_limit_the_whole_schedule_fills_the_time(timed: Timetable, clock: Clock) -> None:
    assert (timed.epoch(123), timed.is_plain(123)) == (0, False)
    clock.now += 30
    timed.update()
    assert (timed.epoch(0), timed.is_plain(0)) == (5, False)
    clock.now += 18
    timed.update()
    assert (timed.epoch(0), timed.is_plain(0)) == (8, True)


def test_the_time_of_the_last_validation_is_kept_free(timed: Timetable, clock: Clock) -> None:
    timed.final = 20
    clock.now += 20
    timed.update()

    assert timed.fraction == 0.5


def test_the_fraction_never_falls_when_the_last_validation_turns_out_quicker(
    timed: Timetable, clock: Clock
) -> None:
    timed.final = 30
    clock.now += 20
    timed.update()
    timed.final = 0
    timed.update()

    assert timed.fraction == pytest.approx(2 / 3)


def test_a_training_stops_when_its_time_is_over(timed: Timetable, clock: Clock) -> None:
    limit, running = TimeLimit(timed), trainer()
    limit.on_train_batch_end(running)
    assert not running.should_stop
    clock.now += 60
    limit.on_train_batch_end(running)

    assert running.should_stop
    assert validates(running)


def test_validations_are_spread_over_the_time(timed: Timetable, clock: Clock) -> None:
    limit, running = TimeLimit(timed), trainer()
    limit.on_train_epoch_start(running)
    assert not validates(running)
    clock.now += 60 / VALIDATIONS
    limit.on_train_batch_end(running)
    assert validates(running)


def test_slow_validations_become_rare(timed: Timetable, clock: Clock) -> None:
    limit, running = TimeLimit(timed), trainer()
    clock.now += 6
    limit.on_validation_start(running, None)
    clock.now += 6
    limit.on_train_epoch_end(running, None)
    clock.now += 20
    limit.on_train_batch_end(running)

    assert not validates(running)
    assert timed.final == pytest.approx(16.2)


def test_a_resumed_training_has_the_time_that_is_left(timed: Timetable, clock: Clock) -> None:
    clock.now += 30
    state = TimeLimit(timed).state_dict()
    later = Timetable(recipe=timed.recipe, started=5000.0, clock=lambda: 5006.0)
    TimeLimit(later).load_state_dict(state)

    assert later.seconds == 36
    assert later.seconds_left == 24
