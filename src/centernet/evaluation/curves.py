"""Plot of a training run: losses and metrics over epochs, from its `results.csv`."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from centernet.data.formats.common.files import read_text
from centernet.errors import InputError
from centernet.evaluation.plots import FAINT, INK, new_figure, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Table = Mapping[str, Sequence[float]]
_COLORS = ("#1f5fa8", "#e07b00", "#2a9d5c", "#b3446c", "#7b61c4", "#00a0b0", "#8a6d3b", "#d1495b")
_PLOTTED_METRICS = ("AP", "AP50", "AP75", "OKS_AP", "OKS_AP50", "PCK")
_ERROR = "keypoint_error_px"


def save_training_curves(results: Path, path: Path, epoch: int | None = None) -> Path:
    """Plot the losses and metrics of a training run.

    Args:
        results: `results.csv` with columns `epoch`, `lr`, `train/<loss>`, `val/<loss or metric>`; gaps are
            allowed.
        path: The plot to write.
        epoch: Epoch of the best weights, which is marked; None marks none.

    Raises:
        InputError: The table is missing or broken, or the plot cannot be written.
    """
    return save_figure(training_figure(read_table(results), epoch), path)


def read_table(path: Path) -> Table:
    """Columns of the table of a training run by name, NaN in gaps.

    Raises:
        InputError: The file is missing, has no `epoch`, no rows, or a value that is not a number.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    columns: dict[str, list[float]] = {name.strip(): [] for name in reader.fieldnames or ()}
    if "epoch" not in columns:
        raise InputError(f"{path} has no column 'epoch': it is not the table of a training run")
    for row in reader:
        for name, text in row.items():
            try:
                columns[name.strip()].append(float(text) if text else math.nan)
            except (ValueError, TypeError, AttributeError):
                raise InputError(f"{path}:{reader.line_num}: {name} is {text!r}, not a number") from None
    if not columns["epoch"]:
        raise InputError(f"{path} has no rows yet: train at least one epoch")
    return columns


def training_figure(table: Table, epoch: int | None = None) -> "Figure":
    """Plots of losses, their terms, metrics and learning rate; columns that the table lacks are left out.

    Args:
        table: Columns by name.
        epoch: Epoch of the best weights, which is marked among the metrics; None marks none.
    """
    terms = {
        name: values for name, values in table.items() if name.startswith("train/") and name != "train/loss"
    }
    totals = {name: table[name] for name in ("train/loss", "val/loss") if name in table}
    metrics = {name: table[f"val/{name}"] for name in _PLOTTED_METRICS if f"val/{name}" in table}
    panels = [
        ("Loss", {name.replace("/", " "): values for name, values in totals.items()}),
        ("Terms of the training loss", {name.split("/", 1)[1]: values for name, values in terms.items()}),
        ("Metrics on the validation images", metrics),
        (
            "Distance of keypoints, pixels",
            {"mean error": table[f"val/{_ERROR}"]} if f"val/{_ERROR}" in table else {},
        ),
        ("Learning rate", {"lr": table["lr"]} if "lr" in table else {}),
    ]
    filled = [(title, lines) for title, lines in panels if lines]
    columns = min(2, max(1, len(filled)))
    rows = max(1, math.ceil(len(filled) / columns))
    figure = new_figure(5.4 * columns, 3.4 * rows)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    for place, (title, lines) in enumerate(filled, start=1):
        axes = figure.add_subplot(rows, columns, place)
        _draw(axes, title, table["epoch"], lines)
        axes.set_ylim(bottom=0, top=1.02 if lines is metrics else None)
        if lines is metrics and epoch is not None:
            axes.axvline(epoch, color=FAINT, linewidth=1.2, linestyle="--", zorder=0)
            axes.set_title(f"{title}, best in epoch {epoch}", loc="left", size=11, weight="bold", color=INK)
    return figure


def _draw(axes: "Axes", title: str, epochs: Sequence[float], lines: Table) -> None:
    from matplotlib.ticker import MaxNLocator

    tidy(axes)
    for place, (name, values) in enumerate(lines.items()):
        points = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
        if points:
            # Metrics may be missing in some epochs, and a single epoch makes no line.
            marker = "o" if len(points) < 25 else ""
            axes.plot(
                *zip(*points, strict=True),
                label=name,
                color=_COLORS[place % len(_COLORS)],
                linewidth=1.8,
                marker=marker,
                markersize=3.5,
            )
    axes.set_title(title, loc="left", size=11, weight="bold", color=INK)
    axes.set_xlabel("epoch", color="#555555")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(lines) > 1 and axes.lines:
        axes.legend(frameon=False, fontsize=9)
