"""Calls made ahead by threads: results in order, and a bound on how many are pending."""

import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


def prefetch(calls: Iterable[Callable[[], T]], workers: int, max_pending: int) -> Iterator[T]:
    """The results of calls, in their order.

    Args:
        calls: Taken by the threads, one at a time and in order, and made by them.
        workers: Threads; with 0 a call is taken and made when its result is needed.
        max_pending: Maximum number of results that are ready or being computed at any time.

    Raises:
        Exception: The error of a call, in its turn.
    """
    if not workers:
        # Holds no call, and so no image, while the result is used.
        yield from map(operator.call, calls)
        return
    queue = _Queue(calls)
    executor = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
    waiting: deque[Future[list[T]]] = deque()
    taken = 0
    try:
        while True:
            while len(waiting) < max_pending:
                waiting.append(executor.submit(queue.take, taken))
                taken += 1
            result = waiting.popleft().result()
            if not result:
                return
            # Out of the list, so that nothing here keeps the result alive.
            yield result.pop()
    finally:
        executor.shutdown(cancel_futures=True)


class _Queue(Generic[T]):
    """Hands out calls to threads, each in its turn."""

    def __init__(self, calls: Iterable[Callable[[], T]]) -> None:
        self._calls = iter(calls)
        self._turn = 0
        self._moved = Condition()

    def take(self, number: int) -> list[T]:
        """The result of call `number`; empty after the last call."""
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
