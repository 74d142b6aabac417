"""Collating samples into batches."""

from dataclasses import replace

import numpy as np
import pytest

from centernet.data.loading.collate import collate
from centernet.structures import Annotations, Sample
from centernet.structures.sample import sample_of


def make_sample(height: int, width: int, boxes: list[list[float]], image_id: int = 0) -> Sample:
    image = np.full((height, width, 3), 9, dtype=np.uint8)
    annotations = Annotations.of(
        np.array(boxes, dtype=np.float32).reshape(-1, 4), np.arange(len(boxes), dtype=np.int64)
    )
    return replace(sample_of(image, f"{image_id}.png", image_id), annotations=annotations)


def test_smaller_inputs_are_padded_with_black_on_the_right_and_at_the_bottom() -> None:
    batch = collate([make_sample(4, 8, []), make_sample(6, 2, [])])

    assert batch.images.shape == (2, 3, 6, 8)
    assert (batch.images[0, :, :4] == 9).all()
    assert (batch.images[0, :, 4:] == 0).all()
    assert (batch.images[1, :, :, :2] == 9).all()
    assert (batch.images[1, :, :, 2:] == 0).all()


def test_objects_have_the_index_of_their_image() -> None:
    batch = collate(
        [
            make_sample(4, 4, [[0, 0, 1, 1], [1, 1, 2, 2]], image_id=5),
            make_sample(4, 4, [], image_id=6),
            make_sample(4, 4, [[2, 2, 3, 3]], image_id=7),
        ]
    )

    assert batch.objects.image_index.tolist() == [0, 0, 2]
    assert batch.objects.labels.tolist() == [0, 1, 0]
    assert batch.objects.boxes.tolist() == [[0, 0, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3]]
    assert batch.image_ids == (5, 6, 7)
    assert [view.name for view in batch.views] == ["5.png", "6.png", "7.png"]


def test_channels_come_first_and_stay_rgb() -> None:
    sample = make_sample(2, 2, [])
    sample.image[:] = [1, 2, 3]

    assert collate([sample]).images[0, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("with_crowd", "count"), [(False, 1), (True, 2)])
def test_crowd_regions_are_left_out_unless_asked_for(with_crowd: bool, count: int) -> None:
    sample = make_sample(4, 4, [[0, 0, 1, 1], [0, 0, 4, 4]])
    sample.annotations.is_crowd[1] = True

    assert len(collate([sample], with_crowd=with_crowd).objects.labels) == count


def test_a_batch_may_have_no_objects() -> None:
    objects = collate([make_sample(4, 4, [])]).objects

    assert objects.boxes.shape == (0, 4)
    assert objects.labels.shape == objects.image_index.shape == (0,)
