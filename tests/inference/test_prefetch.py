"""Calls made ahead: in order, at the same time, and never too many."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from threading import Barrier, current_thread, main_thread

import pytest

from centernet.inference.prefetch import prefetch


def same(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return number


def test_results_come_in_order_however_long_each_takes() -> None:
    calls = [partial(same, number, 0.02 if number % 3 == 0 else 0.0) for number in range(12)]

    for workers in (0, 1, 3):
        assert list(prefetch(calls, workers, 5)) == list(range(12))


def test_threads_work_at_the_same_time() -> None:
    both = Barrier(2, timeout=10)

    def meet() -> bool:
        both.wait()
        return current_thread() is not main_thread()

    assert list(prefetch([meet] * 4, workers=2, max_pending=2)) == [True] * 4


def test_no_more_calls_are_taken_than_may_be_pending() -> None:
    taken = []

    def endless() -> Iterator[Callable[[], int]]:
        for number in count():
            taken.append(number)
            yield partial(same, number)

    results = prefetch(endless(), workers=2, max_pending=4)
    first = list(islice(results, 10))
    time.sleep(0.05)
    waiting = len(taken) - len(first)
    results.close()
    at_the_end = len(taken)
    time.sleep(0.05)

    assert first == list(range(10))
    assert 1 <= waiting <= 4
    assert len(taken) == at_the_end


def test_without_threads_nothing_is_prefetched() -> None:
    taken = []
    calls = (partial(same, taken.append(1) or number) for number in range(9))
    results = prefetch(calls, workers=0, max_pending=4)
    next(results)
    next(results)

    assert len(taken) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_in_its_turn_and_ends_the_results(workers: int) -> None:
    def fail() -> int:
        raise ValueError("the third")

    results = prefetch([partial(same, 0), partial(same, 1, 0.02), fail, partial(same, 3)], workers, 4)

    assert list(islice(results, 2)) == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_source_comes_in_its_turn(workers: int) -> None:
    def source() -> Iterator[Callable[[], int]]:
        yield partial(same, 0, 0.02)
        raise ValueError("no more")

    results = prefetch(source(), workers, 4)

    assert next(results) == 0
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_few_calls_end_at_once_however_many_may_be_pending() -> None:
    began = time.monotonic()

    assert list(prefetch([lambda: 1, lambda: 2], 2, 10**9)) == [1, 2]
    assert time.monotonic() - began < 5


def test_threads_read_ahead_while_nothing_is_taken() -> None:
    made: list[int] = []
    results = prefetch([partial(made.append, i) for i in range(10)], 1, 6)
    next(results)
    end = time.monotonic() + 10
    while len(made) < 6 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)

    # One was taken and is in use, so that five wait.
    assert len(made) == 6
    results.close()  # type: ignore[attr-defined]
