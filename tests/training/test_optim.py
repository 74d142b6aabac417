"""Optimisers and learning rate schedules."""

import pytest
from torch import nn

from centernet.recipes.recipe import SETTINGS, Recipe
from centernet.training.optim import OPTIMIZERS, SCHEDULES, build_optimizer, build_schedule
from centernet.training.timetable import Timetable


def rates(recipe: Recipe, steps_per_epoch: int, count: int) -> list[float]:
    optimizer = build_optimizer(nn.Linear(2, 2), recipe)
    schedule = build_schedule(optimizer, Timetable(recipe=recipe, steps_per_epoch=steps_per_epoch))
    values = []
    for _ in range(count):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return values


def test_the_rate_rises_over_the_warmup_and_falls_to_a_hundredth() -> None:
    recipe = Recipe(lr=1.0, epochs=10, warmup_epochs=1.0, schedule="cosine")

    values = rates(recipe, steps_per_epoch=10, count=101)

    assert values[:10] == sorted(values[:10])
    assert max(values) == pytest.approx(1.0, abs=0.05)
    assert values[-1] == pytest.approx(0.01)


def test_the_step_schedule_divides_by_ten_after_its_epochs() -> None:
    recipe = Recipe(lr=1.0, epochs=6, warmup_epochs=0.0, schedule="step", lr_steps=(2, 4))

    values = rates(recipe, steps_per_epoch=1, count=6)

    assert values == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01, 0.01])


def test_biases_and_normalisation_layers_have_no_weight_decay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    decaying, free = build_optimizer(network, Recipe(weight_decay=0.1)).param_groups

    assert [tuple(p.shape) for p in decaying["params"]] == [(4, 3, 3, 3)]
    assert decaying["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0.0


def test_the_encoder_has_groups_of_its_own_whose_rate_follows_the_same_schedule() -> None:
    encoder, neck = nn.Linear(2, 3), nn.Linear(3, 4)
    recipe = Recipe(lr=1.0, lr_encoder=0.1, epochs=2, warmup_epochs=0.0, schedule="step", lr_steps=(1,))
    optimizer = build_optimizer(nn.Sequential(encoder, neck), recipe, [encoder])
    schedule = build_schedule(optimizer, Timetable(recipe=recipe, steps_per_epoch=1))
    first = [group["lr"] for group in optimizer.param_groups]
    optimizer.step()
    schedule.step()

    assert [[tuple(p.shape) for p in group["params"]] for group in optimizer.param_groups] == [
        [(4, 3)],
        [(4,)],
        [(3, 2)],
        [(3,)],
    ]
    assert first == pytest.approx([1.0, 1.0, 0.1, 0.1])
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_without_a_rate_for_the_encoder_all_weights_have_the_same() -> None:
    encoder = nn.Linear(2, 3)
    groups = build_optimizer(nn.Sequential(encoder, nn.Linear(3, 4)), Recipe(), [encoder]).param_groups

    assert [group["lr"] for group in groups] == [1e-3, 1e-3]


@pytest.mark.parametrize(("key", "built"), [("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)])
def test_every_optimiser_and_schedule_a_recipe_allows_can_be_built(
    key: str, built: dict[str, object]
) -> None:
    allowed = SETTINGS[key].allowed

    assert allowed is not None
    assert set(allowed.choices) == set(built)
