"""Plots of an evaluation: precision-recall curves, confusion matrix, table by class."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int
from PIL import Image

from centernet.drawing.colors import class_color
from centernet.errors import escaped
from centernet.evaluation.evaluator import Evaluation
from centernet.evaluation.table import cell
from centernet.io.writing import replacing, writing
from centernet.metrics.coco import CocoClass
from centernet.metrics.confusion import ConfusionMatrix
from centernet.metrics.oks import OksClass

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 130
INK, FAINT, BAR = "#222222", "#c9c9c9", "#6fa3d8"
_MAX_COLORED = 10
"""Maximum number of classes whose curves have colours of their own."""
MAX_ROWS = 50
"""Maximum number of rows of a figure: of more classes those with most objects, and the others together."""
_MAX_NUMBERED = 45
"""Maximum number of classes in a confusion matrix with numbers in its cells."""


def save_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write `pr_curves.png`, `confusion_matrix.png`, `classes.png`; with keypoints `keypoint_pr_curves.png`.

    Raises:
        InputError: The folder cannot be written.
    """
    figures = {
        "pr_curves.png": precision_recall_figure(evaluation),
        "confusion_matrix.png": confusion_figure(evaluation.confusion),
        "classes.png": classes_figure(evaluation),
    }
    if evaluation.keypoints.oks:
        figures["keypoint_pr_curves.png"] = keypoint_precision_recall_figure(evaluation)
    for figure in figures.values():
        figure.supxlabel(_plain(evaluation.name), x=0.99, ha="right", fontsize=8, color="#777777")
    return [save_figure(figure, folder / name) for name, figure in figures.items()]


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format of the path's extension; missing folders are made.

    Raises:
        InputError: The file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, path.suffix) as part, warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, with a warning for each.
        warnings.simplefilter("ignore")
        if path.suffix.lower() == ".png":
            _save_png(figure, part)
        else:
            figure.savefig(part, dpi=_DPI)
    return path


def _save_png(figure: "Figure", path: Path) -> None:
    """Draws the figure once, where `savefig` draws it a first time for its layout alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(path, dpi=(_DPI, _DPI))


def new_figure(width: float, height: float) -> "Figure":
    """A white figure of a size in inches. Pyplot does not know it, so it need not be closed."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def tidy(axes: "Axes") -> None:
    """Remove the upper and right sides of the frame, and lighten the rest of it and the grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.grid(color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors="#555555", labelsize=9)


def precision_recall_figure(evaluation: Evaluation) -> "Figure":
    """Precision-recall curves at IoU 0.5 of each class and their mean."""
    classes = list(enumerate(evaluation.coco.classes))
    return _curves_figure(classes, evaluation.coco.ap50, "Precision over recall at IoU 0.5", "AP50")


def keypoint_precision_recall_figure(evaluation: Evaluation) -> "Figure":
    """Precision-recall curves at OKS 0.5 of each class with keypoints and their mean."""
    oks = evaluation.keypoints.oks
    labels = {one.category_id: label for label, one in enumerate(evaluation.coco.classes)}
    classes = [(labels[one.category_id], one) for one in (oks.classes if oks else ())]
    ap50 = evaluation.metrics.get("OKS_AP50", math.nan)
    return _curves_figure(classes, ap50, "Precision over recall at OKS 0.5", "OKS AP50")


def _curves_figure(
    classes: Sequence[tuple[int, CocoClass | OksClass]], mean_ap50: float, title: str, number: str
) -> "Figure":
    """Plot of the curves of classes, given with their labels, and the mean of the curves."""
    from matplotlib.collections import LineCollection

    figure = new_figure(7.2, 5.0)
    axes = figure.add_subplot()
    tidy(axes)
    with_curve = [(label, one) for label, one in classes if one.curve is not None]
    are_many = len(with_curve) > _MAX_COLORED
    if are_many:
        lines = [
            np.column_stack([one.curve.recall, one.curve.precision]) for _, one in with_curve if one.curve
        ]
        axes.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.9, label="each class"))
    else:
        for label, one in with_curve:
            assert one.curve is not None
            axes.plot(
                one.curve.recall,
                one.curve.precision,
                color=_hex(label),
                linewidth=1.8,
                label=f"{_short(one.name)}  {one.ap50:.3f}",
            )
    if len(with_curve) > 1:
        mean = np.mean([one.curve.precision for _, one in with_curve if one.curve is not None], axis=0)
        recall = np.linspace(0, 1, len(mean))
        text = f"mean of {len(with_curve)} classes  {mean_ap50:.3f}"
        axes.plot(recall, mean, color=INK, linewidth=2.6, label=text)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    _title(axes, title)
    if with_curve:
        axes.legend(
            title=number, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), alignment="left"
        )
    else:
        axes.text(0.5, 0.5, "no objects in the ground truth", ha="center", color="#777777")
    return figure


def confusion_figure(confusion: ConfusionMatrix) -> "Figure":
    """Counts of ground-truth class against predicted class; colour is the fraction of the row."""
    from matplotlib.ticker import PercentFormatter

    names, counts = _shown_classes(confusion)
    count = len(names)
    side = min(4 + 0.62 * count, 15.0)
    figure = new_figure(side + 1.2, side)
    axes = figure.add_subplot()
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    letters = max(4.5, min(11.0, 400 / count))
    if count <= _MAX_NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            color = "white" if fractions[row, column] > 0.55 else INK
            axes.text(
                column, row, f"{counts[row, column]}", ha="center", va="center", color=color, size=letters
            )
    places = np.arange(count)
    axes.set_xticks(places, names, rotation=0 if count <= 5 else 90, size=letters)
    axes.set_yticks(places, names, size=letters)
    width = 1.5 if count <= _MAX_NUMBERED else 0.4
    axes.hlines(places[1:] - 0.5, -0.5, count - 0.5, colors="white", linewidths=width)
    axes.vlines(places[1:] - 0.5, -0.5, count - 0.5, colors="white", linewidths=width)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_color("#bbbbbb")
    axes.set(xlabel="predicted", ylabel="ground truth")
    _title(axes, f"Confusion matrix at {confusion.operating_point}")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, format=PercentFormatter(1))
    bar.set_label("fraction of the row", color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=9, colors="#555555")
    return figure


def _shown_classes(confusion: ConfusionMatrix) -> tuple[list[str], Int[np.ndarray, "k k"]]:
    """Names and counts of the rows that fit: classes that occur, all others together, the background."""
    counts, background = confusion.counts, len(confusion.names)
    # Classes without ground truth and detections would only make the others unreadable.
    occurring = np.flatnonzero((counts.sum(axis=0) + counts.sum(axis=1))[:background])
    shown = _most(counts.sum(axis=1)[occurring], MAX_ROWS - 1)
    kept, num_others = occurring[shown], len(occurring) - len(shown)
    names = [_short(confusion.names[label]) for label in kept]
    if not num_others:
        chosen = [*kept, background]
        return [*names, "background"], counts[np.ix_(chosen, chosen)]
    places = np.full(background + 1, len(kept))
    places[kept], places[background] = np.arange(len(kept)), len(kept) + 1
    summed = np.zeros((len(kept) + 2, len(kept) + 2), dtype=np.int64)
    rows, columns = np.nonzero(counts)
    np.add.at(summed, (places[rows], places[columns]), counts[rows, columns])
    return [*names, _others(num_others), "background"], summed


def _most(objects: Int[np.ndarray, " n"], num_rows: int) -> Int[np.ndarray, " k"]:
    """Positions of the classes that fit, in their order: all, or those with most objects and a row less."""
    if len(objects) <= num_rows:
        return np.arange(len(objects))
    return np.sort(np.argsort(-objects, kind="stable")[: num_rows - 1])


def _others(count: int) -> str:
    return f"{count} other classes"


def classes_figure(evaluation: Evaluation) -> "Figure":
    """The table by class, with a bar under each metric."""
    scores = evaluation.scores
    occurring = scores.occurring
    shown = _most(np.array([row["objects"] for row in occurring], dtype=np.int64), MAX_ROWS - 1)
    rows = [*(occurring[place] for place in shown), scores.total]
    hidden = len(occurring) - len(shown)
    if hidden:
        rows.insert(-1, {"name": _others(hidden)})
    columns = [column for column in rows[-1] if column != "name"]
    figure = new_figure(3 + 1.05 * len(columns), 1.1 + 0.34 * len(rows))
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set(xlim=(-2.2, len(columns)), ylim=(len(rows) + 0.1, -1.2))
    for place, column in enumerate(("class", *columns)):
        x, side = (-2.1, "left") if place == 0 else (place - 0.1, "right")
        axes.text(x, -0.5, column, ha=side, va="center", weight="bold", size=10, color=INK)
    bars = []
    for line, row in enumerate(rows):
        is_total = line == len(rows) - 1
        weight = "bold" if is_total else "normal"
        if is_total or line == 0:
            axes.axhline(line, color="#999999", linewidth=0.8)
        axes.text(-2.1, line + 0.5, _short(str(row["name"])), va="center", size=10, weight=weight, color=INK)
        for place, column in enumerate(columns):
            value = row.get(column, "")
            if isinstance(value, float) and not math.isnan(value):
                bars.append((place, line, value))
            axes.text(
                place + 0.9,
                line + 0.5,
                cell(value),
                ha="right",
                va="center",
                size=10,
                weight=weight,
                color=INK,
            )
    _draw_bars(axes, bars)
    # Their extent is that of the axes: measuring each would take longer than drawing it.
    for text in axes.texts:
        text.set_in_layout(False)
    _title(axes, _plain(scores.name))
    return figure


def _draw_bars(axes: "Axes", bars: Sequence[tuple[int, int, float]]) -> None:
    """Bars under the cells of a table, given by column, row and value from 0 to 1."""
    from matplotlib.collections import PolyCollection

    for color, lengths in (("#eeeeee", [1.0] * len(bars)), (BAR, [value for _, _, value in bars])):
        corners = [
            [
                (x + 0.1, y + 0.81),
                (x + 0.1, y + 0.89),
                (x + 0.1 + 0.8 * part, y + 0.89),
                (x + 0.1 + 0.8 * part, y + 0.81),
            ]
            for (x, y, _), part in zip(bars, lengths, strict=True)
        ]
        axes.add_collection(PolyCollection(corners, facecolors=color, edgecolors="none"), autolim=False)


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, loc="left", size=12, weight="bold", color=INK, pad=10)


def _hex(label: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*class_color(label))


def _short(name: str, limit: int = 22) -> str:
    return _plain(name if len(name) <= limit else f"{name[: limit - 1]}…")


def _plain(name: str) -> str:
    """A name of somebody else's as it is: between dollars matplotlib would read formulas."""
    return escaped(name.replace("\n", " ")).replace("$", r"\$")
