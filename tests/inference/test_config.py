"""Configs of others: every value has its type and its bounds before anything is built of it."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from centernet import CenterNet
from centernet.errors import InputError, UsageError
from centernet.weights.zoo import MODEL, ZOO

FILE = ZOO / "blood-cells" / MODEL


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Writes included weights with another config."""
    with safe_open(FILE, "pt") as file:
        text = file.metadata()["centernet"]

    def write(change: Callable[[dict[str, Any]], object]) -> Path:
        config = json.loads(text)
        change(config)
        path = tmp_path / "w.safetensors"
        save_file(load_file(FILE), path, metadata={"centernet": json.dumps(config)})
        return path

    return write


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda c: c["architecture"].update(channels=20_000),
            "channels is a number from 1 to 4096; got 20000",
        ),
        (lambda c: c["architecture"].update(channels=4096), "has shape"),
        (lambda c: c["architecture"].update(head_channels=4000), "has shape"),
        (lambda c: c["architecture"].update(channels="many"), "channels of Architecture is 'many'"),
        (lambda c: c["architecture"].update(backbone="timm/convnext_xxlarge"), "weights lack"),
        (
            lambda c: c.update(resize={"name": "fit", "height": 64_000}),
            "height is a number from 1 to 8192; got 64000",
        ),
        (lambda c: c.update(resize={"name": "fit", "width": 1.5}), "width of Letterbox is 1.5"),
        (lambda c: c["task"].update(top_k=10**12), "top_k is a number"),
        (lambda c: c["task"].update(top_k=True), "top_k of Detect is True"),
        (lambda c: c["task"].update(num_classes=10**9), "num_classes is a number"),
        (lambda c: c["task"].update(temperature=float("nan")), "temperature of Detect is nan"),
        (lambda c: c["categories"].update(names=[1, 2, 3]), "names of Categories is"),
        (lambda c: c["categories"].update(ids=[10**30, 1, 2]), "an id of a class has more than 64 bits"),
        (lambda c: c["normalize"].update(mean=[0.1]), "mean of Normalize is"),
        (lambda c: c.update(categories=[]), "the config is not valid"),
        (lambda c: c.update(task="detect"), "the config is not valid"),
    ],
)
def test_a_config_that_the_weights_do_not_fit_takes_no_memory(
    written: Callable[..., Path], change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    path = written(change)
    tracemalloc.start()

    with pytest.raises((InputError, UsageError), match=reason) as caught:
        CenterNet(path, "cpu")
    assert "w.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
