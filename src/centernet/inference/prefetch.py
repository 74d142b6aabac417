"""Calls made ahead by threads: results in order, and a bound on how many are pending."""

import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, RLock
from typing import Any, Generic, TypeVar

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
    ahead = _Ahead(calls, workers, max_pending)
    try:
        while result := ahead.next():
            # Out of the list, so that nothing here keeps the result alive.
            yield result.pop()
    finally:
        ahead.close()


class _Ahead(Generic[T]):
    """Results that are ready or being computed, to which each finished call adds the next one.

    Only as many wait for a thread as there are threads: however large `max_pending` is, the end of few calls
    is reached at once.
    """

    def __init__(self, calls: Iterable[Callable[[], T]], workers: int, max_pending: int) -> None:
        self._queue = _Queue(calls)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
        self._workers, self._max_pending = workers, max_pending
        self._waiting: deque[Future[list[T]]] = deque()
        self._taken = self._finished = self._in_use = 0
        self._is_closed = False
        # A call may have finished before its callback is added, which then runs at once.
        self._lock = RLock()

    def next(self) -> list[T]:
        """The next result in a list, which is empty after the last one."""
        with self._lock:
            self._in_use = 0
            self._refill()
            self._in_use = 1
            first = self._waiting.popleft()
        return first.result()

    def close(self) -> None:
        """Waits for the calls that are being made, and makes no other."""
        with self._lock:
            self._is_closed = True
        self._executor.shutdown(cancel_futures=True)

    def _refill(self) -> None:
        with self._lock:
            while self._has_room():
                future = self._executor.submit(self._queue.take, self._taken)
                self._taken += 1
                self._waiting.append(future)
                future.add_done_callback(self._after)

    def _has_room(self) -> bool:
        if self._is_closed:
            return False
        if not self._waiting and not self._in_use:
            return True
        is_idle = self._taken - self._finished < 2 * self._workers
        is_full = len(self._waiting) + self._in_use >= self._max_pending
        return is_idle and not is_full and not self._queue.has_ended

    def _after(self, _call: Future[Any]) -> None:
        with self._lock:
            self._finished += 1
            self._refill()


class _Queue(Generic[T]):
    """Hands out calls to threads, each in its turn."""

    def __init__(self, calls: Iterable[Callable[[], T]]) -> None:
        self._calls = iter(calls)
        self._turn = 0
        self._moved = Condition()
        self.has_ended = False

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
        self.has_ended |= call is None
        return [] if call is None else [call()]
