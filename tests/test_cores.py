"""How many jobs have cores of their own."""

import os

import pytest

from centernet.cores import jobs_at_once


@pytest.mark.parametrize(("threads", "jobs"), [(1, 6), (2, 3), (4, 1), (6, 1), (16, 1), (0, 1)])
def test_jobs_share_the_cores_that_this_process_may_use(
    threads: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3, 9)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)

    assert jobs_at_once(threads) == jobs


def test_where_a_system_does_not_say_it_is_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    assert jobs_at_once(1) == 4
