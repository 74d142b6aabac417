"""Checkpoints of the keypoint-triplet original: identified, converted, and with the same maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.helpers.golden_triplet import MAPS, THEIRS, sorted_rows
from tests.helpers.seeded_triplet import triplet_image, triplet_manifests, triplet_state
from torch import Tensor

from centernet import CenterNet, convert
from centernet.conversion.converter import converted
from centernet.conversion.identify import identify
from centernet.errors import InputError
from centernet.tasks.triplet.task import KEYPOINTS, Triplet


def blank(name: str) -> dict[str, Tensor]:
    """A state dict on the meta device."""
    return {
        key: torch.empty(
            shape, dtype=torch.int64 if key.endswith("tracked") else torch.float32, device="meta"
        )
        for key, shape in triplet_manifests()[name].items()
    }


@pytest.mark.parametrize(("name", "millions"), [("52", 104.844152), ("104", 210.06296)])
def test_every_weight_of_the_original_is_converted(name: str, millions: float) -> None:
    found = converted(blank(name), f"CenterNet-{name}_480000.pkl")

    assert found.predictor.architecture.backbone == f"hourglass{name}"
    assert found.original_task.name == "triplet"
    assert found.left_out == ()
    assert len(found.predictor.categories) == 80
    parameters = found.predictor.network.parameters()
    assert sum(parameter.numel() for parameter in parameters) / 1e6 == pytest.approx(millions)


def test_weights_without_counters_are_accepted() -> None:
    state = {key: value for key, value in blank("52").items() if not key.endswith("tracked")}

    assert converted(state, "a.pkl").original_task.name == "triplet"


def test_corners_without_centres_are_refused_as_cornernet() -> None:
    state = {key: value for key, value in blank("52").items() if not key.startswith("ct_")}

    with pytest.raises(InputError, match="a checkpoint of CornerNet, which detects objects by two corners"):
        identify(state, "CornerNet_500000.pkl")


def test_heatmaps_of_different_numbers_of_classes_are_refused() -> None:
    state = blank("52")
    state["br_heats.0.1.weight"] = torch.empty(7, 256, 1, 1, device="meta")

    with pytest.raises(InputError, match="its head 'br_heats' has 7 channels where keypoint-triplet has 80"):
        identify(state, "a.pkl")


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """Maps of a converted CenterNet-52, whose checkpoint has the old format that the original writes."""
    folder = tmp_path_factory.mktemp("triplet")
    state = {f"module.{key}": value for key, value in triplet_state(triplet_manifests()["52"]).items()}
    path = folder / "CenterNet-52_480000.pkl"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    convert(path, folder / "converted")
    path.unlink()
    network = CenterNet(folder / "converted", device="cpu").network
    (folder / "converted" / "model.safetensors").unlink()
    with torch.inference_mode():
        found: dict[str, Tensor] = network(triplet_image(7, (1, 3, 255, 383)))[-1]
    return found


@pytest.fixture(scope="module")
def golden(golden_folder: Path) -> Any:
    return np.load(golden_folder / "forward_triplet_52.npz")


def test_golden_maps_of_converted_weights(maps: dict[str, Tensor], golden: Any) -> None:
    for name, kind, key in MAPS:
        ours = maps[f"{name}_{kind}"].numpy()
        mean, std, absolute, minimum, maximum = golden[f"{key}_stats"].tolist()
        assert ours.shape == tuple(golden[f"{key}_shape"].tolist())
        slices = {"heatmap": (f"{key}_c8_s2", 8, 2), "offset": (f"{key}_s2", 1, 2), "tag": (key, 1, 1)}
        file, classes, step = slices[kind]
        assert np.abs(ours[:, ::classes, ::step, ::step] - golden[file]).max() < 1e-4
        assert [ours.mean(), ours.std(), np.abs(ours).sum() / ours.size, ours.min(), ours.max()] == (
            pytest.approx([mean, std, absolute / ours.size, minimum, maximum], abs=1e-4)
        )


def test_golden_detections_of_converted_weights(maps: dict[str, Tensor], golden: Any) -> None:
    def standard(value: Tensor) -> Tensor:
        return (value - value.mean((2, 3), keepdim=True)) / value.std((2, 3), keepdim=True)

    chosen = {
        **{f"{name}_heatmap": 1.2 * standard(maps[f"{name}_heatmap"])[:, :4] - 3 for name in KEYPOINTS},
        **{f"{name}_tag": 0.5 * standard(maps[f"{name}_tag"]) for name in KEYPOINTS[:2]},
        **{f"{name}_offset": maps[f"{name}_offset"] for name in THEIRS},
    }
    task = Triplet(num_classes=4, tag_distance=float(golden["decode_ae_threshold"]))
    pairs, centers = task.candidates(chosen, 1)

    number = len(golden["decode_detections_valid"])
    assert int((pairs.scores > 0).sum()) == number
    ours = torch.cat(
        [pairs.boxes[0], pairs.scores[0, :, None], pairs.corner_scores[0], pairs.labels[0, :, None]], dim=1
    )
    assert sorted_rows(ours[:number].numpy()) == pytest.approx(
        sorted_rows(golden["decode_detections_valid"]), abs=1e-3
    )
    assert centers.places[0].numpy() == pytest.approx(golden["decode_centers"][:, :2], abs=1e-3)
