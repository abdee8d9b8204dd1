"""Pieces of work that come together are done one in each turn of the loop."""

from __future__ import annotations

import asyncio

import pytest

from gateway.exchange.asking.ask import Turns
from tests.support.load import compute
from tests.support.loop_watch import HELD_S, loop_watch

_PIECE_S = 0.004


def _piece(number: int) -> int:
    compute(_PIECE_S)
    if number == 3:
        raise ValueError
    return number


@pytest.mark.long
@pytest.mark.asyncio
async def test_many_pieces_hold_the_loop_no_longer_than_one() -> None:
    turns = Turns()
    with loop_watch() as watch:
        done = await asyncio.gather(*(turns.take(lambda n=n: _piece(n)) for n in range(64)), return_exceptions=True)  # type: ignore[misc]
    assert [each for each in done if isinstance(each, int)] == [n for n in range(64) if n != 3]
    assert isinstance(done[3], ValueError)
    assert watch.longest < HELD_S
