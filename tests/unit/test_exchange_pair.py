"""Signatures of a batch by two threads: nothing is lost, twice done, or in another order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.exchange.pair import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 64, 1000])
def test_results_come_in_the_order_of_the_items(pair: Pair, count: int) -> None:
    assert pair.each(lambda item: item * 2, range(count)) == [item * 2 for item in range(count)]


def test_each_item_is_taken_once(pair: Pair) -> None:
    taken: Counter[int] = Counter()
    for _ in range(50):
        pair.each(lambda item: taken.update([item]), range(64))
    assert taken == dict.fromkeys(range(64), 50)


def test_an_error_costs_the_other_items_nothing(pair: Pair) -> None:
    results = pair.each(lambda item: 12 // item, [3, 0, 4, 0, 6])
    assert [result for result in results if isinstance(result, int)] == [4, 3, 2]
    assert [type(results[place]) for place in (1, 3)] == [ZeroDivisionError] * 2


def test_both_threads_work(pair: Pair) -> None:
    both = threading.Barrier(2, timeout=10)
    threads = pair.each(lambda _: (both.wait(), threading.get_ident())[1], range(4))
    assert len(set(threads)) == 2


def test_several_callers_share_the_helper(pair: Pair) -> None:
    found: list[list[int | Exception]] = []
    callers = [
        threading.Thread(target=lambda: found.append(pair.each(lambda item: item + 1, range(500)))) for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    assert found == [list(range(1, 501))] * 4


def test_without_its_helper_the_caller_does_all(pair: Pair) -> None:
    alone = Pair()
    assert set(alone.each(lambda _: threading.get_ident(), range(64))) == {threading.get_ident()}


class Panic(BaseException):
    """What a foreign library raises when it gives up; it is no `Exception`."""


def test_a_panic_in_the_helper_fails_its_item_and_nobody_waits_for_ever() -> None:
    pair = Pair("panic")
    pair.start()
    caller = threading.current_thread()

    def work(item: int) -> int:
        if threading.current_thread() is not caller:
            raise Panic
        return item

    for _ in range(50):
        results = pair.each(work, list(range(40)))
        assert len(results) == 40
        assert all(isinstance(result, RuntimeError) or result == place for place, result in enumerate(results))
    pair.stop()
