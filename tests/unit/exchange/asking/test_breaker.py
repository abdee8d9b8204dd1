"""A breaker opens after silences in a row, and closes by an answer to a trial."""

from __future__ import annotations

import pytest

from gateway.exchange.asking.breaker import IN_A_ROW, Breakers
from gateway.model.names import MemberId

VN, KH = MemberId("vn"), MemberId("kh")


class Watch:
    """Seconds that a test moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def breakers(watch: Watch) -> Breakers:
    made = Breakers(watch)
    for number in range(IN_A_ROW):
        made.silence(VN, 7 + number)
    return made


def test_it_opens_after_silences_in_a_row_and_says_since_when(watch: Watch) -> None:
    made = Breakers(watch)
    for number in range(IN_A_ROW):
        assert (made.silent_since(VN), made.open) == (0, [])
        made.silence(VN, 7 + number)
    assert (made.silent_since(VN), made.open) == (7, [VN])
    assert made.silent_since(KH) == 0


def test_an_answer_between_begins_the_row_anew(watch: Watch) -> None:
    made = Breakers(watch)
    for _ in range(3 * IN_A_ROW):
        made.silence(VN, 7)
        made.heard(VN)
    assert made.open == []


def test_one_question_is_a_trial_once_the_counterpart_is_reached(breakers: Breakers) -> None:
    breakers.reached(VN)
    assert [breakers.silent_since(VN) for _ in range(3)] == [0, 7, 7]
    breakers.reached(VN)
    assert breakers.silent_since(VN) == 7  # the trial is under way
    breakers.heard(VN)
    assert [breakers.silent_since(VN), breakers.open] == [0, []]


def test_a_trial_in_vain_puts_off_the_next_one_longer_each_time(breakers: Breakers, watch: Watch) -> None:
    waits = []
    for _ in range(6):
        breakers.reached(VN)
        assert breakers.silent_since(VN) == 0
        breakers.silence(VN, 99)
        breakers.reached(VN)
        begun = watch.now
        while breakers._states[VN].not_before > watch.now:
            assert breakers.silent_since(VN) == 7
            watch.now += 1.0
        waits.append(watch.now - begun)
    assert waits == [5, 10, 20, 20, 20, 20]


def test_a_counterpart_that_was_never_silent_may_be_reached(watch: Watch) -> None:
    made = Breakers(watch)
    made.reached(VN)
    made.heard(VN)
    assert made.silent_since(VN) == 0
