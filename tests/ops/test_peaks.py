"""The search by blocks finds the same peaks as a search of every cell."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.ops.peaks import KERNELS, Peaks, find_peaks, find_peaks_of_any_class, is_peak

IN_BOTH = pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])


def every_peak(heatmap: np.ndarray, kernel: int = 3) -> dict[tuple[int, int, int], float]:
    """Class, row and column of each cell of one image that no neighbour exceeds, and its value."""
    found, radius = {}, kernel // 2
    for label, channel in enumerate(heatmap):
        for y, x in np.ndindex(channel.shape):
            neighbours = channel[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
            if channel[y, x] >= neighbours.max() and channel[y, x] > -np.inf:
                found[label, y, x] = float(channel[y, x])
    return found


def find_in_graph(heatmap: Tensor, top_k: int, kernel: int) -> Peaks:
    """The search that exported graphs hold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_exporting", lambda: True)
        return find_peaks(heatmap, top_k, kernel=kernel)


def check(heatmap: Tensor, top_k: int, kernel: int = 3, *, in_graph: bool = False) -> Peaks:
    """Compares with the search of every cell; equal values may come in any order."""
    peaks = (find_in_graph if in_graph else find_peaks)(heatmap, top_k, kernel=kernel)
    batch, num_classes, height, width = heatmap.shape
    count = top_k if in_graph else min(top_k, num_classes * height * width)
    assert peaks.values.shape == peaks.labels.shape == (batch, count)
    assert peaks.cells.shape == (batch, count, 3)
    for i, image in enumerate(heatmap.numpy()):
        ground_truth = every_peak(image, kernel)
        best = sorted(ground_truth.values(), reverse=True)[:top_k]
        values = peaks.values[i].tolist()
        assert values == best + [-np.inf] * (count - len(best))
        places = [
            (c, y, x) for c, (_, y, x) in zip(peaks.labels[i].tolist(), peaks.cells[i].tolist(), strict=True)
        ]
        assert [ground_truth[place] for place in places[: len(best)]] == best
        assert len(set(places[: len(best)])) == len(best)
        assert (peaks.cells[i, :, 0] == i).all()
        # Padding must lie on the map too.
        assert all(0 <= y < height and 0 <= x < width for _, y, x in places)
    return peaks


@st.composite
def heatmaps(draw: st.DrawFn) -> Tensor:
    """Maps of any small size; few different values make plateaus, some are −inf."""
    shape = tuple(draw(st.integers(1, limit)) for limit in (3, 4, 14, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_values = draw(st.sampled_from([1, 2, 5, 1000]))
    values = rng.integers(num_values, size=shape).astype(np.float32)
    values[rng.random(shape) < draw(st.sampled_from([0, 0.3, 1]))] = -np.inf
    return torch.from_numpy(values)


@given(heatmaps(), st.sampled_from([1, 3, 10, 100]), st.sampled_from(KERNELS))
@settings(max_examples=200, deadline=None)
def test_the_search_by_blocks_equals_the_search_of_every_cell(
    heatmap: Tensor, top_k: int, kernel: int
) -> None:
    check(heatmap, top_k, kernel)


@given(heatmaps(), st.sampled_from([1, 3, 10, 100]), st.sampled_from(KERNELS))
@settings(max_examples=200, deadline=None)
def test_the_search_in_a_graph_equals_the_search_of_every_cell(
    heatmap: Tensor, top_k: int, kernel: int
) -> None:
    check(heatmap, top_k, kernel, in_graph=True)


@IN_BOTH
@pytest.mark.parametrize("size", [(64, 64), (61, 67), (4, 200)])
def test_noise_in_many_classes(size: tuple[int, int], in_graph: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    check(torch.randn(2, 7, *size, generator=generator), 100, in_graph=in_graph)


@IN_BOTH
def test_wide_gaussians_that_cover_many_blocks(in_graph: bool) -> None:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    gaussians = [-((y - 9 * i) ** 2 + (x - 7 * i) ** 2) / 100 for i in range(1, 6)]
    peaks = check(torch.stack(gaussians).amax(0)[None, None], 20, in_graph=in_graph)

    # The largest 20 blocks hold five peaks only; the other fifteen places are padding.
    assert peaks.cells[0, :5, 1:].tolist() != peaks.cells[0, 5:10, 1:].tolist()
    assert sorted(peaks.cells[0, :5, 1].tolist()) == [9, 18, 27, 36, 45]
    assert peaks.values[0, 5] == -torch.inf


def test_a_plateau_of_two_cells_is_two_peaks() -> None:
    heatmap = torch.zeros(1, 1, 8, 8)
    heatmap[0, 0, 3, 3:5] = 1
    peaks = find_peaks(heatmap, 2)

    assert peaks.values.tolist() == [[1, 1]]
    assert sorted(peaks.cells[0, :, 2].tolist()) == [3, 4]


def test_logits_give_the_same_peaks_as_probabilities() -> None:
    logits = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    of_logits, of_probabilities = find_peaks(logits, 30), find_peaks(logits.sigmoid(), 30)

    assert (of_logits.cells == of_probabilities.cells).all()
    assert (of_logits.labels == of_probabilities.labels).all()


def test_peaks_of_a_batch_equal_those_of_its_images() -> None:
    heatmap = torch.randn(3, 2, 17, 23, generator=torch.Generator().manual_seed(2))
    # One image with far more candidate blocks than the others.
    heatmap[1] = 0
    together = find_peaks(heatmap, 10)

    for i in (0, 2):
        alone = find_peaks(heatmap[i : i + 1], 10)
        assert (alone.values[0] == together.values[i]).all()
        assert (alone.cells[0, :, 1:] == together.cells[i, :, 1:]).all()


def test_peaks_carry_gradients() -> None:
    heatmap = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(3), requires_grad=True)
    find_peaks(heatmap, 1).values.sum().backward()

    assert heatmap.grad is not None
    assert heatmap.grad.sum() == 1
    assert heatmap.grad.flatten().argmax() == heatmap.flatten().argmax()


def test_peaks_of_any_class_are_those_of_the_largest_value() -> None:
    heatmap = torch.zeros(1, 3, 8, 8)
    heatmap[0, 0, 2, 2], heatmap[0, 1, 2, 2], heatmap[0, 2, 2, 3] = 5, 4, 3
    heatmap[0, 2, 6, 6] = 1
    by_class, of_any = find_peaks(heatmap, 4), find_peaks_of_any_class(heatmap, 2)

    assert by_class.values.tolist() == [[5, 4, 3, 1]]
    assert by_class.labels.tolist() == [[0, 1, 2, 2]]
    assert of_any.values.tolist() == [[5, 1]]
    assert of_any.labels.tolist() == [[0, 2]]
    assert of_any.cells.tolist() == [[[0, 2, 2], [0, 6, 6]]]


def test_with_one_class_both_searches_find_the_same_peaks() -> None:
    heatmap = torch.randn(2, 1, 20, 20, generator=torch.Generator().manual_seed(4))
    by_class, of_any = find_peaks(heatmap, 30), find_peaks_of_any_class(heatmap, 30)

    assert (by_class.cells == of_any.cells).all()
    assert (by_class.values == of_any.values).all()


def test_is_peak_is_true_where_no_neighbour_is_larger() -> None:
    heatmap = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]])

    assert is_peak(heatmap).nonzero().tolist() == [[0, 0], [0, 2], [0, 3], [2, 0], [2, 1], [2, 3]]


@given(st.floats(-2, 4), st.integers(1, 40), st.integers(0, 2**16))
def test_no_peak_above_the_minimum_value_is_missed(min_value: float, top_k: int, seed: int) -> None:
    heatmap = torch.randn(2, 2, 9, 14, generator=torch.Generator().manual_seed(seed))
    every, above = find_peaks(heatmap, top_k), find_peaks(heatmap, top_k, min_value)

    assert above.cells.shape == every.cells.shape
    for image in range(2):
        is_above = every.values[image] >= min_value
        assert (above.values[image][is_above] == every.values[image][is_above]).all()
        assert (above.cells[image][is_above] == every.cells[image][is_above]).all()
        assert (above.values[image][~is_above] < min_value).all()
