"""Calls made ahead of time by threads: results in order, and a bound on how many of them wait."""

import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


def prefetch(calls: Iterable[Callable[[], T]], workers: int, max_pending: int) -> Iterator[T]:
    """What calls give, in their order.

    Args:
        calls: Made by the threads, which also take them from here, one at a time and in order.
        workers: Threads; with 0 a call is taken and made when its result is asked for.
        max_pending: Results that are ready, or on their way, at any time.

    Raises:
        Exception: What a call raises, in its turn.
    """
    if not workers:
        # Holds no call, and so no image, while the result is used.
        yield from map(operator.call, calls)
        return
    line = _Line(calls)
    executor = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
    waiting: deque[Future[list[T]]] = deque()
    taken = 0
    try:
        while True:
            while len(waiting) < max_pending:
                waiting.append(executor.submit(line.take, taken))
                taken += 1
            result = waiting.popleft().result()
            if not result:
                return
            # Out of the list, so that nothing here holds on to what is handed over.
            yield result.pop()
    finally:
        executor.shutdown(cancel_futures=True)


class _Line(Generic[T]):
    """Hands out calls to threads, each in its turn."""

    def __init__(self, calls: Iterable[Callable[[], T]]) -> None:
        self._calls = iter(calls)
        self._turn = 0
        self._moved = Condition()

    def take(self, number: int) -> list[T]:
        """The result of call `number`; nothing where there are not so many."""
        with self._moved:
            # Threads start in order, so whoever has the turn is there already.
            self._moved.wait_for(lambda: self._turn == number)
            try:
                call = next(self._calls, None)
            except BaseException:
                self._calls = iter(())
                raise
            finally:
                self._turn += 1
                self._moved.notify_all()
        return [] if call is None else [call()]
