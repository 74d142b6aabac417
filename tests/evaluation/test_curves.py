"""The plot of a training run has the columns of its table."""

from pathlib import Path

import pytest
from PIL import Image

from centernet.errors import InputError
from centernet.evaluation.curves import read_table, save_training_curves, training_figure

TABLE = """epoch,seconds,lr,train/loss,train/heatmap,train/size,val/loss,val/AP,val/AP50
1,3.2,0.001,5.1,4.0,1.1,,,
2,3.1,0.0009,4.2,3.3,0.9,4.4,0.21,0.44
3,3.1,0.0005,3.6,2.9,0.7,4.0,nan,0.5
"""


def write(folder: Path, text: str = TABLE) -> Path:
    path = folder / "results.csv"
    path.write_text(text)
    return path


def test_a_plot_is_written(tmp_path: Path) -> None:
    path = save_training_curves(write(tmp_path), tmp_path / "plots" / "curves.png")

    with Image.open(path) as image:
        assert min(image.size) > 300


def test_losses_terms_metrics_and_learning_rate_have_their_panels_and_gaps_are_left_out(
    tmp_path: Path,
) -> None:
    panels = training_figure(read_table(write(tmp_path))).axes

    lines = {axes.get_title(loc="left"): axes.lines for axes in panels}
    assert {title: [line.get_label() for line in drawn] for title, drawn in lines.items()} == {
        "Loss": ["train loss", "val loss"],
        "Terms of the training loss": ["heatmap", "size"],
        "Metrics on the validation images": ["AP", "AP50"],
        "Learning rate": [lines["Learning rate"][0].get_label()],
    }
    assert lines["Loss"][1].get_xdata().tolist() == [2, 3]
    assert lines["Metrics on the validation images"][0].get_ydata().tolist() == [0.21]


def test_keypoints_have_their_metrics_and_a_panel_of_distances(tmp_path: Path) -> None:
    table = "epoch,val/AP,val/OKS_AP,val/PCK,val/keypoint_error_px\n1,0.1,0.2,0.3,\n2,0.1,0.2,0.3,12.5\n"
    metrics, distance = training_figure(read_table(write(tmp_path, table))).axes

    assert [line.get_label() for line in metrics.lines] == ["AP", "OKS_AP", "PCK"]
    assert distance.get_title(loc="left") == "Distance of keypoints, pixels"
    assert distance.lines[0].get_ydata().tolist() == [12.5]


def test_panels_without_numbers_are_left_out(tmp_path: Path) -> None:
    panels = training_figure(read_table(write(tmp_path, "epoch,train/loss\n1,3\n"))).axes

    assert [axes.get_title(loc="left") for axes in panels] == ["Loss"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'epoch'"),
        ("step,loss\n1,2\n", "has no column 'epoch'"),
        ("epoch,lr\n", "has no rows yet"),
        ("epoch,lr\n1,0.1\n2,fast\n", r"results.csv:3: lr is 'fast', not a number"),
        ("epoch,lr\n1,0.1,7\n", r"results.csv:2: .* not a number"),
    ],
    ids=["empty", "no epoch", "no rows", "word", "too long"],
)
def test_a_broken_table_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(tmp_path, text))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"results.csv cannot be read"):
        read_table(tmp_path / "results.csv")
