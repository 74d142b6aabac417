"""Maps that the library cannot decode."""

import pickle

import pytest
import torch

from centernet.errors import UsageError
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.raw import RawMaps

TASK = RawMaps(purpose="pose", maps={"heatmap": 1, "keypoints": 34})


def test_the_heads_are_the_maps_that_are_given() -> None:
    assert {name: spec.channels for name, spec in TASK.heads.items()} == {"heatmap": 1, "keypoints": 34}


def test_raw_maps_are_their_own_config() -> None:
    assert pickle.loads(pickle.dumps(TASK)) == TASK
    assert hash(TASK) == hash(pickle.loads(pickle.dumps(TASK)))
    assert RawMaps(purpose="pose", maps={"heatmap": 2, "keypoints": 34}) != TASK


def test_encode_loss_and_decode_are_refused_with_a_hint() -> None:
    maps = {"heatmap": torch.zeros(1, 1, 2, 2)}
    message = r"these weights give raw maps for pose: call model.network\(images\)"

    with pytest.raises(UsageError, match=message):
        TASK.encode(BatchAnnotations.none(), Grid(batch=1, height=2, width=2))
    with pytest.raises(UsageError, match=message):
        TASK.loss(maps, maps)
    with pytest.raises(UsageError, match=message):
        TASK.decode(maps, 4)
    with pytest.raises(UsageError, match=message):
        TASK.merge_flipped(maps, maps)
