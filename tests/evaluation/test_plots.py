"""Plots of an evaluation are written, also if there is little to plot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.helpers.pets import make_dataset, make_detections, make_found

from centernet.errors import InputError
from centernet.evaluation import Evaluation, evaluate
from centernet.evaluation.plots import (
    classes_figure,
    confusion_figure,
    precision_recall_figure,
    save_plots,
)
from centernet.structures import Annotations, Categories


def test_three_plots_are_written_and_no_figure_stays_open(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    paths = save_plots(evaluate(make_dataset(), make_found()), tmp_path / "new")

    assert [path.name for path in paths] == ["pr_curves.png", "confusion_matrix.png", "classes.png"]
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 100
    assert plt.get_fignums() == []


def test_curves_are_drawn_for_classes_with_objects_and_their_mean() -> None:
    axes = precision_recall_figure(evaluate(make_dataset(), make_found())).axes[0]

    labels = [line.get_label() for line in axes.lines]
    assert labels == ["cat  1.000", "dog  0.000", "mean of 2 classes  0.500"]


def test_the_confusion_matrix_has_only_classes_that_occur() -> None:
    axes = confusion_figure(evaluate(make_dataset(), make_found()).confusion).axes[0]

    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog", "background"]
    assert [text.get_text() for text in axes.texts] == ["2", "1"]


def test_the_table_has_a_row_for_the_whole() -> None:
    axes = classes_figure(evaluate(make_dataset(), make_found())).axes[0]

    texts = [text.get_text() for text in axes.texts]
    assert {"cat", "dog", "all"} <= set(texts)
    assert "owl" not in texts


def make_many(count: int) -> Evaluation:
    """So many classes, each with a found object; class 0 has a hundred of them."""
    categories = Categories.of(*(f"class {i}" for i in range(count)))
    labels = np.concatenate([np.zeros(99, dtype=np.int64), np.arange(count)])
    corners = np.stack([np.arange(len(labels)) * 20, np.zeros(len(labels))], axis=1).astype(np.float32)
    boxes = np.concatenate([corners, corners + 10], axis=1)
    record = replace(make_dataset().records[0], annotations=Annotations.of(boxes, labels), image_id=7)
    found = make_detections(7, boxes, labels.tolist(), categories)
    dataset = replace(make_dataset(), categories=categories, records=(record,))
    return evaluate(dataset, [found])


def test_of_many_classes_figures_show_those_with_most_objects_in_fifty_rows() -> None:
    evaluation = make_many(120)
    matrix = confusion_figure(evaluation.confusion).axes[0]
    table = classes_figure(evaluation).axes[0]

    rows = [label.get_text() for label in matrix.get_yticklabels()]
    assert len(rows) == 50
    assert rows[0] == "class 0"
    assert rows[-2:] == ["72 other classes", "background"]
    names = [text.get_text() for text in table.texts if text.get_position()[0] == -2.1]
    assert len(names) == 1 + 50
    assert names[1] == "class 0"
    assert names[-2:] == ["72 other classes", "all"]


def test_the_other_classes_of_a_confusion_matrix_are_counted_together() -> None:
    matrix = confusion_figure(make_many(120).confusion).axes[0].images[0].get_array()

    # Every detection is right, so that all of each row lies on the diagonal.
    assert np.diag(matrix).tolist() == [1.0] * 49 + [0.0]


def test_a_data_set_without_images_still_has_plots(tmp_path: Path) -> None:
    assert len(save_plots(evaluate(replace(make_dataset(), records=()), []), tmp_path)) == 3


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError, match=r"pr_curves.png cannot be written"):
        save_plots(evaluate(make_dataset(), make_found()), tmp_path / "file")


def test_names_with_dollars_are_no_formulas_and_those_in_any_language_give_no_warning(tmp_path: Path) -> None:
    dataset = make_dataset()
    names = ("$5 or $\\frac$", "細胞\x1b\n", "c")
    categories = replace(dataset.categories, names=names)
    found = [replace(one, categories=categories) for one in make_found()]

    paths = save_plots(evaluate(replace(dataset, categories=categories), found), tmp_path)

    assert all(path.stat().st_size > 1000 for path in paths)
