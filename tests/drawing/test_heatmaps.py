import numpy as np

from centernet.drawing import class_color, draw_heatmap

GREY = np.full((64, 96, 3), 100, dtype=np.uint8)


def test_a_peak_has_the_colour_of_its_class_at_stride_times_its_cell() -> None:
    heatmap = np.zeros((3, 16, 24), dtype=np.float32)
    heatmap[1, 5, 9] = 1
    drawn = draw_heatmap(GREY, heatmap)

    assert tuple(drawn[20, 36].tolist()) == class_color(1)


def test_heatmaps_of_some_classes_have_their_colours() -> None:
    drawn = draw_heatmap(GREY, np.ones((1, 16, 24), dtype=np.float32), labels=np.array([700]))

    assert tuple(drawn[20, 36].tolist()) == class_color(700)


def test_with_an_empty_heatmap_the_image_is_only_darkened() -> None:
    drawn = draw_heatmap(GREY, np.zeros((2, 16, 24), dtype=np.float32), dim=0.25)

    assert (drawn == 75).all()


def test_two_classes_in_one_cell_are_mixed() -> None:
    drawn = draw_heatmap(GREY, np.ones((2, 16, 24), dtype=np.float32))

    assert drawn[30, 30].tolist() == [
        round((one + other) / 2) for one, other in zip(class_color(0), class_color(1), strict=True)
    ]


def test_values_outside_0_to_1_are_clipped_and_nan_is_0() -> None:
    heatmap = np.array([[[np.nan, 7.0], [-3.0, 0.0]]], dtype=np.float32)
    drawn = draw_heatmap(np.zeros((8, 8, 3), dtype=np.uint8), heatmap)

    assert drawn[0, 0].tolist() == [0, 0, 0]
    assert tuple(drawn[0, 4].tolist()) == class_color(0)
    assert drawn[4, 0].tolist() == [0, 0, 0]


def test_a_task_without_classes_gives_the_darkened_image() -> None:
    drawn = draw_heatmap(GREY, np.zeros((0, 16, 24), dtype=np.float32))

    assert (drawn == 50).all()
