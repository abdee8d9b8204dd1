"""Turns of the threads of a node: who waits is next, however busy the others are."""

from __future__ import annotations

import threading

from gateway.exchange.stages import Turn
from tests.support.waiting import MOST_S


def test_a_busy_thread_hands_its_turn_to_the_one_that_waits() -> None:
    """A stage under a flood has always more to do, and takes the turn again at once."""
    turn, stop, waits = Turn(patience=5.0), threading.Event(), threading.Event()
    rounds = 0

    def busy() -> None:
        nonlocal rounds
        while not stop.is_set():
            with turn.taken():
                waits.set()
                rounds += 1

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert waits.wait(MOST_S)
        for _ in range(50):
            before = rounds
            with turn.taken():
                assert rounds - before < 10_000
                held = rounds
                assert not threading.Event().wait(0.001)
                assert rounds == held, "one works at a time"
    finally:
        stop.set()
        thread.join(MOST_S)


def test_those_that_wait_are_served_in_their_order() -> None:
    turn, served = Turn(patience=30.0), list[int]()
    threads = []

    def wait(number: int) -> None:
        with turn.taken():
            served.append(number)

    with turn.taken():
        for number in range(8):
            threads.append(threading.Thread(target=wait, args=(number,)))
            threads[-1].start()
            while len(turn._waiting) <= number:
                pass
    for thread in threads:
        thread.join(MOST_S)
    assert served == list(range(8))


def test_a_turn_that_hangs_is_given_up_and_ends_without_harm() -> None:
    turn, gate, entered = Turn(patience=0.001), threading.Event(), threading.Event()

    def hang() -> None:
        with turn.taken():
            entered.set()
            gate.wait(30)

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert entered.wait(MOST_S)
    for _ in range(40):
        with turn.taken():
            pass
    with turn.taken():
        holder = turn._holder
        gate.set()
        hanging.join(MOST_S)
        assert turn._holder is holder is not None, "the forgotten holder does not end another one's turn"
    assert turn._holder is None
