"""The plan of a training: its rules, and how chosen settings overrule them."""

from dataclasses import replace
from typing import Any

import pytest
from tests.helpers.planning import dataset

from centernet.errors import UsageError
from centernet.planning.machine import Machine
from centernet.planning.plan import Plan
from centernet.planning.planner import is_planned, make_plan, plan_fine_tuning
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories, Dataset

CPU = Machine(device="cpu", cores=2)
GPU = Machine(device="cuda", cores=16)


def images(count: int = 80, size: tuple[int, int] = (480, 640), box: float = 100, each: int = 2) -> Dataset:
    own = [[20.0 * i, 10, 20.0 * i + box, 10 + box] for i in range(each)]
    return dataset([size] * count, [own] * count)


def plan(
    data: Dataset, model: str = "auto", machine: Machine = CPU, weights: Any = None, **chosen: Any
) -> Plan:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "here", lambda _device: machine)
        return make_plan(data, model, chosen, weights or {})


def test_a_processor_gets_the_slim_network_and_a_gpu_a_larger_one() -> None:
    assert plan(images()).recipe.backbone == "slim"
    assert plan(images(), machine=GPU).recipe.backbone == "timm/resnet10t"


@pytest.mark.parametrize("model", ["nano", "small", "base", "large"])
def test_the_size_that_is_asked_for_is_taken(model: str) -> None:
    assert plan(images(), model=model, machine=GPU).network == model


def test_what_is_chosen_overrules_every_decision() -> None:
    chosen = {
        "imgsz": 416,
        "rect": False,
        "batch": 7,
        "epochs": 3,
        "lr": 0.01,
        "mosaic": 0.5,
        "box_bins": 0,
        "sides_weight": 0.0,
        "top_k": 10,
        "val_every": 2,
    }
    planned = plan(images(), **chosen)

    assert {key: getattr(planned.recipe, key) for key in chosen} == chosen
    shown = str(planned)
    assert "imgsz=416" in shown.splitlines()[-1]
    assert "imgsz" not in "".join(shown.splitlines()[2:-1])


def test_a_chosen_number_of_epochs_moves_what_depends_on_it() -> None:
    recipe = plan(images(), epochs=50).recipe

    assert (recipe.lr_steps, recipe.plain_epochs, recipe.val_every) == ((40,), 10, 3)


@pytest.mark.parametrize(
    ("size", "box", "imgsz"),
    [
        ((480, 640), 100, 320),  # ordinary objects
        ((480, 640), 18, 512),  # small ones need more pixels
        ((2000, 3000), 20, 2048),  # very small ones need very many
        ((128, 128), 30, 128),  # no more than the images have
    ],
)
def test_the_input_is_as_large_as_small_objects_need(size: tuple[int, int], box: float, imgsz: int) -> None:
    assert plan(images(size=size, box=box)).recipe.imgsz == imgsz


def test_keypoints_are_the_likeliest_peaks() -> None:
    assert plan(images(each=1), task="pose").recipe.snap_sigma == 0.4
    assert plan(images(), task="pose").recipe.snap_sigma == 0.2
    assert plan(images()).recipe.snap_sigma == 0
    assert plan(images(), task="pose").recipe.place_weight == 1


def of_several_sizes(boxes: tuple[float, float, float]) -> Dataset:
    sides = [(400, 400), (800, 600), (1000, 1200)]
    return dataset(sides * 4, [[[10.0, 10, 10 + box, 10 + box]] for box in boxes] * 4)


def test_images_whose_objects_have_one_size_in_pixels_keep_their_scale() -> None:
    recipe = plan(of_several_sizes((38, 42, 40))).recipe

    assert (recipe.image_scale, recipe.imgsz, recipe.rect) == (1.0, 320, False)
    assert plan(of_several_sizes((150, 160, 160))).recipe.image_scale == pytest.approx(0.3)
    # Objects as large as their image, relative to it; inputs by hand; images too large to validate whole.
    assert plan(of_several_sizes((40, 80, 120))).recipe.image_scale == 0
    assert plan(of_several_sizes((38, 42, 40)), imgsz=512).recipe.image_scale == 0
    huge = dataset([(400, 400), (3000, 3000)] * 4, [[[10.0, 10, 30, 30]]] * 8)
    assert plan(huge).recipe.image_scale == 0


def test_a_gpu_has_time_for_larger_whole_inputs() -> None:
    small = images(size=(1000, 1000), box=15)
    assert plan(small, machine=GPU).recipe.crop == 0
    assert plan(images(size=(2000, 3000), box=20), machine=GPU).recipe.crop == 512


def test_large_inputs_are_learned_by_crops() -> None:
    small = images(size=(960, 1280), box=18)
    recipe = plan(small).recipe

    assert (recipe.imgsz, recipe.crop, recipe.rect) == (1024, 320, True)
    assert plan(small, imgsz=640).recipe.crop == 0
    tuned = plan_fine_tuning(small, "best.safetensors", Recipe(backbone="slim", imgsz=1024), {}).recipe
    assert (tuned.imgsz, tuned.crop) == (1024, 320)


@pytest.mark.parametrize("count", [1, 2, 5, 31, 80, 1000, 20_000])
def test_epochs_have_enough_steps_and_all_images_are_seen_often_enough(count: int) -> None:
    recipe = plan(images(count)).recipe
    seen = recipe.epochs * recipe.repeats * count

    assert recipe.repeats * count / recipe.batch >= 24
    assert seen >= max(12_000, 12 * count)
    assert seen < 2 * max(12_000, 12 * count, 1340 * count**0.5)


def test_with_a_time_limit_the_number_of_epochs_is_left_to_the_clock() -> None:
    planned = plan(images(), minutes=5.0)

    assert "epochs" not in {key for decision in planned.decisions for key in decision.settings}
    assert planned.recipe.plain_epochs / planned.recipe.epochs == 0.2


def test_colliding_centers_get_two_objects_a_cell() -> None:
    apart = images()
    together = dataset([(480, 640)] * 4, [[[10, 10, 60, 60], [11, 11, 61, 61]]] * 4)

    assert plan(apart).recipe.per_cell == 1
    assert plan(together).recipe.per_cell == 2


def test_full_images_get_more_detections() -> None:
    many = dataset([(480, 640)], [[[x, 10, x + 9, 19] for x in range(0, 600, 4)]])

    assert plan(images()).recipe.top_k == 100
    assert plan(many).recipe.top_k == 300


def test_one_animal_in_its_place_is_not_put_into_mosaics() -> None:
    single = images(each=1)

    assert plan(single, task="pose").recipe.mosaic == 0
    assert plan(single).recipe.mosaic == 1
    assert plan(images(each=2), task="pose").recipe.mosaic == 1


def test_weights_that_come_along_are_the_start_where_they_fit() -> None:
    weights = {"nano": "objects-nano"}

    assert plan(images(), weights=weights).recipe.start == "objects-nano"
    assert plan(images(), weights=weights, start="none").recipe.start == "none"
    assert plan(images(), weights=weights, channels=48).recipe.start == ""
    assert plan(images(), model="small", weights=weights).recipe.start == ""


@pytest.mark.parametrize(
    ("choice", "start"), [("auto", "objects"), ("false", "objects"), ("true", ""), ("a.pth", "")]
)
def test_imagenet_weights_take_the_place_of_those_that_come_along_only_if_asked_for(
    choice: str, start: str
) -> None:
    planned = plan(images(), model="small", weights={"small": "objects"}, pretrained=choice)

    assert planned.recipe.start == start


def test_a_plan_is_short_and_can_be_stored() -> None:
    planned = plan(images(), weights={"nano": "objects-nano"}, minutes=5.0, seed=3)
    stored = planned.to_json()

    assert len(str(planned).splitlines()) < 15
    assert stored["chosen"] == {"minutes": 5.0, "seed": 3}
    assert all(decision["because"] for decision in stored["decisions"])


def test_plans_are_for_sizes_of_networks_and_for_boxes_and_keypoints() -> None:
    assert is_planned("auto", "detect")
    assert is_planned("nano", "pose")
    assert not is_planned("few", "detect")
    assert not is_planned("small", "mono3d")


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(UsageError, match="unknown setting 'epoch'"):
        plan(images(), epoch=3)


def test_weights_go_on_with_their_maps_and_input_size() -> None:
    base = Recipe(backbone="slim", imgsz=256, size_weight=0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "here", lambda _device: CPU)
        planned = plan_fine_tuning(images(), "blood-cells", base, {"epochs": 10})

    recipe = planned.recipe
    assert (recipe.imgsz, recipe.size_weight, recipe.box_bins, recipe.sides_weight) == (256, 0.2, 0, 0.0)
    assert (recipe.batch, recipe.epochs, recipe.plain_epochs, recipe.mosaic) == (4, 10, 2, 1.0)
    assert str(planned).splitlines()[2].startswith("  model=blood-cells")


@pytest.mark.parametrize("chosen", [{"quality": 0.5}, {"sides_weight": 0.0}])
def test_losses_that_do_not_go_with_a_chosen_one_are_left_out(chosen: dict[str, float]) -> None:
    recipe = plan(images(), **chosen).recipe

    assert recipe.soft_heatmap == ("quality" not in chosen)
    assert recipe.box_bins == (0 if "sides_weight" in chosen else 17)


def test_an_epoch_is_one_pass_if_their_number_is_chosen() -> None:
    assert plan(images(8), epochs=3).recipe.repeats == 1
    assert plan(images(8), epochs=3, minutes=1.0).recipe.repeats > 1


def test_several_classes_get_a_map_that_keeps_them_apart() -> None:
    several = replace(images(), categories=Categories.of("ace", "king"))

    assert plan(several).recipe.class_weight == 1
    assert plan(images()).recipe.class_weight == 0
    assert plan(several, task="pose").recipe.class_weight == 0
