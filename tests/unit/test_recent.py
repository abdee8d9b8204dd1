"""The bounded memory: what is new finds room, and who floods it loses its own."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.recent import Recent


def test_an_owner_that_floods_it_loses_its_own_items_only() -> None:
    memory: Recent[int, str] = Recent(100)
    for number in range(10):
        memory.put("th", number, "th")
    for number in range(1_000, 11_000):
        memory.put("vn", number, "vn")
    assert Counter(memory.values()) == {"th": 10, "vn": 90}
    assert memory.latest(2)[1] in (9, 10_999)


def test_an_owner_that_comes_late_finds_room() -> None:
    memory: Recent[int, str] = Recent(100)
    for number in range(1_000):
        memory.put("vn", number, "vn")
    for number in range(5_000, 5_080):
        memory.put("th", number, "th")
    assert Counter(memory.values()) == {"th": 50, "vn": 50}


def test_what_was_used_stays_longer() -> None:
    memory: Recent[str, int] = Recent(2)
    memory.put("th", "a", 1)
    memory.put("th", "b", 2)
    assert memory.use("th", "a") == 1
    memory.put("th", "c", 3)
    assert dict(memory) == {"a": 1, "c": 3}
    memory.put("th", "a", 4)
    memory.put("th", "d", 5)
    assert dict(memory) == {"a": 4, "d": 5}
    memory.drop("th", "a")
    memory.drop("vn", "d")
    assert memory.use("th", "a") is None
    assert dict(memory) == {"d": 5}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.booleans())), st.integers(1, 12))
def test_it_never_holds_more_and_always_the_newest(steps: list[tuple[str, int, bool]], most: int) -> None:
    memory: Recent[int, str] = Recent(most)
    for owner, key, puts in steps:
        if puts:
            memory.put(owner, key, owner)
            assert memory[key] == owner
        else:
            memory.drop(owner, key)
        assert len(memory) <= most
        assert len(set(memory.latest(100))) == len(memory)
        assert set(memory.latest(100)) == set(memory)


def test_threads_may_share_it() -> None:
    memory: Recent[int, int] = Recent(50)

    def work(owner: str, first: int) -> None:
        for number in range(3_000):
            memory.put(owner, first + number % 70, number)
            memory.use(owner, first + number % 31)

    threads = [threading.Thread(target=work, args=(f"m{number}", number * 60)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory) == 50
    assert set(memory.latest(100)) == set(memory)
