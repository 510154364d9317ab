"""Work over a stream of tasks: in order, a little ahead, never held up by a slow one."""

import threading
from collections.abc import Iterator

import pytest

from lookalike.indexer.executor import ThreadExecutor, in_chunks


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert list(ThreadExecutor(3).run(range(200), lambda n: n * n)) == [n * n for n in range(200)]


def test_no_tasks_give_no_results() -> None:
    assert list(ThreadExecutor(2).run([], abs)) == []


def test_a_slow_task_does_not_keep_the_others_from_going_on() -> None:
    last = threading.Event()

    def work(n: int) -> bool:
        if n == 20:
            last.set()
        return n > 0 or last.wait(30)

    assert list(ThreadExecutor(2).run(range(21), work)) == [True] * 21


@pytest.mark.parametrize("workers", [1, 3])
def test_tasks_are_taken_only_a_little_ahead(workers: int) -> None:
    taken = [0]

    def tasks() -> Iterator[int]:
        for n in range(200):
            taken[0] = n + 1
            yield n

    for n in ThreadExecutor(workers).run(tasks(), lambda n: n):
        assert taken[0] - n <= 16 * workers + 1


def test_few_tasks_are_under_way_while_one_is_slow() -> None:
    """What was taken and is not done is what Ctrl-C waits for."""
    lock, last = threading.Lock(), threading.Event()
    done, most = [0], [0]

    def tasks() -> Iterator[int]:
        for n in range(30):
            with lock:
                most[0] = max(most[0], n - done[0])
            yield n

    def work(n: int) -> bool:
        with lock:
            done[0] += n > 0
        if n == 20:
            last.set()
        return n > 0 or last.wait(30)

    assert all(ThreadExecutor(2).run(tasks(), work))
    assert 1 <= most[0] <= 4


def test_the_first_exception_ends_the_run() -> None:
    def work(n: int) -> int:
        if n == 5:
            raise ValueError("five")
        return n

    results = ThreadExecutor(2).run(range(1000), work)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)
    assert list(results) == []


def test_chunks_hold_every_task_once_and_get_smaller() -> None:
    chunks = list(in_chunks(range(1000), 4, threading.Event()))
    assert [n for chunk in chunks for n in chunk] == list(range(1000))
    sizes = [len(chunk) for chunk in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (8, 1)


def test_no_chunk_comes_after_the_stop() -> None:
    stop = threading.Event()
    chunks = in_chunks(range(100), 2, stop)
    next(chunks)
    stop.set()
    assert list(chunks) == []
