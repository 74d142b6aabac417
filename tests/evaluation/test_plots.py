"""Plots of an evaluation are written, also if there is little to plot."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests.helpers.pets import make_dataset, make_found

from centernet.errors import InputError
from centernet.evaluation import evaluate
from centernet.evaluation.plots import (
    classes_figure,
    confusion_figure,
    precision_recall_figure,
    save_plots,
)


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
